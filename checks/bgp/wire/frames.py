"""One RIS Live text frame to typed events.

Both shapes in the wild are read: that of 2019 (host `rrc21`, `RIS_PEER_STATE`, absent lists) and
that of 2026 (host `rrc01.ripe.net`, `STATE`, empty lists, expanded IPv6 withdrawals).
See https://ris-live.ripe.net/manual/. Rule: no I/O, and FrameError is all that is raised.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from vedette.checks.bgp.path import MAX_ASN, Path, read_asn, read_path
from vedette.checks.bgp.prefix import Peer, peer_of
from vedette.checks.bgp.update import END_OF_TIME, Announce, PeerState, Update, Withdraw
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.words import one_line

LARGEST = 1024 * 1024
"""Characters: a BGP message has at most 65,535 octets (RFC 8654), which JSON makes tenfold."""


class FrameError(ValueError):
    """A frame that is not what the protocol says; the message is one sentence."""


class Alive(NamedTuple):
    """A peer spoke, and said nothing of interest: its session is up."""

    peer: Peer
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


Event = Update | Alive | Pong | Subscribed | Refused

_SILENT_TYPES = frozenset({"OPEN", "NOTIFICATION"})  # a state frame says the rest
_STATES = {"up": True, "connected": True, "down": False}

_read_asn = lru_cache(maxsize=16384, typed=True)(read_asn)


def parse(text: str, interest: Interest) -> list[Event]:
    """Return what one frame says of prefixes of *interest*; raise FrameError and nothing else.

    Withdrawals come first. An UPDATE that is of no interest, and a KEEPALIVE, is one Alive.
    """
    if len(text) > LARGEST:
        size = len(text) / 1e6
        raise FrameError(f"the frame has {size:.1f} million characters: more than a BGP message")
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        raise FrameError("the frame is not JSON") from None
    try:
        if frame["type"] == "ris_message":
            return _message(frame["data"], interest)
        return _control(frame)
    except FrameError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise FrameError(f"the frame has an odd shape: {type(exc).__name__} {exc}") from None


def _control(frame: dict[str, Any]) -> list[Event]:
    match frame["type"]:
        case "pong":
            return [Pong()]
        case "ris_subscribe_ok":
            return [Subscribed()]
        case "ris_error":
            return [Refused(one_line(str(frame["data"]["message"]))[:500])]
        case "ris_rrc_list" | "ris_unsubscribe_ok":
            return []
        case other:
            raise FrameError(f"unknown frame type {str(other)[:50]!r}")


def _message(data: dict[str, Any], interest: Interest) -> list[Event]:
    kind = data["type"]
    if kind in _SILENT_TYPES:
        return []
    at = data["timestamp"]
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < END_OF_TIME:
        raise FrameError("the timestamp is not in epoch seconds")
    peer, at = peer_of(data["host"], data["peer"]), float(at)
    if kind == "UPDATE":
        return _update(data, peer, at, interest) or [Alive(peer, at)]
    if kind == "KEEPALIVE":
        return [Alive(peer, at)]
    if kind in {"STATE", "RIS_PEER_STATE"}:
        return [PeerState(peer, _state(data["state"]), at)]
    raise FrameError(f"unknown message type {str(kind)[:50]!r}")


def _state(state: object) -> bool:
    if not isinstance(state, str) or state not in _STATES:
        raise FrameError(f"unknown peer state {str(state)[:50]!r}")
    return _STATES[state]


def _update(data: dict[str, Any], peer: Peer, at: float, interest: Interest) -> list[Event]:
    """Read one BGP UPDATE; a prefix both withdrawn and announced is announced (RFC 4271 3.1)."""
    withdrawn = _list(data, "withdrawals")
    groups = _list(data, "announcements")
    announced = [
        prefix
        for group in groups
        for text in _list(group, "prefixes")
        if (prefix := interest.of_text(text)) is not None
    ]
    gone = [p for text in withdrawn if (p := interest.of_text(text)) is not None]
    asn = _read_asn(data["peer_asn"])
    if gone and announced:
        held = frozenset(announced)
        gone = [prefix for prefix in gone if prefix not in held]
    events: list[Event] = [Withdraw(peer, asn, prefix, at) for prefix in gone]
    if announced:
        # A peer that announces its own route without a path is its origin.
        path = _path(data["path"]) or (asn,)
        events += [Announce(peer, asn, prefix, path, at) for prefix in announced]
    return events


def _path(value: object) -> Path:
    """Read a path, fast where it has neither sets nor oddities."""
    if isinstance(value, list) and set(map(type, value)) == {int}:
        path = tuple(value)
        if min(path) >= 0 and max(path) <= MAX_ASN:
            return path
    return read_path(value)


def _list(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key) or []
    if not isinstance(value, list):
        raise FrameError(f"{key} is not a list")
    return value
