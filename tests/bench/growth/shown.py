"""What is shown and told of many checks: metrics, votes, the status page, the talk with a peer."""

import asyncio
from collections.abc import Callable
from functools import partial

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.bench.growth.curve import Costs
from tests.bench.growth.made import agent, fill
from tests.bench.growth.timing import cpu_of
from vedette.agent.daemon import Agent
from vedette.agent.memory.ledger import Ledger
from vedette.agent.peers import wire
from vedette.agent.peers.offer import Offer
from vedette.agent.serving.votes import Votes
from vedette.agent.serving.web import Metrics
from vedette.agent.status import routes
from vedette.exporters.metrics import render, slices

_LINES_OF_CHECK = 45
"""About as many series as a DNS check with one server has, its alarms and votes among them."""


def metrics(size: int) -> Costs:
    """Write the metrics of about *size* series: milliseconds for 1,000 of them."""
    with agent(max(1, size // _LINES_OF_CHECK)) as made:
        fill(made)
        made.step()
        shown = Metrics(made)
        count = sum(line[:1] not in ("", "#") for line in shown.lines())
        cpu = cpu_of(lambda: [*slices(shown.lines())])
        rules = len(made.plan.rules)
        voted = cpu_of(partial(_vote, made))
    return {"series": cpu / count * 1e6, "votes": voted / rules * 1e6}


def _vote(made: Agent) -> None:
    """Judge all that a vantage may say for the first time, and write it."""
    votes = Votes(made.plan, "bench", "")
    for _ in votes.judged(made.ledger, made.now()):
        pass
    for _ in render(votes.families()):
        pass


def page(size: int) -> Costs:
    """Show the first page of *size* checks: all well, and a tenth of them failing."""
    costs = {}
    for name, failing in (("quiet", 0), ("failing", size // 10)):
        with agent(size) as made:
            fill(made, failing)
            made.step()
            costs[name] = cpu_of(asking(made)) / size * 1e6
    return costs


def asking(made: Agent) -> Callable[[], None]:
    """Return what asks for the first page once, and waits for it."""
    app, clock = web.Application(), [made.now()]
    made.now = lambda: clock[0]
    routes.add(app, made)
    (route, *_) = app.router["status"]

    async def ask() -> None:
        await route.handler(make_mocked_request("GET", "/"))

    def once() -> None:
        clock[0] += 2  # so that nothing is shared with the reader before
        asyncio.run(ask())

    return once


def exchange(size: int) -> Costs:
    """Tell a peer that comes anew of *size* checks: microseconds of a round, told and heard."""
    with agent(size) as made:
        fill(made)
        offer = Offer(made.config.agent, made.now)
        planned = {one.key: one for one in made.plan.checks}
        for one in planned.values():
            offer.tell(one, [series.last for series in made.ledger.of(one.key)])

        async def heard() -> None:
            ledger, cursor, more = Ledger(), "", True
            while more:
                document = wire.decode(await offer.answer(cursor, 0))
                for raw in document.rounds:
                    round_ = wire.decode_round(raw)
                    looks = wire.observations(round_, "peer")
                    ledger.add(round_.key, planned[round_.key].timing, looks)
                cursor, more = document.cursor, document.more
            assert sum(1 for _ in ledger) == size

        return {"round": cpu_of(lambda: asyncio.run(heard())) / size * 1e6}
