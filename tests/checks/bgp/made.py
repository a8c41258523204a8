"""Frames and peers as RIS Live writes them, for the tests of this folder."""

import os
from pathlib import Path
from typing import Any

import pytest

from vedette.checks.bgp.prefix import Peer, peer_of

PREFIX = "192.0.2.0/24"
ORIGIN = 64500


def address(number: int) -> str:
    """Return the address of the *number*-th peer."""
    return f"198.51.{100 + number // 250}.{1 + number % 250}"


def peer(number: int, collector: str = "rrc00") -> Peer:
    """Return the *number*-th peer of *collector*."""
    return peer_of(collector, address(number))


def update(number: int, at: float, *, announced: Any = (), withdrawn: Any = ()) -> dict[str, Any]:
    """Return an UPDATE of the *number*-th peer of rrc00, in the shape of 2026."""
    groups = [{"next_hop": address(number), "prefixes": list(announced)}] if announced else []
    return {
        "timestamp": at, "peer": address(number), "peer_asn": "64511", "host": "rrc00.ripe.net",
        "id": f"{address(number)}-01a089e0bb060006", "type": "UPDATE", "path": [64511, ORIGIN],
        "community": [], "origin": "IGP", "announcements": groups, "withdrawals": list(withdrawn),
    }  # fmt: skip


def state(number: int, at: float, word: str) -> dict[str, Any]:
    """Return a session state of the *number*-th peer of rrc00."""
    return {
        "timestamp": at, "peer": address(number), "peer_asn": "64511", "host": "rrc00.ripe.net",
        "type": "STATE", "state": word,
    }  # fmt: skip


def rows(count: int, origin: int = ORIGIN) -> list[tuple[str, list[int]]]:
    """Return the seed in which the first *count* peers hold a route to *origin*."""
    return [(f"00-{address(number)}", [64511, origin]) for number in range(count)]


def shared(path: str) -> Path:
    """Return a path of the shared data; skip where there is none."""
    folder = os.environ.get("VEDETTE_SHARED")
    if not folder:
        pytest.skip("VEDETTE_SHARED is not set")
    return Path(folder) / "data/bgp" / path
