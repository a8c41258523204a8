"""An hour of an agent at 1,000 checks a second, among servers that fail: `make soak`.

Two agents that hear each other look at the same; the first, which is measured, looks at 1,000 names
and pages a second, the other at each twice a minute, and both each second at five services, of
which one fails at a time. Meanwhile pagers answer badly, the config is read again, the feed of
routes is cut and the disk is full. Exits with 1 where a fault was not paged exactly once and
resolved, where anything else was paged, or where something is not flat at the end.
docs/performance.md has the figures.
"""

import argparse
import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import aiohttp

from tests.bench.hour.agents import SAMPLES, Held
from tests.bench.hour.world import TIMES, World, world
from tests.servers.pagerduty import answers, garbles, hangs, resets
from vedette.checks.bgp.feed.times import Times

GROWTH = 12 << 20
"""Octets by which the agent may grow after a sixth of the time: 60 own looks of each check are
there by then, and what SQLite and a heap leave; of those of the other agent 20 are."""
PATIENCE = 120.0
"""Seconds that no page or resolve takes here: a pager that hangs is given up after 10, twice."""
SETTLING = 30.0
"""Seconds after which no connection is kept to a pager that was told something."""
LONG = 600.0
"""Seconds from which on a run is long enough for what is flat to be told from what grows."""
SCRAPED, VISITED = 15.0, 10.0
"""Seconds between two scrapes of /metrics, and between two visits of the status page."""
BAD_DAYS = (
    [answers(429, headers={"Retry-After": "1"})],
    [answers(500), answers(503)],
    [hangs],
    [resets, garbles],
)
"""What a page may meet at the pager before it is taken."""


@dataclass
class Story:
    """What happened: what was wrong, the seconds from faults to pages, and what befell us."""

    wrongs: list[str] = field(default_factory=list)
    paged: list[tuple[str, float]] = field(default_factory=list)
    besides: dict[str, int] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    early: Held | None = None
    late: Held | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    other: Mapping[str, float] = field(default_factory=dict)

    def count(self, what: str) -> None:
        """Note that it happened once more."""
        self.besides[what] = self.besides.get(what, 0) + 1


async def _until(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Wait for *condition*; return whether it came to hold."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
    return True


async def _until_none(find: Callable[[], Awaitable[Sequence[str]]]) -> bool:
    until = time.monotonic() + PATIENCE
    while await find():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.5)
    return True


class Hour:
    """One run; *dice* decide what comes next."""

    def __init__(self, world_: World, dice: random.Random, settling: float) -> None:
        self.world, self.dice, self.story = world_, dice, Story()
        self._settling = settling
        self._left: dict[str, list[str]] = {}
        self._cut_at = time.monotonic()

    async def run(self, seconds: float) -> Story:
        """Let things happen for so many seconds, and count before and after."""
        start = time.monotonic()
        await self._all_well()
        async with self._company():
            while time.monotonic() - start < seconds:
                if self.story.early is None and time.monotonic() - start >= seconds / 6:
                    self.story.early = await self._measured()
                await self._fault(*self._next())
                await self._besides()
            if self.world.grown:
                self.world.change_config()
            self.story.late = await self._measured()
            for agent in self.world.agents:
                if not await _until_none(agent.failing):
                    self._wrong(f"at the end these fail: {await agent.failing()}")
        self.story.metrics = await self.world.agent.metrics()
        self.story.other = await self.world.agents[1].metrics()
        return self.story

    async def _all_well(self) -> None:
        """Wait until everything was looked at once and is well."""
        until = time.monotonic() + PATIENCE
        while True:
            metrics = await self.world.agent.metrics()
            bad = sum(metrics.get(f"vedette_probe_state {v}", 0) for v in ("FAILING", "UNKNOWN"))
            if not bad and metrics.get("vedette_bgp_visibility_ratio") == 1:
                return
            if time.monotonic() > until:
                raise SystemExit(f"not well from the beginning: {bad:g} looks\n{self._log()}")
            await asyncio.sleep(0.5)

    def _next(self) -> tuple[str, str]:
        """Return a service and its fault: each comes once before one comes again.

        The services take turns: of one that fails again and again that is a warning of its own.
        """
        if not any(self._left.values()):
            self._left = {
                name: self.dice.sample(one.faults, len(one.faults))
                for name, one in self.world.victims.items()
            }
        most = max(map(len, self._left.values()))
        name = self.dice.choice([name for name, left in self._left.items() if len(left) == most])
        return name, self._left[name].pop()

    async def _fault(self, name: str, fault: str) -> None:
        """Have *fault* befall the service *name*: one incident, resolved once it is over."""
        pagerduty, victim = self.world.pagerduty, self.world.victims[name]
        known = len(pagerduty.incidents)
        if self.dice.random() < 0.3:
            pagerduty.script.extend(self.dice.choice(BAD_DAYS))
            self.story.count("bad answers of the pager")
        began = time.monotonic()
        victim.turn(fault)
        paged = await _until(lambda: len(pagerduty.incidents) > known)
        took = time.monotonic() - began
        await asyncio.sleep(self.dice.uniform(1, 4))
        victim.turn("")
        resolved = await _until(lambda: not pagerduty.open) if paged else False
        await asyncio.sleep(self.dice.uniform(1, 3))
        new = pagerduty.incidents[known:]
        keys = [one.dedup_key for one in new]
        if not paged or not resolved or keys != [f"vedette/{name}"]:
            summaries = [one.summary for one in new]
            self._wrong(f"{name} {fault}: paged {paged}, resolved {resolved}: {summaries}")
        self.story.paged.append((f"{name}: {fault}", took))
        print(f"{name}: {fault}: paged after {took:.1f} s: {[i.summary for i in new]}", flush=True)

    def _wrong(self, what: str) -> None:
        print(f"WRONG: {what}", flush=True)
        self.story.wrongs.append(what)

    async def _besides(self) -> None:
        """Have something befall the agent itself, which pages nobody; or nothing."""
        happens: dict[str, Callable[[], Awaitable[None]]] = {
            "quiet": self._quiet,
            "reload": self._reload,
        }
        # One that is cut again and again waits ever longer, which is worth a page.
        if time.monotonic() - self._cut_at > Times().settled + Times().retry:
            happens["feed cut"] = self._cut_feed
        if self.world.disk is not None:
            happens["disk full"] = self._fill_disk
        what = self.dice.choice(sorted(happens))
        known = len(self.world.pagerduty.incidents)
        self.story.count(what)
        await happens[what]()
        new = self.world.pagerduty.incidents[known:]
        if new:
            self._wrong(f"{what} was paged: {[one.summary for one in new]}")

    async def _quiet(self) -> None:
        await asyncio.sleep(self.dice.uniform(1, 8))

    async def _reload(self) -> None:
        before = (await self.world.agent.metrics())[_RELOADED]
        self.world.change_config()
        await self._sees(lambda m: m[_RELOADED] > before, "the config was not read again")

    async def _cut_feed(self) -> None:
        connections, self._cut_at = self.world.routes.connections, time.monotonic()
        await self.world.routes.drop()
        if not await _until(lambda: self.world.routes.connections >= connections + 2):
            self._wrong("an agent did not come back to the feed")
        whole = "vedette_bgp_visibility_ratio"
        await self._sees(lambda m: m.get(whole) == 1, "the feed was not followed again")

    async def _fill_disk(self) -> None:
        with self.world.full_disk():
            await asyncio.sleep(self.dice.uniform(2, 5))
        await self._sees(lambda m: m["vedette_store_failing"] == 0, "the state stays unkept")

    async def _sees(self, condition: Callable[[Mapping[str, float]], bool], why: str) -> None:
        until = time.monotonic() + PATIENCE
        while not condition(await self.world.agent.metrics()):
            if time.monotonic() > until:
                self._wrong(why)
                return
            await asyncio.sleep(0.5)

    async def _measured(self) -> Held:
        """Count what the agent holds, in its first config and with nothing on its way."""
        if self.world.grown:
            await self._reload()
        await asyncio.sleep(self._settling)
        held = await self.world.agent.held(SAMPLES if self._settling >= SETTLING else 4)
        print(f"held: {held}", flush=True)
        return held

    @asynccontextmanager
    async def _company(self) -> AsyncIterator[None]:
        """Have Prometheus, visitors, and a reader of events about, until the block ends."""
        async with aiohttp.ClientSession() as session:
            tasks = [
                asyncio.create_task(self._visit(session, "/metrics", SCRAPED)),
                asyncio.create_task(self._visit(session, "/", VISITED)),
                asyncio.create_task(self._listen(session)),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _visit(self, session: aiohttp.ClientSession, path: str, every: float) -> None:
        while True:
            try:
                async with session.get(self.world.agent.url + path) as response:
                    await response.read()
                    if response.status != 200:
                        self._wrong(f"{path} answered {response.status}")
            except aiohttp.ClientError:
                self.story.count("visits cut off")
            self.story.visits[path] = self.story.visits.get(path, 0) + 1
            await asyncio.sleep(every)

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        """Read the status page's events; a reload may end the stream."""
        forever = aiohttp.ClientTimeout(total=None)
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                url = self.world.agent.url + EVENTS
                async with session.get(url, timeout=forever) as response:
                    async for _ in response.content:
                        self.story.visits[EVENTS] = self.story.visits.get(EVENTS, 0) + 1
            await asyncio.sleep(1)

    def _log(self) -> str:
        return "\n".join(agent.output[-2000:] for agent in self.world.agents)


EVENTS = "/events"
_RELOADED = "vedette_config_last_reload_success_timestamp_seconds"
_LATE = "vedette_check_lateness_seconds_bucket"


def lateness(metrics: Mapping[str, float], share: float) -> str:
    """Return the bound in seconds within which that *share* of the rounds began."""
    buckets = {n.removeprefix(_LATE): v for n, v in metrics.items() if n.startswith(_LATE)}
    most = buckets["+Inf"]
    return min((le for le, n in buckets.items() if n >= share * most), key=float)


def left(story: Story, outputs: str, *, flat: bool) -> Iterator[str]:
    """Return what must not be; memory and the rest are held flat only if asked for."""
    yield from story.wrongs
    for metrics in (story.metrics, story.other):
        if metrics["vedette_internal_errors_total"]:
            yield f"{metrics['vedette_internal_errors_total']:g} internal errors"
    if "Traceback" in outputs:
        yield "there is a traceback in the log:\n" + outputs[outputs.index("Traceback") :][:3000]
    if not flat or story.early is None or story.late is None:
        return
    for what in ("descriptors", "sockets", "tasks"):
        before, after = getattr(story.early, what), getattr(story.late, what)
        if after > before:
            more = f" (more: {story.late.more(story.early)})" if what == "tasks" else ""
            yield f"{after} {what} at the end, {before} after a sixth{more}"
    if story.late.octets - story.early.octets > GROWTH:
        yield f"memory grew by {(story.late.octets - story.early.octets) / 2**20:.1f} MB"


def told(story: Story, seconds: float) -> Iterator[str]:
    """Return the figures in lines."""
    metrics = story.metrics
    looks, disturbed = (
        metrics[n] for n in ("vedette_check_runs_total", "vedette_looks_disturbed_total")
    )
    took = sorted(one for _, one in story.paged)
    yield (
        f"{seconds:.0f} s: {looks:,.0f} rounds of checks, {disturbed:,.0f} looks disturbed, "
        f"{metrics['vedette_check_ticks_skipped_total']:,.0f} ticks skipped; 99 of 100 rounds "
        f"began within {lateness(metrics, 0.99)} s, half within {lateness(metrics, 0.5)} s"
    )
    yield (
        f"{len(took)} faults, each paged: half within {median(took):.1f} s, all within "
        f"{took[-1]:.1f} s"
    )
    yield "besides: " + ", ".join(f"{n} {what}" for what, n in sorted(story.besides.items()))
    yield "asked for: " + ", ".join(f"{n} {what}" for what, n in sorted(story.visits.items()))
    yield f"after a sixth: {story.early}"
    yield f"at the end:    {story.late}"


async def soak(seconds: float, rate: int, seed: int, times: str = TIMES) -> tuple[Story, list[str]]:
    """Run an hour of so many *seconds*; return what happened, and what was wrong."""
    os.environ["VEDETTE_SOAK_TOKEN"] = "of two agents that hear each other"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chmod(folder, 0o755)  # noqa: PTH101 - nginx reads its files as somebody else
        async with world(folder, rate, times) as world_:
            settling = SETTLING if seconds >= LONG else 1.0
            story = await Hour(world_, random.Random(seed), settling).run(seconds)
            outputs = "\n".join(agent.output for agent in world_.agents)
    return story, list(left(story, outputs, flat=seconds >= LONG))


def main() -> int:
    """Run it and print the figures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak_hour", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--rate", type=int, default=1000, help="checks a second")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    print(f"seed {given.seed}, {given.rate} checks a second", flush=True)
    start = time.monotonic()
    story, wrongs = asyncio.run(soak(given.seconds, given.rate, given.seed))
    print(*told(story, time.monotonic() - start), *wrongs, sep="\n")
    print("held" if not wrongs else f"{len(wrongs)} wrong")
    return int(bool(wrongs))


if __name__ == "__main__":
    sys.exit(main())
