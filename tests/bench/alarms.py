"""Ten thousand alarms stepped each second: `python -m tests.bench.alarms [--failing SHARE]`.

A process of its own, whose CPU is that of the steps alone. Each check is looked at every half
minute; what fails begins to with the first second that counts, so that all of its holds are among
them. With `--composite` the alarms are rules of a
user's own over two thousand checks, beside which there are but few standard ones. An operation is a
second of an agent's life.
"""

import argparse
import gc
from collections.abc import Iterator, Sequence
from time import perf_counter, process_time

from tests.agent.observations import seen
from tests.bench.growth.alarms import CONTROL, engine_of
from tests.bench.sample import Sample
from vedette.agent.composite.alarm import composites, layer_of
from vedette.agent.composite.link import Nameable, link
from vedette.agent.composite.settings import AlarmSettings
from vedette.agent.composite.stepper import Stepper
from vedette.agent.diagnoses.names import Rule
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.finding import Kind, Observation, Verdict
from vedette.checks.settings import CheckSettings
from vedette.exporters.page import Severity

ALARMS, BEFORE, SECONDS = 10_000, 240, 60
CHECKS, WIDE = 2_000, 100
"""How many checks composite alarms are about, and how many names the widest rules have, five times
each: that is as many elements as a rule may have."""
TIMING = Timing(every=30, timeout=5, hold=15, clear=600)
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


def bare() -> Iterator[tuple[CheckKey, Sequence[Rule]]]:
    """Yield checks without their standard rules, for composite alarms alone."""
    for number in range(CHECKS):
        yield CheckKey(f"service-{number // 10}", Kind.HTTP, f"https://h{number}/"), ()


def composed(keys: Sequence[CheckKey], hold: float) -> Iterator[dict[str, object]]:
    """Yield ALARMS alarms over *keys*: of each ten, what a user may write; of 200, one is wide."""
    window = {"cron": "*/7 * * * *", "duration": "300s"}
    for n in range(ALARMS):
        one, two, three = (f'"{keys[(n // 10 * 7 + i * 31) % len(keys)].check}"' for i in range(3))
        more: dict[str, object] = {}
        match n % 10:
            case 0 if n % 200 == 0:
                names = ", ".join(f'"{keys[(n + i) % len(keys)].check}"' for i in range(WIDE))
                counts = (f"AT_LEAST({share}%, ALARM, ({names}))" for share in range(10, 60, 10))
                rule = " OR ".join(counts)
            case 0 | 1:
                rule = f"AT_LEAST(2, NOT OK, ({one}, {two}, {three}))"
            case 2:
                rule, more = f"ALARM({one})", {"suppressor": {"alarm": f"a{n - 1}"}}
            case 3:
                rule, more = f'ALARM({one[:-1]}:timeout")', {"mute": [window]}
            case 4:
                rule = f"NOT OK({one}) AND NOT INSUFFICIENT_DATA({two})"
            case 5:
                rule = f"ALARM({one}) OR ALARM({two}) AND NOT OK({three})"
            case _:  # a chain on the alarm before it
                rule = f"ALARM(a{n - 1}) AND NOT INSUFFICIENT_DATA({two})"
        yield {"name": f"a{n}", "rule": rule, "hold": f"{hold:g}s", **more}


def stepper(keys: Sequence[CheckKey], hold: float) -> Stepper:
    """Return the composite alarms over *keys*."""
    alarms = [AlarmSettings.model_validate(one) for one in composed(keys, hold)]
    links = link(alarms, {key.check: [Nameable(str(key), ["timeout"])] for key in keys})
    made = composites(alarms, links, CheckSettings(), {str(key): layer_of(key) for key in keys})
    return Stepper(made, dict.fromkeys(keys, TIMING))


def round_of(key: CheckKey, now: float, *, fails: bool) -> list[Observation]:
    """Return a look at each subject of a check."""
    word = "timeout" if fails else Verdict.OK
    return [seen(now, word, key=key, place=p, subject=s, seconds=0.05) for p, s in PLACES[key.kind]]


def arguments() -> argparse.Namespace:
    """Read what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--failing", type=float, default=0.01, help="the share of checks that fail")
    parser.add_argument("--composite", action="store_true", help="alarms of a user's own")
    parser.add_argument("--hold", type=float, default=TIMING.hold, help="that of composite alarms")
    return parser.parse_args()


def main() -> None:
    """Step an agent's alarms."""
    asked = arguments()
    made = dict(bare() if asked.composite else checks())
    keys = [*made]
    rules = [rule for some in made.values() for rule in some]
    engine = engine_of(rules, stepper(keys, asked.hold) if asked.composite else None)
    ledger, cpu, seconds = Ledger(), 0.0, 0.0
    gc.freeze()
    for now in range(BEFORE + SECONDS):
        for number, key in enumerate([*keys, CONTROL]):
            if number % TIMING.every == now % TIMING.every:
                bad = now >= BEFORE and number < asked.failing * len(keys) and key is not CONTROL
                ledger.add(key, TIMING, round_of(key, now, fails=bad))
        began = process_time(), perf_counter()
        engine.step({"here": ledger}, now + 0.5)
        if now >= BEFORE:
            cpu += process_time() - began[0]
            seconds += perf_counter() - began[1]
    Sample(operations=SECONDS, cpu=cpu, seconds=seconds).tell()


if __name__ == "__main__":
    main()
