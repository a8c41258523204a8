"""One's own routes in the RPKI: what state each is in, and what happens to its ROAs.

Rule: no I/O, no clock; time is passed in, in epoch seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vedette.agent.config import Config
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.bgp.rpki.payloads import (
    Bits,
    RoaChange,
    RoaFault,
    RoaReason,
    Scope,
    Vrp,
    Vrps,
    changes,
    read_bits,
    roa_faults,
)
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Kind

KEPT_AS = "rpki:roas"
"""Among what is kept of feeds, the name of what is kept of ROAs."""
REVIEWED_EVERY = 60.0
"""Seconds after which ROAs are reviewed though none changed: time alone brings their ends near."""


class RouteState(StrEnum):
    """The states of RFC 6811, and that of a route while no list can be believed."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OwnRoute:
    """The state of an own route, and when the last ROA that makes it valid ends; None: unsaid."""

    state: RouteState
    expires_at: float | None


UNKNOWN = OwnRoute(RouteState.UNKNOWN, None)

_NAMES: Mapping[RoaReason, EventName] = {
    RoaReason.MISSING: EventName.ROA_MISSING,
    RoaReason.EXPIRING: EventName.ROA_EXPIRING,
}


class Roas:
    """Follows the ROAs of what *watches* expect; a ROA ends soon *within* so many seconds.

    *routes* maps each watched prefix and expected origin to its state at the last review.
    """

    def __init__(self, watches: Mapping[CheckKey, Watch], within: float) -> None:
        self._watches = watches
        self._scope = sorted({watch.prefix for watch in watches.values()})
        self._bits = {key: read_bits(watch.prefix) for key, watch in watches.items()}
        self._within = within
        self._last: Vrps | None = None
        self._known: Vrps | None = None
        self._reviewed_at = 0.0
        self._told: dict[CheckKey, frozenset[tuple[RoaReason, int]]] = {}
        self.routes: dict[tuple[str, int], OwnRoute] = {
            (watch.prefix, origin): UNKNOWN
            for watch in watches.values()
            for origin in sorted(watch.origins)
        }

    def review(self, vrps: Vrps | None, now: float) -> list[Event]:
        """Return the events that lie between the last review and *vrps*.

        Each change and each fault is told once. While there are no VRPs, nothing is; the next
        ones are held against those that were known before. Another thread may read *routes*.
        """
        is_due = vrps is not None and now - self._reviewed_at >= REVIEWED_EVERY
        if vrps is self._last and not is_due:
            return []
        self._last, self._reviewed_at = vrps, now
        if vrps is None:
            self.routes.update(dict.fromkeys(self.routes, UNKNOWN))
            return []
        before, self._known = self._known, vrps
        changed = changes(before, vrps) if before is not None else ()
        events = [event for change in changed for event in self._changed(change, now)]
        for key, watch in self._watches.items():
            events += self._reviewed(key, watch, vrps, now)
        return events

    def kept(self) -> dict[str, object]:
        """Return what the next process needs to tell what is new; nothing while that is unknown."""
        if self._known is None:
            return {}
        told = [(*self._named(key), sorted(faults)) for key, faults in self._told.items()]
        return {"prefixes": self._scope, "vrps": list(self._known), "told": told}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on from what *kept* returned; raise ValueError and change nothing if it is damaged.

        A list that was kept for other prefixes lacks the VRPs of these, and is left.
        """
        try:
            prefixes = list(kept.get("prefixes", ()))
            known = Vrps((Vrp(*row) for row in kept.get("vrps", ())), Scope(prefixes))
            told = {
                (service, check): frozenset((RoaReason(reason), asn) for reason, asn in faults)
                for service, check, faults in kept.get("told", ())
            }
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"the stored ROAs cannot be read: {error}") from None
        if prefixes == self._scope:
            self._known = known
        self._told = {key: told.get(self._named(key), frozenset()) for key in self._watches}

    @staticmethod
    def _named(key: CheckKey) -> tuple[str, str]:
        return key.service, key.check

    def _changed(self, change: RoaChange, now: float) -> list[Event]:
        vrp = change.after or change.before
        assert vrp is not None
        bits, detail = read_bits(vrp.prefix), {"change": change.detail}
        return [
            Event(now, key.service, key.check, EventName.ROA_CHANGED, str(vrp), detail)
            for key, own in self._bits.items()
            if _meet(own, bits)
        ]

    def _reviewed(self, key: CheckKey, watch: Watch, vrps: Vrps, now: float) -> list[Event]:
        for origin in watch.origins:
            state = RouteState(vrps.state(watch.prefix, origin))
            ends = vrps.expires(watch.prefix, origin)
            self.routes[watch.prefix, origin] = OwnRoute(state, ends)
        faults = {
            (fault.reason, fault.origin): fault
            for fault in roa_faults(watch, vrps, now, self._within)
        }
        told = self._told.get(key, frozenset())
        self._told[key] = frozenset(faults)
        return [_fault_event(key, fault, now) for id_, fault in faults.items() if id_ not in told]


def watched(config: Config) -> Mapping[CheckKey, Watch]:
    """Return what each bgp check of *config* expects."""
    return {
        CheckKey(service.name, Kind.BGP, bgp.prefix): bgp.watch
        for service in config.services
        for bgp in service.bgp
    }


def _fault_event(key: CheckKey, fault: RoaFault, now: float) -> Event:
    subject, detail = f"{fault.prefix} AS{fault.origin}", {"fault": fault.detail}
    return Event(now, key.service, key.check, _NAMES[fault.reason], subject, detail)


def _meet(one: Bits, other: Bits) -> bool:
    """Whether one of two prefixes contains the other."""
    length = min(one[1], other[1])
    return one[0] == other[0] and one[2] >> (one[1] - length) == other[2] >> (other[1] - length)
