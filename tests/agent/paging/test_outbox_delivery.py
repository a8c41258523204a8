"""A PagerDuty in every kind of trouble, in virtual time: each page accepted in the end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.paging.desk import DELIVERED, RETRY, TRIGGER, Sheet, meant, page, run_for
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.paging.backoff import LONGEST_WAIT
from vedette.agent.paging.outbox import Outbox
from vedette.exporters.pace import Pace
from vedette.exporters.page import Action, Delivery, Outcome, Page
from vedette.exporters.pagerduty import PER_MINUTE

KEYS = "abc"
GIVES_UP = 10.0
"""Seconds after which the pager takes no answer for an answer."""
DOWN = 1800.0

# What the pager says of each is held by tests/exporters/test_pagerduty_send.py.
FATES = ("accepts", "hangs", "resets", "asks", "fails", "accepts too late", "garbles")
LOSES = Delivery(outcome=Outcome.RETRY, detail="500")


pytestmark = pytest.mark.usefixtures("quiet")


@dataclass
class TroubledPagerDuty:
    """Takes events as the Events API does; each call meets the next of *fates*.

    From *down_at* on it is away for half an hour. A call that is *accepted too late* counts before
    the client's next one: its sender has been told nothing.
    """

    fates: list[str]
    down_at: float
    name: str = "pd"
    open: dict[str, list[str]] = field(default_factory=dict)
    closed: list[tuple[str, list[str]]] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pace = Pace(PER_MINUTE)

    async def send(self, one: Page) -> Delivery:
        """Meet the next fate."""
        now = asyncio.get_running_loop().time()
        self.calls.append(now)
        if self.down_at <= now < self.down_at + DOWN:
            return LOSES
        fate = self.fates.pop(0) if self.fates else "accepts"
        if fate.startswith("accepts"):
            self.take(one)
        if fate in {"hangs", "accepts too late"}:
            await asyncio.sleep(GIVES_UP)
        if fate == "asks":
            return Delivery(outcome=Outcome.RETRY, retry_after=30.0)
        return DELIVERED if fate == "accepts" else RETRY

    def take(self, one: Page) -> None:
        """Open, update or close the incident of the key; an end of nothing is dropped."""
        if one.action is TRIGGER:
            self.open.setdefault(one.key, []).append(meant(one)[2])
        elif one.key in self.open:
            self.closed.append((one.key, self.open.pop(one.key)))

    async def close(self) -> None:
        """Hold nothing."""


def story(of: Sequence[Page], key: str) -> tuple[list[list[str]], list[str] | None]:
    """Return the incidents of *key* as pages tell them: those that ended, and the open one."""
    ended: list[list[str]] = []
    now: list[str] | None = None
    for one in of:
        if one.key == key and one.action is TRIGGER:
            now = [*(now or []), one.summary]
        elif one.key == key and now is not None:
            ended.append(now)
            now = None
    return ended, now


def is_told(told: Sequence[str], said: Sequence[str]) -> bool:
    """Whether a receiver was *told* the newest of what was *said*, and nothing out of order."""
    once = [*dict.fromkeys(told)]
    return once[-1:] == [*said[-1:]] and once == [one for one in said if one in once]


plots = st.lists(
    st.tuples(st.floats(0.01, 60), st.sampled_from(KEYS), st.sampled_from(Action)), max_size=10
)
troubles = st.lists(st.sampled_from(FATES), max_size=20)


@settings(max_examples=150)
@given(plots, troubles, st.floats(0, 400) | st.just(1e9))
@virtual
async def test_every_page_is_accepted_once_in_effect(
    plot, fates: list[str], down_at: float
) -> None:
    """Whatever PagerDuty does, in whatever order, all incidents are told, in order, once:

    each by its newest word, and before that by others of its own in their order.

    *plot* are pages with the seconds since the one before.
    """
    pages = [page(key, str(i), action) for i, (_, key, action) in enumerate(plot)]
    pagerduty = TroubledPagerDuty(list(fates), down_at)
    loop = asyncio.get_running_loop()
    outbox = Outbox([pagerduty], Journal(Sheet()), now=loop.time)
    for at, one in zip(accumulate(gap for gap, *_ in plot), pages, strict=True):
        loop.call_at(at, lambda one=one: outbox.add(one, loop.time()))
    end = 1000 + DOWN + (len(fates) + len(plot)) * (GIVES_UP + LONGEST_WAIT)
    await run_for(outbox.run(), end)

    assert outbox.waiting == []
    for key in KEYS:
        ended, now = story(pages, key)
        closed = [told for name, told in pagerduty.closed if name == key]
        assert len(closed) == len(ended)
        for told, said in zip(closed, ended, strict=True):
            assert is_told(told, said)
        assert is_told(pagerduty.open.get(key, []), now or [])


@virtual
async def test_an_outage_with_hundreds_of_pages_keeps_the_limit() -> None:
    """While PagerDuty is away for half an hour and 500 keys wait, no minute has over 100 calls."""
    pagerduty = TroubledPagerDuty([], 0.0)
    loop = asyncio.get_running_loop()
    outbox = Outbox([pagerduty], Journal(Sheet()), now=loop.time)
    for i in range(500):
        outbox.add(page(str(i)), 0.0)
    await run_for(outbox.run(), DOWN + 900)
    calls = pagerduty.calls

    assert outbox.waiting == []
    assert len(pagerduty.open) == 500
    later = calls[PER_MINUTE:]
    assert all(b - a >= 60 - 1e-6 for a, b in zip(calls, later, strict=False))
