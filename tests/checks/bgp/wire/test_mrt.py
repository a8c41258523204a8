"""MRT records of every type that is read, whole, cut and garbled."""

import bz2
import gzip
import io
import struct
from collections import Counter
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.bgp.made import shared
from tests.checks.bgp.wire.made import (
    AT,
    PEER,
    Everything,
    attribute,
    bgp4mp,
    body,
    held,
    index_table,
    message,
    nlri,
    opening,
    record,
    rib,
    segments,
    update,
)
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.update import Announce, EndOfRib, PeerState, Update, Withdraw
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.mrt import Session, open_
from vedette.checks.bgp.wire.speaker import Speakers

V4, V6 = "192.0.2.0/24", "2001:db8::/32"
PATH = (64511, 64500)
KEY = Peer("rrc00", PEER)


class Told:
    """A session and the errors that it told."""

    def __init__(self, interest: Interest | None = None) -> None:
        self.errors = Counter[str]()
        self.session = Session("00", interest or Everything(), self.count)

    def count(self, error: str) -> None:
        self.errors[error] += 1

    def file(self, octets: bytes) -> list[Update]:
        return list(self.session.read(io.BytesIO(octets)))


def told(octets: bytes) -> list[Update]:
    """Return the updates of a file without errors."""
    story = Told()
    updates = story.file(octets)
    assert story.errors == {}
    return updates


def announced(number: int, at: int = AT) -> bytes:
    return update(at, announced=[nlri(f"10.0.{number}.0/24")], path=PATH)


def numbers(updates: list[Update]) -> list[int]:
    return [int(u.prefix.split(".")[2]) for u in updates if isinstance(u, Announce)]


@pytest.mark.parametrize("subtype", [1, 4, 6, 7])
def test_messages(subtype: int) -> None:
    """Withdrawals and announcements of a message, by the peer or, locally, to it."""
    width = 4 if subtype in (4, 7) else 2
    octets = body(announced=[nlri(V4)], withdrawn=[nlri("10.0.0.0/8")], path=PATH, width=width)

    updates = told(bgp4mp(message(octets), subtype=subtype))

    key, asn = (KEY, 64511) if subtype in (1, 4) else (Peer("rrc00", f"{PEER} adj-rib-out"), 64496)
    assert updates == [
        Withdraw(key, asn, "10.0.0.0/8", AT),
        Announce(key, asn, V4, PATH, AT),
    ]


@pytest.mark.parametrize("subtype", [8, 9, 10, 11])
def test_messages_with_path_identifiers(subtype: int) -> None:
    """In the subtypes of RFC 8050 a prefix is held until its last path is withdrawn."""
    width = 4 if subtype in (9, 11) else 2
    said = [
        body(announced=[nlri(V4, 1), nlri(V4, 2)], path=PATH, width=width),
        body(withdrawn=[nlri(V4, 1)]),
        body(withdrawn=[nlri(V4, 2)]),
    ]

    updates = told(b"".join(bgp4mp(message(octets), subtype=subtype) for octets in said))

    kinds = [type(u) for u in updates]
    assert kinds == [Announce, Announce, Announce, Withdraw]


def test_an_ipv6_peer() -> None:
    """The key of an IPv6 peer is its compressed address."""
    (told_,) = told(update(peer="2001:db8:0:0:0:0:0:1", announced=[nlri(V4)], path=PATH))

    assert isinstance(told_, Announce)
    assert told_.peer == Peer("rrc00", "2001:db8::1")


def test_microseconds() -> None:
    """BGP4MP_ET has the microseconds before the rest."""
    plain = update(announced=[nlri(V4)], path=PATH)
    octets = record(17, 4, struct.pack("!I", 250_000) + plain[12:])
    garbled = record(17, 4, struct.pack("!I", 2**32 - 1) + plain[12:])

    assert told(octets) == [Announce(KEY, 64511, V4, PATH, AT + 0.25)]
    assert told(garbled) == [Announce(KEY, 64511, V4, PATH, AT + 0.999999)]


@pytest.mark.parametrize("subtype", [0, 5])
@pytest.mark.parametrize(
    ("before", "after", "up"), [(5, 6, True), (6, 1, False), (1, 2, None), (3, 4, None)]
)
def test_session_states(subtype: int, before: int, after: int, up: bool | None) -> None:
    """A session that becomes established is up, one that was is down, all else says nothing."""
    updates = told(bgp4mp(struct.pack("!HH", before, after), subtype=subtype))

    assert updates == ([] if up is None else [PeerState(KEY, up, AT)])


def test_other_messages_say_nothing() -> None:
    """OPEN, NOTIFICATION, KEEPALIVE and ROUTE-REFRESH are read and say nothing of routes."""
    octets = b"".join(bgp4mp(message(b"\6\2", kind)) for kind in (3, 4, 5))

    assert told(bgp4mp(opening(64511)) + octets) == []


def test_end_of_rib_of_a_session() -> None:
    """A peer that ends its table says so."""
    assert told(update()) == [EndOfRib(KEY, 4, AT)]


PEERS = (("198.51.100.1", 64511, 2), ("2001:db8::1", 4200000001, 3), ("198.51.100.3", 64513, 0))


TABLE, HELD = index_table(*PEERS), held(PATH)


@pytest.mark.parametrize(
    ("subtype", "prefix"), [(2, V4), (4, V6), (6, V6), (8, V4), (10, V6), (12, V6)]
)
def test_a_table_of_version_2(subtype: int, prefix: str) -> None:
    """Each entry is an announcement by a peer of the index; at the end all of them told all."""
    path_id = 7 if subtype >= 8 else None
    octets = rib(subtype, prefix, (0, HELD), (1, HELD), path_id=path_id)

    updates = told(TABLE + octets)

    keys = [Peer("rrc00", PEERS[0][0]), Peer("rrc00", PEERS[1][0])]
    version = 4 if prefix == V4 else 6
    assert updates == [
        Announce(keys[0], 64511, prefix, PATH, AT),
        Announce(keys[1], 4200000001, prefix, PATH, AT),
        *(EndOfRib(key, version, AT, AT - 60) for key in keys),
    ]


def test_a_path_of_a_table_that_goes_is_not_the_last() -> None:
    """Of paths that a table with path identifiers lists, the loss of the last is a withdrawal."""
    address, asn, _ = PEERS[0]
    other = (asn, 64501)
    speakers = Speakers()
    table, messages = (Session("rrc00", Everything(), print, speakers) for _ in range(2))
    entries = ((0, HELD), (0, held(other)))
    table.take(TABLE + rib(8, V4, *entries, path_id=1))
    updates = [
        messages.take(
            bgp4mp(message(body(withdrawn=[nlri(V4, n)])), subtype=9, peer=address, asn=asn)
        )
        for n in (1, 2)
    ]
    peer = Peer("rrc00", address)
    assert updates == [[Announce(peer, asn, V4, other, AT)], [Withdraw(peer, asn, V4, AT)]]


def test_peers_without_the_prefix_have_told_all_too() -> None:
    """A peer that holds other prefixes ends its table, one that holds none does not."""
    story = Told(Interest([V4]))

    updates = story.file(TABLE + rib(2, "10.0.0.0/8", (2, HELD)) + rib(2, V4, (0, HELD)))

    ends = {u.peer.address for u in updates if isinstance(u, EndOfRib)}
    assert ends == {"198.51.100.1", "198.51.100.3"}
    assert story.session.elements == 2


def test_a_local_route_is_of_no_peer() -> None:
    """A router's own route has neither a path nor an AS; it is counted and not told."""
    story = Told()
    table = index_table(("0.0.0.0", 0, 0), *PEERS)

    updates = story.file(table + rib(2, V4, (0, attribute(1, b"\2")), (1, attribute(1, b"\2"))))

    announces = [u for u in updates if isinstance(u, Announce)]
    assert announces == [Announce(KEY, 64511, V4, (64511,), AT)]
    assert story.session.elements == 2


def test_a_bad_entry_takes_no_other_along() -> None:
    """An entry with a malformed path is an error, and the others are told."""
    story = Told()

    updates = story.file(TABLE + rib(2, V4, (0, attribute(2, b"\2")), (1, HELD)))

    assert [u.asn for u in updates if isinstance(u, Announce)] == [4200000001]
    assert story.errors == {"an AS_PATH is malformed": 1}


def test_what_is_not_unicast_is_passed_over() -> None:
    """Multicast tables and GEO_PEER_TABLE are no errors, and say nothing."""
    octets = b"".join(record(13, subtype, b"x" * 30) for subtype in (3, 5, 7, 9, 11))

    assert told(octets) == []


def test_a_dump_of_which_something_is_missing_does_not_tell_all() -> None:
    """A record or an entry that cannot be read spoils its dump, and not the next in the file."""
    whole = TABLE + rib(2, V4, (0, HELD))
    story = Told()

    updates = story.file(whole + rib(2, V4, (1, attribute(2, b"\2"))) + whole)

    ends = [u.whole_at for u in updates if isinstance(u, EndOfRib)]
    assert ends == [None, None, AT - 60]


def test_a_dump_without_its_end_ends_no_table() -> None:
    """Where a file is cut off, who was listed so far may have told of anything behind that."""
    story = Told()

    updates = story.file(TABLE + rib(2, V4, (0, HELD)) + rib(2, "10.0.0.0/8", (0, HELD))[:-1])

    assert [type(update) for update in updates] == [Announce]


@pytest.mark.parametrize(
    "octets",
    [
        rib(2, V4, (0, HELD)),
        TABLE + rib(2, V4, (3, HELD)),
        TABLE + record(13, 2, rib(2, V4, (0, HELD))[12:-1]),
        TABLE + record(13, 2, rib(2, V4)[12:-1]),
        TABLE + record(13, 99, b""),
        TABLE + record(13, 2, bytes(4) + b"\x21" + bytes(20)),
        record(13, 1, TABLE[12:-1]),
        record(13, 2, b""),
        record(11, 0, b"x" * 40),
        record(48, 0, b"x" * 40),
        TABLE + record(13, 2, rib(2, V4)[12:] + b"\0"),
        record(12, 9, bytes(40)),
        record(12, 1, bytes(10)),
        record(12, 1, bytes(25)),
        record(16, 4, b""),
        record(16, 4, bytes(20)),
        record(16, 4, bgp4mp(b"")[12:-1]),
        record(16, 99, bgp4mp(message(body()))[12:]),
        record(17, 4, b"\0"),
        bgp4mp(b"\0", subtype=5),
        bgp4mp(b"", subtype=4),
        bgp4mp(message(body()) + b"\0"),
        bgp4mp(message(b"", 9)),
        bgp4mp(message(b"\0")),
    ],
)
def test_a_bad_record_is_one_error_and_the_next_is_read(octets: bytes) -> None:
    """Whatever a record lacks, it is counted, and the header says where the next one is."""
    story = Told()

    updates = story.file(octets + announced(1))

    assert numbers(updates) == [1]
    assert story.errors.total() == 1


def test_an_old_table() -> None:
    """TABLE_DUMP has one peer's route, with AS numbers of two octets."""
    attributes = attribute(2, segments(PATH, 2))
    four, six = Peer("rrc00", PEER), Peer("rrc00", "2001:db8::1")
    size = len(attributes)
    v4 = struct.pack(
        "!4x4sBxI4sHH", bytes((192, 0, 2, 0)), 24, AT, ip_address(PEER).packed, 64511, size
    )
    address = ip_address("2001:db8::").packed
    v6 = struct.pack("!4x16sBxI16sHH", address, 32, AT, ip_address(six.address).packed, 64512, size)

    updates = told(record(12, 1, v4 + attributes) + record(12, 2, v6 + attributes))

    assert updates == [
        Announce(four, 64511, V4, PATH, AT),
        Announce(six, 64512, V6, PATH, AT),
        EndOfRib(four, 4, AT, AT - 60),
        EndOfRib(six, 6, AT, AT - 60),
    ]


@given(st.lists(st.integers(0, 255), max_size=8), st.lists(st.integers(1, 200), min_size=1))
def test_octets_may_come_in_any_pieces(said: list[int], sizes: list[int]) -> None:
    """A file that grows is read record by record, wherever the pieces end."""
    octets = b"".join(announced(number) for number in said)
    story, updates, offset = Told(), list[Update](), 0
    while offset < len(octets):
        size = sizes[offset % len(sizes)]
        updates += story.session.take(octets[offset : offset + size])
        offset += size

    updates += story.session.end()

    assert numbers(updates) == said
    assert (story.errors, story.session.records) == ({}, len(said))


@given(st.integers(1, 100))
def test_a_file_that_ends_within_a_record(cut: int) -> None:
    """What is cut off at the end is an error, and the next file is read from its beginning."""
    story = Told()

    updates = story.file(announced(1) + announced(2)[:-cut])
    updates += story.file(announced(3))

    assert numbers(updates) == [1, 3]
    whole = cut >= len(announced(2))
    assert story.errors == ({} if whole else {"a file ends within a record": 1})


@pytest.mark.parametrize("field", [b"\xff\xff\xff\xff", b"\x00\x02\x00\x00"])
@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_records_behind_a_garbled_length_are_found(field: bytes, size: int) -> None:
    """Where a header's length is garbled, one error is told and the next header is found."""
    octets = bytearray(b"".join(announced(n, AT + n) for n in range(20)))
    octets[len(announced(0)) * 5 + 8 : len(announced(0)) * 5 + 12] = field
    story, updates = Told(), list[Update]()

    for offset in range(0, len(octets), size):
        updates += story.session.take(bytes(octets[offset : offset + size]))
    updates += story.session.end()

    assert numbers(updates) == [n for n in range(20) if n != 5]
    assert story.errors == {"a record's header is garbled, or of a type that is not read": 1}


@pytest.mark.parametrize("kind", [0, 5, 6, 9, 64, 65535])
def test_types_that_are_not_read_are_errors(kind: int) -> None:
    """A record of an unknown or ancient type is an error, and the next that is known is read."""
    story = Told()

    updates = story.file(announced(1) + record(kind, 1, bytes(50)) + announced(2))

    assert numbers(updates) == [1, 2]
    assert story.errors.total() == 1


def test_garbage_is_one_error() -> None:
    """A file that is no MRT at all is one error, however long it is."""
    story = Told()

    assert story.file(b"This is not MRT. " * 50_000) == []
    assert story.errors.total() == 1


def test_the_same_session_goes_on_with_the_next_file() -> None:
    """Path identifiers of one file hold a withdrawal back in the next."""
    story = Told()
    story.file(bgp4mp(message(body(announced=[nlri(V4, 1), nlri(V4, 2)], path=PATH)), subtype=9))

    updates = story.file(bgp4mp(message(body(withdrawn=[nlri(V4, 2)])), subtype=9))

    assert updates == [Announce(KEY, 64511, V4, PATH, AT)]


@pytest.mark.parametrize("name", ["a.mrt", "a.gz", "a.bz2"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_files_are_opened_by_what_they_hold(tmp_path: Path, name: str, pack: type[bytes]) -> None:
    """Plain, gzip and bzip2 are told apart by their first octets, not by their names."""
    file = tmp_path / name
    file.write_bytes(pack(announced(1)))

    with open_(file) as stream:
        assert numbers(list(Session("00", Everything(), pytest.fail).read(stream))) == [1]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
@pytest.mark.parametrize("harm", ["cut", "garbled"])
def test_a_damaged_archive_is_an_error(tmp_path: Path, pack: type[bytes], harm: str) -> None:
    """What could be unpacked of a damaged file is told, and that it is damaged."""
    whole = bytearray(pack(b"".join(announced(n % 256) for n in range(2000))))
    octets = whole[: len(whole) // 2]
    if harm == "garbled":
        octets += b"garbled" + whole[len(octets) + 7 :]
    file = tmp_path / "updates"
    file.write_bytes(octets)
    story = Told()

    with open_(file) as stream:
        list(story.session.read(stream))

    assert any(e.startswith("a file cannot be read to its end: ") for e in story.errors)


@pytest.mark.parametrize("collector", ["", "no/name", "two words"])
def test_a_collector_has_a_name(collector: str) -> None:
    """A session of what cannot be a collector's name is a ValueError."""
    with pytest.raises(ValueError, match="is not a collector's name"):
        Session(collector, Everything(), pytest.fail)


def read_shared(name: str, interest: Interest | None = None) -> tuple[list[Update], Told]:
    story = Told(interest)
    with open_(shared(name)) as stream:
        return list(story.session.read(stream)), story


def test_trailing_bits_of_a_real_prefix() -> None:
    """A prefix with set host bits is canonical; the octet behind it that is no prefix an error."""
    updates, story = read_shared("mrt/updates.nlri_mask_trailing_bits.gz")

    assert [(u.prefix, u.path) for u in updates if isinstance(u, Announce)] == [
        ("11.8.0.0/13", (7018, 3549, 12389, 48275, 51044))
    ]
    assert story.errors == {"a prefix is longer than it may be": 1}


@pytest.mark.parametrize(("version", "held"), [("ipv4", V4), ("ipv6", V6)])
def test_real_tables_with_path_identifiers(version: str, held: str) -> None:
    """Both ADD-PATH tables: 62 entries, of which two are the router's own and of no AS."""
    updates, story = read_shared(f"mrt/bview.{version}_unicast_add_path.gz")

    announces = [u for u in updates if isinstance(u, Announce)]
    assert (len(announces), story.session.elements, story.errors) == (60, 62, {})
    assert all(u.path[0] == u.asn for u in announces)
