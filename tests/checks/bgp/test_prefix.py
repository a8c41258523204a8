"""One spelling for each prefix and peer."""

import pytest

from vedette.checks.bgp.prefix import canonical, exact, peer_of, peer_of_source


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2a12:ca42:0:0:0:0:0:0/32", "2a12:ca42::/32"),
        ("2A12:CA42::/32", "2a12:ca42::/32"),
        ("1.1.1.7/24", "1.1.1.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_canonical(text: str, same: str) -> None:
    """Every spelling of a prefix has one canonical form."""
    assert canonical(text) == same


@pytest.mark.parametrize("text", ["", "1.1.1.0", "1.1.1.0/33", "1.1.1.0/255.255.255.0", "::%1/64"])
def test_not_a_prefix(text: str) -> None:
    """What no router prints is refused."""
    with pytest.raises(ValueError, match=r"prefix|does not appear|not permitted"):
        canonical(text)
    with pytest.raises(ValueError, match="is not a prefix"):
        exact(text)


def test_host_bits_are_refused_with_what_was_meant() -> None:
    """A person's prefix with host bits set is an error that names the right one."""
    with pytest.raises(ValueError, match=r"did you mean 1\.1\.1\.0/24"):
        exact("1.1.1.1/24")
    assert exact("2001:DB8:0::/48") == "2001:db8::/48"


def test_peers_of_ripestat_and_ris_live_are_the_same() -> None:
    """A source_id and a host with an address name one session."""
    keys = {
        peer_of_source("00-102.208.105.2"),
        peer_of("rrc00", "102.208.105.2"),
        peer_of("rrc00.ripe.net", "102.208.105.2"),
    }
    assert len(keys) == 1
    assert str(peer_of_source("rv2-12.0.1.63")) == "rv2 12.0.1.63"
    assert peer_of_source("03-2001:7F8:1:0::1") == peer_of("rrc03.ripe.net", "2001:7f8:1::1")
