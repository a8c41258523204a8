"""What is kept: plans, looks in memory, incidents and pages on the disk, pages that wait."""

import asyncio
import tempfile
from pathlib import Path

from tests.agent.observations import seen
from tests.bench.growth import made
from tests.bench.growth.curve import Costs
from tests.bench.growth.timing import cpu_of, octets
from vedette.agent.alarms.incidents import Incident
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.memory.looks import KEPT
from vedette.agent.memory.pages import Row
from vedette.agent.memory.statements import end, keep_event, keep_incident, queue
from vedette.agent.memory.store import Store
from vedette.agent.paging.outbox import Outbox
from vedette.checks.finding import Kind
from vedette.exporters.page import Action, Delivery, Outcome, Page, Severity

_HOUR, _LATEST = 3600.0, 1_700_000_000.0
TIMING = Timing(every=10, timeout=5, hold=15, clear=600)


def page_of(key: str, action: Action = Action.TRIGGER) -> Page:
    """Return a page of a usual size."""
    return Page(
        key=key, action=action, severity=Severity.CRITICAL, summary="record_emptied: " + "x" * 100,
        service=key, diagnosis="record_emptied", subject="shop.example A", source="bench-1",
        began_at=_LATEST, details={"seen": ["authoritative servers answer nothing"] * 10},
    )  # fmt: skip


def plan(size: int) -> Costs:
    """Read a config of *size* checks, and build the agent."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "vedette.yaml"
        path.write_text(made.text(size))
        config = read(path)
        agents: list[Agent] = []
        reading = cpu_of(lambda: read(path), times=1 if size > 1000 else 3)
        before = octets()
        building = cpu_of(lambda: agents.append(Agent(config, path.parent)), times=1)
        taken = octets() - before
        agents[0].store.close()
    return {
        "reading": reading / size * 1e3,
        "building": building / size * 1e3,
        "memory": taken / size / 1e3,
    }


def ledger(size: int) -> Costs:
    """Keep the last looks of *size* checks, as many as are kept: memory, and taking one more."""
    keys = [CheckKey(f"service-{n // 10}", Kind.DNS, f"w{n}.example A") for n in range(size)]
    before, kept, now = octets(), Ledger(), 0.0

    def round_() -> None:
        nonlocal now
        now += 10
        for key in keys:
            look = seen(now, key=key, seconds=0.002, count=2, ttl=60)
            kept.add(key, TIMING, [look])

    for _ in range(KEPT):
        round_()
    memory = octets() - before
    return {"look": cpu_of(round_) / size * 1e6, "memory": memory / size / 1e3}


def remember(store: Store, size: int) -> list[Incident]:
    """Keep *size* incidents that ended, with two pages and ten events each; return some of them."""
    some, row = [], 0
    for number in range(size):
        at = _LATEST - (size - number) * 300.0
        service = f"service-{number % 100}"
        key, rule = f"vedette/{service}", f"{service}/dns/shop.example A/record_emptied"
        one = Incident(key, service, rule, at, {rule: at - 20}, ((rule, at),), at + 120)
        statements = [keep_incident(one)]
        for action, later in ((Action.TRIGGER, 0.0), (Action.RESOLVE, 120.0)):
            row += 1
            statements.append(queue(Row(row, "pagerduty", page_of(key, action), at + later)))
            statements.append(end(row, at + later + 1, Outcome.DELIVERED, "202"))
        for n in range(10):
            event = Event(
                at + n, service, "shop.example A", EventName.ANSWERS_CHANGED, "ns", {"n": str(n)}
            )
            statements.append(keep_event(event))
        store.write(statements)
        if number % max(1, size // 50) == 0:
            some.append(one)
    return some


def history(size: int) -> Costs:
    """Start beside *size* incidents of old, and show one of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "vedette.yaml"
        path.write_text(made.text(10))
        config, store = read(path), Store(folder / "state")
        store._db.execute("PRAGMA synchronous = OFF")
        some = remember(store, size)

        def shown() -> None:
            for one in some:
                assert one in store.incidents(one.opened_at, one.opened_at + 1.0, most=1000)
                assert store.sent(one)
                assert store.events(one.service, one.opened_at - _HOUR, one.opened_at + _HOUR)

        showing = cpu_of(shown) / len(some)
        listing = cpu_of(lambda: store.incidents(most=100))
        store.close()

        def start() -> None:
            Agent(config, folder).store.close()

        starting = cpu_of(start)
    return {"starting": starting * 1e3, "showing": showing * 1e3, "listing": listing * 1e3}


class _Sheet:
    """A store that keeps nothing."""

    path, frozen = Path("sheet"), False

    def write(self, statements: list[object]) -> None:
        """Keep nothing."""


class Taker:
    """A pager that takes all, one turn of the loop later."""

    name = "pagerduty"

    async def send(self, _page: Page) -> Delivery:
        """Take it."""
        await asyncio.sleep(0)
        return Delivery(outcome=Outcome.DELIVERED)

    async def close(self) -> None:
        """Hold nothing."""


async def delivered(size: int, action: Action = Action.TRIGGER) -> Outbox:
    """Have *size* pages of as many keys delivered, and return the outbox."""
    now = asyncio.get_running_loop().time
    outbox = Outbox([Taker()], Journal(_Sheet()), now=now)  # type: ignore[arg-type]
    for number in range(size):
        outbox.add(page_of(f"vedette/service-{number}", action), now())
    running = asyncio.create_task(outbox.run())
    while sum(outbox.delivered.values()) < size:  # noqa: ASYNC110 - it has no event for it
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    return outbox


def outbox(size: int) -> Costs:
    """Deliver *size* pages that waited: microseconds of one, to wake people and to resolve."""
    costs = {}
    for action in Action:
        cpu = cpu_of(lambda action=action: asyncio.run(delivered(size, action)), times=2)
        costs[str(action)] = cpu / size * 1e6
    return costs
