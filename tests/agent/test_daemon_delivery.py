"""Pages of a real daemon that is killed amid telling them; `make soak` kills it 500 times."""

import asyncio
from pathlib import Path

from tests.bench.soak_delivery import killed

KILLS = 10
AGENTS = 2


async def test_kills_lose_no_page(tmp_path: Path) -> None:
    """However it is killed: no page lost, none twice under another key, none ended that burns."""
    folders = [tmp_path / str(i) for i in range(AGENTS)]
    for folder in folders:
        folder.mkdir()
    sites = await asyncio.gather(*(killed(folder, KILLS // AGENTS) for folder in folders))

    assert [wrong for one in sites for wrong in one.pagerduty.wrongs] == []
    assert sum(one.kills for one in sites) == KILLS
    assert all(one.pagerduty.incidents for one in sites)
