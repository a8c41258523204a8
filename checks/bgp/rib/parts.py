"""What is announced inside the watched prefixes: their more-specifics, declared or not.

Rule: no I/O, no clock.
"""

import ipaddress
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import version_of
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.paths import Paths
from vedette.checks.bgp.rib.peers import Peers
from vedette.checks.bgp.rib.table import Table

MOST = 20_000
"""How many of them are kept; what a flood of them brings beyond says nothing new."""
MOST_SAID = 65_536
"""Of how many peers and parts it is known when the one last spoke of the other."""

_NEVER = float("-inf")


@dataclass(slots=True)
class _Part:
    """*live* has a bit for each peer that spoke of it since the feed connected, last at *said_at*.

    Before that it was spoken of at *gap_at*, and the newest table of it is of *seeded_at*.
    """

    cover: Table
    gap_at: float = _NEVER
    routes: dict[int, int] = field(default_factory=dict)
    live: int = 0
    said_at: float = _NEVER
    seeded_at: float = _NEVER


class Parts:
    """Who announces which part of a watched prefix, counted at the longest one that covers it."""

    def __init__(self, tables: Mapping[str, Table], peers: Peers, paths: Paths) -> None:
        self._tables, self._peers, self._paths = tables, peers, paths
        self._parts: dict[str, _Part] = {}
        self._over: dict[str, float] = {}  # when the last peer gave up a part that nobody has
        self._said: dict[tuple[int, str], float] = {}  # since the feed connected, the newest last
        # The lengths that are watched, the longest first: the first cover found is the right one.
        self._lengths = sorted({int(p.partition("/")[2]) for p in tables}, reverse=True)

    @property
    def prefixes(self) -> Iterable[str]:
        """Those that somebody holds."""
        return tuple(self._parts)

    def outdated(self, gap_at: float) -> Iterable[str]:
        """Return those of which it is open who has them since the gap at *gap_at*, or a reset."""
        return [
            prefix
            for prefix, part in self._parts.items()
            if prefix in part.cover.strangers.silence
            or (part.seeded_at < gap_at and any(not part.live >> p & 1 for p in part.routes))
        ]

    def lapse(self) -> None:
        """Note that the feed was lost: from now on a table knows better that is newer."""
        self._said.clear()
        for part in self._parts.values():
            part.gap_at, part.live = max(part.gap_at, part.said_at), 0

    def hear(self, peer: int, prefix: str, at: float) -> bool:
        """Note that *peer* speaks of a part at *at*; False where it, or its loss, is newer."""
        key = peer, prefix
        said_at = self._said.get(key, _NEVER)
        if at < max(said_at, self._peers.down.get(peer, _NEVER)):
            return False
        self._said.pop(key, None)
        if len(self._said) >= MOST_SAID:
            del self._said[next(iter(self._said))]
        self._said[key] = at
        return True

    def tell(self, peer: int, prefix: str, path: Path | None, at: float) -> Table | None:
        """Note a route, or without *path* its loss; return the table that it matters to, if any."""
        part = self._parts.get(prefix) if path is None else self._known(prefix)
        if part is None:
            return None
        part.live |= 1 << peer
        part.said_at = max(part.said_at, at)
        if path is None:
            self._give_up(prefix, part, peer, at)
        else:
            self._hold(prefix, part, peer, path)
        return part.cover

    def seed(self, prefix: str, routes: Mapping[int, Path], at: float) -> Table | None:
        """Take a snapshot of who has *prefix*, and return the table that it matters to, if any.

        What a peer said since the feed connected, or later than the snapshot, wins.
        """
        part = self._known(prefix) if routes else self._parts.get(prefix)
        if part is None:
            return None
        if at >= part.gap_at:
            part.seeded_at = max(part.seeded_at, at)
            self._take(prefix, part, routes, at)
        self._tidy(prefix, part)
        return part.cover

    def _take(self, prefix: str, part: _Part, routes: Mapping[int, Path], at: float) -> None:
        lost = dict(part.cover.strangers.silence.of(prefix))
        for peer in {*part.routes, *lost, *routes}:
            if part.live >> peer & 1 or self._peers.down.get(peer, _NEVER) > at:
                continue
            if peer in routes:
                self._hold(prefix, part, peer, routes[peer])
            elif not self._peers.is_down(peer) and lost.get(peer, _NEVER) <= at:
                self._give_up(prefix, part, peer, at)

    def _known(self, prefix: str) -> _Part | None:
        """Return a part, a new one where it is new; None where nobody watches, or of too many."""
        part = self._parts.get(prefix)
        if part is None and len(self._parts) < MOST:
            cover = self._cover(prefix)
            if cover is not None:
                part = self._parts[prefix] = _Part(cover, self._over.pop(prefix, _NEVER))
        return part

    def _hold(self, prefix: str, part: _Part, peer: int, path: Path) -> None:
        self._drop(prefix, part, peer)
        part.cover.strangers.heard(peer, prefix)
        number = part.routes[peer] = self._paths.hold(path)
        self._tally(prefix, part, peer, number, 1)

    def _give_up(self, prefix: str, part: _Part, peer: int, at: float) -> None:
        part.cover.strangers.heard(peer, prefix)
        self._lose(prefix, part, peer, at)

    def peer_down(self, peer: int, at: float) -> None:
        """Make unknown what *peer* announced, as its session was lost at *at*."""
        self._forget(peer, at, list(self._parts))

    def peer_up(self, peer: int, at: float) -> None:
        """Make unknown what *peer* itself said in a session before that which began at *at*."""
        self._forget(peer, at, [p for p, part in self._parts.items() if part.live >> peer & 1])

    def unlisted(self, peer: int, version: int, at: float) -> None:
        """Make unknown what *peer* announced until *at*, since a dump has nothing of it."""
        self._forget(peer, at, [p for p in self._parts if version_of(p) == version])

    def _forget(self, peer: int, at: float, prefixes: Iterable[str]) -> None:
        """Make unknown what *peer* announced of *prefixes* until *at*, or left just before."""
        for prefix in prefixes:
            part = self._parts[prefix]
            if peer in part.routes and self._said.get((peer, prefix), _NEVER) <= at:
                part.live &= ~(1 << peer)
                self._lose(prefix, part, peer, at)
        for table in [table for table in self._tables.values() if table.strangers.silence.left]:
            for prefix in table.strangers.silence.lose(peer, at) - self._parts.keys():
                if prefix != table.watch.prefix:
                    self._parts[prefix] = _Part(table)

    def end_of_rib(self, peer: int, version: int, whole_at: float | None) -> None:
        """Take the silence of *peer* about parts for no route, now that it has said all.

        What it held at *whole_at* it has told since.
        """
        for prefix, part in [
            (p, self._parts[p]) for p in self.in_doubt if version_of(p) == version
        ]:
            part.cover.strangers.heard(peer, prefix)
            self._tidy(prefix, part)
        if whole_at is not None:
            for prefix in self._told_before(whole_at, peer, version):
                self._give_up(prefix, self._parts[prefix], peer, whole_at)

    def _told_before(self, at: float, peer: int, version: int) -> Collection[str]:
        """Return the parts that *peer* holds and told of before *at*, for all that is known."""
        held = [(p, part) for p, part in self._parts.items() if peer in part.routes]
        return [
            prefix
            for prefix, part in held
            if version_of(prefix) == version
            and self._said.get((peer, prefix), math.inf if part.live >> peer & 1 else _NEVER) < at
        ]

    @property
    def in_doubt(self) -> Collection[str]:
        """Those that somebody held whose session was lost."""
        return [p for p, part in self._parts.items() if p in part.cover.strangers.silence]

    def _cover(self, prefix: str) -> Table | None:
        network = _network(prefix)
        for length in self._lengths:
            if length < network.prefixlen:
                table = self._tables.get(str(network.supernet(new_prefix=length)))
                if table is not None:
                    return table
        return None

    def _lose(self, prefix: str, part: _Part, peer: int, at: float) -> None:
        with part.cover.strangers.leaving(peer, at):
            self._drop(prefix, part, peer)
        self._tidy(prefix, part)

    def _tidy(self, prefix: str, part: _Part) -> None:
        """Forget a part that nobody has; who was silent when lost may have it."""
        if not part.routes and prefix not in part.cover.strangers.silence:
            self._parts.pop(prefix, None)
            if len(self._over) >= MOST:
                del self._over[next(iter(self._over))]
            self._over[prefix] = max(part.gap_at, part.said_at)

    def _drop(self, prefix: str, part: _Part, peer: int) -> None:
        number = part.routes.pop(peer, None)
        if number is not None:
            self._tally(prefix, part, peer, number, -1)
            self._paths.release(number)

    def _tally(self, prefix: str, part: _Part, peer: int, path: int, by: int) -> None:
        """Count a route that should not be there, by its origin or by who passes it on."""
        watch, strangers = part.cover.watch, part.cover.strangers
        asn, origins = self._peers.asns[peer], self._paths.origins[path]
        declared = prefix in watch.more_specifics
        if not declared or not any(origin in watch.origins for origin in origins):
            for origin in origins:
                strangers.tally((Reason.MORE_SPECIFIC, prefix, origin), asn, by)
            return
        neighbour = self._paths.neighbours[path]
        if neighbour is not None and watch.neighbours and neighbour not in watch.neighbours:
            strangers.tally((Reason.PATH, prefix, neighbour), asn, by)


@lru_cache(maxsize=4096)
def _network(prefix: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(prefix)
