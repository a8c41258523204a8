"""What of a check's newest round can change, and who showed it; what saw nothing is left out.

Rule: pure; no I/O, no clock.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vedette.agent.clock import utc
from vedette.agent.memory.events import EventName
from vedette.agent.memory.ledger import CheckKey, Series
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Place
from vedette.checks.finding import Fact, Finding, Kind, Verdict

Value = tuple[str, ...]
"""What one server holds: sorted texts; of a certificate its fingerprint, serial, issuer and end."""

_ANSWERED = (Reason.NODATA, Reason.NXDOMAIN, Reason.TOO_FEW, Reason.TOO_MANY, Reason.WRONG_ANSWER,
             Reason.TTL, Reason.SIGNATURE_EXPIRING)  # fmt: skip
"""Why answers fail that are answers nevertheless: an error says nothing of the record."""
_ASKED = frozenset({Place.AUTHORITATIVE, Place.RECURSIVE})
_ANSWER = ("answers", "chain")
_WITNESSES = 3.0
_ROUTES = (
    # A foreign origin or a part is told of at its first peer; neighbours come and go while paths
    # settle, so one is only told of where several see it.
    (EventName.ORIGIN_CHANGED, "foreign_origins", 1.0),
    (EventName.MORE_SPECIFIC_CHANGED, "more_specifics", 1.0),
    (EventName.NEIGHBOUR_CHANGED, "foreign_neighbours", _WITNESSES),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One thing that can change, as who is in *values* showed it at *at*, in epoch seconds.

    *place* is the role of all of them. With *heirs* who replaces all of a role is held against
    those before. *unseen* is what is taken for held where nothing is known; such a thing is none
    that rotates, and told at once.
    """

    name: EventName
    subject: str
    values: Mapping[str, Value]
    at: float
    place: str = ""
    heirs: bool = False
    unseen: Value | None = None

    def detail(self, where: str, before: Value, after: Value) -> Mapping[str, str | Sequence[str]]:
        """Return the change in words: whole values, or of what may be long the difference."""
        if self.name in (EventName.ANSWERS_CHANGED, EventName.SERIAL_CHANGED):
            return {"before": before, "after": after, "server": where}
        if self.name is EventName.CERTIFICATE_CHANGED:
            return {
                "before": f"serial {before[1]} of {before[2]} until {before[3]}",
                "after": f"serial {after[1]} of {after[2]} until {after[3]}",
                "address": where,
            }
        changes = {
            "appeared": sorted(set(after) - set(before)),
            "vanished": sorted(set(before) - set(after)),
        }
        told = {word: texts for word, texts in changes.items() if texts}
        return told if self.unseen is None else {**told, "feed": where}


def aspects(key: CheckKey, series: Sequence[Series]) -> Iterator[Aspect]:
    """Return what the newest looks of the check *key* showed."""
    return _BY_KIND[key.kind](key, series)


def shown(key: CheckKey, series: Sequence[Series]) -> object:
    """Return all that aspects() reads of the newest looks; it is equal where they are the same."""
    rows, whole = [], _FACTS[key.kind]
    for one in series:
        finding = one.last.finding
        get = finding.facts.get
        facts = _ANSWER if one.place in _ASKED else whole
        rows.append((one.subject, one.place, finding.reason, *map(get, facts)))
    return rows


def _dns(key: CheckKey, series: Sequence[Series]) -> Iterator[Aspect]:
    answers: dict[str, dict[str, Value]] = {}
    for one in series:
        finding = one.last.finding
        match one.place:
            case place if place in _ASKED:
                if finding.verdict is Verdict.OK or finding.reason in _ANSWERED:
                    answers.setdefault(one.place, {})[one.subject] = _answers(finding)
            case Place.AGREEMENT:
                yield from _serials(one)
            case Place.DELEGATION:
                yield from _delegation(one)
    for place, values in answers.items():
        yield Aspect(
            name=EventName.ANSWERS_CHANGED,
            subject=key.check,
            values=values,
            at=series[0].last.started_at,
            place=place,
            heirs=place == Place.AUTHORITATIVE,
        )


def _answers(finding: Finding) -> Value:
    """Return the records; where a server knows only where the name leads, that."""
    answers = _texts(finding.facts.get("answers"))
    return answers or tuple(
        f"CNAME {link.partition(' -> ')[2]}" for link in _texts(finding.facts.get("chain"))
    )


def _serials(one: Series) -> Iterator[Aspect]:
    zone, serials = (one.last.finding.facts.get(fact) for fact in ("zone", "serials"))
    if isinstance(zone, str) and isinstance(serials, Mapping) and serials:
        values = {server: (f"{serial:.0f}",) for server, serial in serials.items()}
        at = one.last.started_at
        yield Aspect(name=EventName.SERIAL_CHANGED, subject=zone, values=values, at=at)


def _delegation(one: Series) -> Iterator[Aspect]:
    zone, texts = (one.last.finding.facts.get(fact) for fact in ("zone", "delegation"))
    if isinstance(zone, str) and isinstance(texts, Sequence):
        yield Aspect(
            name=EventName.NAME_SERVERS_CHANGED,
            subject=zone,
            # Which server of the parent was asked changes from round to round.
            values={"parent": tuple(sorted(_texts(texts)))},
            at=one.last.started_at,
        )


def _http(key: CheckKey, series: Sequence[Series]) -> Iterator[Aspect]:
    values = {
        one.subject: shown for one in series if (shown := _certificate(one.last.finding.facts))
    }
    if values:
        at = series[0].last.started_at
        yield Aspect(name=EventName.CERTIFICATE_CHANGED, subject=key.check, values=values, at=at)


def _certificate(facts: Mapping[str, Fact]) -> Value | None:
    if "certificate_sha256" not in facts:
        return None
    ends = facts.get("certificate_not_after")
    return (
        str(facts["certificate_sha256"]),
        str(facts.get("certificate_serial", "")),
        str(facts.get("certificate_issuer", "")),
        utc(ends) if isinstance(ends, float) else "",
    )


def _bgp(_key: CheckKey, series: Sequence[Series]) -> Iterator[Aspect]:
    for one in series:
        finding = one.last.finding
        for name, fact, least in _ROUTES if "share" in finding.facts else ():
            counts = finding.facts.get(fact)
            rows = counts.items() if isinstance(counts, Mapping) else ()
            strangers = tuple(sorted(text for text, asns in rows if asns >= least))
            yield Aspect(
                name=name,
                subject=one.subject,
                values={one.place: strangers},
                at=one.last.started_at,
                place=one.place,
                unseen=(),
            )


def _texts(fact: Fact) -> Value:
    return tuple(fact) if isinstance(fact, Sequence) and not isinstance(fact, str) else ()


_FACTS: Mapping[Kind, Sequence[str]] = {
    Kind.DNS: ("zone", "serials", "delegation"),  # of looks at a zone as a whole
    Kind.HTTP: ("certificate_sha256",),
    Kind.BGP: ("share", *(fact for _, fact, _ in _ROUTES)),
}
_BY_KIND: Mapping[Kind, Callable[[CheckKey, Sequence[Series]], Iterator[Aspect]]] = {
    Kind.DNS: _dns,
    Kind.HTTP: _http,
    Kind.BGP: _bgp,
}
