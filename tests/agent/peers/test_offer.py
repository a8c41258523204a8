"""What is told to who asks what is newer: all of it, once, at once, and never too much."""

import asyncio
from dataclasses import dataclass
from typing import cast

import pytest

from tests.virtual import virtual
from vedette.agent.config import AgentSettings, Domain
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.memory.pages import Accepted
from vedette.agent.peers import offer as offering
from vedette.agent.peers import wire
from vedette.agent.peers.offer import ACCEPTED_FOR, GATHERED, KEPT_FOR, MOST, Offer
from vedette.agent.plan import Planned
from vedette.checks.finding import Finding, Kind, Observation, Verdict
from vedette.exporters.page import Action

TRIGGER, RESOLVE = Action

AGENT = AgentSettings(name="fra-1", domain=Domain(provider="hetzner"))


@dataclass
class Only:
    """A planned check, as far as an offer looks at it."""

    key: CheckKey


class Talk:
    """An offer on the clock of a virtual loop, and what it answers."""

    def __init__(self) -> None:
        self.clock = asyncio.get_running_loop().time
        self.offer = Offer(AGENT, self.clock)

    def tell(self, check: str, subject: str = "s", facts: int = 0) -> None:
        key = CheckKey("shop", Kind.DNS, check)
        look = Observation(
            service="shop", check=check, kind=Kind.DNS, vantage="fra-1", subject=subject,
            place="name", finding=Finding(verdict=Verdict.OK, detail="x" * facts),
            started_at=self.clock() - 0.25, seconds=0.25,
        )  # fmt: skip
        self.offer.tell(cast("Planned", Only(key)), [look])

    async def ask(self, after: str = "", wait: float = 5) -> wire.Document:
        return wire.decode(await self.offer.answer(after, wait))

    async def all(self, after: str = "") -> tuple[list[str], str]:
        """Ask until there is no more; return the checks in order, and the cursor."""
        told: list[str] = []
        while True:
            answer = await self.ask(after, 0)
            told += [wire.decode_round(raw).check for raw in answer.rounds]
            after = answer.cursor
            if not answer.more:
                return told, after


@virtual
async def test_who_comes_first_is_told_the_present():
    """Without a cursor the newest round of each check is told, without waiting."""
    talk = Talk()
    talk.tell("a", "old")
    talk.tell("b")
    talk.tell("a", "new")
    answer = await talk.ask()
    rounds = [wire.decode_round(raw) for raw in answer.rounds]
    assert [(one.check, one.looks[0].subject) for one in rounds] == [("b", "s"), ("a", "new")]
    assert (answer.agent, answer.deployment, answer.held) == ("fra-1", "vedette", 0)


@virtual
async def test_every_round_is_told_once():
    """Who follows is told each round since, in order, also the older ones of one check."""
    talk = Talk()
    _, cursor = await talk.all()
    talk.tell("a")
    talk.tell("b")
    talk.tell("a")
    told, cursor = await talk.all(cursor)
    assert told == ["a", "b", "a"]
    assert await talk.all(cursor) == ([], cursor)


@virtual
async def test_news_are_told_at_once_and_gathered():
    """A kept question is answered as soon as there is news, with all that comes right after it."""
    talk = Talk()
    _, cursor = await talk.all()
    asked = asyncio.create_task(talk.ask(cursor))
    await asyncio.sleep(2)
    talk.tell("a")
    await asyncio.sleep(GATHERED / 2)
    talk.tell("b")
    answer = await asked
    assert len(answer.rounds) == 2
    assert talk.clock() == pytest.approx(2 + GATHERED)
    assert answer.held == pytest.approx(2 + GATHERED)


@virtual
async def test_an_empty_answer_is_a_sign_of_life():
    """Where nothing is seen, the answer comes at the end of the wait, with the same cursor."""
    talk = Talk()
    talk.tell("a")
    _, cursor = await talk.all()
    answer = await talk.ask(cursor, 5)
    assert (answer.rounds, answer.cursor, talk.clock()) == ((), cursor, pytest.approx(5))


@virtual
async def test_the_end_answers_what_was_kept():
    """Who closes the listener waits for nobody's question."""
    talk = Talk()
    _, cursor = await talk.all()
    asked = asyncio.create_task(talk.ask(cursor))
    await asyncio.sleep(1)
    talk.offer.end()
    assert (await asked).rounds == ()
    assert talk.clock() == pytest.approx(1)
    assert (await talk.ask(cursor)).rounds == ()
    assert talk.clock() == pytest.approx(1)


@virtual
async def test_ages_count_until_the_answer_is_written():
    """A look that ended two seconds before the answer is told to be two seconds old."""
    talk = Talk()
    talk.tell("a")
    await asyncio.sleep(2)
    answer = await talk.ask()
    (look,) = wire.decode_round(answer.rounds[0]).looks
    assert (look.age, look.seconds) == (pytest.approx(2), 0.25)


@virtual
async def test_who_was_away_for_long_is_told_the_present():
    """What is no longer kept round by round is told by its newest, and what came since too."""
    talk = Talk()
    talk.tell("a", "first")
    _, cursor = await talk.all()
    talk.tell("a", "lost")
    talk.tell("b")
    await asyncio.sleep(KEPT_FOR + 1)
    talk.tell("a", "last")
    answer = await talk.ask(cursor)
    rounds = [wire.decode_round(raw) for raw in answer.rounds]
    assert [(one.check, one.looks[0].subject) for one in rounds] == [("b", "s"), ("a", "last")]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "-",
        "x",
        "0000-1",
        "{}-x",
        "{}--1",
        "{}-99",
        "{}-²",
        "{}-1",
        "{}-1-1",
        "{}-2-0",
        "{}-1-x",
        "{}-1-0-0",
        "{}-1--0",
        "0000-1-0",
        "{}-1-²",
        "{}-" + 5000 * "1" + "-0",
    ],
)
@virtual
async def test_an_odd_cursor_asks_for_the_present(cursor):
    """A cursor of another life, of the future, or none at all is no error."""
    talk = Talk()
    talk.tell("a")
    answer = await talk.ask()
    run = answer.cursor.partition("-")[0]
    assert len((await talk.ask(cursor.format(run))).rounds) == 1


def accepted(answer: wire.Document) -> list[tuple[str, str]]:
    """Return what pagers took, as an answer says."""
    return [(one.pager, one.key) for one in wire.decode_accepted(answer.accepted)]


@virtual
async def test_what_a_pager_accepted_is_told_once_and_at_once():
    """A kept question is answered with it, though nothing was seen; and it has its age."""
    talk = Talk()
    talk.tell("a")
    _, cursor = await talk.all()
    asked = asyncio.create_task(talk.ask(cursor))
    await asyncio.sleep(2)
    talk.offer.accept("oncall", "vedette/shop", TRIGGER)
    answer = await asked
    assert talk.clock() == pytest.approx(2 + GATHERED)
    (one,) = wire.decode_accepted(answer.accepted)
    assert (one.pager, one.key) == ("oncall", "vedette/shop")
    assert one.age == pytest.approx(GATHERED)
    assert answer.rounds == ()
    talk.tell("b")
    talk.offer.accept("mail", "vedette/shop", TRIGGER)
    later = await talk.ask(answer.cursor)
    assert (accepted(later), len(later.rounds)) == ([("mail", "vedette/shop")], 1)
    assert accepted(await talk.ask(later.cursor, 0)) == []
    assert len(accepted(await talk.ask(answer.cursor))) == 1  # whose answer was lost asks again


@virtual
async def test_an_end_that_a_pager_accepted_is_told_apart():
    """Triggers are told as such, and resolves as resolves, each once and in order."""
    talk = Talk()
    for key, action in (("a", TRIGGER), ("a", RESOLVE), ("b", TRIGGER), ("c", RESOLVE)):
        talk.offer.accept("oncall", key, action)
    answer = await talk.ask()
    assert accepted(answer) == [("oncall", "a"), ("oncall", "b")]
    assert [one.key for one in wire.decode_accepted(answer.resolved)] == ["a", "c"]
    later = await talk.ask(answer.cursor, 0)
    assert (accepted(later), [*wire.decode_accepted(later.resolved)]) == ([], [])


@virtual
async def test_what_was_accepted_of_late_is_told_to_who_comes():
    """Who has no cursor is told of the last day, and of a thousand keys at most."""
    talk = Talk()
    for action in (TRIGGER, RESOLVE):
        talk.offer.accept("oncall", "old", action)
    await asyncio.sleep(ACCEPTED_FOR / 2)
    talk.offer.accept("oncall", "new", TRIGGER)
    assert accepted(await talk.ask()) == [("oncall", "old"), ("oncall", "new")]
    await asyncio.sleep(ACCEPTED_FOR / 2 + 1)
    assert accepted(await talk.ask()) == [("oncall", "new")]
    for number in range(wire.MOST_ACCEPTED + 1):
        talk.offer.accept("oncall", f"k{number}", TRIGGER)
    told = accepted(await talk.ask())
    assert [key for _, key in told] == [f"k{n + 1}" for n in range(wire.MOST_ACCEPTED)]


@virtual
async def test_who_was_dead_for_hours_hears_what_is_over():
    """Else it would wake people for what it could not deliver before, and others have ended."""
    talk = Talk()
    for action in (TRIGGER, RESOLVE):
        talk.offer.accept("oncall", "over", action)
    await asyncio.sleep(12 * 3600)
    answer = await talk.ask()
    assert accepted(answer) == [("oncall", "over")]
    (ended,) = wire.decode_accepted(answer.resolved)
    assert (ended.key, ended.age) == ("over", pytest.approx(12 * 3600, abs=1))


@virtual
async def test_a_call_that_stands_is_told_until_it_is_over():
    """Who was cut off for hours hears of it with its age, and of one that has ended nothing."""
    talk = Talk()
    before = await talk.ask()
    for key in ("over", "stands"):
        talk.offer.accept("oncall", key, TRIGGER)
    talk.offer.accept("oncall", "over", RESOLVE)
    await asyncio.sleep(9 * ACCEPTED_FOR)
    for cursor in ("", before.cursor):
        (told,) = wire.decode_accepted((await talk.ask(cursor)).accepted)
        assert (told.key, told.age) == ("stands", pytest.approx(9 * ACCEPTED_FOR, abs=1))
    talk.offer.accept("oncall", "stands", RESOLVE)
    assert accepted(await talk.ask()) == []


@virtual
async def test_a_page_that_is_told_anew_again_and_again_hides_no_other():
    """Who comes hears its newest, once, and of all others: a storm is told each minute for days."""
    talk = Talk()
    talk.offer.accept("oncall", "over", RESOLVE)
    for _ in range(2 * wire.MOST_ACCEPTED):
        await asyncio.sleep(1)
        talk.offer.accept("oncall", "storm", TRIGGER)
    answer = await talk.ask()

    assert [one.key for one in wire.decode_accepted(answer.resolved)] == ["over"]
    (told,) = wire.decode_accepted(answer.accepted)
    assert (told.key, told.age) == ("storm", 0)


@virtual
async def test_what_was_accepted_in_a_former_life_is_told_as_well():
    """A restart forgets no trigger of the last day; the newest thousand are told."""
    talk = Talk()
    await asyncio.sleep(2 * ACCEPTED_FOR)
    now = talk.clock()
    ages = {"old": ACCEPTED_FOR + 1, "new": ACCEPTED_FOR - 1}
    former = [Accepted("oncall", key, now - age) for key, age in ages.items()]
    talk.offer = Offer(AGENT, talk.clock, [*former, Accepted("oncall", "old", now, RESOLVE)])
    talk.offer.accept("mail", "now", TRIGGER)
    answer = await talk.ask()
    told = [(one.key, one.age) for one in wire.decode_accepted(answer.accepted)]
    assert told == [("new", pytest.approx(ages["new"])), ("now", pytest.approx(0))]
    assert accepted(await talk.ask(answer.cursor, 0)) == []
    many = [Accepted("oncall", f"k{n}", now) for n in range(wire.MOST_ACCEPTED + 1)]
    talk.offer = Offer(AGENT, talk.clock, many)
    assert [key for _, key in accepted(await talk.ask())] == [one.key for one in many[1:]]


@virtual
async def test_much_is_told_in_parts():
    """A thousand checks, and rounds of many octets, come in several documents, none twice."""
    talk = Talk()
    for number in range(2 * MOST + 1):
        talk.tell(f"c{number}")
    for number in range(10):
        talk.tell(f"large{number}", facts=offering.ENOUGH // 4)
    first = await talk.ask()
    assert first.more
    assert len(first.rounds) == MOST
    told, _ = await talk.all()
    assert told == [f"c{n}" for n in range(2 * MOST + 1)] + [f"large{n}" for n in range(10)]


@virtual
async def test_one_round_that_is_too_large_costs_itself(caplog):
    """It is left out, which is logged once, and all others are told."""
    talk = Talk()
    for _ in range(2):
        talk.tell("a")
        talk.tell("large", facts=wire.LARGEST_ROUND)
        talk.tell("b")
        told, _ = await talk.all()
        assert told == ["a", "b"]
    assert [record.message[:21] for record in caplog.records] == ["what large of shop sa"]
