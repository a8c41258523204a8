"""RIS Live frames of 2019 and 2026, real and mutilated."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.bgp.made import ORIGIN, PREFIX, peer, shared, state, update
from tests.checks.bgp.wire.made import Everything
from vedette.checks.bgp.update import Announce, PeerState, Withdraw
from vedette.checks.bgp.wire import frames
from vedette.checks.bgp.wire.frames import (
    LARGEST,
    Alive,
    Event,
    FrameError,
    Pong,
    Refused,
    Subscribed,
)
from vedette.checks.bgp.wire.interest import Interest

EVERYTHING = Everything()


def parse(text: str, interest: Interest = EVERYTHING) -> list[Event]:
    return frames.parse(text, interest)


def text(data: dict[str, Any]) -> str:
    return json.dumps({"type": "ris_message", "data": data})


def test_withdrawals_come_first_and_are_canonical() -> None:
    """One UPDATE withdraws an expanded IPv6 prefix and announces another, in that order."""
    frame = update(1, 5.5, announced=[PREFIX], withdrawn=["2a12:ca42:0:0:0:0:0:0/32"])
    assert parse(text(frame)) == [
        Withdraw(peer(1), 64511, "2a12:ca42::/32", 5.5),
        Announce(peer(1), 64511, PREFIX, (64511, ORIGIN), 5.5),
    ]


def test_withdrawn_and_announced_is_announced() -> None:
    """A prefix on both lists of one UPDATE is only announced, however it is spelt (RFC 4271)."""
    both, lost = "2001:db8::/32", "2001:db9:0:0:0:0:0:0/32"
    frame = update(1, 5, announced=[both], withdrawn=["2001:db8:0:0:0:0:0:0/32", lost])
    events = parse(text(frame))
    assert [(type(e), e.prefix) for e in events if isinstance(e, Announce | Withdraw)] == [
        (Withdraw, "2001:db9::/32"),
        (Announce, both),
    ]


def test_only_what_is_of_interest() -> None:
    """Watched prefixes and what is inside them come through; for the rest the peer is alive."""
    interest = Interest([PREFIX])
    inside, beside = "192.0.2.128/25", "198.51.100.0/24"
    frame = update(1, 5, announced=[beside, inside], withdrawn=[PREFIX, beside])
    assert [
        e.prefix for e in parse(text(frame), interest) if isinstance(e, Announce | Withdraw)
    ] == [
        PREFIX,
        inside,
    ]
    other = update(1, 5, announced=[beside], withdrawn=[beside])
    assert parse(text(other), interest) == [Alive(peer(1), 5)]


def test_a_route_of_the_peer_itself() -> None:
    """An announcement with an empty path is the peer's own."""
    frame = update(1, 5, announced=[PREFIX]) | {"path": []}
    assert parse(text(frame)) == [Announce(peer(1), 64511, PREFIX, (64511,), 5)]


def test_shape_of_2019() -> None:
    """Absent lists and a bare host name are read like the frames of 2026."""
    frame = update(1, 5, announced=[PREFIX]) | {"host": "rrc00"}
    del frame["withdrawals"]
    assert parse(text(frame)) == [Announce(peer(1), 64511, PREFIX, (64511, ORIGIN), 5)]


@pytest.mark.parametrize("name", ["STATE", "RIS_PEER_STATE"])
@pytest.mark.parametrize(("word", "up"), [("up", True), ("connected", True), ("down", False)])
def test_states(name: str, word: str, up: bool) -> None:
    """Session states are read under both names."""
    assert parse(text(state(1, 5, word) | {"type": name})) == [PeerState(peer(1), up, 5)]


@pytest.mark.parametrize(
    ("frame", "events"),
    [
        ('{"type":"pong","data":null}', [Pong()]),
        ('{"type":"ris_subscribe_ok","data":{}}', [Subscribed()]),
        ('{"type":"ris_error","data":{"message":"no"}}', [Refused("no")]),
        (r'{"type":"ris_error","data":{"message":"\u001b[2Jno\nmore"}}', [Refused("[2Jno more")]),
        ('{"type":"ris_rrc_list","data":[]}', []),
        ('{"type":"ris_message","data":{"type":"OPEN"}}', []),
        (text(update(1, 5) | {"type": "KEEPALIVE"}), [Alive(peer(1), 5)]),
    ],
)
def test_control_frames(frame: str, events: list[Event]) -> None:
    """The server's other frames have events of their own, or none."""
    assert parse(frame) == events


@pytest.mark.parametrize(
    "frame",
    [
        "", "{", "[]", "null", '{"type":[]}', "[" * 100_000, '{"type":"ris_message"}',
        text(update(1, float("nan"), announced=[PREFIX])),
        text(update(1, 1_700_000_000_000, announced=[PREFIX])),
        text(update(1, 10**400, announced=[PREFIX])),
        text(update(1, -1, announced=[PREFIX])),
        text(update(1, 5, announced=["x/24"])),
        text(update(1, 5, withdrawn=[7])),
        text(update(1, 5) | {"withdrawals": {"a": 1}}),
        text(update(1, 5, announced=[PREFIX]) | {"path": "1 2"}),
        text(state(1, 5, "sideways")),
        text(update(1, 5) | {"host": 3}),
        text(update(1, 5) | {"peer": ["x"]}),
        text(update(1, 5, announced=[PREFIX]) | {"path": [True]}),
        text(update(1, 5, announced=[PREFIX]) | {"path": [-1]}),
        text(update(1, 5, announced=[PREFIX]) | {"path": [2**32]}),
        text(update(1, 5, announced=[PREFIX]) | {"peer_asn": None}),
    ],
)  # fmt: skip
def test_odd_frames(frame: str) -> None:
    """What is not the protocol is a FrameError."""
    with pytest.raises(FrameError):
        parse(frame)


def test_a_frame_larger_than_any_message() -> None:
    """What is larger than a BGP message can be is not read at all, however well it is formed."""
    sound = text(update(1, 5, announced=[PREFIX]))
    assert parse(sound + " " * (LARGEST - len(sound)))
    with pytest.raises(FrameError, match=r"1\.0 million characters: more than a BGP message"):
        parse(sound + " " * LARGEST)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
SOUND = [
    update(1, 5.0, announced=[PREFIX], withdrawn=["2001:db8:0:0:0:0:0:0/32"]),
    state(1, 5.0, "down"),
]


@given(st.sampled_from(SOUND), st.data())
def test_mutated_frames_raise_nothing_else(sound: dict[str, Any], data: st.DataObject) -> None:
    """Replacing any field by anything, or cutting the text, gives events or a FrameError."""
    mutant = dict(sound)
    for name in data.draw(st.lists(st.sampled_from(sorted(sound)), max_size=3)):
        mutant[name] = data.draw(JUNK)
    if mutant.get("announcements") and data.draw(st.booleans()):
        mutant["announcements"] = [{"prefixes": data.draw(JUNK)}, data.draw(JUNK)]
    frame = text(mutant)
    cut = data.draw(st.integers(0, len(frame)))
    for version in (frame, frame[:cut]):
        with contextlib.suppress(FrameError):
            parse(version)


def test_real_frames() -> None:
    """Frames captured in 2019 and 2026 all parse, but for the one known to be corrupt."""
    lines = [
        line
        for name in ("ris-live-frames.jsonl", "ris-live-stream.json")
        for line in shared(f"rislive/{name}").read_text().splitlines()
    ]
    events: list[Event] = []
    broken = []
    for line in lines:
        try:
            events += parse(line)
        except FrameError:
            broken.append(line)
    assert broken == [lines[-1]]
    assert sum(isinstance(event, Announce) for event in events) == 4
    assert {e.prefix for e in events if isinstance(e, Withdraw)} >= {"2a12:ca40::/29"}
    assert [e.up for e in events if isinstance(e, PeerState)] == [True, False]
    assert Refused("this is a test error message") in events
