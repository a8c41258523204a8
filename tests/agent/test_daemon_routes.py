"""The daemon fed with real routes: RouteViews of 24 February 2008, and RIS Live frames of 2026."""

import gzip
import json
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.agent.daemon import SERVICE_KEY, world
from tests.checks.bgp.made import shared
from tests.servers import mrt

PREFIX, ORIGIN = "12.195.3.0/24", 39946
TRIGGER, RESOLVE = ("trigger", SERVICE_KEY), ("resolve", SERVICE_KEY)


def of_now(texts: Iterable[str]) -> Iterator[str]:
    """Yield frames that came in this order a moment ago: a feed that tells of long ago lags."""
    now = time.time()
    for number, text in enumerate(texts):
        yield re.sub(r'"timestamp": ?[0-9.]+', f'"timestamp": {now + number / 1e6:.6f}', text)


async def test_a_real_withdrawal_is_paged_and_its_recovery_resolves(tmp_path: Path) -> None:
    """A network that went dark for two hours is one page by its real routes, then one resolve."""
    folder = shared("routeviews2-2008-02-24")
    truth = json.loads((folder / "truth.json").read_text())["prefixes"][PREFIX]
    seed = json.loads(gzip.decompress((folder / "seed.json.gz").read_bytes()))["data"]
    rows = [
        (row["source_id"], row["path"])
        for row in seed["bgp_state"]
        if row["target_prefix"] == PREFIX
    ]
    news = [
        news
        for path in sorted(folder.glob("updates*.bz2"))
        for news in mrt.frames(path, "rv2", {PREFIX})
        if news[0] >= seed["timestamp"]
    ]

    async with world(tmp_path, bgp=(PREFIX, ORIGIN), start=False) as w:
        w.routes.seed(PREFIX, rows, time.time() - 10)
        await w.daemon.start()
        await w.daemon.sees("vedette_bgp_visibility_ratio", 1)
        await w.routes.play(*of_now(text for at, text in news if at <= truth["due"]))
        await w.told(TRIGGER)
        payload = w.events[0]["payload"]
        assert payload["class"] == "prefix_withdrawn"
        assert f"{PREFIX} by AS{ORIGIN} is seen by" in payload["summary"]
        await w.routes.play(*of_now(text for at, text in news if at > truth["due"]))
        await w.told(TRIGGER, RESOLVE)


async def test_real_frames_of_other_prefixes_change_nothing(tmp_path: Path) -> None:
    """Every kind of frame that RIS Live sends, and a corrupt line, leaves the feed up and OK."""
    lines = [
        line
        for name in ("ris-live-frames.jsonl", "ris-live-stream.json")
        for line in (shared("rislive") / name).read_text().splitlines()
        if line and "ris_error" not in line
    ]
    async with world(tmp_path, bgp=(PREFIX, ORIGIN), start=False) as w:
        w.routes.seed(PREFIX, [(f"00-192.0.2.{n}", [64500 + n, ORIGIN]) for n in range(9)], 0)
        await w.daemon.start()
        await w.daemon.sees("vedette_bgp_visibility_ratio", 1)
        await w.routes.play(*of_now(lines))
        await w.daemon.looks(3, PREFIX)
        await w.daemon.sees("vedette_bgp_feed_up", 1)
        await w.daemon.sees("vedette_probe_state", 1, check=PREFIX, state="OK")
        assert w.story == []
