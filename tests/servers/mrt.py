"""Reads MRT update files into RIS-Live-shaped frames, for replays of real incidents."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from vedette.checks.bgp.update import Announce, PeerState, Update, Withdraw
from vedette.checks.bgp.wire import mrt
from vedette.checks.bgp.wire.interest import Interest


def frames(path: Path, host: str, watched: Iterable[str]) -> Iterator[tuple[float, str]]:
    """Yield (time, RIS Live text frame) for sessions, *watched* prefixes and what is inside them.

    A record that cannot be read is an AssertionError.
    """
    errors = list[str]()
    with mrt.open_(path) as stream:
        for update in mrt.Session(host, Interest(watched), errors.append).read(stream):
            message = _message(update)
            if message is not None:
                said = {"timestamp": update.at, "host": host} | message
                yield update.at, json.dumps({"type": "ris_message", "data": said})
    assert not errors, errors


def _message(update: Update) -> dict[str, object] | None:
    match update:
        case PeerState(peer, up, _):
            state = "up" if up else "down"
            return {"type": "STATE", "peer": peer.address, "peer_asn": "0", "state": state}
        case Announce(peer, asn, prefix, path, _):
            groups = [{"next_hop": "192.0.2.1", "prefixes": [prefix]}]
            return _update(peer.address, asn) | {"path": path, "announcements": groups}
        case Withdraw(peer, asn, prefix, _):
            return _update(peer.address, asn) | {"withdrawals": [prefix]}
    return None


def _update(peer: str, asn: int) -> dict[str, object]:
    return {
        "type": "UPDATE", "peer": peer, "peer_asn": str(asn),
        "path": [], "announcements": [], "withdrawals": [],
    }  # fmt: skip
