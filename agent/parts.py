"""What an agent is made of: its parts, made from its config and connected; nothing runs yet.

An agent that takes another one's place is given that one, and goes on where it ended.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from vedette.agent.alarms.engine import Engine
from vedette.agent.alarms.maintenance import Maintenance
from vedette.agent.clock import wall
from vedette.agent.composite.stepper import Stepper
from vedette.agent.config import Config
from vedette.agent.config.pagers import routes
from vedette.agent.counts import Counts
from vedette.agent.looking.lookout import Lookout
from vedette.agent.memory.changes import Changes
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.memory.learning import Learning
from vedette.agent.memory.ledger import Ledger
from vedette.agent.memory.pages import Told, standing
from vedette.agent.memory.statements import (
    Statement,
    forget_alarm,
    forget_standing,
    keep_attempt,
    keep_receiver,
)
from vedette.agent.memory.store import Store
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.drillpages import Drills
from vedette.agent.paging.outbox import Outbox
from vedette.agent.paging.paging import Paging
from vedette.agent.paging.storm import Storms
from vedette.agent.peers.exchange import Exchange
from vedette.agent.peers.hearsay import Hearsay
from vedette.agent.peers.offer import ACCEPTED_FOR
from vedette.agent.plan import Plan, make
from vedette.agent.remediation.act import acts
from vedette.agent.remediation.attempt import Attempt, event
from vedette.agent.remediation.remedies import Remedies
from vedette.agent.routes.roas import KEPT_AS, Roas, watched
from vedette.agent.serving.remotewriting import remote_writer
from vedette.agent.succession import Lasting, hears_the_same, unchanged
from vedette.agent.surroundings import Surroundings
from vedette.exporters.page import Action
from vedette.exporters.reach import Reach

log = logging.getLogger(__name__)


class Parts:
    """The parts of one agent, in the order in which a piece of data walks through them.

    *folder* is where the config file stands.
    """

    def __init__(
        self, config: Config, folder: Path, around: Surroundings, before: "Parts | None"
    ) -> None:
        stays = before is not None and hears_the_same(before.config, config)
        if before is not None and stays:
            around = _hearing(before.plan, around)
        self.clock = around.clock
        self.now = around.clock.now
        self.config: Config = config
        self.folder = folder
        self._make_memory(before)
        told = self.store.told()
        self._make_looking(around, told, before.listening if before and stays else None)
        forgotten = self._make_judging(before)
        self._make_paging(around, told)
        if before is not None:
            self._take_over(before)
        self.journal.write(forgotten)

    def _make_memory(self, before: "Parts | None") -> None:
        """Make what remembers, and fill it with what outlived the last end."""
        self.store = Store(self.folder / self.config.agent.state_dir)
        self.journal = Journal(self.store)
        self.ledger = Ledger()
        self.counts: Counts = before.counts if before else Counts()
        ripe_after = self.config.agent.last_known_good_after
        self.good = LastKnownGood(self.store.last_known_good(), after=ripe_after)
        if before and before.config.agent.last_known_good_after == ripe_after:
            self.good = before.good  # with what ripens
        self.reach = Reach(
            self.config.paging.endpoints,
            self.store.receivers(),
            keep=lambda host, found: self.journal.write([keep_receiver(host, found)]),
        )
        self.learning = Learning(
            changes=Changes(self.store.pasts()),
            good=self.good,
            journal=self.journal,
            counts=self.counts,
        )

    def _make_looking(
        self, around: Surroundings, told: Sequence[Told], listening: Lasting | None
    ) -> None:
        """Make what looks, and what hears routes and peers; *listening* goes on as it is.

        Peers hear which of the pages *told* in a former life stand.
        """
        config = self.config
        self.plan: Plan = make(config, self.folder, self.good, self.now, around)
        self.roas = Roas(watched(config), config.rpki.expiring) if config.rpki else None
        self.listening: Lasting = listening or Lasting()
        for feed in () if listening else self.plan.feeds:
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
        since = self.now() - ACCEPTED_FOR
        accepted = [*standing(told, since), *self.store.accepted(since)]
        self.exchange = Exchange(config, self.folder, self.lookout, self.reach, accepted)

    def _restore(self, name: str, restore: Callable[[dict[str, object]], None]) -> None:
        try:
            restore(self.store.baseline(name) or {})
        except ValueError as error:
            log.error("%s: starting without", error)  # noqa: TRY400 - no bug: a damaged row

    def _make_judging(self, before: "Parts | None") -> list[Statement]:
        """Make what says what was seen means, with the alarms and incidents of before.

        Return what forgets the alarms that the config has no longer: one that is put into it
        again, perhaps after months, begins anew.
        """
        self.maintenance = Maintenance(self.config)
        kept, announced = self.store.alarms(), self.store.announcements()
        standings = self.store.standings()
        memories = kept | (before.engine.memories if before else {})
        self.engine: Engine = Engine(
            deployment=self.config.agent.deployment,
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
                announced,
                standings,
            ),
        )
        gone = (kept.keys() | announced.keys()) - self.engine.memories.keys()
        targets = standings.keys() - self.engine.composites.lasting
        return [*chain.from_iterable(map(forget_alarm, gone)), *map(forget_standing, targets)]

    def _make_paging(self, around: Surroundings, told: Sequence[Told]) -> None:
        """Make what tells people and programs, with what a former life has left undone."""
        config, store = self.config, self.store
        self.paging = Paging(
            own=config.agent.name,
            deployment=config.agent.deployment,
            status_url=config.agent.status_url,
            runbooks=config.runbooks,
            engine=self.engine,
            ledgers=self.ledgers,
            good=self.good,
            store=store,
            storms=Storms(store.storms()),
        )
        self.drills = Drills(
            config.drill,
            deployment=config.agent.deployment,
            agent=config.agent.name,
            pagers=[one.called for one in config.pagers],
            remembered=store.drill(),
            now=self.now(),
        )
        self.outbox = self._outbox(around, told)
        if self.exchange.followers:
            self._agree(self.exchange.hearsay, self.exchange.offer.accept)
        # By the wall: receivers refuse what by their own clocks is too old, or of the future.
        self.remote = remote_writer(config, self.folder, self.reach, wall)
        self.remedies = Remedies(
            config.remediation,
            acts(config.remediation, self.folder, self.reach, wall),
            remembered=store.attempts(),
            keep=lambda attempt: self.journal.write(self._attempted(attempt)),
            is_kept=lambda: not self.journal.failing,
        )

    def _agree(self, hearsay: Hearsay, accept: Callable[[str, str, Action], None]) -> None:
        """Page as one with the peers of whom *hearsay* is, who are told by *accept*."""
        self.engine.callers = hearsay.callers
        incidents, services = self.engine.open.values(), self.engine.services
        gone = {one.key for one in incidents if one.service not in services}
        self.outbox.agree(
            hearsay,
            accept,
            self.paging.burns,
            sorted(self.plan.quorum.vantages).index(self.config.agent.name),
            lambda: self.ledger.blind_at,
            gone,
        )

    def _outbox(self, around: Surroundings, told: Sequence[Told]) -> Outbox:
        config, store = self.config, self.store
        return Outbox(
            around.pagers(config, self.folder, self.reach, self.now),
            self.journal,
            now=self.now,
            routes=routes(config.pagers, config.paging, [one.name for one in config.services])
            if config.pagers
            else None,
            former=Former(
                store.waiting(),
                told,
                open={*self.paging.open, *self.drills.open},
                last_row=store.last_row(),
            ),
        )

    def _attempted(self, attempt: Attempt) -> list[Statement]:
        return [keep_attempt(attempt), self.learning.note(event(attempt))]

    def _take_over(self, before: "Parts") -> None:
        """Go on where *before* has ended, in all that the config leaves as it was."""
        keys = unchanged(before.plan, self.plan)
        for name, ledger in self.ledgers.items():
            if name in before.ledgers:
                ledger.take_over(before.ledgers[name], keys)
        ticking = before.lookout.ticking_since
        self.lookout.ticking_since = {key: ticking[key] for key in keys if key in ticking}
        self.engine.take_over(before.engine, keys)


def _hearing(plan: Plan, around: Surroundings) -> Surroundings:
    """Return *around* with the feeds and VRPs that *plan* has, which go on as they are."""
    feeds, vrps = plan.feeds, plan.vrps
    return replace(around, listen=lambda *_: feeds, vrps=lambda *_: vrps)
