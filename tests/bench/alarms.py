"""Ten thousand alarms stepped each second: `python -m tests.bench.alarms [--failing SHARE]`.

A process of its own, whose CPU is that of the steps alone. Each check is looked at every half
minute; what fails begins to with the first second that counts, so that all of its holds are among
them. An operation is a second of an agent's life.
"""

import argparse
import gc
from collections.abc import Iterator, Sequence
from time import perf_counter, process_time

from tests.agent.observations import seen
from tests.bench.sample import Sample
from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.alarms.engine import Engine
from vedette.agent.diagnoses.names import Rule
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.finding import Kind, Observation, Verdict
from vedette.exporters.page import Severity

ALARMS, BEFORE, SECONDS = 10_000, 240, 60
TIMING = Timing(every=30, timeout=5, hold=15, clear=600)
CONTROL = CheckKey("controls", Kind.HTTP, "https://control.example/")
PLACES = {
    Kind.DNS: [("authoritative", "192.0.2.1"), ("authoritative", "192.0.2.2"), ("recursive", "::")],
    Kind.HTTP: [("name", "by name")],
}


def checks() -> Iterator[tuple[CheckKey, Sequence[Rule]]]:
    """Yield checks of names and pages by turns, with their rules, until there are enough rules."""
    count = number = 0
    while count < ALARMS:
        kind = Kind.DNS if number % 2 else Kind.HTTP
        name = f"h{number}.example A" if number % 2 else f"https://h{number}.example/"
        key = CheckKey(f"service-{number // 10}", kind, name)
        rules = rules_for(key, TIMING, Severity.CRITICAL, [CONTROL])
        yield key, rules
        count, number = count + len(rules), number + 1


def round_of(key: CheckKey, now: float, *, fails: bool) -> list[Observation]:
    """Return a look at each subject of a check."""
    word = "timeout" if fails else Verdict.OK
    return [seen(now, word, key=key, place=p, subject=s, seconds=0.05) for p, s in PLACES[key.kind]]


def main() -> None:
    """Step an agent's alarms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--failing", type=float, default=0.01, help="the share of checks that fail")
    share = parser.parse_args().failing
    made = dict(checks())
    engine = Engine(
        deployment="bench",
        quorum=Quorum("here", {"here": Vantage("here", "bench")}),
        rules=[rule for rules in made.values() for rule in rules],
        controls=[CONTROL],
    )
    ledger, keys, cpu, seconds = Ledger(), [*made], 0.0, 0.0
    gc.freeze()
    for now in range(BEFORE + SECONDS):
        for number, key in enumerate([*keys, CONTROL]):
            if number % TIMING.every == now % TIMING.every:
                bad = now >= BEFORE and number < share * len(keys) and key is not CONTROL
                ledger.add(key, TIMING, round_of(key, now, fails=bad))
        began = process_time(), perf_counter()
        engine.step({"here": ledger}, now + 0.5)
        if now >= BEFORE:
            cpu += process_time() - began[0]
            seconds += perf_counter() - began[1]
    Sample(operations=SECONDS, cpu=cpu, seconds=seconds).tell()


if __name__ == "__main__":
    main()
