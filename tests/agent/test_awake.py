"""The whole agent in a storm, a drill and a remedy: real outbox, store and pager, our clock."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.agent.daemon import ROUTING_KEY
from tests.servers.pagerduty import PagerDutyServer, Step, answers
from tests.waiting import until
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.paging.storm import GATHERED_FOR, MOST, TOLD_EVERY
from vedette.agent.serving.web import Metrics
from vedette.agent.surroundings import Surroundings
from vedette.checks.dns.reason import Reason
from vedette.checks.finding import Finding, Observation, Verdict

MONDAY = 1_768_208_400.0
"""09:00 UTC of Monday, 12 January 2026."""
OK = Finding(verdict=Verdict.OK)
EMPTY = Finding(verdict=Verdict.FAILING, reason=Reason.NODATA)


class Clock:
    """Epoch seconds that pass when a test says so."""

    at = MONDAY - 3600

    def now(self) -> float:
        """Return them."""
        return self.at

    wall = now

    def lag(self) -> float:
        """Return that nobody has set it."""
        return 0.0


class Life:
    """One agent after another in one state folder, whose looks a test makes."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.clock = Clock()
        self.failing: set[str] = set()
        self.voices = {"fra-1", "nyc-1"}
        self.agent: Agent
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, or begin again with what was kept."""
        around = Surroundings(clock=self.clock)
        self.agent = Agent(read(self.config), self.config.parent, None, around)
        works: list[Callable] = [self.agent.outbox.run, self.agent.remedies.run]
        self._tasks = [asyncio.create_task(work()) for work in works]

    async def kill(self) -> None:
        """End without a word: what is not on the disk is lost."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self.agent.outbox.close()
        self.agent.store.close()

    async def step(self, seconds: float = 1.0) -> None:
        """Let a second pass, look at everything, and judge; then let pages leave."""
        self.clock.at += seconds
        for name in self.voices & self.agent.ledgers.keys():
            for planned in self.agent.plan.checks:
                finding = EMPTY if planned.key.service in self.failing else OK
                key = planned.key
                look = Observation(
                    service=key.service, check=key.check, kind=key.kind, vantage=name,
                    subject="192.0.2.1", place="authoritative", finding=finding,
                    started_at=self.clock.at, seconds=0.0,
                )  # fmt: skip
                self.agent.ledgers[name].add(key, planned.timing, [look])
        self.agent.step()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until every page has been accepted or refused."""
        await until(lambda: not any(w.due_at <= self.clock.at for w in self.agent.outbox.waiting))

    @property
    def metrics(self) -> str:
        """What the agent says of itself."""
        return "".join(Metrics(self.agent).lines())


@asynccontextmanager
async def living(
    folder: Path, services: int = 1, script: tuple[Step, ...] = (), **more: object
) -> AsyncIterator[tuple[Life, PagerDutyServer]]:
    """Start an agent that watches so many services, with a pager."""
    async with PagerDutyServer(script) as pagerduty:
        (folder / "key").write_text(ROUTING_KEY)
        config: Mapping[str, Any] = {
            "agent": {"name": "fra-1", "domain": {"provider": "hetzner"}},
            "defaults": {"every": "1s", "timeout": "1s", "hold": "1s", "clear": "5s"},
            "services": [
                {"name": f"s{n:03d}", "dns": [{"name": f"s{n:03d}.test",
                                               "servers": ["authoritative"]}]}
                for n in range(services)
            ],
            "controls": {"dns": [{"name": "control.test", "servers": ["authoritative"]}]},
            "pagers": [{"pagerduty": {"routing_key_file": "key", "url": pagerduty.url}}],
            **more,
        }  # fmt: skip
        path = folder / "vedette.yaml"
        path.write_text(yaml.safe_dump(config))
        life = Life(path)
        life.start()
        try:
            yield life, pagerduty
        finally:
            await life.kill()


async def test_a_storm_is_a_handful_of_pages_whatever_is_killed(tmp_path: Path) -> None:
    """Sixty services fail at once: six pages open, with a kill at every step; all resolve."""
    names = {f"s{n:03d}" for n in range(60)}
    async with living(tmp_path, len(names)) as (life, pagerduty):
        for _ in range(3):
            await life.step()
        life.failing = names
        for _ in range(3):
            await life.step()
        for _ in range(10):
            await life.step()
            await life.kill()
            life.start()
        assert len(life.agent.engine.open) == len(names)
        keys = [incident.dedup_key for incident in pagerduty.incidents]
        assert keys == [*(f"vedette/s{n:03d}" for n in range(MOST)), "vedette/storm"]
        details = pagerduty.incidents[-1].events[0]["payload"]["custom_details"]
        assert len(details["failing"]) == len(names) - MOST
        assert pagerduty.incidents[-1].summary.startswith(
            f"storm: {len(names) - MOST} more services are failing since "
        )
        life.failing = {"s059"}
        for _ in range(10):
            await life.step()
        await life.step(TOLD_EVERY)
        (last,) = pagerduty.open
        assert last.dedup_key == "vedette/storm"
        assert "1 more service is failing" in last.summary
        assert "s059: record_emptied s059.test A" in last.summary
        life.failing = set()
        for _ in range(10):
            await life.step()
        assert pagerduty.open == []
        assert len(pagerduty.incidents) == MOST + 1
        assert GATHERED_FOR < 10  # the roll-up was told while agents died


async def test_a_drill_proves_the_way_and_alarms_when_it_is_cut(tmp_path: Path) -> None:
    """A drill reaches a pager whatever is muted; one that refuses it is an alarm at the other."""
    always = {"cron": "* * * * *", "duration": "10m"}
    refuses = {"pagerduty": {"routing_key_file": "key"}, "name": "second", "severities": ["error"]}
    async with PagerDutyServer([answers(403)] * 2) as second:
        refuses["pagerduty"] |= {"url": second.url}
        drill = {"cron": "0 9 * * 1", "within": "20s"}
        async with living(tmp_path, drill=drill, maintenance=[always]) as (life, pagerduty):
            config = yaml.safe_load(life.config.read_text())
            config["pagers"].append(refuses)
            life.config.write_text(yaml.safe_dump(config))
            await life.kill()
            life.start()
            for _ in range(8):
                await life.step()
            assert pagerduty.accepted == []
            life.clock.at = MONDAY
            for _ in range(5):
                await life.step()
            assert [i.dedup_key for i in pagerduty.incidents] == [
                "vedette/drill/fra-1", "vedette/fra-1/page_drill",
            ]  # fmt: skip
            drilled, alarm = pagerduty.incidents
            assert drilled.status == "resolved"
            assert drilled.events[0]["payload"]["severity"] == "info"
            assert "did not come through: second" in alarm.summary
            assert 'vedette_page_drill_failing{pager="second"} 1' in life.metrics
            assert 'vedette_page_drill_failing{pager="pagerduty"} 0' in life.metrics
            life.clock.at += 3600
            for _ in range(5):
                await life.step()
            assert pagerduty.open == []
            assert 'vedette_page_drill_failing{pager="second"} 0' in life.metrics


async def test_a_remedy_is_used_once_on_the_word_of_two_providers(tmp_path: Path) -> None:
    """Two providers see the fault: the command runs once, also with kills, and the page says so."""
    (tmp_path / "token").write_text("0123456789abcdef" * 2)
    script = "cat >> told; echo >> told; echo flipped to secondary"
    remedy = {"name": "flip", "enabled": True, "diagnoses": ["record_emptied"],
              "command": ["/bin/sh", "-c", script]}  # fmt: skip
    peer = {"name": "nyc-1", "url": "https://192.0.2.1", "token_file": "token",
            "domain": {"provider": "digitalocean"}}  # fmt: skip
    told = tmp_path / "told"
    async with living(tmp_path, peers=[peer], remediation=[remedy]) as (life, pagerduty):
        for _ in range(70):  # what was never seen well by both is not yet trusted
            await life.step()
        life.failing = {"s000"}
        for _ in range(5):
            await life.step()
            await asyncio.sleep(0)
        await until(lambda: 'result="done"} 1' in life.metrics)
        for _ in range(5):
            await life.step()
            await life.kill()
            life.start()
        (facts,) = map(json.loads, told.read_text().splitlines())
        assert facts["providers"] == ["digitalocean", "hetzner"]
        assert (facts["incident"], facts["diagnosis"]) == ("vedette/s000", "record_emptied")
        (incident,) = pagerduty.incidents
        changes = incident.events[-1]["payload"]["custom_details"]["changes"]
        assert any(line.endswith("remedy flip: done: flipped to secondary") for line in changes)


async def test_one_provider_alone_runs_no_remedy(tmp_path: Path) -> None:
    """While the other provider is not heard, the incident pages and nothing is run."""
    (tmp_path / "token").write_text("0123456789abcdef" * 2)
    remedy = {"name": "flip", "enabled": True, "diagnoses": ["record_emptied"],
              "command": ["/usr/bin/touch", "done"]}  # fmt: skip
    peer = {"name": "nyc-1", "url": "https://192.0.2.1", "token_file": "token",
            "domain": {"provider": "digitalocean"}}  # fmt: skip
    async with living(tmp_path, peers=[peer], remediation=[remedy]) as (life, pagerduty):
        life.voices = {"fra-1"}
        for _ in range(10):
            await life.step()
        life.failing = {"s000"}
        for _ in range(100):
            await life.step()
        assert pagerduty.open  # that a peer is silent, and what the rest sees
        assert not (tmp_path / "done").exists()


async def test_a_page_without_its_words_is_still_a_page(tmp_path: Path, monkeypatch) -> None:
    """A bug in the wording costs the details of a page, and neither the page nor its end."""
    monkeypatch.setattr("vedette.agent.paging.paging.page", lambda *_: 1 / 0)
    async with living(tmp_path) as (life, pagerduty):
        for _ in range(3):
            await life.step()
        life.failing = {"s000"}
        for _ in range(5):
            await life.step()
        (incident,) = pagerduty.incidents
        assert incident.summary == "s000/record_emptied/s000.test A"
        life.failing = set()
        for _ in range(10):
            await life.step()
        assert pagerduty.open == []
