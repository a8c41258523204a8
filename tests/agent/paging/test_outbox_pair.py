"""Two agents whose pager has troubles: nobody is woken twice for a fault, and nothing is lost."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.agent.paging.desk import RESOLVE, TRIGGER, Sheet, meant, page, run_for
from tests.agent.paging.test_outbox_delivery import (
    DOWN,
    FATES,
    GIVES_UP,
    TroubledPagerDuty,
)
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.paging.backoff import LONGEST_WAIT
from vedette.agent.paging.deduplication import AHEAD, HELD_FOR
from vedette.agent.paging.ended import Ended
from vedette.agent.paging.outbox import Outbox
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters.page import Action, Delivery, Outcome, Page

KEY = "k"

pytestmark = pytest.mark.usefixtures("quiet")


@dataclass
class Way(TroubledPagerDuty):
    """One agent's way to the PagerDuty of both, with troubles of its own."""

    asked: list[tuple[float, Page]] = field(default_factory=list)

    async def send(self, one: Page) -> Delivery:
        """Meet the next fate, and remember when."""
        self.asked.append((asyncio.get_running_loop().time(), one))
        return await super().send(one)


class Pair:
    """Two agents and the PagerDuty of both; a peer hears *word* seconds later what is accepted."""

    def __init__(
        self,
        fates: tuple[list[str], list[str]],
        word: float,
        down_at: float = 1e9,
        turns: tuple[int, int] = (0, 0),
    ) -> None:
        self.ways = [Way([*one], down_at) for one in fates]
        self.ways[1].open, self.ways[1].closed = self.ways[0].open, self.ways[0].closed
        self.word = word
        self.loop = asyncio.get_running_loop()
        self.hearsays = [Hearsay(), Hearsay()]
        self.heard: list[list[tuple[float, float]]] = [[], []]
        """Of each agent when it heard a word, and of when that was."""
        self.burning: list[set[str]] = [set(), set()]
        """What each agent has called for and not ended."""
        self.sheets = [Sheet(), Sheet()]
        self.outboxes = [
            Outbox([way], Journal(sheet), now=self.loop.time)
            for way, sheet in zip(self.ways, self.sheets, strict=True)
        ]
        for number, one in enumerate(self.outboxes):
            tell = partial(self._tell, 1 - number)
            one.agree(self.hearsays[number], tell, self.burning[number].__contains__, turns[number])

    def _tell(self, to: int, pager: str, key: str, action: Action) -> None:
        self.loop.call_later(self.word, self._hear, to, pager, key, self.loop.time(), action)

    def _hear(self, to: int, pager: str, key: str, at: float, action: Action) -> None:
        if action is TRIGGER:
            self.heard[to].append((self.loop.time(), at))
        self.hearsays[to].hear(f"v{1 - to}", pager, key, at, action)

    def page(self, agent: int, at: float, one: Page) -> None:
        """Have *agent* decide to page *one*."""
        self.loop.call_at(at, self._page, agent, one)

    def _page(self, agent: int, one: Page) -> None:
        self.outboxes[agent].add(one, self.loop.time())
        burning = self.burning[agent]
        (burning.add if one.action is TRIGGER else burning.discard)(one.key)

    async def run(self, seconds: float) -> None:
        """Deliver for so long."""
        await asyncio.gather(*(run_for(one.run(), seconds) for one in self.outboxes))

    @property
    def opened(self) -> int:
        """How often people were woken."""
        return len(self.ways[0].closed) + len(self.ways[0].open)


faults = st.lists(
    st.tuples(
        st.floats(0.01, 200),  # seconds of peace before
        st.floats(0.01, 200),  # and of the fault
        st.tuples(st.floats(0, 3), st.floats(0, 3)),  # until each agent has seen its beginning
        st.tuples(st.floats(0, 3), st.floats(0, 3)),  # and its end
    ),
    min_size=1,
    max_size=3,
)


fates_of_both = st.tuples(*[st.lists(st.sampled_from(FATES), max_size=8)] * 2)


@settings(max_examples=150)
@given(faults, fates_of_both, st.floats(0, 10), st.floats(0, 400) | st.just(1e9))
@example(
    [(1, 1, (0, 0), (0, 0)), (1, 1, (0, 0), (0, 0)), (1, 32, (0, 0), (0, 0))],
    (["hangs"], ["hangs", "accepts", "accepts", "hangs"]),
    0,
    1e9,
)
@virtual
async def test_what_is_over_goes_out_only_while_nobody_is_known_to_have_told(
    plot, fates, word: float, down_at: float
) -> None:
    """In every order of troubles, of both agents and of PagerDuty:

    a trigger whose resolve was decided is sent half a minute later at the earliest, and only while
    its agent has heard of no trigger of the other's that was accepted since, or a minute before;
    one that is not sent at all is of a fault of which the other's trigger was accepted; every
    resolve is accepted, but that of such a fault which has begun again, and one where what stands
    is the other's, who called after that end or after one of its own; a trigger is sent again only
    after a resolve of the other's; and nothing is open in the end.
    """
    pair = Pair(fates, word, down_at)
    starts = accumulate((peace + fault + 3 for peace, fault, *_ in plot), initial=0.0)
    for number, (start, (peace, fault, begin, over)) in enumerate(zip(starts, plot, strict=False)):
        for agent in (0, 1):
            began = start + peace + begin[agent]
            ended = max(began + 0.001, start + peace + fault + over[agent])
            pair.page(agent, began, page(KEY, str(number)))
            pair.page(agent, ended, page(KEY, str(number), RESOLVE))
    calls = sum(map(len, fates)) + 4 * len(plot)
    await pair.run(2000 + DOWN + calls * (GIVES_UP + LONGEST_WAIT + HELD_FOR))

    assert pair.ways[0].open == {}
    assert pair.opened >= 1
    for agent in (0, 1):
        as_promised(pair, agent, len(plot))


def as_promised(pair: Pair, agent: int, faults: int) -> None:
    """Assert what is said of an agent's pages of so many *faults*."""
    superseded, outbox = {*triggers_not_sent(pair)}, pair.outboxes[agent]
    assert outbox.waiting == []
    first = {(e.row.page.action, e.row.page.summary): e for e in reversed(outbox.ended)}
    assert len(first) == 2 * faults
    queued = {page: ended.row.queued_at for page, ended in first.items()}
    for ended in outbox.ended:
        if ended not in first.values():
            assert was_ended(ended, pair.outboxes[1 - agent])
    for at, one in pair.ways[agent].asked:
        number = meant(one)[2]
        over_at = queued[RESOLVE, number]
        if one.action is TRIGGER and at > over_at:
            since = queued[TRIGGER, number] - AHEAD
            assert at >= over_at + HELD_FOR - 1e-6
            assert not [of for heard, of in pair.heard[agent] if heard < at and of >= since]
    for ended in outbox.ended:
        number = ended.row.page.summary
        if ended.delivery.outcome is Outcome.DELIVERED:
            continue
        if ended.row.page.action is TRIGGER:
            assert was_told(ended, pair.outboxes[1 - agent])
        elif ended.delivery.detail == "begun again":
            assert (agent, number) in superseded
            assert queued[TRIGGER, str(int(number) + 1)] <= ended.at
        else:
            assert ended.delivery.outcome is Outcome.SUPERSEDED
            assert is_the_others(ended, outbox, pair.outboxes[1 - agent])


def triggers_not_sent(pair: Pair) -> Iterator[tuple[int, str]]:
    """Yield the agent and the number of each trigger that the other's took the place of."""
    for agent, outbox in enumerate(pair.outboxes):
        for ended in outbox.ended:
            if ended.delivery.outcome is Outcome.SUPERSEDED and ended.row.page.action is TRIGGER:
                yield agent, ended.row.page.summary


def was_ended(again: Ended, other: Outbox) -> bool:
    """Whether it is a trigger, before which the *other* agent's resolve was accepted."""
    assert again.row.page.action is TRIGGER
    return any(
        ended.row.page.action is RESOLVE
        and ended.delivery.outcome is Outcome.DELIVERED
        and ended.at <= again.row.queued_at - HELD_FOR + 1e-6
        for ended in other.ended
    )


def was_told(superseded: Ended, other: Outbox) -> bool:
    """Whether the *other* agent's trigger was accepted since, or a minute ahead."""
    return any(at >= superseded.row.queued_at - AHEAD for at in accepted(other, TRIGGER))


def is_the_others(late: Ended, own: Outbox, other: Outbox) -> bool:
    """Whether the *other* agent has called after *late*'s end, or after it ended our own call."""
    called_at = max(at for at in accepted(own, TRIGGER) if at <= late.at)
    since = [at for at in accepted(other, RESOLVE) if called_at <= at <= late.at]
    since.append(late.row.queued_at)
    return any(min(since) <= at <= late.at for at in accepted(other, TRIGGER))


def accepted(outbox: Outbox, action: Action) -> list[float]:
    """Return when each such page of *outbox* was accepted."""
    pages = [one for one in outbox.ended if one.row.page.action is action]
    return [one.at for one in pages if one.delivery.outcome is Outcome.DELIVERED]


@settings(max_examples=80)
@given(st.integers(1, 20), st.sampled_from(["hangs", "fails", "resets"]), st.floats(1, 300),
       st.floats(0, 10))  # fmt: skip
@example(1, "hangs", 9.5, 0.2)
@virtual
async def test_one_agents_trouble_wakes_nobody_twice(
    number: int, fate: str, lasts: float, word: float
) -> None:
    """Where one agent's pages are accepted at once, the other's trouble opens nothing again."""
    pair = Pair(([], [fate] * number), word)
    for agent in (0, 1):
        pair.page(agent, 1, page(KEY))
        pair.page(agent, 1 + lasts, page(KEY, action=RESOLVE))
    await pair.run(3000)

    assert pair.opened == 1
    assert [outbox.waiting for outbox in pair.outboxes] == [[], []]


skews = st.floats(-2, 2)


@settings(max_examples=50)
@given(st.floats(0, 4), skews, skews, st.floats(0, 2))
@virtual
async def test_each_has_another_turn_with_what_is_over(
    lasts: float, begins: float, ends: float, word: float
) -> None:
    """Where the first pages of both got no answer until all was over, one of them tells it.

    They see beginning and end at most 2 s apart, and hear of each other within as long.
    """
    pair = Pair((["hangs"], ["hangs"]), word, turns=(0, 1))
    for agent, (late, later) in enumerate([(0.0, 0.0), (begins, ends)]):
        began = 5 + late
        pair.page(agent, began, page(KEY))
        pair.page(agent, max(began + 0.1, 5 + lasts + later), page(KEY, action=RESOLVE))
    await pair.run(300)
    assert (pair.opened, pair.ways[0].open) == (1, {})


@settings(max_examples=50)
@given(st.floats(1, 5), st.floats(1, 20), st.floats(0, 1))
@virtual
async def test_what_begins_again_is_not_resolved(lasts: float, peace: float, word: float) -> None:
    """An agent whose pages get through when the next fault burns does not end that one."""
    pair = Pair(([], ["hangs"] * 4), word)
    for agent in (0, 1):
        again = 1 + lasts + peace
        pair.page(agent, 1, page(KEY, "1"))
        pair.page(agent, 1 + lasts, page(KEY, "1", RESOLVE))
        pair.page(agent, again, page(KEY, "2"))
        pair.page(agent, again + 500, page(KEY, "2", RESOLVE))
    await pair.run(3000)
    assert [summaries[0] for _, summaries in pair.ways[0].closed] == ["1", "2"]
    assert pair.ways[0].open == {}
