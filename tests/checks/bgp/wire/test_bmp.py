"""BMP sessions: made messages of every type, and what real routers sent."""

import json
import struct
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.bgp.made import shared
from tests.checks.bgp.wire.captures import sent
from tests.checks.bgp.wire.made import (
    AT,
    PEER,
    Everything,
    bmp,
    body,
    initiation,
    message,
    monitoring,
    nlri,
    of_peer,
    opening,
    peer_down,
    peer_up,
    reach,
)
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.update import Announce, EndOfRib, PeerState, Update, Withdraw
from vedette.checks.bgp.wire.bmp import MOST_OCTETS, Session
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.update import WireError

ROUTER, NOW, LATER = "192.0.2.1", AT + 60.0, 2e9
V4, V6 = "192.0.2.0/24", "2001:db8::/32"
PATH = (64511, 64500)
KEY = Peer(ROUTER, PEER)
POST, TWO_OCTETS, OUT = 0x40, 0x20, 0x10
HELD_OUT = monitoring(body(announced=[nlri(V4)], path=PATH), flags=OUT)
HOLDS, LOST = body(announced=[nlri(V4)], path=PATH), body(withdrawn=[nlri(V4)])


class Told:
    """A session and the errors that it told."""

    def __init__(self, interest: Interest | None = None) -> None:
        self.errors = Counter[str]()
        self.session = Session(ROUTER, interest or Everything(), self.count)

    def count(self, error: str) -> None:
        self.errors[error] += 1

    def take(self, *messages: bytes, now: float = NOW) -> list[Update]:
        return self.session.take(b"".join(messages), now)


def told(*messages: bytes) -> list[Update]:
    """Return the updates of a session without errors."""
    story = Told()
    updates = story.take(*messages)
    assert story.errors == {}
    return updates


def announce(peer: Peer = KEY, asn: int = 64511, prefix: str = V4) -> Announce:
    return Announce(peer, asn, prefix, PATH, AT + 0.5)


def test_a_peers_life() -> None:
    """A peer comes up, announces, ends its table, withdraws and goes down."""
    updates = told(
        peer_up(), monitoring(HOLDS), monitoring(bytes(4)), monitoring(LOST), peer_down()
    )

    at = AT + 0.5
    assert updates == [
        PeerState(KEY, True, at),
        announce(),
        EndOfRib(KEY, 4, at, early=True),
        Withdraw(KEY, 64511, V4, at),
        PeerState(KEY, False, at),
    ]


def test_an_ipv6_peer_and_prefix() -> None:
    """The V flag tells the version of the peer's address, whatever its prefixes are."""
    said = monitoring(body(path=PATH, more=reach([nlri(V6)])), peer="2001:db8::1")

    assert told(said) == [announce(Peer(ROUTER, "2001:db8::1"), prefix=V6)]


def test_the_routers_name() -> None:
    """The collector is the sysName of the initiation, spelled as a collector's name."""
    story = Told()
    updates = story.take(initiation("Edge 1.FRA"), monitoring(HOLDS))

    assert story.session.collector == "edge-1.fra"
    assert updates == [announce(Peer("edge-1.fra", PEER))]


@pytest.mark.parametrize("name", ["", " ", "--", "\N{SNOWMAN}"])
def test_a_router_without_a_name_is_its_address(name: str) -> None:
    """Where the sysName says nothing, the router's address names the collector."""
    story = Told()
    story.take(initiation(name))

    assert story.session.collector == ROUTER


def test_a_name_that_comes_late_is_not_taken() -> None:
    """Peers keep their collector, so that a new name does not make them others."""
    updates = told(peer_up(), initiation("late"), monitoring(HOLDS))

    assert {u.peer for u in updates if isinstance(u, PeerState | Announce)} == {KEY}


def test_names_of_any_octets() -> None:
    """A name of 300 octets that are no UTF-8 is cut, and is no error."""
    story = Told()
    story.take(bmp(4, struct.pack("!HH", 2, 300) + b"A\xff" * 150))

    assert (len(story.session.collector), story.errors) == (64, {})


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ({}, PEER),
        ({"flags": OUT}, f"{PEER} adj-rib-out"),
        ({"kind": 1, "distinguisher": b"\0\0\xfb\xf0\0\0\0\7"}, f"{PEER} 64496:7"),
        ({"kind": 1, "distinguisher": b"\0\1\xc0\0\2\1\0\7"}, f"{PEER} 192.0.2.1:7"),
        ({"kind": 2, "distinguisher": b"\0\2\0\1\0\0\0\7", "flags": OUT},
         f"{PEER} 65536:7 adj-rib-out"),
        ({"kind": 3, "peer": "0.0.0.0"}, "loc-rib"),
        ({"kind": 3, "peer": "0.0.0.0", "flags": 0x80}, "loc-rib"),
        ({"kind": 3, "peer": "0.0.0.0", "distinguisher": b"\0\0\0\1\0\0\0\7"}, "loc-rib 1:7"),
    ],
)  # fmt: skip
def test_views_are_told_apart(header: dict[str, object], address: str) -> None:
    """Instances, Adj-RIB-Out (RFC 8671) and Loc-RIB (RFC 9069) are peers of their own."""
    (seen,) = told(monitoring(HOLDS, **header))

    assert seen == announce(Peer(ROUTER, address))


def test_post_policy_counts_only_without_pre_policy() -> None:
    """What a peer says before policy wins over what is left of it after, and is told once."""
    story = Told()
    post, pre = monitoring(LOST, flags=POST), monitoring(HOLDS)

    assert [type(u) for u in story.take(post)] == [Withdraw]
    assert [type(u) for u in story.take(pre)] == [Announce]
    assert story.take(post, post) == []
    assert [type(u) for u in story.take(peer_down(), peer_up(), post)] == [
        PeerState,
        PeerState,
        Withdraw,
    ]


def test_post_policy_of_another_view_still_counts() -> None:
    """Pre-policy routes of a peer say nothing of what is sent to it."""
    updates = told(monitoring(HOLDS), monitoring(HOLDS, flags=POST | OUT))

    assert [u.peer.address for u in updates if isinstance(u, Announce)] == [
        PEER,
        f"{PEER} adj-rib-out",
    ]


def test_adj_rib_out_speaks_for_the_router() -> None:
    """What is sent to a peer is said by the router's own AS."""
    (*_, seen) = told(peer_up(sent=opening(4200000001)), monitoring(HOLDS, flags=OUT))

    assert seen == announce(Peer(ROUTER, f"{PEER} adj-rib-out"), 4200000001)


def test_a_view_of_a_session_that_is_up_is_up() -> None:
    """Peer Up is told once a session; each view that shows on it later has begun with it."""
    up = [u for u in told(peer_up(), HELD_OUT, HELD_OUT) if isinstance(u, PeerState)]
    assert up == [
        PeerState(KEY, True, AT + 0.5),
        PeerState(Peer(ROUTER, f"{PEER} adj-rib-out"), True, AT + 0.5),
    ]
    assert [type(u) for u in told(HELD_OUT)] == [Announce]


def test_a_part_that_stays_in_the_own_as_is_none() -> None:
    """Without an AS path a route is internal: a watched prefix is held, and a part of it is not."""
    part, watched = nlri("192.0.2.16/28"), Interest([V4])
    story = Told(watched)

    (seen,) = story.take(monitoring(body(announced=[part], path=PATH)))
    assert seen == announce(prefix="192.0.2.16/28")
    inside = story.take(monitoring(body(announced=[part, nlri(V4)], path=())))
    assert inside == [
        Withdraw(KEY, 64511, "192.0.2.16/28", AT + 0.5),
        Announce(KEY, 64511, V4, (64511,), AT + 0.5),
    ]


def test_all_views_of_a_session_go_down_with_it() -> None:
    """A peer's end is the end of what it says and of what is said to it."""
    updates = told(monitoring(HOLDS), monitoring(HOLDS, flags=OUT), peer_down())

    down = {u.peer.address for u in updates if isinstance(u, PeerState) and not u.up}
    assert down == {PEER, f"{PEER} adj-rib-out"}


def test_paths_of_two_octets() -> None:
    """The A flag tells that the AS_PATH has AS numbers of two octets."""
    said = body(announced=[nlri(V4)], path=PATH, width=2)

    assert told(monitoring(said, flags=TWO_OCTETS)) == [announce()]


BOTH_WAYS = (69, b"\0\1\1\3\0\2\1\3")
RECEIVES, SENDS = (69, b"\0\1\1\1"), (69, b"\0\1\1\2")


@pytest.mark.parametrize(
    ("mine", "theirs", "flags", "add_path"),
    [
        (BOTH_WAYS, BOTH_WAYS, 0, True),
        (BOTH_WAYS, BOTH_WAYS, OUT, True),
        (RECEIVES, SENDS, 0, True),
        (RECEIVES, SENDS, OUT, False),
        (SENDS, RECEIVES, 0, False),
        (SENDS, RECEIVES, OUT, True),
        (BOTH_WAYS, (1, b"\0\1\0\1"), 0, False),
        ((69, b"\0\2\1\3"), BOTH_WAYS, 0, False),
        ((69, b"\0\1\1"), BOTH_WAYS, 0, False),
    ],
)
def test_path_identifiers_where_both_opens_say_so(
    mine: tuple[int, bytes], theirs: tuple[int, bytes], flags: int, add_path: bool
) -> None:
    """ADD-PATH holds by direction and family: one side sends what the other takes (RFC 7911)."""
    up = peer_up(opening(64496, mine), opening(64511, theirs))
    said = body(announced=[nlri(V4, 7 if add_path else None)], path=PATH)

    updates = told(up, monitoring(said, flags=flags))

    assert [u.prefix for u in updates if isinstance(u, Announce)] == [V4]


def test_path_identifiers_of_loc_rib() -> None:
    """The OPENs of a Loc-RIB are made up alike, so either direction counts."""
    header = {"kind": 3, "peer": "0.0.0.0"}
    up = peer_up(opening(64496, RECEIVES), opening(64496, RECEIVES), **header)

    updates = told(up, monitoring(body(announced=[nlri(V4, 7)], path=PATH), **header))

    assert updates[1:] == [announce(Peer(ROUTER, "loc-rib"))]


def test_opens_with_extended_parameters() -> None:
    """Optional parameters of RFC 9072 are read as those of RFC 4271."""
    value = bytes((69, 4)) + RECEIVES[1]
    parameters = b"\xff\xff" + struct.pack("!HBH", 3 + len(value), 2, len(value)) + value
    mine = message(struct.pack("!BHH4s", 4, 64496, 90, bytes(4)) + parameters, 1)

    updates = told(
        peer_up(mine, opening(64511, SENDS)),
        monitoring(body(announced=[nlri(V4, 7)], path=PATH)),
    )

    assert updates[1:] == [announce()]


@pytest.mark.parametrize("cut", [1, 20, 40, 60])
def test_a_peer_is_up_even_if_its_opens_cannot_be_read(cut: int) -> None:
    """A cut OPEN is an error, and the peer's state is told."""
    story = Told()
    opens = (opening(64496) + opening(64511))[:-cut]

    assert story.take(bmp(3, of_peer(bytes(20) + opens))) == [PeerState(KEY, True, AT + 0.5)]
    assert story.errors.total() == 1


@pytest.mark.parametrize(
    ("up_at", "early"), [(NOW - 299, True), (NOW - 301, False), (0, False), (NOW + 60, False)]
)
def test_the_end_of_a_table_that_has_just_begun_is_early(up_at: float, early: bool) -> None:
    """A router that has begun with its sessions ends its dump while their tables are on the way.

    Where it does not say when they began, or its clock is ahead, it is believed.
    """
    (_, end) = told(peer_up(at=int(up_at)), monitoring(bytes(4), at=0))
    assert end == EndOfRib(KEY, 4, NOW, early=early)


@pytest.mark.parametrize(("at", "told_at"), [(0, NOW), (AT + 3600, NOW), (AT, AT + 0.5)])
def test_times(at: int, told_at: float) -> None:
    """Without a time, or with one to come, an update is of now."""
    (seen,) = told(monitoring(HOLDS, at=at))

    assert isinstance(seen, Announce)
    assert seen.at == told_at


def test_what_says_nothing_of_routes() -> None:
    """Statistics, mirrored messages and the termination are read and say nothing."""
    story = Told()

    assert story.take(bmp(1, of_peer(bytes(4))), bmp(6, of_peer()), bmp(5, b"\0\1\0\2\0\0")) == []
    assert (story.errors, story.session.messages) == ({}, 3)


@pytest.mark.parametrize(
    "octets",
    [
        bmp(0, b""),
        bmp(0, of_peer()),
        bmp(0, of_peer(message(HOLDS)[:-1])),
        bmp(0, of_peer(message(HOLDS) + b"\0")),
        bmp(0, of_peer(message(b"", 4))),
        bmp(2, of_peer()[:-1]),
        bmp(3, of_peer()[:-1]),
        bmp(4, b"\0\2\0\5abcd"),
        bmp(4, b"\0\2\0"),
        bmp(7, b""),
        bmp(255, b"x" * 100),
        monitoring(b"\0"),
        monitoring(body(announced=[nlri(V4)])),
        monitoring(body(announced=[nlri(V4), b"\x21"], path=PATH)),
    ],
)
def test_a_bad_message_is_one_error_and_the_next_is_read(octets: bytes) -> None:
    """Whatever a message lacks, it is counted, and the session goes on."""
    story = Told()

    updates = story.take(octets, monitoring(body(withdrawn=[nlri("10.0.0.0/8")])))

    assert updates[-1] == Withdraw(KEY, 64511, "10.0.0.0/8", AT + 0.5)
    assert story.errors.total() == 1


@pytest.mark.parametrize(
    "octets",
    [
        b"\2" + initiation("old")[1:],
        b"\3\0\0\0\5\4",
        struct.pack("!BIB", 3, MOST_OCTETS + 1, 0),
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_a_garbled_header_ends_the_session(octets: bytes) -> None:
    """Where nobody can tell where the next message begins, WireError says so."""
    story = Told()

    with pytest.raises(WireError, match="garbled header"):
        story.take(monitoring(HOLDS), octets)


@given(st.lists(st.integers(0, 255), max_size=8), st.lists(st.integers(1, 150), min_size=1))
def test_octets_may_come_in_any_pieces(said: list[int], sizes: list[int]) -> None:
    """A stream is read message by message, wherever its pieces end."""
    octets = b"".join(monitoring(body(withdrawn=[nlri(f"10.0.{n}.0/24")])) for n in said)
    story, updates, offset = Told(), list[Update](), 0
    while offset < len(octets):
        size = sizes[offset % len(sizes)]
        updates += story.take(octets[offset : offset + size])
        offset += size

    assert [u.prefix for u in updates if isinstance(u, Withdraw)] == [
        f"10.0.{n}.0/24" for n in said
    ]
    assert story.errors == {}


def test_sessions_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that tells of ever new peers does not fill the memory; the rest are errors."""
    monkeypatch.setattr("vedette.checks.bgp.wire.bmp._MOST_SESSIONS", 10)
    story = Told()

    for number in range(20):
        story.take(peer_up(peer=f"198.51.100.{number}"))

    assert (len(story.session._views), story.errors.total()) == (10, 10)


def test_a_real_session_decodes_as_another_decoder_says() -> None:
    """A Cisco router's session is what pmacct made of it: peers, tables, every route and path."""
    rows = map(json.loads, shared("bmp/204-expected.json").read_text().splitlines())
    story = Told()
    octets = sent(shared("bmp/204-BMP-CISCO-peer_down__traffic-00.pcap"), 1790)

    updates = story.take(octets, now=LATER)

    assert (story.errors, story.session.messages) == ({}, 343)
    assert story.session.collector == "ipf-zbl1327-r-daisy-90"
    own = Counter(filter(None, map(_row_of_update, updates)))
    theirs = Counter(filter(None, map(_row_of_pmacct, rows)))
    assert theirs - own == {}
    # pmacct does not tell a withdrawal of what was never announced.
    assert {row[:3] for row in own - theirs} == {
        ("withdraw", "loc-rib 4226809946:12", "192.0.2.11/32"),
        ("withdraw", "loc-rib 4226809946:12", "192.0.2.73/32"),
    }


def _row_of_update(update: Update) -> tuple[str, ...] | None:
    match update:
        case PeerState(peer, up, at):
            return ("peer_up" if up else "peer_down", peer.address, f"{at:.6f}")
        case EndOfRib(peer, version, at):
            return ("end-of-rib", peer.address, str(version), f"{at:.6f}")
        case Withdraw(peer, asn, prefix, at):
            return ("withdraw", peer.address, prefix, f"{at:.6f}", str(asn))
        case Announce(peer, asn, prefix, path, at):
            said = " ".join(map(str, path)) if path != (asn,) else ""
            return ("update", peer.address, prefix, f"{at:.6f}", str(asn), said)
    return None


def _row_of_pmacct(row: dict[str, str]) -> tuple[str, ...] | None:
    """Return a row of the kinds that we tell: sessions, and routes that are unicast."""
    kind = row.get("log_type") or row.get("bmp_msg_type", "")
    peer = row.get("peer_ip", "")
    if row.get("is_loc"):
        rd = row.get("rd")
        peer = f"loc-rib {rd.partition(':')[2]}" if rd else "loc-rib"
    if kind in ("peer_up", "peer_down"):
        return (kind, peer, row["timestamp"])
    if kind not in ("update", "withdraw", "end-of-rib") or row["safi"] != 1:
        return None
    asn = str(row["peer_asn"])
    if kind == "end-of-rib":
        return (kind, peer, "4" if row["afi"] == 1 else "6", row["timestamp"])
    head = (kind, peer, row["ip_prefix"], row["timestamp"], asn)
    return (*head, row["as_path"]) if kind == "update" else head


def test_a_real_session_of_frr() -> None:
    """FRR's session is read without an error: its peer flaps twice, and every view has routes."""
    story = Told()
    octets = sent(shared("bmp/205-BMP-6wind-FRR-peer_down__traffic-00.pcap"), 1790)

    updates = story.take(octets, now=LATER)

    flapped = [
        u.up for u in updates if isinstance(u, PeerState) and u.peer.address == "203.0.113.44"
    ]
    views = Counter(u.peer.address for u in updates if isinstance(u, Announce))
    assert (story.errors, story.session.messages) == ({}, 509)
    assert flapped == [True, False, True, False, True]
    assert views == {"loc-rib": 48, "198.51.100.22": 47, "198.51.100.86": 46}
