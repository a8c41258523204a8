"""A fault that one agent begins to see has the others look, over the exchange that they use."""

from pathlib import Path

import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.agent.peers.fleet import NAMES, Fleet
from tests.waiting import until
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.finding import Kind, Verdict


async def test_nobody_waits_for_his_tick_where_another_sees_a_fault(tmp_path: Path) -> None:
    """Agents that look once an hour see within seconds what one that looks all the time does."""
    target = TestServer(web.Application())
    await target.start_server()
    fleet = Fleet(tmp_path, url=str(target.make_url("/")))
    key = CheckKey("shop", Kind.HTTP, fleet.url)
    for name in NAMES:
        config = fleet.config(name)
        check = config["services"][0]["http"][0] | {"status": [404], "timeout": "5s"}
        hourly = {} if name == "fra-1" else {"every": "1h"}
        config["services"][0]["http"] = [check | hourly]
        fleet.path(name).write_text(yaml.safe_dump(config))

    def verdicts(name: str) -> list[Verdict]:
        ledger = fleet.agents[name].ledger
        return [look.finding.verdict for one in ledger.of(key) for look in one.looks]

    async with fleet.running(*NAMES):
        await fleet.see(*NAMES)
        await until(lambda: Verdict.OK in verdicts("fra-1"))
        await target.close()
        await until(lambda: all(Verdict.FAILING in verdicts(name) for name in NAMES))
