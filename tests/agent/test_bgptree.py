"""A prefix drawn for a person: who has it, who has not, and that it fits a terminal."""

import io
from collections.abc import Mapping, Sequence

import pytest
from rich.console import Console

from tests.checks.bgp.made import ORIGIN, PREFIX, address, peer
from vedette.agent.cli.bgptree import draw
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.ripestat.sight import Sight
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Finding, Verdict

WATCH = Watch(PREFIX, frozenset({ORIGIN}), frozenset({"192.0.2.0/25"}))
AT = 1_781_627_400.0
WELL = Finding(verdict=Verdict.OK, detail="all is well")
GONE = Finding(verdict=Verdict.FAILING, reason=Reason.WITHDRAWN, detail="it is gone")


def held(*paths: Sequence[int], collector: str = "rrc00") -> dict[Peer, Path]:
    return {peer(n, collector): tuple(path) for n, path in enumerate(paths)}


def drawn(
    holders: Mapping[Peer, Path],
    *lost: Peer,
    finding: Finding = WELL,
    parts: Mapping[str, Mapping[Peer, Path]] | None = None,
    past_at: float | None = AT - 86400,
    width: int = 80,
) -> list[str]:
    """Return the lines that a terminal of *width* shows, without guides."""
    out = io.StringIO()
    sight = Sight(finding, holders, set(lost), parts or {}, AT, past_at)
    draw(Console(file=out, width=width, highlight=False), WATCH, sight)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert all(len(line) <= width for line in lines)
    return [line.lstrip("│├└─ ") for line in lines]


def test_all_that_have_it() -> None:
    """Origins, neighbours and collectors are counted in peers and in their ASes."""
    lines = drawn(held((1, 10, ORIGIN), (1, 10, ORIGIN), (2, 11, ORIGIN), (ORIGIN,)))
    assert lines[:2] == [
        f"{PREFIX} of AS{ORIGIN}",
        "RIPEstat's table of 2026-06-16 16:30:00 UTC, and of 2026-06-15 16:30:00 UTC",
    ]
    shown = [" ".join(line.split()) for line in lines[2:]]
    bars = "█" * 20, "█" * 13, "█" * 7
    assert shown == [
        "originated by",
        f"AS{ORIGIN} 4 peers of 3 ASes {bars[0]}",
        "by way of",
        f"AS10 2 peers of 1 AS {bars[1]}",
        f"AS11 1 peer of 1 AS {bars[2]}",
        "collectors",
        "1 collector with all 4 peers",
        "",
        "✓ all is well",
        "",
    ]


def test_those_that_lost_it_are_named_by_collector() -> None:
    """The collector that lost most comes first, with who lacks the prefix."""
    lost = [peer(n, "rrc12") for n in range(4)]
    lines = drawn(held((1, 10, ORIGIN), (2, 10, ORIGIN)), *lost, peer(9), finding=GONE)
    assert lines[lines.index("collectors") + 1 :] == [
        f"rrc12  0 of 4 peers, not {address(0)}, {address(1)} and 2 more",
        f"rrc00  2 of 3 peers, not {address(9)}",
        "",
        "✗ it is gone",
        "why it matters: to most of the world its addresses do not exist; whatever",
        "serves from them is down, however well it is.",
        "",
    ]


def test_strangers_are_shown_apart() -> None:
    """A foreign origin has its line and does not count as having it; so has a part."""
    parts = {"192.0.2.0/25": held((7, ORIGIN)), "192.0.2.128/25": held((7, 64666), (8, 64666))}
    lines = drawn(held((1, 10, ORIGIN), (2, 64666)), parts=parts)
    assert any(line.startswith("AS64666") for line in lines)
    assert any(line.startswith("192.0.2.128/25 AS64666  2 peers of 2 ASes") for line in lines)
    assert f"rrc00  1 of 2 peers, not {address(1)}" in lines


@pytest.mark.parametrize("width", [60, 80, 120])
def test_many_of_everything_stay_a_page(width: int) -> None:
    """However many there are, a dozen lines a branch say it, within the width."""
    many = held(*((n, 1000 + n, 2000 + n) for n in range(300)))
    right = held(*((n, 3000 + n, ORIGIN) for n in range(300)), collector="rrc01")
    parts = {"192.0.2.128/25": many}
    lost = [peer(n, f"rrc{n % 30:02}") for n in range(400, 600)]
    lines = drawn({**many, **right}, *lost, parts=parts, width=width)
    assert len(lines) < 60
    assert sum(" more" in line for line in lines) >= 4


def test_without_a_past_that_is_said() -> None:
    """Where nobody knows who had it a day ago, nobody is said to have lost it."""
    lines = drawn(held((1, ORIGIN)), past_at=None)
    assert any("table of a day ago could not be had" in line for line in lines)


def test_nothing_known_is_one_sentence() -> None:
    """Where there is no table there is nothing to draw but why."""
    unknown = Finding(verdict=Verdict.UNKNOWN, reason=Reason.UNSEEDED, detail="no answer")
    out = io.StringIO()
    draw(Console(file=out, width=80), WATCH, Sight(unknown, {}, frozenset(), {}))
    assert out.getvalue().split() == ["?", "no", "answer"]
