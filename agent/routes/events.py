"""What happened to a watched prefix, in one sentence and in numbers.

Rule: pure. Names are a closed list that others read from `vedette bgp --json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.foreign import Foreign
from vedette.checks.bgp.rib.standing import Standing
from vedette.checks.bgp.rpki.payloads import Validity
from vedette.checks.bgp.watch import Watch


class RouteEventName(StrEnum):
    """What happened."""

    WITHDRAWN = "withdrawn"
    PARTIALLY_WITHDRAWN = "partially_withdrawn"
    RECOVERED = "recovered"
    ORIGIN = "origin"
    MORE_SPECIFIC = "more_specific"
    PATH = "path"
    RPKI_INVALID = "rpki_invalid"
    GONE = "gone"  # for people only: what was foreign is no more


@dataclass(frozen=True, slots=True)
class RouteEvent:
    """Something that happened to *prefix* at *at*, in epoch seconds of the data.

    *share* (0 to 1) is how many of the *of* peers of its baseline, or of that of the watched prefix
    it is part of, reach it by an expected origin; None where that cannot be judged. *peers* have
    the route that the event is about: the expected one, or the foreign one. *origins* counts peers
    per origin.
    """

    at: float
    prefix: str
    name: RouteEventName
    share: float | None
    peers: int
    of: int
    origins: Mapping[int, int]
    detail: str

    @property
    def row(self) -> dict[str, object]:
        """The JSON document of the event."""
        return {
            "t": round(self.at, 3),
            "prefix": self.prefix,
            "event": str(self.name),
            "share": None if self.share is None else round(self.share, 4),
            "peers": self.peers,
            "of": self.of,
            "origins": {str(asn): peers for asn, peers in self.origins.items()},
            "detail": self.detail,
        }


def lost(reason: Reason, watch: Watch, standing: Standing, at: float) -> RouteEvent:
    """Return that the own route is withdrawn, partly or whole, or invalid: *reason* says."""
    invalid = "; it is invalid by RPKI" if reason is Reason.RPKI_INVALID else ""
    detail = _seen(watch, standing) + invalid + _symptoms(standing)
    return _own(RouteEventName(reason.value), watch, standing, at, detail)


def found(watch: Watch, standing: Standing, at: float, since: float) -> RouteEvent:
    """Return that the own route, lost *since*, is back."""
    detail = f"{_seen(watch, standing)} again; it was lost {_span(at - since)} ago"
    return _own(RouteEventName.RECOVERED, watch, standing, at, detail)


def appeared(
    row: Foreign, watch: Watch, standing: Standing, at: float, validity: Validity | None = None
) -> RouteEvent:
    """Return that the foreign AS of *row* is where it should not be; *validity* is its route's."""
    who = f"{_count(row.peers, 'peer')} in {_count(row.asns, 'AS', 'ASes')}"
    match row.reason:
        case Reason.MORE_SPECIFIC:
            what = f"{row.prefix}, which is part of {watch.prefix}, is announced by AS{row.asn}"
        case Reason.PATH:
            why = "is none of its neighbours" if watch.neighbours else "did not before"
            what = f"{row.prefix} is passed on for {_names(watch)} by AS{row.asn}, which {why}"
        case _:
            what = f"{row.prefix} is announced by AS{row.asn} in place of {_names(watch)}"
    said = f"{what}, as {who} say{'s' if row.peers == 1 else ''}"
    rpki = f"; by RPKI it is {validity.replace('_', ' ')}" if validity else ""
    rpki = "" if row.reason is Reason.PATH else rpki
    detail = f"{said}{rpki}{_own_share(watch, standing)}"
    return _foreign(RouteEventName(row.reason.value), row, standing, at, detail)


def gone(row: Foreign, standing: Standing, at: float, since: float) -> RouteEvent:
    """Return that the foreign AS of *row*, there *since*, is where it should not be no more."""
    verb = "passed on" if row.reason is Reason.PATH else "announced"
    rest = f"; {_count(row.peers, 'peer')} still sees it" if row.peers == 1 else ""
    rest = f"; {row.peers} peers still see it" if row.peers > 1 else rest
    began = f"it began {_span(at - since)} ago"
    detail = f"{row.prefix} is {verb} by AS{row.asn} no more; {began}{rest}"
    return _foreign(RouteEventName.GONE, row, standing, at, detail)


def _own(
    name: RouteEventName, watch: Watch, standing: Standing, at: float, detail: str
) -> RouteEvent:
    return RouteEvent(
        at=at,
        prefix=watch.prefix,
        name=name,
        share=standing.share,
        peers=standing.holding,
        of=standing.of,
        origins=standing.origins,
        detail=detail,
    )


def _foreign(
    name: RouteEventName, row: Foreign, standing: Standing, at: float, detail: str
) -> RouteEvent:
    origins = standing.origins
    if row.reason is Reason.MORE_SPECIFIC:
        origins = {row.asn: row.peers} if row.peers else {}
    return RouteEvent(
        at=at,
        prefix=row.prefix,
        name=name,
        share=standing.share if standing.known else None,
        peers=row.peers,
        of=standing.of,
        origins=origins,
        detail=detail,
    )


def _seen(watch: Watch, standing: Standing) -> str:
    return (
        f"{watch.prefix} by {_names(watch)} is seen by {standing.holding} of "
        f"{_count(standing.of, 'peer')} ({100 * standing.share:.0f} %)"
    )


def _symptoms(standing: Standing) -> str:
    """Name the foreign origins beside a withdrawal: those that came after it are no cause."""
    rows = [row for row in standing.foreign if row.reason is Reason.ORIGIN]
    told = []
    for row in rows[:3]:
        late = standing.fell_at is not None and row.seen_at > standing.fell_at
        when = ", which came after the loss began" if late else ""
        told.append(f"; {_count(row.peers, 'peer')} had it by AS{row.asn}{when}")
    more = f"; and {len(rows) - 3} more origins" if len(rows) > 3 else ""
    return "".join(told) + more


def _own_share(watch: Watch, standing: Standing) -> str:
    if not standing.known or not standing.of:
        return ""
    by = f"{watch.prefix} by {_names(watch)}"
    return f"; {standing.holding} of {_count(standing.of, 'peer')} see {by}"


def _names(watch: Watch) -> str:
    return " or ".join(f"AS{asn}" for asn in sorted(watch.origins))


def _count(number: int, word: str, words: str = "") -> str:
    return f"{number} {word if number == 1 else words or word + 's'}"


def _span(seconds: float) -> str:
    """Return a duration as people say it, in two units at most."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    said = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(said[:2]) or "0 s"
