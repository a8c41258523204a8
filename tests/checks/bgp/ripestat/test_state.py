"""RIPEstat's bgp-state answers, good and bad."""

import json
from typing import Any

import pytest

from tests.checks.bgp.made import PREFIX, peer, rows, shared
from tests.servers.rislive import ris_live
from vedette.checks.bgp.prefix import peer_of
from vedette.checks.bgp.ripestat.state import SeedError, each, fetch, parse, session


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
        (body([], timestamp="9999-12-31T00:00:00"), "the answer's data.timestamp cannot be read"),
    ],
)
def test_bad_answers(answer: bytes, reason: str) -> None:
    """Whatever is not an answer is a SeedError with one sentence."""
    with pytest.raises(SeedError) as caught:
        parse(answer)
    assert str(caught.value) == reason


async def test_the_past_is_asked_for_in_utc() -> None:
    """A past time goes out as ISO 8601 in UTC, as RIPEstat documents it, and comes back as such."""
    async with ris_live() as server, session() as asker:
        server.past(PREFIX, rows(3), "2026-06-15T16:30:00")
        seed = await fetch(asker, server.seed_url, PREFIX, 1_781_541_000.9)
        assert server.past_requests == [(PREFIX, "2026-06-15T16:30:00")]
        assert server.violations == []
    assert (seed.at, len(seed.routes[PREFIX])) == (1_781_541_000, 3)


async def test_each_is_asked_once_and_failures_come_back() -> None:
    """All are asked, those that failed are returned, and none keeps the others from being asked."""
    asked = []

    async def ask(prefix: str) -> bool:
        asked.append(prefix)
        return int(prefix) % 3 > 0

    assert await each(map(str, range(10)), ask) == {"0", "3", "6", "9"}
    assert sorted(asked) == [str(n) for n in range(10)]
