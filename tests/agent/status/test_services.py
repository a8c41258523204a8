"""How services stand: what is not well first, everything counted, and no turn too long."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from tests.agent.observations import TIMING, seen
from vedette.agent.memory.ledger import CheckKey, Ledger, Series
from vedette.agent.status.services import ROWS, standings, subjects
from vedette.agent.status.turns import STEP
from vedette.checks.finding import Kind, Verdict


def keys(service: str, count: int) -> list[CheckKey]:
    return [CheckKey(service, Kind.DNS, f"w{n} A") for n in range(count)]


def look(ledger: Ledger, key: CheckKey, *verdicts: Verdict) -> None:
    looks = [seen(0.0, one, key=key, subject=f"s{n}") for n, one in enumerate(verdicts)]
    ledger.add(key, TIMING, looks)


async def test_the_worst_service_first() -> None:
    """Failing services come before unknown ones, these before what is well, each by name."""
    ledger, checks = Ledger(), {name: keys(name, 1) for name in ("a", "b", "c", "d", "e")}
    look(ledger, checks["a"][0], Verdict.OK)
    look(ledger, checks["b"][0], Verdict.OK, Verdict.UNKNOWN)
    look(ledger, checks["c"][0], Verdict.OK, Verdict.FAILING)
    look(ledger, checks["e"][0], Verdict.FAILING)
    found = await standings(checks, ledger, 1.0)

    assert [one.name for one in found] == ["c", "e", "b", "d", "a"]
    assert [one.unseen for one in found] == [0, 0, 0, 1, 0]


async def test_few_rows_and_all_counted() -> None:
    """A service shows a few of its worst subjects, the failing first, and counts the others."""
    ledger, checks = Ledger(), {"a": keys("a", 50)}
    for key in checks["a"]:
        look(ledger, key, Verdict.UNKNOWN, Verdict.OK, Verdict.FAILING)
    (found,) = await standings(checks, ledger, 1.0)

    assert len(found.rows(1.0)) == ROWS
    assert {row.verdict for row in found.rows(1.0)} == {Verdict.FAILING}
    assert found.more == 100 - ROWS
    assert found.counts == {Verdict.FAILING: 50, Verdict.UNKNOWN: 50, Verdict.OK: 50}


async def test_pages_of_subjects() -> None:
    """Every subject stands on exactly one page, and a page that is not there is the last one."""
    ledger, some = Ledger(), keys("a", 25)
    for key in some:
        look(ledger, key, Verdict.OK)
    pages = [await subjects(some, ledger, 1.0, number, 10) for number in (1, 2, 3)]
    names = [row.check for page in pages for row in page.rows]

    assert sorted(names) == sorted(key.check for key in some)
    assert (await subjects(some, ledger, 1.0, 99, 10)).rows == pages[2].rows
    assert pages[0].pages == 3


class Watched(Ledger):
    """A ledger that counts what is read of it in each turn of the loop."""

    turn = 0

    def __init__(self) -> None:
        super().__init__()
        self.read = Counter[int]()

    def of(self, key: CheckKey) -> Sequence[Series]:
        self.read[self.turn] += 1
        return super().of(key)

    async def count(self) -> None:
        while True:
            self.turn += 1
            await asyncio.sleep(0)


async def test_others_get_their_turns() -> None:
    """Of ten thousand checks no turn of the loop reads more than a step has."""
    ledger = Watched()
    checks = {f"s{n}": keys(f"s{n}", 10) for n in range(1000)}
    counting = asyncio.create_task(ledger.count())
    await asyncio.sleep(0)
    await standings(checks, ledger, 1.0)
    counting.cancel()

    assert ledger.read.total() == 10_000
    assert max(ledger.read.values()) <= STEP
