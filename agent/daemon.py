"""The agent: builds the parts, connects them, and keeps them running until it is told to stop."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from vedette.agent import logs
from vedette.agent.alarms.alarm import without_dates
from vedette.agent.alarms.engine import Step
from vedette.agent.alarms.incidents import Change
from vedette.agent.config import Config
from vedette.agent.diagnoses.names import Rule
from vedette.agent.looking.cadence import keep
from vedette.agent.looking.refreshing import AFTER_A_BUG, keep_refreshing
from vedette.agent.looking.unseen import keep_telling, unseen
from vedette.agent.memory.lastgood import Configuration, newest_first
from vedette.agent.memory.statements import (
    Statement,
    keep_alarm,
    keep_announcement,
    keep_baseline,
    keep_configurations,
    keep_drill,
    keep_incident,
    keep_standing,
)
from vedette.agent.memory.store import StoreError
from vedette.agent.paging.announcing import announce
from vedette.agent.paging.heartbeat import (
    Heart,
    Signs,
    beats,
    is_refused,
    is_unheard,
    undelivered_since,
)
from vedette.agent.paging.paging import KEPT_FOR
from vedette.agent.paging.storm import Told
from vedette.agent.parts import Parts
from vedette.agent.remediation.attempt import providers
from vedette.agent.routes.roas import KEPT_AS, Roas
from vedette.agent.succession import hears_the_same
from vedette.agent.surroundings import Surroundings
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.rpki.source import VrpSource
from vedette.checks.stopwatch import keep_stamping

log = logging.getLogger(__name__)

VERSION = version("vedette")
STEP_EVERY = 1.0
REVIEWED_EVERY = 1.0

Work = Callable[[], Awaitable[None]]


class Agent(Parts):
    """One vantage, whole: its parts, running; *folder* is where the config file stands.

    *text* is what that file said: it is kept once the agent has worked well with it.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        text: str | None = None,
        around: Surroundings | None = None,
        before: "Agent | None" = None,
    ) -> None:
        super().__init__(config, folder, around or Surroundings(), before)
        self.heart = Heart(beats(config.heartbeats, folder, self.reach), self._signs, self.now)
        if before is not None:
            self.heart.take_over(before.heart)
        self.heir: Config | None = None
        self.ready: bool = before is not None and before.ready
        self._started_at = self.stepped_at = self.counts.config_loaded_at = self.now()
        self._unproven = text
        self._configurations = self.store.configurations()
        self._keeping = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Look, judge and page until *stop* is set."""
        log.info("vedette %s: %s watches %s", VERSION, self.config.agent.name, self.config.size)
        _spare_the_loop()
        calendar, stamping = self._calendar(), keep_stamping()
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(self._for_ever(name, work), name=name)
                    for name, work in self._works()
                ]
                await stop.wait()
                await self.outbox.settle()
                for task in running:
                    task.cancel()
        finally:
            stamping.close()
            await self._close(calendar)

    def _works(self) -> Sequence[tuple[str, Work]]:
        works: list[tuple[str, Work]] = [
            ("alarms", self._keep_stepping),
            ("outbox", self.outbox.run),
            ("addresses", self.reach.run),
            ("unseen", self._keep_telling),
        ]
        if self.config.remediation:
            works.append(("remediation", self.remedies.run))
        if self.remote:
            works.append(("remote write", self.remote.run))
        works += [
            (f"heartbeat {beat.switch.name}", partial(self.heart.keep_beating, beat))
            for beat in self.heart.beats
        ]
        for name, follower in self.exchange.followers.items():
            works.append((f"peer {name}", follower.run))
        for feed in self.plan.feeds:
            name = f"feed {feed.source}"
            works.append((name, partial(self.listening.keep, name, feed.run)))
            works.append((f"news of {feed.source}", partial(self._keep_noticing, feed)))
        if self.plan.vrps and self.roas:
            works.append(("rpki", partial(self.listening.keep, "rpki", self.plan.vrps.run)))
            works.append(("roas", partial(self._keep_reviewing, self.plan.vrps, self.roas)))
        works.append(("looking", self.lookout.keep_looking))
        works.append(("refreshing", partial(keep_refreshing, self.plan.checks, self.counts)))
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
            await asyncio.sleep(AFTER_A_BUG)

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
        """Judge every second, and as soon as something has become certain."""

        async def once() -> None:
            parts = self._step_in_parts()
            try:
                for _ in parts:
                    await asyncio.sleep(0)
            finally:
                for _ in parts:
                    pass  # what has begun to change must be kept, whoever ends this

        await keep(STEP_EVERY, once, self.lookout.certain)

    def step(self) -> None:
        """Judge what was seen up to now; states and pages are kept in one transaction."""
        for _ in self._step_in_parts():
            pass

    def _step_in_parts(self) -> Iterator[None]:
        """Do so in parts of a few milliseconds."""
        now = self.now()
        step = yield from self.engine.parts(self.ledgers, now, self.muted(now))
        self.journal.write(self._consequences(step, now))
        self.remedies.go()
        self.ready, self.stepped_at = True, now
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
        for id_, memory in step.alarms.items():
            logs.changed(self.engine.rules[id_], memory)
        statements += [keep_announcement(id_, told) for id_, told in step.announced.items()]
        statements += [keep_standing(target, one) for target, one in step.standings.items()]
        statements += [keep_incident(incident) for incident in step.incidents]
        pages, kept = self.paging.tell([*step.changes, *self._retold(step)], now)
        statements += kept
        for page in pages:
            statements += self.outbox.add(page, now)
        for attempt in self.remedies.step(
            self.engine.open, self.engine.rules, partial(self._providers, now=now), now
        ):
            statements += self._attempted(attempt)
        return [*statements, *self._drilled(now)]

    def _retold(self, step: Step) -> Sequence[Told]:
        """Return the open incidents whose pages have more to say, though nothing else changed."""
        told = {incident.key for incident, _ in step.changes}
        more = self.engine.open.keys() & self.remedies.news() - told
        return [(self.engine.open[key], Change.REHEADLINED) for key in sorted(more)]

    def _providers(self, rule: Rule, *, now: float) -> Collection[str]:
        return providers(rule, self.ledgers, self.plan.quorum, self.plan.controls, now)

    def _drilled(self, now: float) -> list[Statement]:
        """Send what a drill sends, to every pager: no route and no window keeps it from one."""
        pages, drill = self.drills.step(self.outbox.ended, now)
        statements = [keep_drill(drill)] if drill else []
        for page in pages:
            statements += self.outbox.add(page, now, to=self.drills.pagers)
        return statements

    def _signs(self) -> Signs:
        """Return what shows whether this agent works."""
        now = self.now()
        return Signs(
            stepped_at=self.stepped_at,
            checks=len(self.plan.checks),
            late=len(unseen(self.plan.checks, self.ledger, self._started_at, now)),
            undelivered_since=undelivered_since(self.outbox.waiting, self.outbox.heard),
            refused=is_refused(self.outbox.ended, self.drills.pagers),
            unheard=is_unheard(self.outbox.refused, self.outbox.heard),
        )

    async def _keep_telling(self) -> None:
        await keep_telling(self.plan.checks, self.ledger, self._started_at, self.now)

    def _calendar(self) -> AsyncIOScheduler:
        """Return the calendar's work, running; a late run is made up for once, however late."""
        calendar = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None}
        )
        calendar.add_job(self._prune, "cron", hour=3, minute=7)
        calendar.add_job(self._keep_baselines, "cron", minute="*/10")
        if self._unproven is not None and self._unproven not in self._known_texts():
            said = f"{self.config.agent.name} began to work with a new configuration"
            calendar.add_job(self._announce, args=(said,))
        calendar.start()
        return calendar

    def _known_texts(self) -> Collection[str]:
        return [one.text for one in self._configurations[:1]]

    async def _prune(self) -> None:
        try:
            open_ = {*self.paging.open, *self.drills.open}
            self.store.prune(self.now() - KEPT_FOR, open_)
        except StoreError as error:
            log.error("%s: old incidents stay", error)  # noqa: TRY400 - a full disk is no bug

    async def _announce(self, said: str) -> None:
        with suppress(asyncio.CancelledError):  # the calendar takes being ended for an error
            pagers = self.outbox.pagers.values()
            await announce(pagers, said, self.config.agent.name, self.now)

    async def _keep_baselines(self) -> None:
        async with self._keeping:
            kept = [(feed.source, feed.baseline()) for feed in self.plan.feeds]
            if self.roas:
                kept.append((KEPT_AS, self.roas.kept()))
            self.journal.write([keep_baseline(name, body) for name, body in kept if body])
            await self.learning.keep_due()

    async def _close(self, calendar: AsyncIOScheduler) -> None:
        calendar.pause()
        await asyncio.sleep(0)  # what the calendar has begun is to come before what is kept here
        await self._keep_baselines()
        calendar.shutdown(wait=False)
        if self.heir is None or not hears_the_same(self.config, self.heir):
            await self.listening.end()
        await self.outbox.close()
        await self.heart.close()
        await self.remedies.close()
        if self.remote:
            await self.remote.close()
        self.store.close()


def _spare_the_loop() -> None:
    """Collect garbage seldom: going through all that thousands of checks keep takes 0.1 s.

    Nearly everything here is freed as soon as nobody refers to it; what was made to stay until now
    need never be gone through again.
    """
    gc.unfreeze()  # of an agent whose place was taken, nothing is needed any more
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
