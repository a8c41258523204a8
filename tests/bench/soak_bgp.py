"""100,000 mutated messages each of BGP, MRT and BMP through their readers: `make soak`.

Exits with 1 where a message raised, was told unfit or left others out in silence, took too long, or
where memory grew.
"""

import sys
from functools import partial

from tests.bench import soak
from tests.checks.bgp.wire.mutations import case_of, outcome


def _treat(kind: str, seed: int) -> str:
    return outcome(case_of(kind, seed))


def _how(kind: str, seed: int) -> str:
    return f"{kind} of {len(case_of(kind, seed).octets):,} octets"


# 500 prefixes that are read in four ways take a hundredth of a second.
KINDS = [
    soak.Kind(kind, partial(_treat, kind), partial(_how, kind), slowest=0.5, hangs=10.0)
    for kind in ("update", "mrt", "bmp")
]

if __name__ == "__main__":
    sys.exit(soak.main("tests.bench.soak_bgp", KINDS, 100_000, __doc__))
