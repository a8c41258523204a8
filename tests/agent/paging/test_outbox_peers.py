"""Agents that page the same: nobody is woken again for what is over, and nothing is lost by it."""

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.agent.paging.test_outbox import (
    DELIVERED,
    RESOLVE,
    RETRY,
    TRIGGER,
    Receiver,
    Sheet,
    page,
    run_for,
)
from tests.agent.paging.test_outbox_delivery import (
    DOWN,
    FATES,
    GIVES_UP,
    TroubledPagerDuty,
)
from tests.virtual import in_virtual_time
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.pages import Row
from vedette.agent.memory.statements import end
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.backoff import LONGEST_WAIT
from vedette.agent.paging.deduplication import AHEAD, HELD_FOR
from vedette.agent.paging.outbox import Ended, Outbox
from vedette.agent.paging.routing import Route, Routes
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters import webhook
from vedette.exporters.pace import Pace
from vedette.exporters.page import Action, Delivery, Outcome, Page

REJECTED = Delivery(outcome=Outcome.REJECTED, detail="400")
KEY = "k"
WORD = 1.0


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
def test_what_is_over_goes_out_only_while_nobody_is_known_to_have_told(
    plot, fates, word: float, down_at: float
) -> None:
    """In every order of troubles, of both agents and of PagerDuty:

    a trigger whose resolve was decided is sent half a minute later at the earliest, and only while
    its agent has heard of no trigger of the other's that was accepted since, or a minute before;
    one that is not sent at all is of a fault of which the other's trigger was accepted; every
    resolve is accepted, but that of such a fault which has begun again, and one after whose end the
    other's trigger was accepted; a trigger is sent again only after a resolve of the other's; and
    nothing is open in the end.
    """

    async def main() -> Pair:
        pair = Pair(fates, word, down_at)
        starts = accumulate((peace + fault + 3 for peace, fault, *_ in plot), initial=0.0)
        for number, (start, (peace, fault, begin, over)) in enumerate(
            zip(starts, plot, strict=False)
        ):
            for agent in (0, 1):
                began = start + peace + begin[agent]
                ended = max(began + 0.001, start + peace + fault + over[agent])
                pair.page(agent, began, page(KEY, str(number)))
                pair.page(agent, ended, page(KEY, str(number), RESOLVE))
        calls = sum(map(len, fates)) + 4 * len(plot)
        await pair.run(2000 + DOWN + calls * (GIVES_UP + LONGEST_WAIT + HELD_FOR))
        return pair

    pair = in_virtual_time(main())

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
        over_at = queued[RESOLVE, one.summary]
        if one.action is TRIGGER and at > over_at:
            since = queued[TRIGGER, one.summary] - AHEAD
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
            assert was_told(ended, pair.outboxes[1 - agent], ahead=0)


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


def was_told(superseded: Ended, other: Outbox, ahead: float = AHEAD) -> bool:
    """Whether the *other* agent's trigger was accepted since, or so long *ahead*."""
    return any(
        ended.row.page.action is TRIGGER
        and ended.delivery.outcome is Outcome.DELIVERED
        and ended.at >= superseded.row.queued_at - ahead
        for ended in other.ended
    )


@settings(max_examples=80)
@given(st.integers(1, 20), st.sampled_from(["hangs", "fails", "resets"]), st.floats(1, 300),
       st.floats(0, 10))  # fmt: skip
@example(1, "hangs", 9.5, 0.2)
def test_one_agents_trouble_wakes_nobody_twice(
    number: int, fate: str, lasts: float, word: float
) -> None:
    """Where one agent's pages are accepted at once, the other's trouble opens nothing again."""

    async def main() -> Pair:
        pair = Pair(([], [fate] * number), word)
        for agent in (0, 1):
            pair.page(agent, 1, page(KEY))
            pair.page(agent, 1 + lasts, page(KEY, action=RESOLVE))
        await pair.run(3000)
        return pair

    pair = in_virtual_time(main())

    assert pair.opened == 1
    assert [outbox.waiting for outbox in pair.outboxes] == [[], []]


def story(word_at: float | None, *, said: str = "pd", aged: float = 0.0) -> tuple[Receiver, Outbox]:
    """Play a fault of 5 s whose page hangs for 10 s; *word_at* a peer says it was accepted."""
    attempts = iter([RETRY])

    async def main() -> tuple[Receiver, Outbox]:
        loop, hearsay, sheet = asyncio.get_running_loop(), Hearsay(), Sheet()
        pager = Receiver(lambda *_: next(attempts, DELIVERED))
        outbox = Outbox([pager], Journal(sheet), now=loop.time)
        outbox.agree(hearsay, lambda *_: None, lambda _: True)
        outbox.add(page(KEY), 0.0)
        loop.call_at(5, lambda: outbox.add(page(KEY, action=RESOLVE), 5.0))
        if word_at is not None:
            loop.call_at(word_at, lambda: hearsay.hear("fra-1", said, KEY, word_at - aged, TRIGGER))
        send = pager.send

        async def slow(one: Page) -> Delivery:
            answer = await send(one)
            if answer is RETRY:
                await asyncio.sleep(GIVES_UP)
            return answer

        pager.send = slow
        await run_for(outbox.run(), 200)
        assert outbox.waiting == []
        assert [s for s in sheet.told if s == ending(outbox.ended[0])] != []
        return pager, outbox

    return in_virtual_time(main())


def ending(ended: Ended) -> object:
    """Return the statement by which the end of a page is kept."""
    return end(ended.row.id, ended.at, ended.delivery.outcome, ended.delivery.detail)


@pytest.mark.parametrize("word_at", [0.3, 7, 12, 34])
def test_what_a_peer_has_told_is_not_sent_when_it_is_over(word_at) -> None:
    """Once it is over and a peer has said so the trigger ends unsent; its resolve goes at once."""
    pager, outbox = story(word_at)

    assert [one.action for _, one in pager.asked] == [TRIGGER, RESOLVE]
    assert pager.asked[1][0] == pytest.approx(max(word_at, GIVES_UP), abs=0.1)
    trigger, _ = outbox.ended
    assert trigger.delivery == Delivery(outcome=Outcome.SUPERSEDED, detail="told by peer fra-1")
    assert outbox.delivered == {("pd", Outcome.SUPERSEDED): 1, ("pd", Outcome.DELIVERED): 1}


@pytest.mark.parametrize(
    "word", [{"word_at": None}, {"word_at": 7, "said": "mail"}, {"word_at": 7, "aged": 70}],
    ids=["none", "another pager's", "an older fault's"],
)  # fmt: skip
def test_what_nobody_has_told_goes_out_after_half_a_minute(word) -> None:
    """Without a word that fits, the pair goes out half a minute after the fault was over."""
    pager, outbox = story(**word)

    sent = [(at, one.action) for at, one in pager.asked[1:]]
    assert sent == [(pytest.approx(35, abs=0.2), TRIGGER), (pytest.approx(35, abs=0.2), RESOLVE)]
    assert outbox.delivered == {("pd", Outcome.DELIVERED): 2}


def restarted(word_at: float | None) -> Receiver:
    """Start with a pair that a former life has left behind."""

    async def main() -> Receiver:
        loop, hearsay = asyncio.get_running_loop(), Hearsay()
        rows = [Row(1, "pd", page(KEY), -900), Row(2, "pd", page(KEY, action=RESOLVE), -800)]
        pager = Receiver(lambda *_: DELIVERED)
        outbox = Outbox([pager], Journal(Sheet()), now=loop.time, former=Former(rows, last_row=2))
        outbox.agree(hearsay, lambda *_: None, lambda _: True)
        if word_at is not None:
            loop.call_at(word_at, lambda: hearsay.hear("fra-1", "pd", KEY, -890, TRIGGER))
        await run_for(outbox.run(), 100)
        return pager

    return in_virtual_time(main())


def test_a_restart_leaves_peers_time_to_say() -> None:
    """What is over and left of a former life is held from the start on, and ended by a word."""
    sent = [(at, one.action) for at, one in restarted(None).asked]
    assert sent == [(pytest.approx(30, abs=0.2), TRIGGER), (pytest.approx(30, abs=0.2), RESOLVE)]
    assert [one.action for _, one in restarted(3).asked] == [RESOLVE]


def test_what_was_never_tried_is_not_sent_either() -> None:
    """A trigger that waited for its turn until its fault was over is one like any other."""

    async def main() -> Receiver:
        loop, hearsay = asyncio.get_running_loop(), Hearsay()
        pager = Receiver(lambda *_: DELIVERED)
        pager.pace = Pace(1)
        outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
        outbox.agree(hearsay, lambda *_: None, lambda _: True)
        for one in (page("other"), page(KEY), page(KEY, action=RESOLVE), page("late")):
            outbox.add(one, 0.0)
        hearsay.hear("fra-1", "pd", KEY, 1.0, TRIGGER)
        await run_for(outbox.run(), 300)
        return pager

    sent = [(one.key, one.action) for _, one in in_virtual_time(main()).asked]
    assert sent == [("other", TRIGGER), ("late", TRIGGER), (KEY, RESOLVE)]


def test_only_what_is_over_is_left_out() -> None:
    """A trigger whose fault burns is sent, whatever peers say of it; so is the next fault's.

    Before that one goes no resolve of what a peer has told: it would end what the peer has opened.
    """

    async def main() -> Receiver:
        loop, hearsay = asyncio.get_running_loop(), Hearsay()
        pager = Receiver(lambda *_: DELIVERED)
        outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
        outbox.agree(hearsay, lambda *_: None, lambda _: True)
        hearsay.hear("fra-1", "pd", KEY, 0.0, TRIGGER)
        hearsay.hear("fra-1", "pd", "burns", 0.0, TRIGGER)
        for one in (page(KEY, "1"), page(KEY, "2", RESOLVE), page(KEY, "3"), page("burns", "4")):
            outbox.add(one, 0.0)
        await run_for(outbox.run(), 300)
        return pager

    assert sorted(one.summary for _, one in in_virtual_time(main()).asked) == ["3", "4"]


skews = st.floats(-2, 2)


@settings(max_examples=50)
@given(st.floats(0, 4), skews, skews, st.floats(0, 2))
def test_each_has_another_turn_with_what_is_over(
    lasts: float, begins: float, ends: float, word: float
) -> None:
    """Where the first pages of both got no answer until all was over, one of them tells it.

    They see beginning and end at most 2 s apart, and hear of each other within as long.
    """

    async def main() -> Pair:
        pair = Pair((["hangs"], ["hangs"]), word, turns=(0, 1))
        for agent, (late, later) in enumerate([(0.0, 0.0), (begins, ends)]):
            began = 5 + late
            pair.page(agent, began, page(KEY))
            pair.page(agent, max(began + 0.1, 5 + lasts + later), page(KEY, action=RESOLVE))
        await pair.run(300)
        return pair

    pair = in_virtual_time(main())
    assert (pair.opened, pair.ways[0].open) == (1, {})


@settings(max_examples=50)
@given(st.floats(1, 5), st.floats(1, 20), st.floats(0, 1))
def test_what_begins_again_is_not_resolved(lasts: float, peace: float, word: float) -> None:
    """An agent whose pages get through when the next fault burns does not end that one."""

    async def main() -> Pair:
        pair = Pair(([], ["hangs"] * 4), word)
        for agent in (0, 1):
            again = 1 + lasts + peace
            pair.page(agent, 1, page(KEY, "1"))
            pair.page(agent, 1 + lasts, page(KEY, "1", RESOLVE))
            pair.page(agent, again, page(KEY, "2"))
            pair.page(agent, again + 500, page(KEY, "2", RESOLVE))
        await pair.run(3000)
        return pair

    pair = in_virtual_time(main())
    assert [summaries[0] for _, summaries in pair.ways[0].closed] == ["1", "2"]
    assert pair.ways[0].open == {}


def burning(
    *ends: float,
    called: float | None = None,
    over_at: float | None = None,
    well: tuple[float, float] = (0, 0),
) -> Receiver:
    """Have a fault burn from 0 on, which a peer ends at a pager at *ends*, and *called* for.

    From the first to the second time of *well* it is not seen.
    """

    async def main() -> Receiver:
        loop, hearsay = asyncio.get_running_loop(), Hearsay()
        pager = Receiver(lambda *_: DELIVERED)
        outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
        outbox.agree(hearsay, lambda *_: None, lambda _: not well[0] <= loop.time() < well[1])
        outbox.add(page(KEY), 0.0)
        for at in ends:
            loop.call_at(at, hearsay.hear, "fra-1", "pd", KEY, at, RESOLVE)
        if called is not None:
            loop.call_at(called, hearsay.hear, "fra-1", "pd", KEY, called, TRIGGER)
        if over_at is not None:
            loop.call_at(over_at, lambda: outbox.add(page(KEY, action=RESOLVE), over_at))
        await run_for(outbox.run(), 300)
        assert outbox.waiting == []
        return pager

    return in_virtual_time(main())


def test_what_a_peer_has_ended_though_it_burns_is_called_for_again() -> None:
    """That is half a minute after each end."""
    asked = [(round(at), one.action) for at, one in burning(10, 100).asked]
    assert asked == [(0, TRIGGER), (40, TRIGGER), (130, TRIGGER)]


def test_a_call_again_is_another_page_and_says_why() -> None:
    """A receiver that drops what it has had before, as by the id of a webhook, takes each."""
    pages = [one for _, one in burning(10, 100).asked]
    assert len({webhook.encode(one) for one in pages}) == 3
    assert [("called_again" in one.details) for one in pages] == [False, True, True]
    assert len({one.summary for one in pages}) == 1


def test_a_call_that_is_refused_again_is_not_repeated() -> None:
    """A pager that refuses, or is gone from the config, is asked once for each end, and no more."""

    async def main() -> Receiver:
        loop, hearsay = asyncio.get_running_loop(), Hearsay()
        pager = Receiver(lambda *_: DELIVERED if loop.time() < 5 else REJECTED)
        outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
        outbox.agree(hearsay, lambda *_: None, lambda _: True)
        outbox.add(page(KEY), 0.0)
        loop.call_at(10, hearsay.hear, "fra-1", "pd", KEY, 10.0, RESOLVE)
        await run_for(outbox.run(), 300)
        return pager

    assert [round(at) for at, _ in in_virtual_time(main()).asked] == [0, 40]


@pytest.mark.parametrize(
    "story",
    [{"over_at": 39.0}, {"called": 12.0}, {"called": 39.0}],
    ids=["ended here too", "called by the peer", "called by another at its turn"],
)
def test_an_end_that_agents_see_at_different_times_is_one(story: dict[str, float]) -> None:
    """Within half a minute it is not called for again; nor where somebody has done so."""
    triggers = [one for _, one in burning(10, **story).asked if one.action is TRIGGER]
    assert len(triggers) == 1


@pytest.mark.parametrize(("well", "again_at"), [((8, 60), 60), ((8, 400), None), ((8, 20), 40)])
def test_only_what_is_seen_to_burn_is_called_for_again(well, again_at: float | None) -> None:
    """An agent that has not yet seen it well for long enough, as after a restart, wakes nobody."""
    _, *again = burning(10, well=well).asked
    assert [at for at, _ in again] == ([pytest.approx(again_at, abs=1.1)] if again_at else [])


def test_an_end_before_ones_own_call_is_no_end_of_it() -> None:
    """What a pager took after a peer's resolve stands there."""
    assert len(burning(-50).asked) == 1


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        ([(RESOLVE, 60.0), (TRIGGER, 80.0)], []),
        ([(TRIGGER, 80.0)], [95]),
        ([(RESOLVE, 60.0)], [95]),
        ([(TRIGGER, 0.5), (RESOLVE, 60.0)], [95]),
        ([(TRIGGER, 40.0), (RESOLVE, 60.0)], [95]),
    ],
    ids=["ended and called", "called", "ended", "as ours", "called before the end"],
)
def test_an_end_that_was_seen_late_ends_nothing_that_is_of_another_fault(words, ends) -> None:
    """An agent that stood still sees at 90 the end of what a peer has ended, and called for anew.

    It hears of that within five seconds. What then stands at the pager is the peer's to end.
    """

    async def main() -> Receiver:
        loop, hearsay = asyncio.get_running_loop(), Hearsay()
        pager = Receiver(lambda *_: DELIVERED)
        outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
        outbox.agree(
            hearsay,
            lambda *_: None,
            burns=lambda _: False,
            blind_at=lambda: 90.0 if loop.time() >= 90 else -math.inf,
        )
        outbox.add(page(KEY), 0.0)
        for action, at in words:
            loop.call_at(92, hearsay.hear, "fra-1", "pd", KEY, at, action)
        loop.call_at(90, lambda: outbox.add(page(KEY, action=RESOLVE), 90.0))
        await run_for(outbox.run(), 300)
        return pager

    ended_at = [at for at, one in in_virtual_time(main()).asked if one.action is RESOLVE]
    assert ended_at == pytest.approx(ends)


def test_a_late_resolve_ends_nothing_that_a_peer_has_opened_since() -> None:
    """One that could not be delivered is dropped once a peer says that it has called since."""

    async def main() -> tuple[Receiver, Outbox]:
        loop, hearsay = asyncio.get_running_loop(), Hearsay()
        pager = Receiver(lambda asked, *_: RETRY if 5 < loop.time() < 100 else DELIVERED)
        outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
        outbox.agree(hearsay, lambda *_: None, lambda _: True)
        outbox.add(page(KEY), 0.0)
        loop.call_at(10, lambda: outbox.add(page(KEY, action=RESOLVE), 10.0))
        loop.call_at(95, hearsay.hear, "fra-1", "pd", KEY, 94.0, TRIGGER)
        await run_for(outbox.run(), 300)
        return pager, outbox

    pager, outbox = in_virtual_time(main())
    assert [one.action for at, one in pager.asked if at > 95] == []
    assert [one.delivery.detail for one in outbox.ended[1:]] == ["called for by peer fra-1 since"]


@pytest.mark.parametrize(
    ("words", "backups", "tried_at"),
    [
        ([(TRIGGER, 0.5)], [], 30),
        ([(TRIGGER, -2)], [], 30),
        ([], [], 11),
        ([(TRIGGER, -5)], [], 11),
        ([(TRIGGER, -1), (RESOLVE, 0.2)], [], 11),
        ([(RESOLVE, -1), (TRIGGER, 0.2)], [], 30),
        ([(TRIGGER, 0.5)], [Route("mail", backup_of="pd")], 11),
    ],
    ids=[
        "a peer has called", "a peer has called before", "nobody has", "for another fault",
        "and ended it", "after another's end", "there is a second channel",
    ],
)  # fmt: skip
def test_a_retry_is_no_hurry_once_a_peer_has_called(words, backups, tried_at: float) -> None:
    """A trigger that hung goes out again half a minute after it was queued, if it still burns.

    By then the end that others may have seen already has been seen here as well. What a second
    channel would get instead is tried at once.
    """

    async def main() -> Receiver:
        loop, hearsay = asyncio.get_running_loop(), Hearsay()
        answers = iter([replace(RETRY, retry_after=1.0)])
        pager = Receiver(lambda *_: next(answers, DELIVERED))
        send = pager.send

        async def slow(one: Page) -> Delivery:
            answer = await send(one)
            await asyncio.sleep(GIVES_UP if answer is not DELIVERED else 0)
            return answer

        pager.send = slow
        routes = Routes([Route("pd"), *backups])
        outbox = Outbox([pager], Journal(Sheet()), now=loop.time, routes=routes)
        outbox.agree(hearsay, lambda *_: None, lambda _: True)
        outbox.add(page(KEY), 0.0)
        for action, at in words:
            loop.call_at(1, hearsay.hear, "fra-1", "pd", KEY, at, action)
        await run_for(outbox.run(), 100)
        return pager

    assert [at for at, _ in in_virtual_time(main()).asked] == pytest.approx([0, tried_at], abs=0.2)


BACK_AT, SEES_AT = 100.0, 110.0


def cut_off(
    called: Page, *, burns: bool | None, ends_at: float = 1e9
) -> list[tuple[float, Action]]:
    """Return what gets through of an agent that is cut off as it calls, and what it *burns* then.

    It is back at BACK_AT, sees again at SEES_AT, and holds the fault for over at *ends_at*.
    """

    async def main() -> Receiver:
        loop = asyncio.get_running_loop()
        pager = Receiver(lambda *_: RETRY if loop.time() < BACK_AT else DELIVERED)
        outbox = Outbox([pager], Journal(Sheet()), now=loop.time)

        def seen(_key: str) -> bool | None:
            return False if burns and loop.time() < SEES_AT else burns

        outbox.agree(
            Hearsay(), lambda *_: None, seen, blind_at=lambda: min(max(1.0, loop.time()), SEES_AT)
        )
        outbox.add(called, 0.0)
        end = replace(called, action=RESOLVE)
        loop.call_at(ends_at, lambda: outbox.add(end, ends_at))
        await run_for(outbox.run(), 1000)
        assert outbox.waiting == [] or ends_at > 1000
        return pager

    asked = in_virtual_time(main()).asked
    return [(at, one.action) for at, one in asked if at >= BACK_AT]


def test_who_was_cut_off_calls_late_for_what_it_still_sees() -> None:
    """It may be over, and others will have called: only what is seen to burn goes out, at once."""
    ((at, action),) = cut_off(page(KEY), burns=True)

    assert action is TRIGGER
    assert SEES_AT <= at <= SEES_AT + LONGEST_WAIT


def test_who_was_cut_off_wakes_nobody_for_what_is_over() -> None:
    """A fault that was over when sight came back is not called for, however long it takes."""
    assert cut_off(page(KEY), burns=False) == []
    assert [action for _, action in cut_off(page(KEY), burns=False, ends_at=700)] == [RESOLVE]


@pytest.mark.parametrize(
    ("called", "burns"),
    [(replace(page(KEY), diagnosis="vantage_blind"), False), (page(KEY), None)],
    ids=["its own blindness", "no incident"],
)
def test_what_is_no_matter_of_sight_goes_out_when_it_can(called: Page, burns: bool | None) -> None:
    """That it was cut off is for the agent itself to tell, and a roll-up is of no one incident."""
    ((at, action),) = cut_off(called, burns=burns)

    assert action is TRIGGER
    assert BACK_AT <= at <= BACK_AT + LONGEST_WAIT
