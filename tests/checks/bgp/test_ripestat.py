"""RIPEstat's bgp-state answers, good and bad."""

import json
from typing import Any

import pytest

from tests.checks.bgp.made import ORIGIN, PREFIX, peer, rows, shared
from tests.servers.rislive import ris_live
from vedette.checks.bgp.check import ask_ripestat
from vedette.checks.bgp.prefix import peer_of
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.ripestat import SeedError, parse
from vedette.checks.finding import Verdict


def test_real_answer() -> None:
    """A real answer of 356 rows is read, origins and time included."""
    seed = parse(shared("ripestat/bgp-state-95.161.64.0_20.json").read_bytes())
    assert (seed.at, seed.skipped) == (1781627400, 0)
    holders = seed.routes["95.161.64.0/20"]
    assert len(holders) == 356
    assert holders[peer_of("rrc00", "102.208.105.2")] == (328840, 327727, 174, 62041)


def body(rows: Any, **more: Any) -> bytes:
    return json.dumps(
        {"data": {"timestamp": "2026-06-16T16:30:00", "bgp_state": rows} | more}
    ).encode()


def test_unreadable_rows_are_skipped() -> None:
    """One odd row does not cost the seed."""
    good = {"target_prefix": PREFIX, "source_id": "00-198.51.100.1", "path": [1, [2, 3]]}
    seed = parse(body([good, good | {"source_id": "x"}, None]))
    assert (seed.routes, seed.skipped) == ({PREFIX: {peer(0): (1, (2, 3))}}, 2)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"<html>", "the answer is not JSON"),
        (b"\xff", "the answer is not JSON"),
        (b"[]", "the answer has no data.bgp_state"),
        (b'{"data": {"bgp_state": 5}}', "the answer has no data.bgp_state"),
        (b'{"status": "error", "data": {}}', "the answer's status is 'error'"),
        (body([{"source_id": 1}]), "no row of the answer's data.bgp_state can be read"),
        (body([], timestamp="noon"), "the answer's data.timestamp cannot be read"),
        (body([], timestamp=None), "the answer's data.timestamp cannot be read"),
    ],
)
def test_bad_answers(answer: bytes, reason: str) -> None:
    """Whatever is not an answer is a SeedError with one sentence."""
    with pytest.raises(SeedError) as caught:
        parse(answer)
    assert str(caught.value) == reason


async def test_ask_ripestat() -> None:
    """One look by RIPEstat alone judges the share of the listed peers."""
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), "2026-06-16T16:30:00")
        good = await ask_ripestat(PREFIX, [ORIGIN], server.seed_url)
        foreign = await ask_ripestat(PREFIX, [64666], server.seed_url)
        server.seed(PREFIX, [], "2026-06-16T16:30:00")
        gone = await ask_ripestat(PREFIX, [ORIGIN], server.seed_url)
        refused = await ask_ripestat("203.0.113.0/24", [ORIGIN], server.seed_url)
        server.seeds[PREFIX] = "x" * (9 * 1024 * 1024)
        large = await ask_ripestat(PREFIX, [ORIGIN], server.seed_url)
    assert (good.verdict, good.facts["of"]) == (Verdict.OK, 10)
    assert foreign.reason is gone.reason is Reason.WITHDRAWN
    assert refused.reason is large.reason is Reason.UNSEEDED
    assert "HTTP 500" in refused.detail
    assert "larger than 8 MB" in large.detail


async def test_nobody_there() -> None:
    """A RIPEstat that cannot be reached is UNKNOWN, with the cause."""
    finding = await ask_ripestat(PREFIX, [ORIGIN], "http://127.0.0.1:1/data.json")
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, Reason.UNSEEDED)
