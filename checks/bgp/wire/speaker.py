"""What a BGP speaker's UPDATEs change, where it may hold several paths of a prefix."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import NamedTuple

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.update import Announce, EndOfRib, Update, Withdraw
from vedette.checks.bgp.wire.update import Decoded, Route

_MOST_PATHS = 64
"""How many paths of a prefix are remembered for a speaker; routers send a handful."""

Errors = Callable[[str], None]
"""Takes a sentence for each error; the sentences are few, so that they can be counted."""


class Dump(NamedTuple):
    """Whom the last whole dump of a table *listed*, by how many *entries* in all."""

    listed: frozenset[tuple[Peer, int]]
    entries: int


class Speakers:
    """The paths by identifier (RFC 7911) that each speaker holds of each prefix.

    A prefix is held while any of its paths is, and the path told last is the best. Sessions
    without ADD-PATH cost nothing here. *dumps* has the last one of each table, by its view.
    """

    def __init__(self) -> None:
        self.dumps: dict[bytes, Dump] = {}
        self._paths: dict[Peer, dict[str, dict[int, Path]]] = {}
        self._told_at: dict[Peer, float] = {}  # who has told of a path by its identifier, and when

    def forget(self, peer: Peer) -> None:
        """Drop what a session held that went up or down."""
        self._paths.pop(peer, None)
        self._told_at.pop(peer, None)

    def held(self, peer: Peer, prefix: str, paths: Mapping[int, Path], at: float) -> None:
        """Take what *peer* holds by a table as of *at*, unless it has told of a path since."""
        if self._told_at.get(peer, at) <= at:
            self._paths.setdefault(peer, {})[prefix] = dict(islice(paths.items(), _MOST_PATHS))

    def told(self, peer: Peer, asn: int, decoded: Decoded, at: float) -> list[Update]:
        """Return what *decoded*, said by *peer* with AS number *asn*, changes."""
        updates: list[Update] = []
        if any(identifier is not None for _, identifier in decoded.withdrawn + decoded.announced):
            self._told_at[peer] = at
        announced = {prefix for prefix, _ in decoded.announced} if decoded.withdrawn else ()
        for route in decoded.withdrawn:
            left = self._withdraw(peer, route)
            if route[0] in announced:
                continue
            if left is None:
                updates.append(Withdraw(peer, asn, route[0], at))
            else:
                updates.append(Announce(peer, asn, route[0], left, at))
        path = decoded.path or (asn,)  # who announces its own route without a path is its origin
        # FRR tells its own routes as those of a peer of AS 0, which is nobody.
        for route in decoded.announced if path != (0,) else ():
            self._announce(peer, route, path)
            updates.append(Announce(peer, asn, route[0], path, at))
        if decoded.end_of_rib is not None:
            updates.append(EndOfRib(peer, decoded.end_of_rib, at))
        return updates

    def _withdraw(self, peer: Peer, route: Route) -> Path | None:
        """Return the path that is still held, None where there is none."""
        prefix, identifier = route
        paths = self._paths.get(peer, {}).get(prefix)
        if paths is None or identifier is None:
            return None
        paths.pop(identifier, None)
        if paths:
            return next(reversed(paths.values()))
        del self._paths[peer][prefix]
        return None

    def _announce(self, peer: Peer, route: Route, path: Path) -> None:
        prefix, identifier = route
        if identifier is None:
            return
        paths = self._paths.setdefault(peer, {}).setdefault(prefix, {})
        paths.pop(identifier, None)
        if len(paths) >= _MOST_PATHS:
            del paths[next(iter(paths))]
        paths[identifier] = path
