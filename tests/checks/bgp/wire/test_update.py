"""One BGP UPDATE, by tables from the RFCs and by what hypothesis makes up."""

from ipaddress import IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.bgp.wire.made import Everything, attribute, body, nlri, reach, segments, unreach
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.update import Decoded, Route, WireError, decode, read_path

V4, V6 = "192.0.2.0/24", "2001:db8::/32"
PATH = (64511, 64500)
PLAIN, WITH_IDS = frozenset[int](), frozenset({4, 6})


def read(
    octets: bytes,
    *,
    wide: bool = True,
    add_path: frozenset[int] = PLAIN,
    interest: Interest | None = None,
) -> Decoded:
    return decode(octets, wide=wide, add_path=add_path, interest=interest or Everything())


def routes(*prefixes: str) -> list[Route]:
    return [(prefix, None) for prefix in prefixes]


def test_all_four_places_of_prefixes_are_read() -> None:
    """Both versions are withdrawn and announced by one UPDATE, and all prefixes are counted."""
    more = unreach([nlri("2001:db8:1::/48")]) + reach([nlri(V6)])

    decoded = read(body(announced=[nlri(V4)], withdrawn=[nlri("10.0.0.0/8")], path=PATH, more=more))

    withdrawn = routes("10.0.0.0/8", "2001:db8:1::/48")
    assert decoded == Decoded(withdrawn, routes(V4, V6), PATH, None, 4)


@pytest.mark.parametrize("next_hop", [0, 4, 12, 16, 24, 32])
def test_next_hops_of_any_length_are_passed_over(next_hop: int) -> None:
    """A global, a link-local besides it, or an IPv4 next hop make no difference to a prefix."""
    decoded = read(body(path=PATH, more=reach([nlri(V6)], next_hop)))

    assert (decoded.announced, decoded.fault) == (routes(V6), None)


def test_what_is_of_no_interest_is_counted_and_costs_no_path() -> None:
    """An UPDATE without prefixes of interest has only a count, whatever its path is."""
    decoded = read(
        body(announced=[nlri(V4)], path=(), more=attribute(2, b"xx")), interest=Interest([V6])
    )

    assert decoded == Decoded([], [], None, None, 1)


@pytest.mark.parametrize(
    ("octets", "version"),
    [(bytes(4), 4), (body(more=unreach([])), 6), (body(more=attribute(15, b"\0\1\1")), 4)],
)
def test_end_of_rib(octets: bytes, version: int) -> None:
    """An empty UPDATE, and an empty MP_UNREACH_NLRI alone, end a table (RFC 4724 section 2)."""
    assert read(octets) == Decoded([], [], None, version)


@pytest.mark.parametrize(
    "octets",
    [
        body(announced=[nlri(V4)], path=PATH, more=unreach([])),
        body(withdrawn=[nlri(V4)], more=unreach([])),
        body(more=attribute(15, b"\0\2\x80")),
        body(path=PATH),
        body(path=PATH, more=unreach([]) + reach([nlri(V6)])),
    ],
)
def test_what_is_no_end_of_rib(octets: bytes) -> None:
    """An UPDATE that says more, or of another family, ends no table."""
    assert read(octets).end_of_rib is None


def test_other_families_are_passed_over() -> None:
    """Multicast, labelled and VPN routes are neither told nor counted."""
    more = attribute(14, b"\0\1\2\4" + bytes(5) + nlri(V4)) + attribute(15, b"\0\2\x80" + nlri(V6))

    assert read(body(path=PATH, more=more)) == Decoded([], [], None, None, 0)


@pytest.mark.parametrize(
    ("raw", "prefix"),
    [
        (b"\x0d\x0b\x0d", "11.8.0.0/13"),
        (b"\x00", "0.0.0.0/0"),
        (b"\x01\xff", "128.0.0.0/1"),
        (b"\x20\xc0\x00\x02\x01", "192.0.2.1/32"),
    ],
)
def test_bits_behind_the_length_are_irrelevant(raw: bytes, prefix: str) -> None:
    """A prefix has one text, whatever its trailing bits are (RFC 4271 section 4.3)."""
    assert read(body(withdrawn=[raw])).withdrawn == routes(prefix)


@pytest.mark.parametrize("octets", [b"\x21" + bytes(5), b"\x18\xc0\x00", b"\xff" + bytes(40)])
def test_prefixes_before_a_bad_one_are_believed(octets: bytes) -> None:
    """A prefix that is too long or cut off is a fault, which takes nothing else along."""
    said = body(announced=[nlri(V4), octets], withdrawn=[nlri("10.0.0.0/8")], path=PATH)

    decoded = read(said)

    assert decoded.fault == "a prefix is longer than it may be"
    assert (decoded.withdrawn, decoded.announced) == (routes("10.0.0.0/8"), routes(V4))


def test_path_identifiers() -> None:
    """With ADD-PATH each prefix comes with its identifier, in both directions and versions."""
    said = body(
        announced=[nlri(V4, 1), nlri(V4, 2)],
        withdrawn=[nlri("10.0.0.0/8", 7)],
        path=PATH,
        more=reach([nlri(V6, 2**32 - 1)]),
    )

    decoded = read(said, add_path=WITH_IDS)

    assert decoded.announced == [(V4, 1), (V4, 2), (V6, 2**32 - 1)]
    assert (decoded.withdrawn, decoded.elements) == ([("10.0.0.0/8", 7)], 4)
    only6 = body(announced=[nlri(V4)], path=PATH, more=reach([nlri(V6, 5)]))
    assert read(only6, add_path=frozenset({6})).announced == [(V4, None), (V6, 5)]


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_prefix_with_identifier_that_is_cut_off(cut: int) -> None:
    """What ends within an identifier or its prefix is a fault."""
    decoded = read(body(withdrawn=[nlri(V4, 1), nlri(V4, 2)[:-cut]]), add_path=WITH_IDS)

    assert (decoded.withdrawn, decoded.fault is None) == ([(V4, 1)], False)


OLD = (64511, 23456, 64500)
FULL = (64511, 4200000001, 64500)
AS4_AGGREGATOR = attribute(18, (4200000001).to_bytes(4) + bytes(4))
AGGREGATOR, AGGREGATOR_TRANS = (attribute(7, asn.to_bytes(2) + bytes(4)) for asn in (64500, 23456))


@pytest.mark.parametrize(
    ("path", "path4", "aggregators", "merged"),
    [
        (OLD, FULL, b"", FULL),
        (OLD, FULL[1:], b"", FULL),
        (OLD, FULL[2:], b"", OLD),
        (OLD, (64999, *FULL), b"", OLD),
        (OLD, FULL, AGGREGATOR_TRANS + AS4_AGGREGATOR, FULL),
        (OLD, FULL, AGGREGATOR + AS4_AGGREGATOR, OLD),
        (OLD, FULL, AGGREGATOR, FULL),
        ((64511, (23456, 64500)), ((4200000001, 64500),), b"", (64511, (4200000001, 64500))),
        (OLD, (), b"", OLD),
    ],
)
def test_as4_path_knows_what_as_path_could_not_say(
    path: Path, path4: Path, aggregators: bytes, merged: Path
) -> None:
    """AS4_PATH replaces the end of a path of two octets (RFC 6793 section 4.2.3)."""
    more = attribute(17, segments(path4, 4)) + aggregators

    decoded = read(body(announced=[nlri(V4)], path=path, width=2, more=more), wide=False)

    assert decoded.path == merged


def test_as4_path_of_a_wide_session_or_malformed_is_ignored() -> None:
    """Who speaks four octets sends no AS4_PATH, and a malformed one is discarded."""
    wide = body(announced=[nlri(V4)], path=OLD, more=attribute(17, segments(FULL, 4)))
    bad = body(announced=[nlri(V4)], path=OLD, width=2, more=attribute(17, b"\2\7\0"))

    assert read(wide).path == read(bad, wide=False).path == OLD


def test_sets_and_confederations() -> None:
    """An AS_SET is one hop; segments of confederations are left out (RFC 5065)."""
    one, two = (64511).to_bytes(4), (64512).to_bytes(4)
    path = b"\3\1" + two + b"\4\1" + two + b"\2\1" + one + b"\1\2" + one + two

    decoded = read(body(announced=[nlri(V4)], more=attribute(2, path)))

    assert decoded.path == (64511, (64511, 64512))


def test_a_route_of_a_confederation_has_the_member_that_originates_it() -> None:
    """Where no AS outside is on its way, the last member is the origin, not the one that tells."""
    one, two, three = (asn.to_bytes(4) for asn in (65001, 65002, 65003))
    path = b"\3\1" + one + b"\4\2" + two + three + b"\3\2" + two + three

    decoded = read(body(announced=[nlri(V4)], more=attribute(2, path)))

    assert decoded.path == (65001, (65002, 65003), 65002, 65003)


@pytest.mark.parametrize(
    "more",
    [
        b"",
        attribute(2, b"\2"),
        attribute(2, b"\2\0"),
        attribute(2, b"\2\1\0\0\1"),
        attribute(2, b"\5\1" + bytes(4)),
        attribute(2, b"\0\1" + bytes(4)),
        attribute(2, segments(PATH, 4)) + b"\x40",
        attribute(2, segments(PATH, 4)) + b"\x40\4\5\0",
        attribute(2, segments(PATH, 4)) + b"\x50\4\0",
    ],
)
def test_faulty_attributes_withdraw(more: bytes) -> None:
    """What is announced with faulty attributes counts as withdrawn (RFC 7606 section 2)."""
    decoded = read(body(announced=[nlri(V4)], withdrawn=[nlri("10.0.0.0/8")], more=more))

    assert decoded.withdrawn == routes("10.0.0.0/8", V4)
    assert (decoded.announced, decoded.path, decoded.elements) == ([], None, 2)
    assert decoded.fault


def test_the_first_of_two_attributes_counts() -> None:
    """A repeated attribute is passed over (RFC 7606 section 3 g)."""
    decoded = read(body(announced=[nlri(V4)], path=PATH, more=attribute(2, segments(OLD, 4))))

    assert decoded.path == PATH


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\0",
        b"\0\0\0",
        b"\0\5\0\0",
        b"\0\0\0\5",
        body(more=reach([nlri(V6)]) * 2),
        body(more=unreach([nlri(V6)]) * 2),
        body(more=attribute(15, b"\0\2")),
        body(more=attribute(14, b"\0\2\1\0")),
        body(more=attribute(14, b"\0\2\1\x20" + bytes(20))),
    ],
)
def test_what_cannot_be_read_is_a_wire_error(octets: bytes) -> None:
    """Where the fields cannot be told apart, WireError says why in a sentence."""
    with pytest.raises(WireError, match=r"^an? [\w -]+$"):
        read(octets)


def test_an_update_of_65_kilooctets() -> None:
    """An extended message (RFC 8654) is read to its end."""
    prefixes = [f"2001:db8:{n:x}::/48" for n in range(1, 9000)]

    decoded = read(body(more=unreach([nlri(prefix) for prefix in prefixes])))

    assert (len(decoded.withdrawn), decoded.elements) == (8999, 8999)


def test_a_path_among_the_attributes_of_a_rib() -> None:
    """A RIB entry without AS_PATH is a local route; a malformed one is a WireError."""
    assert read_path(attribute(1, b"\0") + attribute(2, segments(PATH, 2)), wide=False) == PATH
    assert read_path(attribute(1, b"\0"), wide=True) == ()
    for bad in (b"\x40\2\7", attribute(2, b"\2\7")):
        with pytest.raises(WireError):
            read_path(bad, wide=True)


prefixes4 = st.builds(
    lambda a, n: str(IPv4Network((a >> (32 - n) << (32 - n), n))),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)
prefixes6 = st.builds(
    lambda a, n: str(IPv6Network((a >> (128 - n) << (128 - n), n))),
    st.integers(0, 2**128 - 1),
    st.integers(0, 128),
)
asns = st.integers(0, 2**32 - 1)
hops = st.one_of(asns, st.lists(asns, min_size=1, max_size=5).map(tuple))
ids = st.integers(0, 2**32 - 1)


@given(
    st.lists(prefixes4),
    st.lists(prefixes4),
    st.lists(prefixes6),
    st.lists(prefixes6),
    st.lists(hops, max_size=300),
    st.one_of(st.none(), ids),
)
def test_what_was_written_is_read(
    gone4: list[str],
    come4: list[str],
    gone6: list[str],
    come6: list[str],
    path: list[int | tuple[int, ...]],
    path_id: int | None,
) -> None:
    """Any prefixes, path and identifier come back as they were written, in their order."""
    wire = {p: nlri(p, path_id) for p in (*gone4, *come4, *gone6, *come6)}
    more = unreach(wire[p] for p in gone6) + reach(wire[p] for p in come6)
    said = body(
        announced=[wire[p] for p in come4],
        withdrawn=[wire[p] for p in gone4],
        path=tuple(path),
        more=more,
    )

    decoded = read(said, add_path=PLAIN if path_id is None else WITH_IDS)

    assert decoded.withdrawn == [(p, path_id) for p in gone4 + gone6]
    assert decoded.announced == [(p, path_id) for p in come4 + come6]
    assert decoded.path == (tuple(path) if come4 + come6 else None)
    assert (decoded.elements, decoded.fault) == (len(gone4 + come4 + gone6 + come6), None)


@given(st.binary(max_size=200), st.booleans(), st.sampled_from([PLAIN, WITH_IDS]))
def test_any_octets_are_read_or_a_wire_error(
    octets: bytes, wide: bool, add_path: frozenset[int]
) -> None:
    """Random octets raise nothing but WireError."""
    try:
        decoded = read(octets, wide=wide, add_path=add_path)
    except WireError:
        return
    assert decoded.elements >= len(decoded.withdrawn) + len(decoded.announced)
