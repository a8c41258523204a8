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

from vedette.agent.cadence import keep, phase
from vedette.agent.changes import Changes
from vedette.agent.chronicle import chronicle
from vedette.agent.composite.stepper import Stepper
from vedette.agent.config import Config
from vedette.agent.confirm import EVERY as CONFIRM_EVERY
from vedette.agent.confirm import Budget, doubtful, look_until_certain
from vedette.agent.engine import Engine, Step, without_dates
from vedette.agent.events import Event, EventName, events_of
from vedette.agent.incidents import Incident
from vedette.agent.journal import Journal
from vedette.agent.lastgood import Configuration, LastKnownGood, newest_first
from vedette.agent.ledger import Ledger
from vedette.agent.maintenance import Maintenance
from vedette.agent.outbox import Outbox
from vedette.agent.plan import Plan, Planned, make
from vedette.agent.roas import KEPT_AS, Roas, watched
from vedette.agent.runner import look_all
from vedette.agent.store import (
    Statement,
    Store,
    StoreError,
    keep_alarm,
    keep_announcement,
    keep_baseline,
    keep_configurations,
    keep_event,
    keep_generations,
    keep_incident,
    keep_past,
)
from vedette.agent.surroundings import Surroundings
from vedette.agent.telemetry import Counts
from vedette.agent.wording import Witness, page
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.rpki.source import VrpSource
from vedette.checks.finding import Kind, Observation

log = logging.getLogger(__name__)

VERSION = version("vedette")
STEP_EVERY = 1.0
NOTICED_EVERY = 0.25
REVIEWED_EVERY = 1.0
KEPT_FOR = 40 * 86400.0
_KEPT_AT_ONCE = 200
_ALARMING = (EventName.STALE_ANSWER_RETURNED, EventName.ROA_MISSING, EventName.ROA_EXPIRING)
# A look ends by itself at its timeout; this much later the runner ends it.
GRACE = 2.0
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
        self._stopwatch = around.stopwatch
        self.config = config
        self.folder = folder
        self.store = Store(folder / config.agent.state_dir)
        self.journal = Journal(self.store)
        self.ledger = Ledger()
        self.counts = Counts()
        self.good = LastKnownGood(
            self.store.last_known_good(), after=config.agent.last_known_good_after
        )
        self.changes = Changes(self.store.pasts())
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
        self.outbox = Outbox(
            around.pagers(config, folder),
            self.journal,
            now=self.now,
            waiting=self.store.waiting(),
            last_row=self.store.last_row(),
        )
        self.ready = False
        self._budget = Budget()
        self._started_at = self.now()
        self._unproven = text
        self._configurations = self.store.configurations()

    def _restore(self, name: str, restore: Callable[[dict[str, object]], None]) -> None:
        try:
            restore(self.store.baseline(name) or {})
        except ValueError as error:
            log.error("%s: starting without", error)  # noqa: TRY400 - no bug: a damaged row

    @property
    def witness(self) -> Witness:
        """What a page may quote."""
        agent = self.config.agent
        return Witness(
            vantage=agent.name,
            vantages=self.plan.quorum.vantages,
            status_url=agent.status_url,
            ledgers=self.ledgers,
            good=self.good,
            rules=self.engine.rules,
            failing={
                id_: evidence.began_at
                for id_, evidence in self.engine.evidence.items()
                if evidence.holds
            },
            standings=self.engine.composites.at,
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
        for feed in self.plan.feeds:
            works.append((f"feed {feed.source}", feed.run))
            works.append((f"news of {feed.source}", partial(self._keep_noticing, feed)))
        if self.plan.vrps and self.roas:
            works.append(("rpki", self.plan.vrps.run))
            works.append(("roas", partial(self._keep_reviewing, self.plan.vrps, self.roas)))
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
        every = planned.timing.every
        first = phase(str(planned.key), self.config.agent.name, every)
        look = partial(self._look, planned)

        async def certain() -> None:
            await look_until_certain(
                look,
                lambda: doubtful(self.ledger.of(planned.key), self.now()),
                self._budget,
                self.now,
            )

        is_quick = every <= CONFIRM_EVERY  # it looks as often as that by itself
        await keep(every, first, look if is_quick else certain, self.counts.ticked)

    async def _look(self, planned: Planned) -> None:
        looks = await look_all(
            planned.check,
            service=planned.key.service,
            vantage=self.config.agent.name,
            limit=planned.timing.timeout + GRACE,
            now=self.now,
            stopwatch=self._stopwatch,
        )
        self.ledger.add(planned.key, planned.timing, looks)
        self._learn(planned)

    def hear(
        self, vantage: str, planned: Planned, looks: Sequence[Observation], ago: float
    ) -> None:
        """Take in what the peer *vantage* saw; the newest of its looks ended *ago* seconds.

        Its clock may be wrong by minutes, so only the age of its looks is believed.
        """
        if not looks:
            return
        shift = self.now() - ago - max(look.started_at + look.seconds for look in looks)
        told = [replace(look, started_at=look.started_at + shift) for look in looks]
        self.ledgers[vantage].add(planned.key, planned.timing, told)

    async def _keep_noticing(self, feed: Feed) -> None:
        """Look at once at what the feed's news make right or wrong: routes change between looks."""
        planned = self.plan.of_prefix
        while True:
            for prefix in feed.news():
                for one in planned.get(prefix, ()):
                    await self._look(one)
                    await asyncio.sleep(0)  # a lost feed has news of all prefixes at once
            await asyncio.sleep(NOTICED_EVERY)

    async def _keep_reviewing(self, source: VrpSource, roas: Roas) -> None:
        """Tell what happens to one's own ROAs."""
        while True:
            now = self.now()
            # In a thread, since it may take a second where thousands of prefixes are watched.
            events = await asyncio.to_thread(roas.review, source.current(now), now)
            if events:
                self.journal.write([*map(self._note, events), keep_baseline(KEPT_AS, roas.kept())])
            await asyncio.sleep(REVIEWED_EVERY)

    def _learn(self, planned: Planned) -> None:
        now, series = self.now(), self.ledger.of(planned.key)
        events, pasts = self.changes.see(planned.key, series)
        if events:
            self.journal.write([*map(self._note, events), *map(keep_past, pasts)])
        if planned.key.kind is not Kind.DNS:
            return
        for learned in self.good.learn(planned.key.check, series, now):
            statements = [self._note(event) for event in events_of(learned, planned.key, now)]
            if learned.promoted:
                statements += keep_generations(self.good.generations(learned.name, learned.type))
            if statements:
                self.journal.write(statements)

    def _note(self, event: Event) -> Statement:
        """Count and log *event*; return the statement that keeps it."""
        self.counts.events[event.name] += 1
        log.log(logging.WARNING if event.name in _ALARMING else logging.INFO, "%s", event)
        return keep_event(event)

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

    def changed(self, incident: Incident) -> Sequence[str]:
        """Return what changed before *incident* began, and since; nothing if that is unreadable."""
        # A fault and the change that made it may be seen in one round.
        service, border = incident.service, incident.began_at + STEP_EVERY
        try:
            before = self.store.events(service, border - KEPT_FOR, border)
            since = self.store.events(service, border)
        except StoreError as error:
            log.error("%s: a page says less than it could", error)  # noqa: TRY400 - a bad disk
            return ()
        return chronicle(before, since)

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
            witness = replace(self.witness, changes=self.changed(incident))
            written = page(incident, change, witness, now)
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
        kept = [(feed.source, feed.baseline()) for feed in self.plan.feeds]
        if self.roas:
            kept.append((KEPT_AS, self.roas.kept()))
        self.journal.write([keep_baseline(name, body) for name, body in kept if body])
        due = self.changes.due()
        for start in range(0, len(due), _KEPT_AT_ONCE):
            self.journal.write([*map(keep_past, due[start : start + _KEPT_AT_ONCE])])
            await asyncio.sleep(0)  # thousands are due after the first start

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
