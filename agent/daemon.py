"""The agent: builds the parts, connects them, and keeps them running until it is told to stop."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from vedette.agent.cadence import keep
from vedette.agent.changes import Changes
from vedette.agent.composite.stepper import Stepper
from vedette.agent.config import Config
from vedette.agent.engine import Engine, Step, without_dates
from vedette.agent.journal import Journal
from vedette.agent.lastgood import Configuration, LastKnownGood, newest_first
from vedette.agent.learning import Learning
from vedette.agent.ledger import Ledger
from vedette.agent.lookout import Lookout
from vedette.agent.maintenance import Maintenance
from vedette.agent.outbox import Outbox
from vedette.agent.paging import KEPT_FOR, Paging
from vedette.agent.plan import Plan, make
from vedette.agent.roas import KEPT_AS, Roas, watched
from vedette.agent.store import (
    Statement,
    Store,
    StoreError,
    keep_alarm,
    keep_announcement,
    keep_baseline,
    keep_configurations,
    keep_incident,
)
from vedette.agent.surroundings import Surroundings
from vedette.agent.telemetry import Counts
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.rpki.source import VrpSource

log = logging.getLogger(__name__)

VERSION = version("vedette")
STEP_EVERY = 1.0
REVIEWED_EVERY = 1.0
# After a bug ended some work, it is begun again this much later.
PAUSE = 5.0

Work = Callable[[], Awaitable[None]]


class Agent:
    """One vantage, whole; *folder* is where the config file stands.

    *text* is what that file said: it is kept once the agent has worked well with it.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        text: str | None = None,
        around: Surroundings | None = None,
    ) -> None:
        around = around or Surroundings()
        self.now = around.clock.now
        self.config = config
        self.folder = folder
        self.store = Store(folder / config.agent.state_dir)
        self.journal = Journal(self.store)
        self.ledger = Ledger()
        self.counts = Counts()
        self.good = LastKnownGood(
            self.store.last_known_good(), after=config.agent.last_known_good_after
        )
        self.learning = Learning(
            changes=Changes(self.store.pasts()),
            good=self.good,
            journal=self.journal,
            counts=self.counts,
        )
        self.plan: Plan = make(config, folder, self.good, self.now, around)
        self.roas = Roas(watched(config), config.rpki.expiring) if config.rpki else None
        for feed in self.plan.feeds:
            self._restore(feed.source, feed.restore)
        if self.roas:
            self._restore(KEPT_AS, self.roas.restore)
        self.ledgers = {
            name: self.ledger if name == config.agent.name else Ledger(since=self.now())
            for name in self.plan.quorum.vantages
        }
        self.lookout = Lookout(
            own=config.agent.name,
            plan=self.plan,
            ledgers=self.ledgers,
            learning=self.learning,
            counts=self.counts,
            now=self.now,
            stopwatch=around.stopwatch,
        )
        self.maintenance = Maintenance(config)
        memories = self.store.alarms()
        self.engine = Engine(
            deployment=config.agent.deployment,
            quorum=self.plan.quorum,
            rules=self.plan.rules,
            controls=self.plan.controls,
            memories=memories,
            incidents=self.store.open_incidents(),
            hosts=self.plan.hosts,
            composites=Stepper(
                self.plan.alarms,
                {planned.key: planned.timing.fresh_for for planned in self.plan.checks},
                memories,
                self.store.announcements(),
            ),
        )
        self.paging = Paging(
            own=config.agent.name,
            status_url=config.agent.status_url,
            engine=self.engine,
            ledgers=self.ledgers,
            good=self.good,
            store=self.store,
        )
        self.outbox = Outbox(
            around.pagers(config, folder),
            self.journal,
            now=self.now,
            waiting=self.store.waiting(),
            last_row=self.store.last_row(),
        )
        self.ready = False
        self._started_at = self.now()
        self._unproven = text
        self._configurations = self.store.configurations()

    def _restore(self, name: str, restore: Callable[[dict[str, object]], None]) -> None:
        try:
            restore(self.store.baseline(name) or {})
        except ValueError as error:
            log.error("%s: starting without", error)  # noqa: TRY400 - no bug: a damaged row

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
        for feed in self.plan.feeds:
            works.append((f"feed {feed.source}", feed.run))
            works.append((f"news of {feed.source}", partial(self._keep_noticing, feed)))
        if self.plan.vrps and self.roas:
            works.append(("rpki", self.plan.vrps.run))
            works.append(("roas", partial(self._keep_reviewing, self.plan.vrps, self.roas)))
        for planned in self.plan.checks:
            works.append((str(planned.key), partial(self.lookout.keep_looking, planned)))
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

    async def _keep_noticing(self, feed: Feed) -> None:
        await self.lookout.keep_noticing(feed)

    async def _keep_reviewing(self, source: VrpSource, roas: Roas) -> None:
        """Tell what happens to one's own ROAs."""
        while True:
            now = self.now()
            # In a thread, since it may take a second where thousands of prefixes are watched.
            events = await asyncio.to_thread(roas.review, source.current(now), now)
            if events:
                self.journal.write(
                    [*map(self.learning.note, events), keep_baseline(KEPT_AS, roas.kept())]
                )
            await asyncio.sleep(REVIEWED_EVERY)

    async def _keep_stepping(self) -> None:
        async def once() -> None:
            self.step()

        await keep(STEP_EVERY, 0, once, lambda _late, _missed: None)

    def step(self) -> None:
        """Judge what was seen up to now; states and pages are kept in one transaction."""
        now = self.now()
        self.journal.write(
            self._consequences(self.engine.step(self.ledgers, now, self.muted(now)), now)
        )
        self.ready = True
        if self._unproven is not None and self._proven(now):
            self._keep_configuration(self._unproven, now)
            self._unproven = None

    def muted(self, now: float) -> Collection[str]:
        """Return the services of which no page opens at *now*, since they are being worked on."""
        return self.maintenance.muted(self.engine.services, now)

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
        statements += [keep_announcement(id_, told) for id_, told in step.announced.items()]
        statements += [keep_incident(incident) for incident in step.incidents]
        for incident, change in step.changes:
            statements += self.outbox.add(self.paging.write(incident, change, now), now)
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
        kept = [(feed.source, feed.baseline()) for feed in self.plan.feeds]
        if self.roas:
            kept.append((KEPT_AS, self.roas.kept()))
        self.journal.write([keep_baseline(name, body) for name, body in kept if body])
        await self.learning.keep_due()

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
