"""Which prefixes are worth telling, held against the ipaddress module."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.bgp.wire.made import Everything
from vedette.checks.bgp.wire.interest import Interest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def raw(text: str) -> bytes:
    """Return NLRI of a prefix that may have bits behind its length."""
    address, _, length = text.partition("/")
    octets = ipaddress.ip_address(address).packed[: (int(length) + 7) // 8]
    return bytes((int(length),)) + octets


def version(text: str) -> int:
    return 6 if ":" in text else 4


@pytest.mark.parametrize("watched", ["2000::/3", "::/0", "0.0.0.0/0", "2001:d00::/24"])
def test_short_prefixes_can_be_watched(watched: str) -> None:
    """A prefix too short to spell out what begins with it is watched all the same."""
    interest = Interest([watched])
    inside = "192.0.2.0/24" if version(watched) == 4 else "2001:db8::/32"

    assert interest.of_octets(raw(watched), version(watched)) == watched
    assert interest.of_octets(raw(inside), version(inside)) == inside


def networks(bits: int, kind: type[Network]) -> st.SearchStrategy[Network]:
    """Return prefixes that lie close to each other."""
    address = st.integers(0, 255).map(lambda n: n << (bits - 18))
    return st.builds(
        lambda a, length: kind((a >> (bits - length) << (bits - length), length)),
        address,
        st.integers(0, bits),
    )


some = st.one_of(networks(32, ipaddress.IPv4Network), networks(128, ipaddress.IPv6Network))


@given(st.lists(some, max_size=6), st.lists(some, min_size=1, max_size=20))
def test_interest_is_what_lies_inside(watched: list[Network], asked: list[Network]) -> None:
    """Octets and text get the same answer, which is ipaddress's `subnet_of`."""
    interest = Interest(map(str, watched))
    for network in asked:
        inside = any(
            network.version == w.version and network.subnet_of(w)  # type: ignore[arg-type]
            for w in watched
        )
        told = str(network) if inside else None

        for _ in range(2):
            assert interest.of_octets(raw(str(network)), network.version) == told
        assert interest.of_text(str(network)) == told


def test_what_is_found_is_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that tells ever new prefixes does not fill the memory."""
    monkeypatch.setattr("vedette.checks.bgp.wire.interest._MEMO", 10)
    interest = Everything()

    for number in range(100):
        interest.of_octets(bytes((24, 10, 0, number)), 4)
        interest.of_text(f"10.0.{number}.0/24")

    assert all(len(memo) <= 10 for memo in (*interest._octets.values(), interest._texts))


def test_any_spelling() -> None:
    """Expanded IPv6 and set host bits are the same prefix."""
    interest = Interest(["2001:db8::/32", "172.16.0.0/12"])

    assert interest.of_text("2001:db8:0:0:0:0:0:0/32") == "2001:db8::/32"
    assert interest.of_text("2001:db8::1/48") == "2001:db8::/48"
    assert interest.of_octets(raw("172.31.0.0/13"), 4) == "172.24.0.0/13"


@pytest.mark.parametrize("text", ["", "192.0.2.0", "192.0.2.0/33", "2001:db8::/129", "x/24"])
def test_what_is_no_prefix_is_an_error(text: str) -> None:
    """Text that is no prefix raises ValueError, watched or asked."""
    with pytest.raises(ValueError, match=r"is not a prefix|IPv4 or IPv6 network"):
        Everything().of_text(text)
    with pytest.raises(ValueError, match=r"is not a prefix|IPv4 or IPv6 network"):
        Interest([text])
