"""Heartbeats: sent while the agent works, and not one while it does not."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agent.paging.desk import DELIVERED, REJECTED, RETRY, Receiver, Sheet, delivered, page
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.pages import Row
from vedette.agent.memory.statements import end
from vedette.agent.memory.statements import queue as queued
from vedette.agent.memory.store import Store
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.ended import Ended
from vedette.agent.paging.heartbeat import (
    STEPPED_WITHIN,
    STUCK_AFTER,
    Ailment,
    Beat,
    Heart,
    Signs,
    ails,
    is_refused,
    is_unheard,
    undelivered_since,
)
from vedette.agent.paging.outbox import Outbox
from vedette.agent.paging.queue import Waiting
from vedette.agent.paging.routing import Route, Routes
from vedette.exporters.heartbeat import Signal
from vedette.exporters.metrics import render
from vedette.exporters.page import Action, Delivery, Outcome, Severity

NOW = 10_000.0


def signs(**different: object) -> Signs:
    """Return the signs of an agent that works, but for what is *different*."""
    well = {"stepped_at": NOW, "checks": 10, "late": 0, "undelivered_since": None, "refused": False}
    return Signs(**{**well, **different})


@pytest.mark.parametrize(
    ("shown", "ailments"),
    [
        (signs(), []),
        (signs(stepped_at=NOW - STEPPED_WITHIN), []),
        (signs(stepped_at=NOW - STEPPED_WITHIN - 1), [Ailment.NOT_STEPPING]),
        (signs(late=5), []),
        (signs(late=6), [Ailment.NOT_LOOKING]),
        (signs(checks=0), []),
        (signs(undelivered_since=NOW - STUCK_AFTER), []),
        (signs(undelivered_since=NOW - STUCK_AFTER - 1), [Ailment.PAGES_STUCK]),
        (signs(refused=True), [Ailment.PAGES_REFUSED]),
        (signs(late=10, refused=True), [Ailment.NOT_LOOKING, Ailment.PAGES_REFUSED]),
        (signs(unheard=True), [Ailment.PAGES_REFUSED]),
    ],
)
def test_what_keeps_it_silent(shown: Signs, ailments: Sequence[Ailment]) -> None:
    """Each sign of an agent that does not work is named, and nothing is where all is well."""
    assert [*ails(shown, NOW)] == ailments


def row(pager: str, key: str, at: float) -> Row:
    """Return a page of the outbox."""
    return Row(1, pager, page(key), at)


def test_what_one_pager_took_is_told() -> None:
    """A page waits only while no pager has accepted it, or a newer one of its key."""
    waiting = [Waiting(row("pd", "a", 10)), Waiting(row("pd", "b", 20)), Waiting(row("pd", "c", 5))]
    heard = {"a": 10.0, "c": 4.0}
    assert undelivered_since(waiting, heard) == 5
    assert undelivered_since(waiting[:2], heard) == 20
    assert undelivered_since(waiting[:1], heard) is None


def test_what_was_taken_is_told_however_much_came_since() -> None:
    """While one pager takes all there is nothing undelivered, after a hundred pages as after one.

    Of each key the newest counts, wherever it was taken; a refusal is none.
    """
    dead, fine = Receiver(lambda *_: RETRY, "dead"), Receiver(lambda *_: DELIVERED, "fine")
    outbox = delivered(dead, fine, pages=[page(str(i)) for i in range(100)])
    assert len(outbox.waiting) == 100
    assert undelivered_since(outbox.waiting, outbox.heard) is None

    no = Receiver(lambda *_: REJECTED, "no")
    outbox = delivered(dead, no, pages=[page("a")])
    assert undelivered_since(outbox.waiting, outbox.heard) == 0.0


def test_what_was_taken_in_a_former_life_is_told(tmp_path: Path) -> None:
    """What one pager took before a restart is not undelivered after it, when another took none."""
    store = Store(tmp_path)
    rows = [
        Row(1, "dead", page(), 5.0),
        Row(2, "fine", page(), 5.0),
        Row(3, "dead", page("b"), 7.0),
    ]
    store.write([*map(queued, rows), end(2, 6.0, Outcome.DELIVERED, "")])
    former = Former(store.waiting(), store.told(), last_row=3)
    store.close()
    pagers = [Receiver(lambda *_: RETRY, name) for name in ("dead", "fine")]
    outbox = Outbox(pagers, Journal(Sheet()), now=lambda: NOW, former=former)

    assert undelivered_since(outbox.waiting, outbox.heard) == 7.0
    assert undelivered_since(outbox.waiting[:1], outbox.heard) is None


def test_pages_are_refused_once_each_pager_has_refused_its_last() -> None:
    """One pager that accepts is enough; a pager that nothing was sent to has refused nothing."""
    refused = [Ended(row("pd", "a", 1), 1, REJECTED), Ended(row("mail", "a", 1), 1, REJECTED)]
    assert is_refused(refused, ["pd", "mail"])
    assert not is_refused(refused, ["pd", "mail", "sms"])
    assert not is_refused([*refused, Ended(row("pd", "b", 2), 2, DELIVERED)], ["pd", "mail"])
    assert not is_refused([], [])


def test_a_page_that_only_one_pager_is_for_is_missed_there() -> None:
    """What is refused by the one pager that gets it is heard by nobody, whatever others took."""
    grave, rest = Receiver(lambda *_: REJECTED, "pd"), Receiver(lambda *_: DELIVERED, "mail")
    critical, warning = page("a", severity=Severity.CRITICAL), page("b", severity=Severity.WARNING)
    by = [
        Route(pager, severities=frozenset({one.severity}))
        for pager, one in (("pd", critical), ("mail", warning))
    ]
    outbox = delivered(grave, rest, pages=[critical, warning], seconds=30, routes=Routes(by))
    assert not is_refused(outbox.ended, ["pd", "mail"])
    assert is_unheard(outbox.refused, outbox.heard)

    outbox = delivered(grave, rest, pages=[critical, warning], seconds=30)
    assert not is_unheard(outbox.refused, outbox.heard)

    over = replace(critical, action=Action.RESOLVE)
    outbox = delivered(grave, rest, pages=[critical, over], seconds=30, routes=Routes(by))
    assert not is_unheard(outbox.refused, outbox.heard)


class Switch:
    """A dead man's switch that remembers when it heard what."""

    name = "hb"

    def __init__(self, suffixes: Sequence[str] = (), answer: Delivery = DELIVERED) -> None:
        self.suffixes = suffixes
        self.answer = answer
        self.heard: list[tuple[float, str, str]] = []

    def knows(self, signal: Signal) -> bool:
        """Whether it has a suffix for it."""
        return not signal or signal in self.suffixes

    async def call(self, signal: Signal, text: str) -> Delivery:
        """Take a call."""
        self.heard.append((asyncio.get_running_loop().time(), str(signal), text))
        return self.answer


@virtual
async def beaten(switch: Switch, states: dict[float, Signs], until: float) -> Heart:
    """Return a heart that beat until then, each minute; *states* says what it felt from when on."""
    clock = asyncio.get_running_loop().time

    def felt() -> Signs:
        return states[max(at for at in states if at <= clock())]

    heart = Heart([Beat(switch, 60.0)], felt, lambda: NOW)
    task = asyncio.create_task(heart.keep_beating(heart.beats[0]))
    await asyncio.wait([task], timeout=until)
    task.cancel()
    await asyncio.wait([task])
    return heart


def test_it_beats_while_all_is_well_and_is_silent_while_not(caplog) -> None:
    """The switch hears each minute but those in which the agent does not work; the log says why."""
    switch = Switch()
    stuck = signs(stepped_at=NOW - 60)
    with caplog.at_level(logging.WARNING):
        heart = beaten(switch, {0: signs(), 100: stuck, 200: signs()}, 310)
    assert [at for at, *_ in switch.heard] == [60, 240, 300]
    assert [record.message for record in caplog.records] == [
        "no heartbeat is sent: no alarm has been judged for 60 s",
        "heartbeats are sent again",
    ]
    assert heart.silent == {}


def test_a_switch_with_suffixes_is_told_why() -> None:
    """With suffixes the start is told, and what keeps the agent from its work."""
    switch = Switch(["start", "fail"])
    heart = beaten(switch, {0: signs(refused=True)}, 70)
    assert switch.heard == [
        (0, "start", "the agent has started"),
        (60, "fail", "every pager has refused the last page that it was sent"),
    ]
    text = "".join(render(heart.families()))
    assert 'vedette_heartbeat_silent{reason="pages_refused"} 1.0\n' in text
    assert 'vedette_heartbeat_silent{reason="not_looking"} 0.0\n' in text
    assert 'vedette_heartbeats_total{heartbeat="hb",outcome="delivered"} 2\n' in text


@virtual
async def test_a_config_that_is_read_again_delays_no_beat() -> None:
    """However often the config is read again, a switch that stays is called when it was due."""
    switch, other = Switch(["start"]), Switch(["start"])
    other.name = "other"
    heart = Heart([Beat(switch, 60.0)], signs, lambda: NOW)
    for _ in range(5):
        tasks = [asyncio.create_task(heart.keep_beating(beat)) for beat in heart.beats]
        await asyncio.wait(tasks, timeout=50)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        former, heart = heart, Heart([Beat(switch, 60.0), Beat(other, 40.0)], signs, lambda: NOW)
        heart.take_over(former)

    assert [(at, signal) for at, signal, _ in switch.heard] == [
        (0, "start"), (60, ""), (120, ""), (180, ""), (240, ""),
    ]  # fmt: skip
    assert [(at, signal) for at, signal, _ in other.heard][:2] == [(50, "start"), (90, "")]
    assert (heart.beats[0].heard_at, heart.beats[0].counts[Outcome.DELIVERED]) == (NOW, 5)


def test_a_switch_that_does_not_answer_is_logged_once(caplog) -> None:
    """A switch that is away is one line in the log, and is counted each time."""
    with caplog.at_level(logging.WARNING):
        heart = beaten(Switch(answer=RETRY), {0: signs()}, 310)
    assert len(caplog.records) == 1
    assert heart.beats[0].counts[Outcome.RETRY] == 5
    assert heart.beats[0].heard_at is None
