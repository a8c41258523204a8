"""Route origin validation, one's own ROAs, and what changed between two lists."""

import ipaddress
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.checks.bgp.rpki.payloads import (
    EXPIRING,
    RoaFault,
    RoaReason,
    Scope,
    Validity,
    Vrp,
    Vrps,
    changes,
    read_bits,
    roa_faults,
    spell,
)
from vedette.checks.bgp.watch import Watch

NOW = 1_790_000_000.0
VALID, INVALID, NOT_FOUND = Validity.VALID, Validity.INVALID, Validity.NOT_FOUND
WATCH = Watch("192.0.2.0/24", frozenset({64500}))


def kept(*vrps: Vrp, watched: Iterable[str] = ("0.0.0.0/0", "::/0")) -> Vrps:
    return Vrps(vrps, Scope(watched))


@pytest.mark.parametrize(
    ("vrps", "prefix", "origin", "state"),
    [
        # RFC 6811 section 2: covered and matched, covered only, not covered.
        ([("10.0.0.0/16", 64500, 16)], "10.0.0.0/16", 64500, VALID),
        ([("10.0.0.0/16", 64500, 16)], "10.0.0.0/16", 64501, INVALID),
        ([("10.0.0.0/16", 64500, 16)], "10.1.0.0/16", 64500, NOT_FOUND),
        # The route's length has to be between that of the VRP's prefix and its maximum.
        ([("10.0.0.0/16", 64500, 24)], "10.0.7.0/24", 64500, VALID),
        ([("10.0.0.0/16", 64500, 24)], "10.0.7.0/25", 64500, INVALID),
        ([("10.0.0.0/16", 64500, 16)], "10.0.0.0/17", 64500, INVALID),
        # A VRP inside the route's prefix does not cover it.
        ([("10.0.0.0/16", 64500, 24)], "10.0.0.0/15", 64500, NOT_FOUND),
        # One match is enough, wherever it stands among others.
        ([("10.0.0.0/8", 1, 8), ("10.0.0.0/16", 64500, 16)], "10.0.0.0/16", 64500, VALID),
        ([("10.0.0.0/8", 64500, 16), ("10.0.0.0/16", 1, 16)], "10.0.0.0/16", 64500, VALID),
        ([("10.0.0.0/8", 64500, 8), ("10.0.0.0/16", 1, 16)], "10.0.0.0/16", 64500, INVALID),
        ([("0.0.0.0/0", 64500, 32)], "10.0.0.0/16", 64500, VALID),
        # AS0 makes all that it covers invalid, and nothing valid (RFC 6483 section 4, RFC 7607).
        ([("10.0.0.0/16", 0, 32)], "10.0.0.0/16", 64500, INVALID),
        ([("10.0.0.0/16", 0, 32)], "10.0.0.0/16", 0, INVALID),
        ([("10.0.0.0/16", 0, 16), ("10.0.0.0/16", 1, 16)], "10.0.0.0/16", 1, VALID),
        # A path that ends in an AS_SET has no origin, so it matches nothing.
        ([("10.0.0.0/16", 64500, 16)], "10.0.0.0/16", 0, INVALID),
        ([], "10.0.0.0/16", 0, NOT_FOUND),
        # Four-octet AS numbers; IPv6 as well; the families do not mix.
        ([("2001:db8::/32", 4200000000, 48)], "2001:db8:1::/48", 4200000000, VALID),
        ([("2001:db8::/32", 64500, 48)], "2001:db8:1:1::/64", 64500, INVALID),
        ([("2001:db8::/32", 64500, 48)], "2001:db9::/32", 64500, NOT_FOUND),
        ([("::/0", 64500, 128)], "10.0.0.0/16", 64500, NOT_FOUND),
    ],
)
def test_validation(vrps, prefix, origin, state):
    """A route is valid, invalid or not found as RFC 6811 says."""
    assert state == kept(*(Vrp(*vrp) for vrp in vrps)).state(prefix, origin)


def networks(version: int) -> st.SearchStrategy[str]:
    """Return prefixes of which many contain each other."""
    kind, width = (ipaddress.IPv4Network, 32) if version == 4 else (ipaddress.IPv6Network, 128)
    numbers = st.sampled_from([0, 1 << (width - 1), (1 << width) - 1, 0b101 << (width - 4)])
    return st.tuples(numbers, st.integers(0, width)).map(
        lambda pair: str(kind((pair[0] >> (width - pair[1]) << (width - pair[1]), pair[1])))
    )


ANY = st.sampled_from([4, 6]).flatmap(networks)


@st.composite
def lists(draw: st.DrawFn) -> list[Vrp]:
    """Return VRPs."""
    found = []
    for prefix in draw(st.lists(ANY, max_size=12)):
        network = ipaddress.ip_network(prefix)
        longest = draw(st.integers(network.prefixlen, network.max_prefixlen))
        found.append(Vrp(prefix, draw(st.integers(0, 3)), longest))
    return found


def naive(vrps: Iterable[Vrp], prefix: str, origin: int) -> Validity:
    """Validate by the words of RFC 6811, one VRP after the other."""
    route, state = ipaddress.ip_network(prefix), NOT_FOUND
    for vrp in vrps:
        network = ipaddress.ip_network(vrp.prefix)
        if network.version != route.version or not route.subnet_of(network):
            continue
        if vrp.asn != 0 and vrp.asn == origin and route.prefixlen <= vrp.max_length:
            return VALID
        state = INVALID
    return state


@given(lists(), ANY, st.integers(0, 3))
def test_validation_twice(vrps, prefix, origin):
    """A second, naive implementation agrees about any route and any VRPs."""
    assert naive(vrps, prefix, origin) == kept(*vrps).state(prefix, origin)


@given(lists(), st.lists(ANY, min_size=1, max_size=3), ANY, st.integers(0, 3))
def test_only_what_is_needed(vrps, watched, prefix, origin):
    """VRPs out of scope change nothing for routes in it, and routes out of scope are refused."""
    scope = Scope(watched)
    some = Vrps([vrp for vrp in vrps if scope.needs(read_bits(vrp.prefix))], scope)
    route = ipaddress.ip_network(prefix)
    above = [ipaddress.ip_network(one) for one in watched]
    if any(one.version == route.version and route.subnet_of(one) for one in above):
        assert naive(vrps, prefix, origin) == some.state(prefix, origin)
    else:
        with pytest.raises(ValueError, match="is in no watched prefix"):
            some.state(prefix, origin)


@given(lists(), st.lists(ANY, min_size=1, max_size=3))
def test_scope(vrps, watched):
    """A scope needs exactly what covers, equals or is inside one of its prefixes."""
    scope = Scope(watched)
    for vrp in vrps:
        network = ipaddress.ip_network(vrp.prefix)
        related = any(
            one.version == network.version and one.overlaps(network)
            for one in map(ipaddress.ip_network, watched)
        )
        assert related == scope.needs(read_bits(vrp.prefix))


@given(ANY)
def test_bits_are_the_prefix(prefix):
    """The bits of a prefix spell it again."""
    assert prefix == spell(read_bits(prefix))


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/24", "10.0.0/24", "010.0.0.0/8",
        "10.0.0.0/-1", "10.0.0.0/ 8", "10.0.0.0/٨", "10.0.0.0/24/24", "::/129", "::1/64",
        "fe80::%1/64", "10.0.0.0/255.0.0.0", "10.0.0.0\0/8", "10.0.0.0\ud800/8", "x" * 1000,
        ":::/8", "10.0.0.0/0008",
    ],
)  # fmt: skip
def test_bits_of_no_prefix(text):
    """What is no prefix, or has host bits set, is a ValueError with a short message."""
    with pytest.raises(ValueError, match="is not a prefix") as caught:
        read_bits(text)
    assert len(str(caught.value)) < 300


def test_covering():
    """The VRPs that cover a route come the widest first."""
    wide, exact = Vrp("192.0.0.0/16", 1, 24), Vrp("192.0.2.0/24", 2, 24)
    inside, beside = Vrp("192.0.2.0/25", 3, 25), Vrp("192.0.3.0/24", 4, 24)
    assert (wide, exact) == kept(exact, inside, beside, wide).covering("192.0.2.0/24")


@pytest.mark.parametrize(
    ("ends", "expires"),
    [
        ([5.0], 5.0),
        ([5.0, 9.0], 9.0),  # the last one keeps the route valid
        ([5.0, None], None),  # of the other nobody knows
        ([None], None),
        ([], None),
    ],
)
def test_expires(ends, expires):
    """A route stays valid until the last VRP that matches it ends; the others do not matter."""
    own = [Vrp("192.0.2.0/24", 64500, 24 + i, "ta", end) for i, end in enumerate(ends)]
    other = Vrp("192.0.2.0/24", 64501, 24, "ta", 99.0)
    assert expires == kept(other, *own).expires("192.0.2.0/24", 64500)


def test_what_has_ended_does_not_count():
    """A VRP counts until the moment it ends, and a snapshot itself never changes."""
    ends = {64500: NOW, 64501: NOW + 60, 1: None}
    before = kept(*(Vrp("192.0.2.0/24", asn, 24, "ta", end) for asn, end in ends.items()))
    after = before.at(NOW)
    assert before.at(NOW - 1) is before
    assert tuple(v.state("192.0.2.0/24", 64500) for v in (before, after)) == (VALID, INVALID)
    assert [len([*one]) for one in (before, after, after.at(NOW + 60))] == [3, 2, 1]
    assert after.at(NOW + 59) is after


ROA = Vrp("192.0.2.0/24", 64500, 24, "ripe")


@pytest.mark.parametrize(
    ("vrps", "fault"),
    [
        ([ROA], None),
        ([ROA._replace(expires=NOW + EXPIRING + 1)], None),
        ([ROA._replace(expires=NOW + 60), ROA._replace(expires=NOW + 1e6)], None),
        (
            [],
            (
                RoaReason.MISSING,
                "no ROA lets AS64500 announce 192.0.2.0/24: create one at the registry",
            ),
        ),
        (
            [ROA._replace(asn=64501), ROA._replace(prefix="192.0.0.0/16", max_length=16)],
            (
                RoaReason.MISSING,
                "no ROA lets AS64500 announce 192.0.2.0/24, and it is invalid by "
                "192.0.0.0/16-16 AS64500, 192.0.2.0/24-24 AS64501: create one at the registry",
            ),
        ),
        (
            [ROA._replace(expires=NOW + EXPIRING)],
            (
                RoaReason.EXPIRING,
                "what lets AS64500 announce 192.0.2.0/24 ends in 120 min (ROA 192.0.2.0/24-24 "
                "AS64500): see that its registry renews it",
            ),
        ),
        (
            [ROA._replace(expires=NOW)],
            (
                RoaReason.MISSING,
                "no ROA lets AS64500 announce 192.0.2.0/24: create one at the registry",
            ),
        ),
    ],
)
def test_roa_faults(vrps, fault):
    """A ROA that is missing, for another AS or about to end is told in one sentence."""
    expected = () if fault is None else (RoaFault(fault[0], "192.0.2.0/24", 64500, fault[1]),)
    assert expected == roa_faults(WATCH, kept(*vrps), NOW)


def test_each_origin_has_faults_of_its_own():
    """Every origin that may announce the prefix needs a ROA, also one that stands by."""
    watch = Watch("192.0.2.0/24", frozenset({64502, 64500, 64501}))
    vrps = kept(ROA, ROA._replace(asn=64502, expires=NOW + 600))
    found = [(fault.reason, fault.origin) for fault in roa_faults(watch, vrps, NOW)]
    assert found == [(RoaReason.MISSING, 64501), (RoaReason.EXPIRING, 64502)]
    assert roa_faults(Watch("192.0.2.0/24", frozenset({64502})), vrps, NOW, within=599) == ()


def test_many_roas_are_not_all_listed():
    """A sentence stays one where hundreds of VRPs cover a prefix."""
    (fault,) = roa_faults(WATCH, kept(*(ROA._replace(asn=asn) for asn in range(1, 300))), NOW)
    assert "AS1, 192.0.2.0/24-24 AS2, 192.0.2.0/24-24 AS3 and 296 more" in fault.detail


LONGER, MOVED = ROA._replace(max_length=25), ROA._replace(ta="arin")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([ROA], [ROA], []),
        ([ROA], [ROA._replace(expires=5.0)], []),  # signed again, as every few hours
        ([], [ROA], ["ROA 192.0.2.0/24-24 AS64500 (ripe) was added"]),
        ([ROA], [], ["ROA 192.0.2.0/24-24 AS64500 (ripe) was removed"]),
        (
            [ROA],
            [LONGER],
            ["ROA 192.0.2.0/24-24 AS64500 (ripe) changed to 192.0.2.0/24-25 AS64500 (ripe)"],
        ),
        (
            [ROA],
            [MOVED],
            ["ROA 192.0.2.0/24-24 AS64500 (ripe) changed to 192.0.2.0/24-24 AS64500 (arin)"],
        ),
        (
            [ROA._replace(ta="")],
            [ROA._replace(ta="", asn=1)],
            ["ROA 192.0.2.0/24-24 AS1 was added", "ROA 192.0.2.0/24-24 AS64500 was removed"],
        ),
    ],
)
def test_changes(before, after, told):
    """What was added, removed or changed is told once each; a new end is no change."""
    found = changes(kept(*before), kept(*after))
    assert told == [change.detail for change in found]


@given(lists(), lists())
def test_changes_lead_from_one_to_the_other(before, after):
    """Taking back what went and adding what came makes the one list the other."""
    found = changes(kept(*before), kept(*after))
    gone = {change.before for change in found} - {None}
    come = {change.after for change in found} - {None}
    assert set(after) == (set(before) - gone) | come
    assert not gone & come
