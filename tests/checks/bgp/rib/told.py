"""Routes as tests tell them of news, and what is then said of the one prefix."""

from tests.checks.bgp.made import ORIGIN, PREFIX, peer
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.rib.standing import Standing
from vedette.checks.bgp.update import Announce, EndOfRib, PeerState, Withdraw
from vedette.checks.bgp.watch import Watch

PATH = (64511, ORIGIN)
FOREIGN = (64511, 64666)
WATCH = Watch(PREFIX, frozenset({ORIGIN}))


class Told(Routes):
    """Routes with a word for each kind of news, as of the time that it speaks of."""

    def announce(self, peer: Peer, prefix: str, path: Path, at: float) -> bool:
        return self.apply(Announce(peer, asn(peer), prefix, path, at), at)

    def withdraw(self, peer: Peer, prefix: str, at: float) -> bool:
        return self.apply(Withdraw(peer, asn(peer), prefix, at), at)

    def peer_down(self, peer: Peer, at: float) -> None:
        self.apply(PeerState(peer, False, at), at)

    def peer_up(self, peer: Peer, at: float) -> None:
        self.apply(PeerState(peer, True, at), at)

    def seeded_with(self, count: int, at: float, path: Path = PATH) -> None:
        self.seed(PREFIX, {peer(n): (asn(peer(n)), *path) for n in range(count)}, at, at)


def asn(peer: Peer) -> int:
    """Every peer of these tests is an AS of its own."""
    _, _, c, d = (int(part) for part in peer.address.split("."))
    return 4_200_000_000 + c * 256 + d


def fresh(**options: bool) -> Told:
    return Told([WATCH], **options)


def seeded(count: int = 10, at: float = 100.0) -> Told:
    routes = fresh()
    routes.seeded_with(count, at)
    return routes


def seen(routes: Told) -> Standing:
    standing = routes.standing(PREFIX)
    assert standing is not None
    return standing


def counts(routes: Told) -> tuple[int, int, int]:
    standing = seen(routes)
    return standing.holding, standing.of, standing.unknown


def foreign(routes: Told) -> dict[tuple[str, str, int], int]:
    return {(str(row.reason), row.prefix, row.asn): row.asns for row in seen(routes).foreign}


def since(routes: Told) -> dict[str, float]:
    return {str(reason): at for reason, at in seen(routes).conditions.items()}


def router(neighbour: int) -> Told:
    """Return routes of a router whose peer has told of the prefix, and not that this is all."""
    routes = Told([WATCH], least=1, learn=True)
    routes.peer_up(peer(0), 99)
    routes.announce(peer(0), PREFIX, (neighbour, ORIGIN), 100)
    return routes


def told_all(count: int) -> Told:
    """Return routes that heard the whole tables of *count* peers; three of them have the prefix."""
    routes = fresh(learn=True)
    for n in range(count):
        if n < 3:
            routes.announce(peer(n), PREFIX, PATH, 100)
        routes.apply(EndOfRib(peer(n), 4, 100), 100)
    return routes
