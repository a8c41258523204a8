"""The same looks for an engine and, as its vantages' votes, for a Prometheus with the rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.agent.composite.world import BANK, CONFIG, NAME, SHOP, planned
from tests.agent.observations import seen
from tests.servers import promtool
from vedette.agent.alarms.agreement import Vantage
from vedette.agent.alarms.alarm import UNDECIDED, State
from vedette.agent.alarms.engine import Engine
from vedette.agent.composite.stepper import Stepper
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.rules.document import written
from vedette.agent.rules.groups import rules
from vedette.agent.serving.votes import Votes
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.metrics import render

OK, FAILING, UNKNOWN = Verdict
CONTROLLED = f"{CONFIG}controls: {{http: [{{url: 'https://control.example/'}}]}}\n"
CONTROL = CheckKey("controls", Kind.HTTP, "https://control.example/")
PEERS = (Vantage("there", "bravo", "us"), Vantage("yonder", "charlie", "asia"))

Said = tuple[Verdict, Verdict, Verdict, Verdict] | None
"""What a vantage sees of world.CHECKS and of the control in one second; None if it is not heard."""
Named = tuple[str, str, str]
CHECKS = (NAME, SHOP, BANK, CONTROL)


class Timeline:
    """A fleet that looks once a second, as it is scraped and evaluated."""

    def __init__(
        self, alarms: str = "[]", peers: Sequence[Vantage] = (), quorum: str = "{}"
    ) -> None:
        self._plan, _ = planned(alarms, f"{CONTROLLED}quorum: {quorum}\n", tuple(peers))
        plan = self._plan
        self._ledgers = {name: Ledger(since=0.0) for name in plan.quorum.vantages}
        self._timings = {planned.key: planned.timing for planned in plan.checks}
        self._engine = Engine(
            deployment="test",
            quorum=plan.quorum,
            rules=plan.rules,
            controls=plan.controls,
            composites=Stepper(plan.alarms, self._timings),
        )
        self._votes = {
            name: Votes(replace(plan, quorum=replace(plan.quorum, own=name)), "test", "")
            for name in plan.quorum.vantages
        }
        self._series: dict[str, list[float | None]] = {}
        self._seconds = 0
        self.states: list[frozenset[Named]] = []
        """The alarms that the engine has in ALARM, by the second."""
        self.begun: list[frozenset[Named]] = []
        """Those whose fault has been seen for a second at most, which fills no hold."""
        self.undecided: list[frozenset[Named]] = []
        """Those that stay as they are, since nothing is known."""
        self.ending: list[frozenset[Named]] = []
        """Those that one more second of good would end."""

    def live(self, moments: Sequence[Mapping[str, Said]]) -> "Timeline":
        """Go through *moments*, a second each."""
        for moment in moments:
            now = float(self._seconds)
            for name, said in moment.items():
                for key, verdict in zip(CHECKS, said or (), strict=said is not None):
                    self._look(now, key, verdict, name)
            self._engine.step(self._ledgers, now)
            memories, evidence = self._engine.memories, self._engine.evidence
            said = {id_: evidence.get(id_, UNDECIDED) for id_ in memories}
            self.states.append(self._named(i for i in said if memories[i].state is State.ALARM))
            self.begun.append(
                self._named(i for i, one in said.items() if one.holds and now - one.began_at <= 1)
            )
            is_seen = any(seen is not None and seen[3] is OK for seen in moment.values())
            self.undecided.append(
                self._named(i for i, one in said.items() if one.holds is None or not is_seen)
            )
            good_for = {i: memories[i].good_for for i in said if memories[i].good_for}
            clear = {i: self._engine.rules[i].clear for i in good_for}
            self.ending.append(self._named(i for i in clear if clear[i] - good_for[i] <= 1))
            self._scrape(now, [name for name, said in moment.items() if said is not None])
            self._seconds += 1
        return self

    def _named(self, ids: Iterable[str]) -> frozenset[Named]:
        rules = (self._engine.rules[id_] for id_ in ids)
        return frozenset((rule.service, str(rule.diagnosis), rule.subject) for rule in rules)

    def _look(self, now: float, key: CheckKey, verdict: Verdict, name: str) -> None:
        place, reason = ("authoritative", "nodata") if key is NAME else ("name", "timeout")
        look = seen(now, reason if verdict is FAILING else verdict, key=key, place=place)
        self._ledgers[name].add(key, self._timings[key], [look])

    def _scrape(self, now: float, heard: Sequence[str]) -> None:
        for name in heard:
            votes = self._votes[name]
            for _ in votes.judged(self._ledgers[name], now):
                pass
            families = votes.families()
            text = "".join(render(families))
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    labels = ",".join(f'{k}="{v}"' for k, v in sample.labels.items())
                    values = self._series.setdefault(f"{sample.name}{{{labels}}}", [])
                    values += [None] * (self._seconds - len(values))
                    values.append(sample.value)

    def firing(self, folder: Path) -> list[frozenset[Named]]:
        """Return what Prometheus has firing at each second of it."""
        for values in self._series.values():
            values.extend([None] * (self._seconds - len(values)))
        path = folder / "rules.yaml"
        path.write_text(written("test", rules(self._plan, "test", 1.0), 1.0, []))
        expr = (
            "count by (service, diagnosis, subject) "
            '(ALERTS{alertstate="firing",alertname!="vantage_silent"})'
        )
        found = promtool.evaluate(path, self._series, expr)
        return [
            frozenset((row["service"], row["diagnosis"], row["subject"]) for row in map(dict, rows))
            for _, rows in sorted(found.items())
        ]


OF_PAGES = ("service_down", "service_degraded")
"""What is said of a page by how many of those that know say so."""
STAYS = 7
"""Seconds of good, and one more at each end, for which a Prometheus keeps what it fired at once."""


def differences(
    timeline: Timeline, theirs: Sequence[frozenset[Named]], *, of_any: bool = False
) -> list[tuple[int, Named]]:
    """Return when and of what the two differ, outside one evaluation around a change.

    The change is of the alarm itself, or *of_any*: one that names others sees theirs. Or its fault
    has just begun, of which an agent wants to see more and a Prometheus does not: what that fires
    then it keeps until it is clear, and both keep what they have while nothing is known. So where
    others fall away, and an agent waits until it is known what they see of a page. And where one
    of them has seen it well for long enough when nothing is known any more, and the other just not.
    """
    found, ours = [], timeline.states
    left: dict[Named, int] = {}
    for at in range(1, len(ours) - 1):
        around, differ = ours[at - 1 : at + 2], ours[at] ^ theirs[at]
        left = {
            named: seconds - (named not in timeline.undecided[at])
            for named, seconds in left.items()
            if named in differ and seconds
        }
        for named in differ:
            changes = len({one if of_any else named in one for one in around}) > 1
            if changes or named in timeline.ending[at]:
                left.setdefault(named, 1)
            service, diagnosis, subject = named
            down = (service, "service_down", subject)
            waits = diagnosis in OF_PAGES and down in timeline.undecided[at] | timeline.begun[at]
            if waits or named in timeline.begun[at]:
                left[named] = STAYS
        if of_any and left:
            left = dict.fromkeys(differ, max(left.values()))
        found += [(at, named) for named in differ if named not in left]
    return found
