"""What 10,000 watched prefixes at 400 peers cost: `python -m tests.bench.bgp_table [ORIGINS]`.

Every peer reaches every prefix, by a path of its own for each origin AS; more origins are more
paths. Memory is that above an empty process, as the kernel counts it.
"""

import sys
import time

from tests.bench.sample import resident
from vedette.checks.bgp.prefix import peer_of
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.update import Announce, CollectorDown, PeerState, Withdraw
from vedette.checks.bgp.watch import Watch

PREFIXES, PEERS, UPDATES = 10_000, 400, 100_000


def main(origins: int) -> None:
    """Fill the table, change it, and print what that took."""
    before, owner = resident(), [64_500 + n % origins for n in range(PREFIXES)]
    prefixes = [f"10.{n // 250}.{n % 250}.0/24" for n in range(PREFIXES)]
    peers = [peer_of(f"rrc{n % 20:02}", f"198.51.{n // 250}.{n % 250 + 1}") for n in range(PEERS)]
    routes = Routes([Watch(p, frozenset({owner[n]})) for n, p in enumerate(prefixes)])
    began = time.process_time()
    for n, prefix in enumerate(prefixes):
        table = {p: (65_000 + i, 64_000 + i % 7, owner[n]) for i, p in enumerate(peers)}
        routes.seed(prefix, table, 100.0, 100.0)
    cells = PREFIXES * PEERS
    print(f"{cells:,} cells, {origins * PEERS:,} paths: {(resident() - before) / 1e6:.0f} MB")
    print(f"seeding: {(time.process_time() - began) / cells * 1e6:.2f} us a cell")
    began = time.process_time()
    for n in range(UPDATES):
        at, peer, prefix = 101.0 + n, n % PEERS, n * 7 % PREFIXES
        asn = 65_000 + peer
        path = (asn, 64_000, owner[prefix])
        update = Announce(peers[peer], asn, prefixes[prefix], path, at)
        routes.apply(Withdraw(*update[:3], at) if n % 2 else update, at)
    print(f"applying: {(time.process_time() - began) / UPDATES * 1e6:.1f} us an update")
    for what, update in (
        ("a session", PeerState(peers[0], False, 1e6)),
        ("a collector of twenty", CollectorDown("rrc03", 1e6)),
    ):
        began = time.process_time()
        routes.apply(update, 1e6)
        print(f"losing {what}: {time.process_time() - began:.3f} s")
    print(f"at the end: {(resident() - before) / 1e6:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
