"""A million mutated replies through match, parse and judge: `make soak`; see docs/performance.md.

Exits with 1 where a reply raised, gave no reason, took too long, or where memory grew.
"""

import sys

from tests.bench import soak
from tests.checks.dns.mutations import mutated, outcome


def _treat(seed: int) -> str:
    return outcome(mutated(seed))


def _how(seed: int) -> str:
    return ", ".join(mutated(seed).how)


# A reply of 64 KB, full of records, takes a quarter of the slowest that may be.
KINDS = [soak.Kind("reply", _treat, _how, slowest=1.0, hangs=20.0)]

if __name__ == "__main__":
    sys.exit(soak.main("tests.bench.soak_dns", KINDS, 1_000_000, __doc__))
