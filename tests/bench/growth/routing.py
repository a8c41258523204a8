"""BGP: the table of watched prefixes and their peers, RIS Live's frames, and recorded MRT."""

import io
import ipaddress
import random
from collections import Counter
from time import process_time

from tests.bench import ris_live
from tests.bench.growth.curve import Costs
from tests.bench.growth.timing import octets
from tests.checks.bgp.wire import made
from vedette.checks.bgp.prefix import peer_of
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.update import Announce, CollectorDown, PeerState, Withdraw
from vedette.checks.bgp.watch import Watch
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.mrt import Session

UPDATES, FRAMES, RECORDS = 20_000, 40_000, 40_000


def _prefixes(count: int, first: int = 10) -> list[str]:
    return [f"{first + n // 65536}.{n // 256 % 256}.{n % 256}.0/24" for n in range(count)]


def table(prefixes: int, *, peers: int) -> Costs:
    """Fill the table and change it: bytes and microseconds of a cell, and of a changed one."""
    watched, owner = _prefixes(prefixes), [64_500 + n % 100 for n in range(prefixes)]
    addresses = [f"198.51.{n // 250}.{n % 250 + 1}" for n in range(peers)]
    sessions = [peer_of(f"rrc{n % 20:02}", address) for n, address in enumerate(addresses)]
    before = octets()
    routes = Routes([Watch(p, frozenset({owner[n]})) for n, p in enumerate(watched)])
    began = process_time()
    for n, prefix in enumerate(watched):
        held = {p: (65_000 + i, 64_000 + i % 7, owner[n]) for i, p in enumerate(sessions)}
        routes.seed(prefix, held, 100.0, 100.0)
    seeding, memory = process_time() - began, octets() - before
    began = process_time()
    for n in range(UPDATES):
        at, peer, prefix = 101.0 + n, n % peers, n * 7 % prefixes
        update = Announce(sessions[peer], 65_000 + peer, watched[prefix],
                          (65_000 + peer, 64_000, owner[prefix]), at)  # fmt: skip
        routes.apply(Withdraw(*update[:3], at) if n % 2 else update, at)
    applying = process_time() - began
    began = process_time()
    routes.apply(PeerState(sessions[0], False, 1e6), 1e6)
    routes.apply(CollectorDown("rrc03", 1e6), 1e6)
    losing = process_time() - began
    cells = prefixes * peers
    return {
        "memory": memory / cells,
        "seeding": seeding / cells * 1e6,
        "applying": applying / UPDATES * 1e6,
        "losing": losing / prefixes * 1e6,
    }


def frames(watched: int, *, share: float) -> Costs:
    """Take in frames of which so much of a *share* tells of one of the *watched* prefixes."""
    mine = _prefixes(watched)
    texts = ris_live.frames(mine, _prefixes(20_000, 100), share, FRAMES)
    cpu, _ = ris_live.taken(texts, mine)
    return {"frame": cpu / FRAMES * 1e6}


def mrt(watched: int) -> Costs:
    """Read records of which a tenth tells of one of the *watched* prefixes."""
    dice, mine, others = random.Random(1), _prefixes(watched), _prefixes(20_000, 100)
    octets_ = b"".join(
        made.update(
            at=1000 + n // 100,
            peer=str(ipaddress.ip_address(0xC6330000 + dice.randrange(400))),
            path=(64511, dice.randint(1, 3000), 64500),
            announced=[made.nlri(dice.choice(mine if dice.random() < 0.1 else others))],
        )
        for n in range(RECORDS)
    )
    errors: Counter[str] = Counter()
    session = Session("rrc00", Interest(mine), lambda why: errors.update([why]))
    routes = Routes((Watch(p, frozenset({64500})) for p in mine), learn=True)
    began = process_time()
    for update in session.read(io.BytesIO(octets_)):
        routes.apply(update, 2000.0)
    cpu = process_time() - began
    assert session.elements == RECORDS, (session.elements, errors)
    return {"element": cpu / RECORDS * 1e6}


def shared(per_thousand: int) -> Costs:
    """Take in frames of which so many in a thousand tell of one of 500 watched prefixes."""
    return frames(500, share=per_thousand / 1000)
