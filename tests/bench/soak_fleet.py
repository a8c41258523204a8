"""Three daemons in three network namespaces, cut apart again and again in any order.

Exits with 1 where a scene does not hold: a page on the word of one provider, none where two agree,
more than one incident at the receiver, or no word of an agent that is silent.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.agent.peers.islands import another_world, world
from tests.agent.peers.scenes import SCENES, Scene, one_silent, played


async def play(rounds: int, seed: int) -> None:
    """Play every scene *rounds* times, in an order that *seed* gives, and print what it took."""
    chance, seconds = random.Random(seed), []
    for number in range(1, rounds + 1):
        names = chance.sample(sorted(SCENES), len(SCENES))
        took = await _round([SCENES[name] for name in names])
        seconds += [one for one in took if one is not None]
        print(f"round {number} of {rounds}: {', '.join(names)}", flush=True)
    middle, worst = statistics.median(seconds), max(seconds)
    print(f"{rounds * len(SCENES)} scenes held; pages after {middle:.1f} s, at worst {worst:.1f} s")
    (silent,) = await _round([one_silent])
    print(f"an agent that is silent was told of after {silent:.0f} s")


async def _round(scenes: Sequence[Scene]) -> Sequence[float | None]:
    """Play *scenes* in a world of their own."""
    with tempfile.TemporaryDirectory() as folder, another_world():
        async with world(Path(folder), skewed="sgp-1") as w:
            return [await played(w, scene) for scene in scenes]


def main() -> int:
    """Play, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    try:
        asyncio.run(play(options.rounds, options.seed))
    except AssertionError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
