"""The agent: builds the parts, connects them, and keeps them running until it is told to stop."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from vedette.agent.cadence import keep, phase
from vedette.agent.clock import SteadyClock
from vedette.agent.config import Config
from vedette.agent.engine import Engine, Step, without_dates
from vedette.agent.events import Event, EventName, events_of
from vedette.agent.journal import Journal
from vedette.agent.lastgood import Configuration, LastKnownGood, newest_first
from vedette.agent.ledger import Ledger
from vedette.agent.outbox import Outbox
from vedette.agent.plan import Plan, Planned, make
from vedette.agent.runner import look_all
from vedette.agent.secrets import pagers
from vedette.agent.store import (
    Statement,
    Store,
    StoreError,
    keep_alarm,
    keep_baseline,
    keep_configurations,
    keep_event,
    keep_generations,
    keep_incident,
)
from vedette.agent.telemetry import Counts
from vedette.agent.wording import Witness, page
from vedette.checks.bgp.feed import RisLiveFeed
from vedette.checks.finding import Kind

log = logging.getLogger(__name__)

VERSION = version("vedette")
STEP_EVERY = 1.0
KEPT_FOR = 40 * 86400.0
# A look ends by itself at its timeout; this much later the runner ends it.
GRACE = 2.0
# After a bug ended some work, it is begun again this much later.
PAUSE = 5.0

Work = Callable[[], Awaitable[None]]


class Agent:
    """One vantage, whole; *folder* is where the config file stands.

    *text* is what that file said: it is kept once the agent has worked well with it.
    """

    def __init__(self, config: Config, folder: Path, text: str | None = None) -> None:
        clock = SteadyClock()
        self.now = clock.now
        self.config = config
        self.folder = folder
        self.store = Store(folder / config.agent.state_dir)
        self.journal = Journal(self.store)
        self.ledger = Ledger()
        self.counts = Counts()
        self.good = LastKnownGood(
            self.store.last_known_good(), after=config.agent.last_known_good_after
        )
        self.plan: Plan = make(config, folder, self.good, self.now)
        for feed in self.plan.feeds:
            self._restore(feed)
        self.engine = Engine(
            deployment=config.agent.deployment,
            rules=self.plan.rules,
            controls=self.plan.controls,
            memories=self.store.alarms(),
            incidents=self.store.open_incidents(),
        )
        self.outbox = Outbox(
            pagers([one.pagerduty for one in config.pagers], folder),
            self.journal,
            now=self.now,
            waiting=self.store.waiting(),
            last_row=self.store.last_row(),
        )
        self.ready = False
        self._started_at = self.now()
        self._unproven = text
        self._configurations = self.store.configurations()

    def _restore(self, feed: RisLiveFeed) -> None:
        try:
            feed.restore(self.store.baseline(feed.source) or {})
        except ValueError as error:
            log.error("%s: starting without it", error)  # noqa: TRY400 - no bug: a damaged row

    @property
    def witness(self) -> Witness:
        """What a page may quote."""
        agent = self.config.agent
        return Witness(
            vantage=agent.name,
            provider=agent.domain.provider,
            status_url=agent.status_url,
            ledger=self.ledger,
            good=self.good,
            rules=self.engine.rules,
            failing={
                id_: evidence.began_at
                for id_, evidence in self.engine.evidence.items()
                if evidence.holds
            },
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Look, judge and page until *stop* is set."""
        log.info("vedette %s: %s watches %s", VERSION, self.config.agent.name, self.config.size)
        _spare_the_loop()
        calendar = self._calendar()
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(self._for_ever(name, work), name=name)
                    for name, work in self._works()
                ]
                await stop.wait()
                for task in running:
                    task.cancel()
        finally:
            calendar.shutdown(wait=False)
            await self._close()

    def _works(self) -> Sequence[tuple[str, Work]]:
        works: list[tuple[str, Work]] = [
            ("alarms", self._keep_stepping),
            ("outbox", self.outbox.run),
        ]
        works += [(f"feed {feed.source}", feed.run) for feed in self.plan.feeds]
        for planned in self.plan.checks:
            works.append((str(planned.key), partial(self._keep_looking, planned)))
            refresh = getattr(planned.check, "refresh", None)
            if refresh is not None:
                works.append((f"refresh {planned.key}", partial(_keep_refreshing, refresh)))
        return works

    async def _for_ever(self, name: str, work: Work) -> None:
        """Do *work*, which never ends; a bug that ends it costs nobody else a look."""
        while True:
            try:
                await work()
                log.error("%s ended: this is a bug, please report it", name)
            except Exception:  # the other checks go on, and so does this one
                log.exception("%s failed: this is a bug, please report it", name)
            self.counts.internal_errors += 1
            await asyncio.sleep(PAUSE)

    async def _keep_looking(self, planned: Planned) -> None:
        vantage, every = self.config.agent.name, planned.timing.every

        async def once() -> None:
            looks = await look_all(
                planned.check,
                service=planned.key.service,
                vantage=vantage,
                limit=planned.timing.timeout + GRACE,
                now=self.now,
                stopwatch=perf_counter,
            )
            self.ledger.add(planned.key, planned.timing, looks)
            self._learn(planned)

        first = phase(str(planned.key), vantage, every)
        await keep(every, first, once, self.counts.ticked)

    def _learn(self, planned: Planned) -> None:
        if planned.key.kind is not Kind.DNS:
            return
        now = self.now()
        for learned in self.good.learn(planned.key.check, self.ledger.of(planned.key), now):
            statements = [self._note(event) for event in events_of(learned, planned.key, now)]
            if learned.promoted:
                statements += keep_generations(self.good.generations(learned.name, learned.type))
            if statements:
                self.journal.write(statements)

    def _note(self, event: Event) -> Statement:
        """Count and log *event*; return the statement that keeps it."""
        self.counts.events[event.name] += 1
        stale = event.name is EventName.STALE_ANSWER_RETURNED
        log.log(logging.WARNING if stale else logging.INFO, "%s", event)
        return keep_event(event)

    async def _keep_stepping(self) -> None:
        async def once() -> None:
            self.step()

        await keep(STEP_EVERY, 0, once, lambda _late, _missed: None)

    def step(self) -> None:
        """Judge what was seen up to now; states and pages are kept in one transaction."""
        now = self.now()
        self.journal.write(self._consequences(self.engine.step(self.ledger, now), now))
        self.ready = True
        if self._unproven is not None and self._proven(now):
            self._keep_configuration(self._unproven, now)
            self._unproven = None

    def _proven(self, now: float) -> bool:
        """Whether the agent has worked long enough with its configuration, and saw something OK.

        A configuration that only starts may still be the one that makes everything fail.
        """
        if now - self._started_at < self.config.agent.last_known_good_after:
            return False
        return any(series.ok_at is not None for series in self.ledger)

    def _keep_configuration(self, text: str, now: float) -> None:
        before = self._configurations
        if not before or before[0].text != text:
            kept = newest_first(Configuration(text, self._started_at, now), before)
            self.journal.write(keep_configurations(kept))
            log.info("this configuration is the last good one from now on")

    def _consequences(self, step: Step, now: float) -> list[Statement]:
        statements = [keep_alarm(id_, without_dates(m)) for id_, m in step.alarms.items()]
        statements += [keep_incident(incident) for incident in step.incidents]
        for incident, change in step.changes:
            written = page(incident, change, self.witness, now)
            log.log(
                logging.INFO if written.action == "resolve" else logging.WARNING,
                "%s %s: %s", change, incident.key, written.summary,
            )  # fmt: skip
            statements += self.outbox.add(written, now)
        return statements

    def _calendar(self) -> AsyncIOScheduler:
        """Return the calendar's work, running; a late run is made up for once, however late."""
        calendar = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None}
        )
        calendar.add_job(self._prune, "cron", hour=3, minute=7)
        calendar.add_job(self._keep_baselines, "cron", minute="*/10")
        calendar.start()
        return calendar

    async def _prune(self) -> None:
        try:
            self.store.prune(self.now() - KEPT_FOR)
        except StoreError as error:
            log.error("%s: old incidents stay", error)  # noqa: TRY400 - a full disk is no bug

    async def _keep_baselines(self) -> None:
        self.journal.write(
            [keep_baseline(f.source, b) for f in self.plan.feeds if (b := f.baseline())]
        )

    async def _close(self) -> None:
        await self._keep_baselines()
        await self.outbox.close()
        self.store.close()


def _spare_the_loop() -> None:
    """Collect garbage seldom: going through all that thousands of checks keep takes 0.1 s.

    Nearly everything here is freed as soon as nobody refers to it; what was made to stay until now
    need never be gone through again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _keep_refreshing(refresh: Callable[[], Awaitable[float]]) -> None:
    while True:
        seconds = await refresh()
        await asyncio.sleep(seconds)
