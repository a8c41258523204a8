"""One RIS Live text frame to typed events.

Both shapes in the wild are read: that of 2019 (host `rrc21`, `RIS_PEER_STATE`, absent lists) and
that of 2026 (host `rrc01.ripe.net`, `STATE`, empty lists, expanded IPv6 withdrawals).
See https://ris-live.ripe.net/manual/. Rule: no I/O, and FrameError is all that is raised.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

from vedette.checks.bgp.path import Path, read_asn, read_path
from vedette.checks.bgp.prefix import Peer, canonical, peer_of


class FrameError(ValueError):
    """A frame that is not what the protocol says; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Announce:
    """A peer holds *prefix* by *path* as of *at* (the collector's epoch seconds)."""

    peer: Peer
    asn: int
    prefix: str
    path: Path
    at: float


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A peer holds no route to *prefix* any more."""

    peer: Peer
    asn: int
    prefix: str
    at: float


@dataclass(frozen=True, slots=True)
class PeerState:
    """A peer's session with its collector went up or down."""

    peer: Peer
    up: bool
    at: float


@dataclass(frozen=True, slots=True)
class Pong:
    """The server answered our ping."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The server acknowledged a subscription."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server complains (`ris_error`), and often closes afterwards."""

    message: str


Event = Announce | Withdraw | PeerState | Pong | Subscribed | Refused

_SILENT_TYPES = frozenset({"OPEN", "NOTIFICATION", "KEEPALIVE"})  # a state frame says the rest
_STATES = {"up": True, "connected": True, "down": False}


def parse(text: str) -> tuple[Event, ...]:
    """Return the events of one frame, withdrawals first; raise FrameError and nothing else."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        raise FrameError("the frame is not JSON") from None
    try:
        return _events(frame)
    except FrameError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise FrameError(f"the frame has an odd shape: {type(exc).__name__} {exc}") from None


def _events(frame: dict[str, Any]) -> tuple[Event, ...]:
    match frame.get("type"):
        case "ris_message":
            return _message(frame["data"])
        case "pong":
            return (Pong(),)
        case "ris_subscribe_ok":
            return (Subscribed(),)
        case "ris_error":
            return (Refused(str(frame["data"]["message"])[:500]),)
        case "ris_rrc_list" | "ris_unsubscribe_ok":
            return ()
        case other:
            raise FrameError(f"unknown frame type {str(other)[:50]!r}")


def _message(data: dict[str, Any]) -> tuple[Event, ...]:
    kind = data["type"]
    if kind in _SILENT_TYPES:
        return ()
    at = data["timestamp"]
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at):
        raise FrameError("the timestamp is not a number")
    peer = peer_of(data["host"], data["peer"])
    if kind == "UPDATE":
        return _update(data, peer, float(at))
    if kind in {"STATE", "RIS_PEER_STATE"}:
        return _state(data["state"], peer, float(at))
    raise FrameError(f"unknown message type {str(kind)[:50]!r}")


def _state(state: object, peer: Peer, at: float) -> tuple[Event, ...]:
    if not isinstance(state, str) or state not in _STATES:
        raise FrameError(f"unknown peer state {str(state)[:50]!r}")
    return (PeerState(peer, _STATES[state], at),)


def _update(data: dict[str, Any], peer: Peer, at: float) -> tuple[Event, ...]:
    """Read one BGP UPDATE; a prefix both withdrawn and announced is announced (RFC 4271 3.1)."""
    asn = read_asn(data["peer_asn"])
    events: list[Event] = [
        Withdraw(peer, asn, canonical(prefix), at) for prefix in _list(data, "withdrawals")
    ]
    groups = _list(data, "announcements")
    if groups:
        # A peer that announces its own route without a path is its origin.
        path = read_path(data["path"]) or (asn,)
        events += [
            Announce(peer, asn, canonical(prefix), path, at)
            for group in groups
            for prefix in _list(group, "prefixes")
        ]
    return tuple(events)


def _list(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key) or []
    if not isinstance(value, list):
        raise FrameError(f"{key} is not a list")
    return value
