"""What several vantages say together: a quorum over failure domains, in three values.

Two vantages of one provider are one voice: what broke there may have broken both.
Rule: pure; no I/O, no clock; time is passed in.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vedette.agent.alarms.alarm import DENIED, UNDECIDED, Evidence, reached

Votes = Mapping[str, Evidence]
"""What each vantage that may speak says of one thing; those that are not heard are undecided."""


AGREE = 2
"""How many distinct domains agree where nothing else is said."""


class Distinct(StrEnum):
    """Which failure domains those that agree may not share."""

    PROVIDER = "provider"
    ACCOUNT = "account"
    REGION = "region"
    ASN = "asn"
    VANTAGE = "vantage"


class WhenShort(StrEnum):
    """What becomes of a quorum that those who see the internet cannot make up."""

    HOLD = "hold"  # it stays as it is; what the rest sees is a warning
    DEGRADE = "degrade"  # as many are enough as are left


@dataclass(frozen=True, slots=True)
class Vantage:
    """One agent by its failure domains; those of which one is not known count as one."""

    name: str
    provider: str
    region: str | None = None
    account: str | None = None
    asn: int | None = None

    def domain(self, distinct: Distinct) -> str | int | None:
        """Return what it shares with the vantages that are one voice with it, in lower case."""
        match distinct:
            case Distinct.PROVIDER:
                return self.provider.lower()
            case Distinct.ACCOUNT:
                return self.account and self.account.lower()
            case Distinct.REGION:
                return self.region and self.region.lower()
            case Distinct.ASN:
                return self.asn
            case Distinct.VANTAGE:
                return self.name


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many *distinct* domains must agree, of the *vantages* that are configured; we are *own*.

    One agent alone works: no more are needed than there are domains. *services* have what differs.
    """

    own: str
    vantages: Mapping[str, Vantage]
    agree: int = AGREE
    distinct: Distinct = Distinct.PROVIDER
    when_short: WhenShort = WhenShort.HOLD
    services: Mapping[str, "Quorum"] = field(default_factory=dict)
    _domain_of: Mapping[str, str | int | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        of = {name: one.domain(self.distinct) for name, one in self.vantages.items()}
        object.__setattr__(self, "_domain_of", of)  # as frozen dataclasses have it set

    def of(self, service: str) -> "Quorum":
        """Return the quorum about a service."""
        return self.services.get(service, self)

    def need(self, names: Iterable[str]) -> int:
        """Return how many must agree where the vantages of these *names* are asked."""
        return max(1, min(self.agree, len(self.domains(names))))

    def domains(self, names: Iterable[str]) -> set[str | int | None]:
        """Return the failure domains of the vantages of these *names*."""
        return {self._domain_of[name] for name in names if name in self._domain_of}

    def is_short(self, live: Iterable[str]) -> bool:
        """Whether the vantages that are *live* cannot make up the quorum of all."""
        return len(self.domains(live)) < self.need(self.vantages)

    def shortage(self, live: Iterable[str]) -> str:
        """Say by how much those that are *live* are too few; nothing where they are enough."""
        live, need = list(live), self.need(self.vantages)
        if not self.is_short(live):
            return ""
        some = len(self.domains(live))
        return (
            f"the fleet is short: {some} of the {need} {self.distinct}s that must agree "
            f"{'sees' if some == 1 else 'see'} the internet"
        )

    def left(self, live: Iterable[str]) -> "Quorum":
        """Return the quorum that is in force while these vantages are *live*."""
        if self.when_short is WhenShort.HOLD:
            return self
        return replace(self, agree=max(1, min(self.agree, len(self.domains(live)))))

    def judge(self, votes: Votes, leaving: Collection[str] = ()) -> Evidence:
        """Return what the quorum says: since the last domain needed said so.

        A domain says so when one of its vantages does. It is false where even all that are
        undecided could not make it true; those that are *leaving* it to the rest decide nothing.
        """
        if self._domain_of.keys().isdisjoint(votes):
            return UNDECIDED
        if all(evidence.holds is False for evidence in votes.values()):
            return DENIED
        need = self.need(votes)
        first: dict[str | int | None, Evidence] = {}
        for name, evidence in votes.items():
            if evidence.holds and name in self._domain_of:
                domain = self._domain_of[name]
                known = first.get(domain, evidence)
                first[domain] = min(known, evidence, key=longest)
        if len(first) >= need:
            return reached(first.values(), need)
        undecided = self.domains(
            name for name, e in votes.items() if e.holds is None and name not in leaving
        )
        return UNDECIDED if len(undecided | first.keys()) >= need else DENIED


def longest(evidence: Evidence) -> tuple[float, float]:
    """Order what holds in any order of votes: what began first, of those what was seen last."""
    return evidence.began_at, -evidence.seen_at


def share(votes: Votes) -> tuple[int, int]:
    """Return how many vantages say so, and how many say anything."""
    decided = [evidence.holds for evidence in votes.values() if evidence.holds is not None]
    return sum(decided), len(decided)
