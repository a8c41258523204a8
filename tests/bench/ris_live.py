"""RIS Live frames as text: read, filtered and applied to the routes of 500 watched prefixes.

A process of its own, whose CPU is taken from the first frame to the last. A fourth of the frames
tells of a watched prefix, which is far more than an agent ever gets of a subscription's.
"""

import json
import random
from collections.abc import Sequence
from time import perf_counter, process_time

from tests.bench.sample import Sample
from tests.checks.bgp.made import ORIGIN, update
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.update import Announce, Withdraw
from vedette.checks.bgp.watch import Watch
from vedette.checks.bgp.wire.frames import parse
from vedette.checks.bgp.wire.interest import Interest

FRAMES, PEERS, PATHS = 100_000, 400, 3_000
WATCHED = [f"10.{n // 256}.{n % 256}.0/24" for n in range(500)]
OTHERS = [f"11.{n // 256}.{n % 256}.0/24" for n in range(1500)]


def frames(mine: Sequence[str], others: Sequence[str], share: float, count: int) -> list[str]:
    """Return frames of many peers and paths, so much of a *share* of the prefixes that are *mine*.

    A tenth of them are withdrawals.
    """
    dice = random.Random(1)  # the same in every run
    paths = [[dice.randint(1, 400_000) for _ in range(4)] for _ in range(PATHS)]
    made = []
    for number in range(count):
        prefix = dice.choice(mine if dice.random() < share else others)
        peer, at = dice.randrange(PEERS), 1000 + number / 100
        if number % 10 == 0:
            frame = update(peer, at, withdrawn=[prefix])
        else:
            frame = update(peer, at, announced=[prefix])
            frame |= {"path": [64511, *dice.choice(paths), ORIGIN], "community": [[64511, 1]] * 6}
        made.append(json.dumps({"type": "ris_message", "data": frame}))
    return made


def taken(texts: Sequence[str], watched: Sequence[str]) -> tuple[float, float]:
    """Take frames in as the feed does; return the seconds of CPU and of the clock."""
    interest, intake = Interest(watched), Intake(lambda: 2000.0)
    routes = Routes(Watch(prefix, frozenset({ORIGIN})) for prefix in watched)
    cpu, start = process_time(), perf_counter()
    for text in texts:
        events = parse(text, interest)
        if isinstance(events[0], Announce | Withdraw):
            intake.put(events)  # type: ignore[arg-type]  # updates all
        else:
            intake.heard(*events[0])  # type: ignore[misc,arg-type]
        for update_ in intake.take(64):
            routes.apply(update_, 2000.0)  # type: ignore[arg-type]
    return process_time() - cpu, perf_counter() - start


def main() -> None:
    """Measure the frames of an agent."""
    cpu, seconds = taken(frames(WATCHED, OTHERS, 0.25, FRAMES), WATCHED)
    Sample(operations=FRAMES, cpu=cpu, seconds=seconds).tell()


if __name__ == "__main__":
    main()
