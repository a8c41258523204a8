"""What a diagnosis is: its name, its rank among the others, and the rule that gives it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from vedette.agent.alarms.alarm import Evidence
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.diagnoses.view import View
from vedette.agent.memory.ledger import CheckKey
from vedette.exporters.page import Severity


class Diagnosis(StrEnum):
    """A cause by its name; the name appears verbatim in every output."""

    RECORD_EMPTIED = "record_emptied"
    AUTHORITATIVE_DOWN = "authoritative_down"
    RESOLVER_FAULT = "resolver_fault"
    WRONG_ANSWER = "wrong_answer"
    DNSSEC_BOGUS = "dnssec_bogus"
    PARENT_DNSSEC_BOGUS = "parent_dnssec_bogus"
    DELEGATION_CHANGED = "delegation_changed"
    PREFIX_WITHDRAWN = "prefix_withdrawn"
    PREFIX_PARTIALLY_WITHDRAWN = "prefix_partially_withdrawn"
    ORIGIN_HIJACK = "origin_hijack"
    SUBPREFIX_HIJACK = "subprefix_hijack"
    ROUTE_LEAK = "route_leak"
    RPKI_INVALID = "rpki_invalid"
    CERTIFICATE_INVALID = "certificate_invalid"
    SERVICE_DOWN = "service_down"
    SERVICE_DEGRADED = "service_degraded"
    REGIONAL_FAILURE = "regional_failure"
    VANTAGE_BLIND = "vantage_blind"
    FEED_STALE = "feed_stale"


# Routing explains DNS, and DNS explains the service: the lower number takes the headline. Within
# DNS, what is nearer to the root explains what is below it.
_BY_RANK = (
    Diagnosis.VANTAGE_BLIND,
    # A hijack draws peers away; one that shows only because we are gone is not given at all.
    Diagnosis.ORIGIN_HIJACK,
    # Networks that validate drop what is invalid, so that it looks withdrawn.
    Diagnosis.RPKI_INVALID,
    Diagnosis.PREFIX_WITHDRAWN,
    Diagnosis.SUBPREFIX_HIJACK,
    Diagnosis.PREFIX_PARTIALLY_WITHDRAWN,
    Diagnosis.ROUTE_LEAK,
    # A parent that does not validate fails whole trees of names, and nothing of ours explains it.
    Diagnosis.PARENT_DNSSEC_BOGUS,
    # Servers that took a zone over answer wrongly, emptily or not at all, and without its keys.
    Diagnosis.DELEGATION_CHANGED,
    # A wrong DS or an old signature turns good data into SERVFAIL; no data breaks a chain of trust.
    Diagnosis.DNSSEC_BOGUS,
    # Strangers' addresses are the graver news where some servers are also empty or silent.
    Diagnosis.WRONG_ANSWER,
    # A zone that lost its records explains what resolvers say; it silences no server.
    Diagnosis.RECORD_EMPTIED,
    Diagnosis.AUTHORITATIVE_DOWN,
    # A resolver's fault explains a page that fails by name, and nothing in DNS.
    Diagnosis.RESOLVER_FAULT,
    # A page that fails for its certificate is down; the certificate is what must be mended.
    Diagnosis.CERTIFICATE_INVALID,
    Diagnosis.SERVICE_DOWN,
    # Where it fails is the better news than that it does for some.
    Diagnosis.REGIONAL_FAILURE,
    Diagnosis.SERVICE_DEGRADED,
    # That nobody tells us about routes explains nothing that we see.
    Diagnosis.FEED_STALE,
)
RANK = {diagnosis: rank for rank, diagnosis in enumerate(_BY_RANK)}

# Degrees of one trouble: it grows from one into another, and ebbs through the others.
_DEGREES = (
    frozenset({Diagnosis.PREFIX_WITHDRAWN, Diagnosis.PREFIX_PARTIALLY_WITHDRAWN}),
    frozenset({Diagnosis.DNSSEC_BOGUS, Diagnosis.PARENT_DNSSEC_BOGUS}),
    frozenset({Diagnosis.SERVICE_DOWN, Diagnosis.REGIONAL_FAILURE, Diagnosis.SERVICE_DEGRADED}),
)


def is_one_trouble(one: str, other: str) -> bool:
    """Whether two diagnoses are the same, or degrees of the same trouble."""
    return one == other or any({one, other} <= degrees for degrees in _DEGREES)


class Layer(IntEnum):
    """What a diagnosis is about: the lower layers explain the higher ones."""

    ROUTING = 1
    DNS = 2
    SERVICE = 3
    OURSELVES = 4


AGREED_ON = (Layer.DNS, Layer.SERVICE)
"""About what vantages must agree: each sees its own way there."""


def layer(diagnosis: Diagnosis) -> Layer:
    """Return what *diagnosis* is about."""
    if diagnosis in (Diagnosis.VANTAGE_BLIND, Diagnosis.FEED_STALE):
        return Layer.OURSELVES
    if RANK[diagnosis] <= RANK[Diagnosis.ROUTE_LEAK]:
        return Layer.ROUTING
    return Layer.DNS if RANK[diagnosis] <= RANK[Diagnosis.RESOLVER_FAULT] else Layer.SERVICE


def is_warning(severity: Severity) -> bool:
    """Whether *severity* is of the lesser class, which never leads a page over the other."""
    return severity in (Severity.WARNING, Severity.INFO)


def milder(one: Severity, other: Severity) -> Severity:
    """Return the lesser of two severities."""
    return max(one, other, key=list(Severity).index)


@dataclass(frozen=True, slots=True)
class Rule:
    """One diagnosis of one subject of one service; *judge* reads all ledgers at a moment.

    *severity* is the gravest it can have; *grade*, where there is one, says what it is then.
    *is_taken*, where there is one, says whether what is lost went over to a stranger: to a hijack.
    *controls* are the checks of other operators' names that it is judged beside. *every* is the
    seconds between two looks. *alone* is what one vantage by itself says of it.
    """

    diagnosis: Diagnosis
    service: str
    subject: str
    severity: Severity
    key: CheckKey | None
    hold: float
    clear: float
    judge: Callable[[Fleet], Evidence]
    grade: Callable[[Fleet], Severity] | None = None
    is_taken: Callable[[Fleet], bool] | None = None
    controls: Sequence[CheckKey] = ()
    every: float = 0.0
    alone: Callable[[View], Evidence] | None = None

    @property
    def id(self) -> str:
        """The name under which its state is kept."""
        return f"{self.service}/{self.diagnosis}/{self.subject}"

    @property
    def layer(self) -> Layer:
        """What it is about."""
        return layer(self.diagnosis)

    @property
    def rank(self) -> float:
        """Its place among what wants the headline: the lower one has it."""
        return RANK[self.diagnosis]

    @property
    def is_agreed_on(self) -> bool:
        """Whether vantages must agree on it: of routes, and of ourselves, one knows enough."""
        return self.layer in AGREED_ON

    def lacks_quorum(self, fleet: Fleet) -> bool:
        """Whether too few see to agree on it."""
        return self.is_agreed_on and fleet.is_short(self.service)

    def graded(self, fleet: Fleet) -> "Rule":
        """Return the rule with the severity that it has at the moment of *fleet*.

        What too few vantages see to agree on wakes nobody.
        """
        severity = self.severity if self.grade is None else self.grade(fleet)
        if fleet.is_short(self.service):
            severity = milder(severity, Severity.WARNING)
        return self if severity is self.severity else replace(self, severity=severity)
