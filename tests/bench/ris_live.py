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


def frames() -> Sequence[str]:
    """Return frames of many peers and paths, a tenth of them withdrawals."""
    dice = random.Random(1)  # the same in every run
    paths = [[dice.randint(1, 400_000) for _ in range(4)] for _ in range(PATHS)]
    made = []
    for number in range(FRAMES):
        prefix, peer = dice.choice(WATCHED + OTHERS), dice.randrange(PEERS)
        if number % 10 == 0:
            frame = update(peer, 1000 + number / 100, withdrawn=[prefix])
        else:
            frame = update(peer, 1000 + number / 100, announced=[prefix])
            frame |= {"path": [64511, *dice.choice(paths), ORIGIN], "community": [[64511, 1]] * 6}
        made.append(json.dumps({"type": "ris_message", "data": frame}))
    return made


def main() -> None:
    """Take the frames in as the feed does."""
    texts, interest = frames(), Interest(WATCHED)
    routes = Routes(Watch(prefix, frozenset({ORIGIN})) for prefix in WATCHED)
    intake = Intake(lambda: 2000.0)
    cpu, start = process_time(), perf_counter()
    for text in texts:
        events = parse(text, interest)
        if isinstance(events[0], Announce | Withdraw):
            intake.put(events)  # type: ignore[arg-type]  # updates all
        else:
            intake.heard(*events[0])  # type: ignore[misc,arg-type]
        for update_ in intake.take(64):
            routes.apply(update_, 2000.0)  # type: ignore[arg-type]
    took = process_time() - cpu, perf_counter() - start
    Sample(operations=len(texts), cpu=took[0], seconds=took[1]).tell()


if __name__ == "__main__":
    main()
