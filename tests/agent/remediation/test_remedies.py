"""Remedies: once per incident, kept before they are done, and never twice through kills."""

import asyncio
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.remediation.test_attempt import EMPTIED, incident, settings
from vedette.agent.config.remediation import RemediationSettings
from vedette.agent.diagnoses.names import Rule
from vedette.agent.memory.statements import keep_attempt
from vedette.agent.memory.store import Store
from vedette.agent.remediation.act import Facts
from vedette.agent.remediation.attempt import Attempt, Result
from vedette.agent.remediation.remedies import Remedies
from vedette.exporters.metrics import render

RULES = {EMPTIED.id: EMPTIED}
OPEN = {"v/shop": incident()}


class Deed:
    """Something that is done, and remembered by the world for ever."""

    def __init__(self) -> None:
        self.done: list[Facts] = []

    async def do(self, facts: Facts) -> tuple[bool, str]:
        """Do it."""
        self.done.append(facts)
        return True, "flipped"

    async def close(self) -> None:
        """Hold nothing."""


class Life:
    """An agent's remedies in a world where deeds and what was kept outlive it."""

    def __init__(self, *remedies: RemediationSettings) -> None:
        self.remedies = remedies or (settings(),)
        self.deed = Deed()
        self.kept: dict[tuple[str, str, float], Attempt] = {}
        self.disk = True
        self.start()

    def start(self) -> None:
        """Begin, or begin again with what was kept."""
        self.made = Remedies(
            self.remedies,
            {one.name: self.deed for one in self.remedies},
            remembered=list(self.kept.values()),
            keep=self.keep,
            is_kept=lambda: self.disk,
        )

    def keep(self, attempt: Attempt) -> None:
        """Write what the disk takes."""
        if self.disk:
            self.kept[attempt.of] = attempt

    def step(self, now: float = 10.0, seen_by: Collection[str] = ("a", "b"), open_=OPEN) -> None:
        """Do what a step of the alarms does, up to the moment at which it is on the disk."""

        def voices(_rule: Rule) -> Collection[str]:
            return seen_by

        for attempt in self.made.step(open_, RULES, voices, now):
            self.keep(attempt)

    def act(self) -> None:
        """Let it act for as long as there is anything to do."""

        async def main() -> None:
            task = asyncio.create_task(self.made.run())
            for _ in range(5):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

        self.made.go()
        asyncio.run(main())

    @property
    def results(self) -> list[Result]:
        """What became of all attempts, as kept."""
        return [one.result for one in self.kept.values()]


def test_it_acts_once_per_incident_and_says_so() -> None:
    """However long an incident lasts, its remedy is used once, and again for the next one."""
    life = Life()
    for now in range(5):
        life.step(10.0 + now)
        life.act()
    assert len(life.deed.done) == 1
    assert life.deed.done[0]["providers"] == ["a", "b"]
    assert life.deed.done[0]["subject"] == EMPTIED.subject
    assert life.results == [Result.DONE]
    assert life.made.news() == {"v/shop"}
    assert life.made.news() == set()
    text = "".join(render(life.made.families()))
    assert 'vedette_remediations_total{remedy="flip",result="done"} 1.0\n' in text
    assert 'vedette_remediations_total{remedy="flip",result="failed"} 0.0\n' in text


def test_it_waits_for_a_quorum() -> None:
    """One provider's word does nothing; when a second one comes to see it, the remedy is used."""
    life = Life()
    life.step(10, ("a",))
    life.act()
    assert life.deed.done == []
    life.step(30)
    life.act()
    assert len(life.deed.done) == 1


def test_a_dry_run_does_all_but_the_deed() -> None:
    """It is kept, counted and told, and nothing is done."""
    life = Life(settings(dry_run=True))
    life.step()
    life.act()
    assert life.deed.done == []
    assert life.results == [Result.DRY_RUN]
    assert life.made.news() == {"v/shop"}


def test_what_the_disk_did_not_take_is_not_done() -> None:
    """An intention that would be forgotten by a kill is left to a person."""
    life = Life()
    life.disk = False
    life.step()
    life.act()
    assert life.deed.done == []
    life.disk = True
    life.step(20)
    life.act()
    assert life.deed.done == []


def test_many_remedies_of_an_hour_are_left_to_people() -> None:
    """When everything breaks, a few remedies are used, and the others say why they are not."""
    remedies = [settings(name=f"r{n}") for n in range(10)]
    life = Life(*remedies)
    life.step()
    life.act()
    assert len(life.deed.done) == 3
    assert sorted(life.results) == [Result.DONE] * 3 + [Result.LIMITED] * 7


@given(st.lists(st.sampled_from(["step", "act", "kill", "disk"]), max_size=12))
def test_no_kill_makes_it_act_twice(moves: list[str]) -> None:
    """Killed before, while or after it acts, in any order, the remedy is used at most once."""
    life = Life()
    for now, move in enumerate(moves):
        if move == "kill":
            life.start()
        elif move == "disk":
            life.disk = not life.disk
        elif move == "act":
            life.act()
        else:
            life.step(10.0 + now)
    assert len(life.deed.done) <= 1


def test_a_kill_between_intention_and_deed_is_told() -> None:
    """What may or may not have been done is not tried again, and its page says so."""
    life = Life()
    life.step()
    life.start()
    life.step(20)
    life.act()
    assert life.deed.done == []
    assert life.results == [Result.INTERRUPTED]
    assert life.made.news() == {"v/shop"}


@pytest.mark.parametrize("result", Result)
def test_an_attempt_is_kept(tmp_path: Path, result: Result) -> None:
    """What the store gives back is what was kept; of one incident there is one."""
    attempt = Attempt(name="flip", key="v/shop", opened_at=1.0, service="shop", diagnosis="d",
                      at=2.0, result=Result.INTENDED)  # fmt: skip
    after = Attempt(name="flip", key="v/shop", opened_at=1.0, service="shop", diagnosis="d",
                    at=2.0, result=result, detail="said")  # fmt: skip
    store = Store(tmp_path)
    store.write([keep_attempt(attempt)])
    store.write([keep_attempt(after)])
    found = store.attempts()
    store.close()
    assert found == [after]
