"""Each piece of work that has ceilings, done again and again in a process that does nothing else.

`python -m tests.costs.work NAME …` prints, by name, the figures of one operation as a line of JSON.
"""

import argparse
import asyncio
import json
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

from aiohttp import web

from tests.agent.observations import seen
from tests.bench.ris_live import OTHERS, WATCHED
from tests.bench.sample import run_on
from tests.checks.bgp.made import ORIGIN, update
from tests.costs.late import CHANGING
from tests.costs.meter import GAUGES, Meter
from vedette.agent.blackbox.handlers import Prober
from vedette.agent.blackbox.limits import lenient
from vedette.agent.blackbox.loaded import Loaded
from vedette.agent.blackbox.lookup import SystemResolver
from vedette.agent.blackbox.server import serve
from vedette.agent.clock import SteadyClock
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.memory.looks import KEPT
from vedette.agent.plan import Planned
from vedette.agent.serving.web import Metrics
from vedette.agent.surroundings import Surroundings
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.update import Announce, Withdraw
from vedette.checks.bgp.watch import Watch
from vedette.checks.bgp.wire.frames import parse
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.finding import Verdict
from vedette.checks.net import Endpoint

OPERATIONS, FIRST = 11, 5
"""How many operations a figure is taken of, and how many come before, to fill caches."""
CHECKS, EVERY = 100, 30
FRAMES = 100
_AGENT = """\
agent: {name: costs-1, domain: {provider: here}, listen: '127.0.0.1:9', state_dir: ./state}
services:
  - name: shop
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the servers are that the harness has started, and what is to be served."""

    names: str
    page: str
    secure_page: str
    trust: str
    """The file of who vouches for the secure page."""
    probe: str
    """Where to serve /probe."""


Once = Callable[[], Awaitable[None]]
Made = AbstractAsyncContextManager[Once]


@asynccontextmanager
async def _agent(services: str, around: Surroundings | None = None) -> AsyncIterator[Agent]:
    """Make an agent that watches *services*, in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "agent.yaml"
        path.write_text(_AGENT + services)
        agent = Agent(read(path), path.parent, around=around)
        yield agent
        await agent._close(agent._calendar())


@asynccontextmanager
async def _look(block: str) -> AsyncIterator[Once]:
    """Look once, and judge: one exchange with one server."""
    async with _agent(block) as agent:
        look = agent.plan.checks[0].check.looks()[0]

        async def once() -> None:
            finding = await look.once()
            assert finding.verdict is Verdict.OK, finding.detail

        yield once


def _dns(places: Places, name: str = "www.count.test") -> str:
    return f"    dns: [{{name: {name}, servers: ['{places.names}']}}]\n"


def _page(places: Places) -> str:
    return f"    http: [{{url: 'http://{places.page}/page'}}]\n"


def _secure_page(places: Places) -> str:
    url = f"https://{places.secure_page}/page"
    return f"    http: [{{url: '{url}', ca_file: '{places.trust}'}}]\n"


@asynccontextmanager
async def _start(_: Places) -> AsyncIterator[Once]:
    """Start an agent from its config, and end it."""
    services = "    dns:\n" + "".join(
        f"      - {{name: w{n}.count.test, servers: [192.0.2.1]}}\n" for n in range(10)
    )

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "agent.yaml"
        path.write_text(_AGENT + services)

        async def once() -> None:
            agent = Agent(read(path), path.parent)
            await agent._close(agent._calendar())

        yield once


@asynccontextmanager
async def _check(places: Places) -> AsyncIterator[Once]:
    """Run a whole check: look, observation, ledger, last-known-good, what others are called for."""
    async with _agent(_dns(places)) as agent:
        planned = agent.plan.checks[0]
        look = planned.check.looks()[0]
        _fill(agent, planned, agent.now(), place=look.place, subject=look.subject)
        yield partial(agent.lookout.look, planned)


def _fill(agent: Agent, planned: Planned, now: float, *, place: str, subject: str) -> None:
    """Fill the ledger: what it keeps from *now* on takes the place of something."""
    for number in range(KEPT):
        at = now + (number - KEPT) * EVERY
        look = seen(at, key=planned.key, place=place, subject=subject, seconds=0.05)
        agent.ledger.add(planned.key, planned.timing, [look])


class _Clock(SteadyClock):
    """A clock that is put forward by hand."""

    seconds = 1e9

    def now(self) -> float:
        return self.seconds


@asynccontextmanager
async def _watching() -> AsyncIterator[tuple[Agent, _Clock, Callable[[], None]]]:
    """Make an agent with many checks that are well; the call has the next thirtieth looked at."""
    services = "    dns:\n" + "".join(
        f"      - {{name: w{n}.count.test, servers: [192.0.2.1]}}\n" for n in range(CHECKS // 2)
    )
    services += "    http:\n" + "".join(
        f"      - {{url: 'http://w{n}.count.test/'}}\n" for n in range(CHECKS // 2)
    )
    clock = _Clock()
    async with _agent(services, Surroundings(clock=clock)) as agent:

        def second() -> None:
            clock.seconds += 1
            for number, planned in enumerate(agent.plan.checks):
                if number % EVERY == clock.seconds % EVERY:
                    looks = [seen(clock.seconds, key=planned.key, seconds=0.05)]
                    agent.ledger.add(planned.key, planned.timing, looks)

        for planned in agent.plan.checks:
            _fill(agent, planned, clock.seconds, place="authoritative", subject="192.0.2.1")
        for _ in range(2 * EVERY):
            second()
            agent.step()
        yield agent, clock, second


@asynccontextmanager
async def _quiet_second(_: Places) -> AsyncIterator[Once]:
    """Judge a second in which nothing changes, with the looks of that second."""
    async with _watching() as (agent, _clock, second):

        async def once() -> None:
            second()
            agent.step()

        yield once


@asynccontextmanager
async def _metrics(_: Places) -> AsyncIterator[Once]:
    """Write all metrics."""
    async with _watching() as (agent, _clock, _second):
        metrics = Metrics(agent)

        async def once() -> None:
            assert sum(map(len, metrics.lines())) > 100 * CHECKS

        yield once


@asynccontextmanager
async def _frames(_: Places) -> AsyncIterator[Once]:
    """Apply frames of RIS Live, of which a fourth is of a watched prefix and a tenth withdraws."""
    interest, texts = Interest(WATCHED), [*map(_frame, range(FRAMES))]
    routes = Routes(Watch(prefix, frozenset({ORIGIN})) for prefix in WATCHED)

    async def once() -> None:
        intake = Intake(lambda: 2000.0)
        for text in texts:
            events = parse(text, interest)
            intake.put([one for one in events if isinstance(one, Announce | Withdraw)])
            for one in intake.take(64):
                routes.apply(one, 2000.0)

    yield once


def _frame(number: int) -> str:
    prefix = (WATCHED + OTHERS)[number * 41 % 2000]
    if number % 10 == 0:
        frame = update(number % 40, 1000 + number / 100, withdrawn=[prefix])
    else:
        frame = update(number % 40, 1000 + number / 100, announced=[prefix])
        frame |= {"path": [64511, 100 + number % 300, ORIGIN], "community": [[64511, 1]] * 6}
    return json.dumps({"type": "ris_message", "data": frame})


async def _drive(made: Made, meter: Meter) -> None:
    """Do the work until the meter has its figures."""
    async with made as once:
        while not meter.is_over:
            meter.start()
            await once()
            await asyncio.sleep(0)  # what a closed connection leaves to be done
            meter.stop()


MODULE = """\
modules:
  name:
    prober: dns
    dns: {query_name: www.count.test, query_type: A, transport_protocol: udp}
"""


class _Marked(Prober):
    """`/probe`, which is counted from one scrape's arrival to the next one's."""

    meter: Meter

    async def probe(self, request: web.BaseRequest) -> web.Response:
        """Answer a scrape."""
        self.meter.stop()
        self.meter.start()
        if self.meter.is_over:
            signal.raise_signal(signal.SIGTERM)
        return await super().probe(request)


async def _serve(place: str, meter: Meter) -> None:
    """Serve /probe at *place*, of which the fewest results are kept, until the meter has all."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "blackbox.yml"
        file.write_text(MODULE)
        clock = SteadyClock()
        prober = _Marked(
            Loaded(file, clock.now),
            resolve=SystemResolver().resolve,
            permit=lenient([], []),
            now=clock.now,
            history=4,
        )
        prober.meter = meter
        host, _, port = place.rpartition(":")
        await serve(prober, [Endpoint(host, int(port))], "", 0.0)


PROBE = "/probe, DNS"
STARTED = "agent of 10 checks, started"
"""Keeps some blocks for a while: open() leaves names in the interpreter's cache of attributes."""
WORK: Mapping[str, Callable[[Places], Made]] = {
    STARTED: _start,
    "DNS look": lambda places: _look(_dns(places)),
    "DNS look, new answers": lambda places: _look(_dns(places, CHANGING)),
    "DNS check, whole": _check,
    "HTTP look": lambda places: _look(_page(places)),
    "HTTPS look": lambda places: _look(_secure_page(places)),
    "quiet second, 100 checks": _quiet_second,
    "/metrics, 100 checks": _metrics,
    "100 RIS Live frames": _frames,
}


async def _all(names: Sequence[str], gauges: str, places: Places) -> None:
    """Do one work after the other, and print their figures."""
    figures = {}
    for name in names:
        meter = Meter(GAUGES[gauges](), OPERATIONS, FIRST)
        if name == PROBE:
            await _serve(places.probe, meter)
        else:
            await _drive(WORK[name](places), meter)
        figures[name] = {**meter.figures}
    if STARTED in figures:
        figures[STARTED].pop("blocks_kept", None)
    print(json.dumps(figures))


def main() -> None:
    """Read the command line and work."""
    parser = argparse.ArgumentParser()
    parser.add_argument("works", nargs="+", choices=[*WORK, PROBE])
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--gauges", choices=GAUGES, default="memory")
    for field in fields(Places):
        parser.add_argument(f"--{field.name}", required=True)
    options = parser.parse_args()
    places = Places(*(getattr(options, field.name) for field in fields(Places)))
    run_on(options.loop, _all(options.works, options.gauges, places))


if __name__ == "__main__":
    main()
