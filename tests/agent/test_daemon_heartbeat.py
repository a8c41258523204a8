"""The agent as a process and its dead man's switch: heard while it works, told when it does not."""

from pathlib import Path

from tests.agent.daemon import until, world
from tests.servers.deadman import receiver
from tests.servers.pagerduty import answers

SECRET = "3f2b1c9e-5ec2-4e70-8a11"


async def test_the_switch_hears_until_nobody_can_be_paged(tmp_path: Path) -> None:
    """It is called while all is well; when the only pager refuses a page, it is told that."""
    async with receiver() as (url, calls):
        (tmp_path / "switch").write_text(f"{url}/{SECRET}\n")
        switch = {"url_file": "switch", "every": "1s", "suffixes": ["start", "fail"]}
        refusals = [answers(403, "no such key")] * 9
        async with world(tmp_path, script=refusals, more={"heartbeats": [switch]}) as w:
            await w.well()
            await until(lambda: ("GET", f"/{SECRET}", "") in calls, lambda: w.daemon.output)
            assert calls[0] == ("POST", f"/{SECRET}/start", "the agent has started")
            await w.daemon.sees("vedette_heartbeat_silent", 0, reason="pages_refused")
            w.empty()
            said = "every pager has refused the last page that it was sent"
            await until(lambda: calls[-1] == ("POST", f"/{SECRET}/fail", said),
                        lambda: w.daemon.output)  # fmt: skip
            await w.daemon.sees("vedette_heartbeat_silent", 1, reason="pages_refused")
            assert f"no heartbeat is sent: {said}" in w.daemon.output
            _, page = await w.daemon.get("/")
            _, metrics = await w.daemon.get("/metrics")
            assert SECRET not in w.daemon.output + page + metrics
