"""Rules judged each second: quiet, all failing, all of one service; alarms of the user's own."""

import gc
from collections.abc import Iterator, Sequence
from time import process_time

from tests.agent.observations import seen
from tests.bench.growth.curve import Costs
from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.alarms.engine import Engine
from vedette.agent.composite.alarm import composites, layer_of
from vedette.agent.composite.link import Nameable, link
from vedette.agent.composite.settings import AlarmSettings
from vedette.agent.composite.stepper import Stepper
from vedette.agent.diagnoses.names import Rule
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.paging.storm import Storms
from vedette.checks.finding import Kind, Verdict
from vedette.checks.settings import CheckSettings
from vedette.exporters.page import Severity

BEFORE, WAVE = 30, 30
"""Seconds before what counts, and those of which all fails; as many follow in which all is well."""
TIMING = Timing(every=10, timeout=5, hold=5, clear=10)
CONTROL = CheckKey("controls", Kind.HTTP, "https://control.example/")
OF_SERVICE = 10


def standard(size: int, of_service: int) -> Iterator[tuple[CheckKey, Sequence[Rule]]]:
    """Yield checks of pages with their rules until there are *size* rules or more."""
    count = number = 0
    while count < size:
        key = CheckKey(f"service-{number // of_service}", Kind.HTTP, f"https://h{number}.example/")
        rules = rules_for(key, TIMING, Severity.CRITICAL, [CONTROL])
        yield key, rules
        count, number = count + len(rules), number + 1


def stepped(engine: Engine, keys: Sequence[CheckKey], *, fail: bool) -> float:
    """Return the CPU seconds of a minute of steps in which all *keys* fail, or none, and heal."""
    ledger, storms, cpu = Ledger(), Storms(), 0.0
    gc.collect()
    gc.freeze()
    for now in range(BEFORE + 2 * WAVE):
        for number, key in enumerate([*keys, CONTROL]):
            if number % TIMING.every == now % TIMING.every:
                bad = fail and BEFORE <= now < BEFORE + WAVE and key is not CONTROL
                word = "timeout" if bad else Verdict.OK
                look = seen(now, word, key=key, place="name", subject="by name", seconds=0.05)
                ledger.add(key, TIMING, [look])
        began = process_time()
        told = engine.step({"here": ledger}, now + 0.5)
        storms.step(engine.open, told.changes, now + 0.5)
        if now >= BEFORE:
            cpu += process_time() - began
    return cpu


def engine_of(rules: Sequence[Rule], stepper: Stepper | None = None) -> Engine:
    """Return the engine of one agent alone."""
    return Engine(
        deployment="bench",
        quorum=Quorum("here", {"here": Vantage("here", "bench")}),
        rules=rules,
        controls=[CONTROL],
        composites=stepper,
    )


def rules(size: int, *, fail: bool, of_service: int = OF_SERVICE) -> Costs:
    """Step *size* rules: microseconds of each rule in each step."""
    made = dict(standard(size, of_service))
    engine = engine_of([rule for some in made.values() for rule in some])
    cpu = stepped(engine, [*made], fail=fail)
    return {"step": cpu / (2 * WAVE * len(engine.rules)) * 1e6}


def stepper_of(size: int, keys: Sequence[CheckKey], rules: Sequence[Rule]) -> Stepper:
    """Return so many composite alarms, each over a check and the standard alarm of another."""
    names = [str(key) for key in keys]
    known = {name: [Nameable(name)] for name in (*names, *(rule.id for rule in rules))}
    alarms = [
        AlarmSettings(
            name=f"mine-{number}",
            rule=f'ALARM("{names[number % len(names)]}") '
            f'OR ALARM("{rules[(number + 1) % len(rules)].id}")',
        )
        for number in range(size)
    ]
    layers = {name: layer_of(key) for name, key in zip(names, keys, strict=True)}
    layers |= {rule.id: rule.layer for rule in rules}
    made = composites(alarms, link(alarms, known), CheckSettings(), layers)
    return Stepper(made, dict.fromkeys(keys, TIMING))


def composed(size: int, *, fail: bool) -> Costs:
    """Step *size* composite alarms, each over two of so many checks and standard alarms."""
    made = dict(standard(size, OF_SERVICE))
    all_ = [rule for some in made.values() for rule in some]
    engine = engine_of(all_, stepper_of(size, [*made], all_))
    cpu = stepped(engine, [*made], fail=fail)
    return {"step": cpu / (2 * WAVE * size) * 1e6}
