"""Zone cuts that a delegation walk comes to, and where one of them ends it. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import dns.name

from vedette.checks.dns.names import spoken
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.referral import NOT_ASKED, Asked, Authority, Reading, Referral, dead_end
from vedette.checks.dns.roots import Server
from vedette.checks.net import CouldNotLook, NetworkFailure

_SHOWN = 13
"""How many names of servers a sentence has."""

Found = Mapping[str, tuple[Server, ...] | None]
"""Names of servers to their addresses: none where there are none, None where nobody tells."""


class NoAddress(NetworkFailure):
    """The way is blocked for everybody: no server of *zone* has an address, as their zones say.

    *parent* are the servers that name them: these can still be asked.
    """

    def __init__(
        self, reason: Reason, detail: str, *, zone: str = "", parent: tuple[Server, ...] = ()
    ) -> None:
        super().__init__(reason, detail)
        self.zone = zone
        self.parent = parent


class Outcome(StrEnum):
    """How a walk ended at the servers it found."""

    ANSWERED = "answered"
    NXDOMAIN = "nxdomain"  # they say that the name does not exist
    SILENT = "silent"  # none of them could be asked, so the zone may be cut again below


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneCut:
    """A zone, with the servers known by address and the names of those that are not."""

    zone: dns.name.Name
    servers: tuple[Server, ...]
    nameless: tuple[str, ...] = ()
    stub: bool = False
    parent: "ZoneCut | None" = None


def servers_of(found: Found) -> tuple[Server, ...]:
    """Return the servers *found*, each at each of its addresses."""
    return tuple(server for servers in found.values() for server in servers or ())


def cut_below(referral: Referral, parent: ZoneCut) -> ZoneCut:
    """Return the cut that a server of *parent* refers to."""
    named = {server.name for server in referral.glue}
    nameless = [name for name in referral.names if name not in named]
    if not named:
        # Without any glue, a server inside the zone can only be found by asking itself.
        inside = [n for n in nameless if dns.name.from_text(n).is_subdomain(referral.zone)]
        nameless = [name for name in nameless if name not in inside]
    return ZoneCut(
        zone=referral.zone, servers=referral.glue, nameless=tuple(nameless), parent=parent
    )


def ended(reading: Reading | None) -> Outcome:
    """Return how a walk ended whose last servers gave *reading*; None where all were silent."""
    if isinstance(reading, Authority):
        return Outcome.ANSWERED if reading.exists else Outcome.NXDOMAIN
    return Outcome.SILENT


def unreachable(at: ZoneCut, found: Found) -> NetworkFailure:
    """Return why nobody can be asked at a cut of whose servers *found* is known; to be raised."""
    shown = [*at.nameless[:_SHOWN], *(["..."] if len(at.nameless) > _SHOWN else [])]
    names = f": {', '.join(shown)}" if shown else ""
    if found and all(servers == () for servers in found.values()):
        says = f"the servers of {spoken(at.zone)} have no address{names}"
        parent = at.parent.servers if at.parent else ()
        return NoAddress(Reason.UNREACHABLE, says, zone=spoken(at.zone), parent=parent)
    return NetworkFailure(
        Reason.DELEGATION, f"no address can be found for the servers of {spoken(at.zone)}{names}"
    )


def refuse_top(at: ZoneCut, outcome: Outcome, name: dns.name.Name, asked: Sequence[Asked]) -> None:
    """Raise where the root or a top-level zone ends a walk: these are parents, never the target.

    Further down nothing tells a parent from the target, and the servers found are looked at.
    """
    if at.stub or len(at.zone) > 2 or name == at.zone or outcome is Outcome.ANSWERED:
        return
    zone = "the root" if at.zone == dns.name.root else spoken(at.zone)
    if outcome is Outcome.NXDOMAIN:
        detail = f"{zone} has no delegation for {spoken(name)}: its servers answer NXDOMAIN"
        raise NetworkFailure(Reason.NXDOMAIN, detail)
    detail = dead_end(zone, spoken(name), asked)
    outcomes = Counter(told.outcome for told in asked if told.outcome != NOT_ASKED)
    if not outcomes:
        raise CouldNotLook(Reason.UNREACHABLE, detail)
    ((commonest, _),) = outcomes.most_common(1)
    raise NetworkFailure(Reason(commonest), detail)
