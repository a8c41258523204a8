"""The agent: builds the parts, connects them, and keeps them running until it is told to stop."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from vedette.agent import logs
from vedette.agent.alarms.engine import Engine, Step, without_dates
from vedette.agent.alarms.incidents import Change
from vedette.agent.alarms.maintenance import Maintenance
from vedette.agent.composite.stepper import Stepper
from vedette.agent.config import Config
from vedette.agent.config.pagers import routes
from vedette.agent.diagnoses.names import Rule
from vedette.agent.looking.cadence import keep
from vedette.agent.looking.lookout import Lookout
from vedette.agent.memory.changes import Changes
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.lastgood import Configuration, LastKnownGood, newest_first
from vedette.agent.memory.learning import Learning
from vedette.agent.memory.ledger import Ledger
from vedette.agent.memory.store import (
    Statement,
    Store,
    StoreError,
    keep_alarm,
    keep_announcement,
    keep_attempt,
    keep_baseline,
    keep_configurations,
    keep_drill,
    keep_incident,
    keep_receiver,
)
from vedette.agent.paging.drillpages import Drills
from vedette.agent.paging.heartbeat import Heart, Signs, beats, is_refused, late, undelivered_since
from vedette.agent.paging.outbox import Outbox
from vedette.agent.paging.paging import KEPT_FOR, Paging
from vedette.agent.paging.storm import Storms, Told
from vedette.agent.peers.exchange import Exchange
from vedette.agent.plan import Plan, make
from vedette.agent.remediation.act import acts
from vedette.agent.remediation.attempt import Attempt, event, providers
from vedette.agent.remediation.remedies import Remedies
from vedette.agent.routes.roas import KEPT_AS, Roas, watched
from vedette.agent.serving.remotewriting import remote_writer
from vedette.agent.serving.telemetry import Counts
from vedette.agent.succession import Lasting, hears_the_same, unchanged
from vedette.agent.surroundings import Surroundings
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.rpki.source import VrpSource
from vedette.exporters.reach import Reach

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
        before: "Agent | None" = None,
    ) -> None:
        around = around or Surroundings()
        stays = before is not None and hears_the_same(before.config, config)
        if before is not None and stays:
            around = _hearing(before.plan, around)
        self.now = around.clock.now
        self.config: Config = config
        self.folder = folder
        self.store = Store(folder / config.agent.state_dir)
        self.journal = Journal(self.store)
        self.ledger = Ledger()
        self.counts: Counts = before.counts if before else Counts()
        ripe_after = config.agent.last_known_good_after
        self.good = LastKnownGood(self.store.last_known_good(), after=ripe_after)
        if before and before.config.agent.last_known_good_after == ripe_after:
            self.good = before.good  # with what ripens
        self.learning = Learning(
            changes=Changes(self.store.pasts()),
            good=self.good,
            journal=self.journal,
            counts=self.counts,
        )
        self.plan: Plan = make(config, folder, self.good, self.now, around)
        self.roas = Roas(watched(config), config.rpki.expiring) if config.rpki else None
        self.listening: Lasting = before.listening if before and stays else Lasting()
        self.heir: Config | None = None
        for feed in () if stays else self.plan.feeds:
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
        self.exchange = Exchange(config, folder, self.lookout, self.now)
        self.maintenance = Maintenance(config)
        memories = self.store.alarms() | (before.engine.memories if before else {})
        self.engine: Engine = Engine(
            deployment=config.agent.deployment,
            quorum=self.plan.quorum,
            rules=self.plan.rules,
            controls=self.plan.controls,
            memories=memories,
            incidents=self.store.open_incidents(),
            hosts=self.plan.hosts,
            composites=Stepper(
                self.plan.alarms,
                {planned.key: planned.timing for planned in self.plan.checks},
                memories,
                self.store.announcements(),
            ),
        )
        self.paging = Paging(
            own=config.agent.name,
            deployment=config.agent.deployment,
            status_url=config.agent.status_url,
            engine=self.engine,
            ledgers=self.ledgers,
            good=self.good,
            store=self.store,
            storms=Storms(self.store.storms()),
        )
        self.reach = Reach(
            config.paging.endpoints,
            self.store.receivers(),
            keep=lambda host, found: self.journal.write([keep_receiver(host, found)]),
        )
        self.outbox = Outbox(
            around.pagers(config, folder, self.reach, self.now),
            self.journal,
            now=self.now,
            routes=routes(config.pagers, config.paging, self.engine.services)
            if config.pagers
            else None,
            waiting=self.store.waiting(),
            told=self.store.told(),
            last_row=self.store.last_row(),
        )
        self.drills = Drills(
            config.drill,
            deployment=config.agent.deployment,
            agent=config.agent.name,
            pagers=[one.called for one in config.pagers],
            remembered=self.store.drill(),
            now=self.now(),
        )
        self.remote = remote_writer(config, folder, self.reach, self.now)
        self.remedies = Remedies(
            config.remediation,
            acts(config.remediation, folder, self.reach, self.now),
            remembered=self.store.attempts(),
            keep=lambda attempt: self.journal.write(self._attempted(attempt)),
            is_kept=lambda: not self.journal.failing,
        )
        self.heart = Heart(beats(config.heartbeats, folder, self.reach), self._signs, self.now)
        self.ready: bool = before is not None and before.ready
        self._started_at = self.stepped_at = self.counts.config_loaded_at = self.now()
        if before is not None:
            self._take_over(before)
        self._unproven = text
        self._configurations = self.store.configurations()

    def _take_over(self, before: "Agent") -> None:
        """Go on where *before* has ended, in all that the config leaves as it was."""
        keys = unchanged(before.plan, self.plan)
        for name, ledger in self.ledgers.items():
            if name in before.ledgers:
                ledger.take_over(before.ledgers[name], keys)
        ticking = before.lookout.ticking_since
        self.lookout.ticking_since = {key: ticking[key] for key in keys if key in ticking}
        self.engine.composites.take_over(before.engine.composites)

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
                await self.outbox.settle()
                for task in running:
                    task.cancel()
        finally:
            calendar.shutdown(wait=False)
            await self._close()

    def _works(self) -> Sequence[tuple[str, Work]]:
        works: list[tuple[str, Work]] = [
            ("alarms", self._keep_stepping),
            ("outbox", self.outbox.run),
            ("addresses of pagers", self.reach.run),
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

    def _attempted(self, attempt: Attempt) -> list[Statement]:
        return [keep_attempt(attempt), self.learning.note(event(attempt))]

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
            late=late(self.plan.checks, self.ledger, self._started_at, now),
            undelivered_since=undelivered_since(self.outbox.waiting, self.outbox.ended),
            refused=is_refused(self.outbox.ended, self.drills.pagers),
        )

    def _calendar(self) -> AsyncIOScheduler:
        """Return the calendar's work, running; a late run is made up for once, however late."""
        calendar = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None}
        )
        calendar.add_job(self._prune, "cron", hour=3, minute=7)
        calendar.add_job(self._keep_baselines, "cron", minute="*/10")
        if self._unproven is not None and self._unproven not in self._known_texts():
            said = f"{self.config.agent.name} began to work with a new configuration"
            calendar.add_job(self.outbox.announce, args=(said, self.config.agent.name))
        calendar.start()
        return calendar

    def _known_texts(self) -> Collection[str]:
        return [one.text for one in self._configurations[:1]]

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


def _hearing(plan: Plan, around: Surroundings) -> Surroundings:
    """Return *around* with the feeds and VRPs that *plan* has, which go on as they are."""
    feeds, vrps = plan.feeds, plan.vrps
    return replace(around, listen=lambda *_: feeds, vrps=lambda *_: vrps)


async def _keep_refreshing(refresh: Callable[[], Awaitable[float]]) -> None:
    while True:
        seconds = await refresh()
        await asyncio.sleep(seconds)
