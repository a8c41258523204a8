"""What tests of pages on their way share: an outbox in virtual time, its pager, and a peer."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.statements import Statement
from vedette.agent.paging.arrears import NOTHING, Former
from vedette.agent.paging.outbox import Outbox
from vedette.agent.paging.routing import Routes
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters.page import Action, Delivery, Outcome, Page, Severity

TRIGGER, RESOLVE = Action
DELIVERED, RETRY, REJECTED, _ = (Delivery(outcome=outcome) for outcome in Outcome)


def meant(one: Page) -> tuple[str, Action, str]:
    """Return what tells a page from others, told late or not."""
    return one.key, one.action, one.summary.rpartition("told late: ")[2]


class Sheet:
    """A store in memory that remembers what it was told."""

    def __init__(self) -> None:
        self.path = Path("sheet")
        self.frozen = False
        self.told: list[Statement] = []

    def write(self, statements: list[Statement]) -> None:
        self.told.extend(statements)


class Receiver:
    """A pager that answers each attempt as *answer* says, and remembers when it was asked."""

    def __init__(self, answer: Callable[[Page, int], Delivery | None], name: str = "pd") -> None:
        self.name = name
        self.answer = answer
        self.asked: list[tuple[float, Page]] = []
        self.hangs_for = 0.0
        """Seconds that it takes for an attempt after which it asks for another."""

    async def send(self, page: Page) -> Delivery:
        """Answer at once, or never where the answer is None."""
        self.asked.append((asyncio.get_running_loop().time(), page))
        answer = self.answer(page, sum(meant(page) == meant(other) for _, other in self.asked))
        if answer is None:
            await asyncio.Event().wait()
        assert answer is not None
        if answer.outcome is Outcome.RETRY:
            await asyncio.sleep(self.hangs_for)
        return answer

    async def close(self) -> None:
        """Hold nothing."""

    @property
    def order(self) -> list[tuple[str, str]]:
        """Return the keys and summaries in the order in which they came."""
        return [(page.key, page.summary) for _, page in self.asked]


class Forgetful(Receiver):
    """A pager that must be told again every minute."""

    every = 60.0

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.stood: list[Page] = []
        self.ended: list[tuple[Page, float]] = []
        self.repeated: list[tuple[float, bool]] = []
        """When it was asked to repeat what stood, and whether anything did."""

    def stand(self, pages: Iterable[Page], ended: Iterable[tuple[Page, float]]) -> None:
        """Take over what stood, and what had ended."""
        self.ended += ended
        self.stood += pages

    def drop(self, key: str) -> None:
        """Note that it no longer stands."""
        self.stood = [one for one in self.stood if one.key != key]

    async def repeat(self) -> Delivery:
        """Note when it was asked."""
        self.repeated.append((asyncio.get_running_loop().time(), bool(self.stood)))
        return DELIVERED


def page(
    key: str = "k", summary: str = "", action: Action = TRIGGER, service: str = "s",
    severity: Severity = Severity.ERROR,
) -> Page:  # fmt: skip
    return Page(
        key=key, action=action, severity=severity, summary=summary, service=service,
        diagnosis="d", subject="x", source="v", began_at=0,
    )  # fmt: skip


@virtual
async def delivered(
    *pagers: Receiver, pages: Sequence[Page] = (), seconds: float = 1000.0, **more
) -> Outbox:
    """Run an outbox with *pages* for *seconds* and return it."""
    clock = asyncio.get_running_loop().time
    outbox = Outbox(pagers, Journal(Sheet()), now=clock, **more)
    for one in pages:
        outbox.add(one, clock())
    await run_for(outbox.run(), seconds)
    return outbox


async def run_for(work: Coroutine[Any, Any, None], seconds: float) -> None:
    task = asyncio.create_task(work)
    await asyncio.wait([task], timeout=seconds)
    assert not task.done(), task
    task.cancel()
    await asyncio.wait([task])


@virtual
async def lives(
    pagers: Iterable[Receiver], plot: Iterable[tuple[float, Page]], seconds: float = 1000.0, **more
) -> Outbox:
    """Run an outbox into which *plot* puts pages at its times."""
    loop = asyncio.get_running_loop()
    outbox = Outbox(list(pagers), Journal(Sheet()), now=loop.time, **more)
    for at, one in plot:
        loop.call_at(at, lambda one=one: outbox.add(one, loop.time()))
    await run_for(outbox.run(), seconds)
    return outbox


class Desk:
    """An agent with one pager, and a peer that says what it has told that pager, both of one key.

    *burns* says whether the agent sees what the key stands for fail.
    """

    def __init__(
        self,
        pager: Receiver | None = None,
        *,
        burns: Callable[[str], bool | None] = lambda _key: True,
        former: Former = NOTHING,
        routes: Routes | None = None,
        **agreed: Any,
    ) -> None:
        self.loop, self.sheet, self.hearsay = asyncio.get_running_loop(), Sheet(), Hearsay()
        self.pager = pager or Receiver(lambda *_: DELIVERED)
        self.outbox = Outbox(
            [self.pager], Journal(self.sheet), now=self.loop.time, former=former, routes=routes
        )
        self.outbox.agree(self.hearsay, lambda *_: None, burns, **agreed)

    def page(self, at: float, one: Page) -> None:
        """Decide on a page *at* a time."""
        if at > self.loop.time():
            self.loop.call_at(at, self.outbox.add, one, at)
        else:
            self.outbox.add(one, at)

    def hear(
        self, action: Action, at: float, heard_at: float | None = None, pager: str = "pd"
    ) -> None:
        """Hear *heard_at*, by default at once, that *pager* has taken the peer's *action* *at*."""
        when = at if heard_at is None else heard_at
        self.loop.call_at(when, self.hearsay.hear, "fra-1", pager, page().key, at, action)

    async def run(self, seconds: float) -> list[tuple[float, Action]]:
        """Deliver for so long; return what the pager was asked when."""
        await run_for(self.outbox.run(), seconds)
        return [(at, one.action) for at, one in self.pager.asked]
