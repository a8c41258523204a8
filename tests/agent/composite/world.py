"""An agent's config, rules and alarms, as they are at work, over looks that a test makes up."""

import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.agent.observations import seen
from vedette.agent.alarms.agreement import Vantage
from vedette.agent.alarms.alarm import without_dates
from vedette.agent.alarms.engine import Engine, Step
from vedette.agent.alarms.incidents import Change
from vedette.agent.alarms.maintenance import Maintenance
from vedette.agent.composite.stepper import Stepper
from vedette.agent.config import parse
from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.memory.statements import (
    keep_alarm,
    keep_announcement,
    keep_incident,
    keep_standing,
)
from vedette.agent.memory.store import Store
from vedette.agent.paging.wording import Witness, page
from vedette.agent.plan import Plan, make
from vedette.agent.surroundings import Surroundings
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.page import Page

CONFIG = """\
agent: {name: here, domain: {provider: host}}
defaults: {every: 1s, timeout: 1s, hold: 3s, clear: 5s}
services:
  - name: shop
    dns: [{name: shop.example, servers: [authoritative]}]
    http: [{url: "https://shop.example/"}]
  - name: bank
    http: [{url: "https://bank.example/"}]
"""
CONTROLLED = CONFIG + "controls: {dns: [{name: example.com, servers: [192.0.2.53]}]}\n"
NAME = CheckKey("shop", Kind.DNS, "shop.example A")
SHOP = CheckKey("shop", Kind.HTTP, "https://shop.example/")
BANK = CheckKey("bank", Kind.HTTP, "https://bank.example/")
CHECKS = (NAME, SHOP, BANK)
LINGERS = 2
"""Seconds for which what failed for long is still taken to: until few of the newest looks did."""
HEARD = 4
"""Seconds for which nothing heard of a check means nothing."""
_BAD = {Kind.HTTP: "timeout", Kind.DNS: "nodata"}
_PLACE = {Kind.HTTP: "name", Kind.DNS: "authoritative"}

Round = Sequence[Verdict]
"""What each of CHECKS says in one second."""


@cache
def planned(
    alarms: str, config: str = CONFIG, peers: Sequence[Vantage] = ()
) -> tuple[Plan, Maintenance]:
    """Return what follows from *config* with *alarms*, the YAML of their list."""
    text = f"{config}alarms:\n{textwrap.indent(textwrap.dedent(alarms), '  ')}"
    made = parse(text, Path("vedette.yaml"))
    around = Surroundings(peers=lambda _config: peers) if peers else Surroundings()
    plan = make(made, Path(), LastKnownGood(), lambda: 0.0, around)
    return plan, Maintenance(made)


class World:
    """One agent; with a *store* it takes up what another left there, and leaves its own."""

    def __init__(
        self,
        alarms: str,
        *,
        config: str = CONFIG,
        store: Store | None = None,
        ledgers: dict[str, Ledger] | None = None,
        peers: Sequence[Vantage] = (),
    ) -> None:
        self.plan, self.maintenance = planned(alarms, config, tuple(peers))
        self.ledgers = ledgers or {name: Ledger(since=0.0) for name in self.plan.quorum.vantages}
        self.store = store
        memories = store.alarms() if store else {}
        self.engine = Engine(
            deployment="test",
            quorum=self.plan.quorum,
            rules=self.plan.rules,
            controls=self.plan.controls,
            memories=memories,
            incidents=store.open_incidents() if store else (),
            composites=Stepper(
                self.plan.alarms,
                {p.key: p.timing for p in self.plan.checks},
                memories,
                store.announcements() if store else {},
                store.standings() if store else {},
            ),
        )
        self._timings = {p.key: p.timing for p in self.plan.checks}
        self.said: list[tuple[float, str, Change]] = []
        self.pages: list[Page] = []

    def look(self, now: float, round_: Round, vantage: str = "here") -> None:
        for key, verdict in zip(CHECKS, round_, strict=True):
            word = _BAD[key.kind] if verdict is Verdict.FAILING else verdict
            look = seen(now, word, key=key, place=_PLACE[key.kind])
            self.ledgers[vantage].add(key, self.timing(key), [look])

    def look_at_control(
        self, now: float, word: Verdict | str = Verdict.OK, vantage: str = "here"
    ) -> None:
        """Look at the only control, by which a vantage sees, or not."""
        (control,) = self.plan.controls
        look = seen(now, word, key=control, place="recursive")
        self.ledgers[vantage].add(control, self.timing(control), [look])

    def timing(self, key: CheckKey):
        return self._timings[key]

    def step(self, now: float) -> Step:
        muted = self.maintenance.muted(self.engine.services, now)
        step = self.engine.step(self.ledgers, now, muted)
        for incident, change in step.changes:
            self.said.append((now, incident.key, change))
            self.pages.append(page(incident, change, self.witness, now))
        statements = [
            *(keep_alarm(id_, without_dates(memory)) for id_, memory in step.alarms.items()),
            *(keep_announcement(id_, one) for id_, one in step.announced.items()),
            *(keep_standing(target, one) for target, one in step.standings.items()),
            *(keep_incident(incident) for incident in step.incidents),
        ]
        if self.store and statements:
            self.store.write(statements)
        return step

    def live(self, rounds: Sequence[Round], start: int = 0) -> "World":
        """Look and step once a second."""
        for now, round_ in enumerate(rounds, start):
            self.look(now, round_)
            self.step(now)
        return self

    def of(self, name: str) -> list[tuple[float, Change]]:
        """Return what was said under the key of an alarm that has no service."""
        return [(at, change) for at, key, change in self.said if key == f"test/{name}"]

    @property
    def witness(self) -> Witness:
        return Witness(
            vantage="here",
            vantages=self.plan.quorum.vantages,
            status_url="http://here/",
            ledgers=self.ledgers,
            good=LastKnownGood(),
            rules=self.engine.rules,
            failing={i: e.began_at for i, e in self.engine.evidence.items() if e.holds},
            standings=self.engine.composites.at,
        )
