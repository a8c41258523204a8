"""Where pages go when there are several ways: routes, second channels, limits, and former lives."""

import asyncio

import pytest

from tests.agent.paging.desk import (
    DELIVERED,
    REJECTED,
    RESOLVE,
    RETRY,
    Forgetful,
    Receiver,
    delivered,
    lives,
    page,
)
from tests.virtual import virtual
from vedette.agent.memory.pages import Row, Told
from vedette.agent.paging.announcing import announce
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.routing import Route, Routes
from vedette.exporters.pace import Pace
from vedette.exporters.page import Delivery, Outcome, Severity

BACKED = Routes([Route("first"), Route("second", backup_of="first")])


def pair(first: Receiver, second: Receiver | None = None) -> tuple[Receiver, Receiver]:
    first.name = "first"
    other = second or Receiver(lambda *_: DELIVERED)
    other.name = "second"
    return first, other


@pytest.mark.parametrize(
    ("answer", "told_at", "waiting"),
    [(RETRY, 60, ["first"]), (None, 60, ["first"]), (REJECTED, 0, [])],
    ids=["retry", "silence", "refused"],
)
def test_a_second_channel_is_told_after_a_minute_or_a_refusal(
    answer: Delivery | None, told_at: float, waiting: list[str]
) -> None:
    """What the first pager has not accepted within 60 s, or never will, goes to its second."""
    first, second = pair(Receiver(lambda *_: answer))
    outbox = delivered(first, second, pages=[page()], routes=BACKED)

    assert [at for at, _ in second.asked] == pytest.approx([told_at], abs=0.2)
    assert [w.row.pager for w in outbox.waiting] == waiting


def test_a_second_channel_sleeps_while_all_is_well() -> None:
    """What is accepted in time goes nowhere else."""
    first, second = pair(Receiver(lambda _, n: DELIVERED if n > 3 else RETRY))
    delivered(first, second, pages=[page(), page(action=RESOLVE)], routes=BACKED)

    assert second.asked == []


@pytest.mark.parametrize("ends_at", [30.0, 200.0])
def test_a_resolve_goes_wherever_a_trigger_went(ends_at: float) -> None:
    """The end reaches both channels behind its trigger, whenever it comes."""
    first, second = pair(Receiver(lambda _, n: DELIVERED if n > 30 else RETRY))
    plot = [(0.0, page()), (ends_at, page(action=RESOLVE))]
    lives((first, second), plot, 5000.0, routes=BACKED)

    for one in (first, second):
        assert list(dict.fromkeys(p.action for _, p in one.asked)) == [page().action, RESOLVE]


def test_a_resolve_follows_a_changed_route() -> None:
    """A page that got graver went to more pagers: its end goes to all, whatever its severity."""
    pager, grave = Receiver(lambda *_: DELIVERED, "all"), Receiver(lambda *_: DELIVERED, "grave")
    routes = Routes([Route("all"), Route("grave", None, frozenset({Severity.CRITICAL}))])
    plot = [
        (0.0, page(severity=Severity.WARNING)),
        (10.0, page(severity=Severity.CRITICAL)),
        (20.0, page(severity=Severity.WARNING, action=RESOLVE)),
    ]
    lives((pager, grave), plot, routes=routes)

    assert [p.action for _, p in grave.asked] == [page().action, RESOLVE]
    assert len(pager.asked) == 3


def test_second_channels_have_second_channels() -> None:
    """Where the second channel does not accept either, the third is told a minute later."""
    dead = [Receiver(lambda *_: RETRY, name) for name in ("first", "second")]
    third = Receiver(lambda *_: DELIVERED, "third")
    routes = Routes([Route("first"), Route("second", backup_of="first"),
                     Route("third", backup_of="second")])  # fmt: skip
    delivered(*dead, third, pages=[page()], routes=routes)

    assert [at for at, _ in third.asked] == pytest.approx([120], abs=0.5)


def test_a_second_channel_is_not_told_again_after_a_restart() -> None:
    """What went to the second channel in a former life is not its business in the next."""
    first, second = pair(Receiver(lambda *_: RETRY))
    rows = [Row(1, "first", page(), -500.0, backed=True), Row(2, "first", page("new"), -500.0)]
    told = [Told("first", page(), None), Told("second", page(), "delivered"),
            Told("first", page("new"), None)]  # fmt: skip
    delivered(first, second, former=Former(rows, told, last_row=3), routes=BACKED)

    assert [one.key for _, one in second.asked] == ["new"]


class Paced(Receiver):
    """A pager that may be asked ten times a minute."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.pace = Pace(10)


def test_a_pagers_limit_is_kept_and_triggers_go_first() -> None:
    """No minute has more calls than the pager is good for, and calls for help use them up."""
    pager = Paced(lambda *_: DELIVERED)
    ends = [page(f"r{i}", action=RESOLVE) for i in range(25)]
    delivered(pager, pages=[*ends, *(page(f"t{i}") for i in range(25))])

    times = [at for at, _ in pager.asked]
    assert len(times) == 50
    assert all(
        later - sooner >= 60 - 1e-6 for sooner, later in zip(times, times[10:], strict=False)
    )
    assert [one.key[0] for _, one in pager.asked] == ["t"] * 25 + ["r"] * 25


def test_asked_to_wait_no_page_goes_out() -> None:
    """Retry-After is asked of the agent, not of one page."""
    busy = Delivery(outcome=Outcome.RETRY, retry_after=30.0)
    pager = Receiver(lambda *_: busy if len(pager.asked) == 1 else DELIVERED)
    lives([pager], [(0.0, page("a")), (10.0, page("b"))])

    assert [at for at, _ in pager.asked] == pytest.approx([0, 30, 30], abs=0.2)


def test_what_stands_is_told_again() -> None:
    """A receiver that forgets is told every minute, beginning with what stood in a former life."""
    pager = Forgetful(lambda *_: DELIVERED)
    told = [
        Told("pd", page("stands"), "delivered"),
        Told("pd", page("over"), "delivered"),
        Told("pd", page("over", action=RESOLVE), "delivered", -70.0),
        Told("pd", page("left to a peer"), "delivered"),
        Told("pd", page("left to a peer", action=RESOLVE), "superseded"),
        Told("pd", page("end refused"), "delivered"),
        Told("pd", page("end refused", action=RESOLVE), "rejected"),
        Told("pd", page("refused"), "rejected"),
        Told("other", page("elsewhere"), "delivered"),
    ]
    delivered(pager, former=Former((), told), seconds=150)

    assert [one.key for one in pager.stood] == ["stands", "end refused"]
    assert [(one.key, at) for one, at in pager.ended] == [("over", -70.0)]
    assert [at for at, _ in pager.repeated] == pytest.approx([0, 60, 120], abs=0.2)


def test_what_nobody_was_told_of_is_told_at_the_next_start() -> None:
    """What stands and was refused, or was given to a pager that is gone, is queued again."""
    pager = Receiver(lambda *_: DELIVERED)
    told = [
        Told("pd", page("refused"), "rejected"),
        Told("gone", page("lost"), None),
        Told("pd", page("known"), "delivered"),
        Told("gone", page("known"), "rejected"),
        Told("pd", page("over"), "rejected"),
        Told("pd", page("over", action=RESOLVE), "rejected"),
        Told("pd", page("waits"), None),
    ]
    rows = [Row(1, "gone", page("lost"), 0.0), Row(2, "pd", page("waits"), 0.0)]
    delivered(pager, former=Former(rows, told, last_row=9))

    assert sorted(one.key for _, one in pager.asked) == ["lost", "refused", "waits"]


def test_the_resolve_of_a_former_life_goes_where_the_trigger_went() -> None:
    """After a restart an end reaches the second channel that had the page, and nobody else."""
    first, second = pair(Receiver(lambda *_: DELIVERED))
    lives(
        (first, second),
        [(1.0, page(action=RESOLVE))],
        routes=BACKED,
        former=Former((), [Told("first", page(), "rejected"), Told("second", page(), "delivered")]),
    )
    assert (len(first.asked), [p.action for _, p in second.asked]) == (0, [RESOLVE])


class Announcer(Receiver):
    """A pager that also takes changes, at the third try."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.told: list[tuple[float, str]] = []

    async def tell(self, change: str, source: str, at: float) -> Delivery:
        """Take note of a change."""
        self.told.append((asyncio.get_running_loop().time(), f"{source}: {change}"))
        return DELIVERED if len(self.told) == 3 else RETRY


@virtual
async def test_a_change_is_announced_to_who_takes_it() -> None:
    """A change is told where it is wanted, three times at most, half a minute apart."""
    pager, deaf = Announcer(lambda *_: DELIVERED), Receiver(lambda *_: DELIVERED, "deaf")
    clock = asyncio.get_running_loop().time
    await announce([deaf, pager], "new", "fra-1", clock)
    assert pager.told == [(at, "fra-1: new") for at in (0, 30, 60)]
