"""Who may be probed, by address."""

from ipaddress import ip_network

import pytest

from vedette.checks.net import CouldNotLook
from vedette.checks.policy import LOCAL, METADATA, Policy

PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"]
LOCALS = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%lo",
    "fd12::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:a00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:0:0:0:0:80ff:fffe",
]
METADATAS = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
]


def permitted(policy: Policy, address: str) -> bool:
    try:
        policy.permit(address)
    except CouldNotLook:
        return False
    return True


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    """What is on the internet may be probed, in whatever form."""
    assert permitted(Policy((), (*LOCAL, *METADATA)), address)


@pytest.mark.parametrize("address", LOCALS)
def test_local(address: str) -> None:
    """What is ours alone is refused in every form it can take, unless it is not denied."""
    assert not permitted(Policy((), LOCAL), address)
    assert permitted(Policy((), METADATA), address)


@pytest.mark.parametrize("address", METADATAS)
def test_metadata(address: str) -> None:
    """Where clouds keep secrets is refused in every form it can take."""
    assert not permitted(Policy((), METADATA), address)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("64:ff9b::a01:203", True),
        ("10.2.0.1", False),
        ("127.0.0.1", False),
    ],
)
def test_allowed(address: str, allowed: bool) -> None:
    """What is allowed is an exception of what is denied."""
    assert permitted(Policy([ip_network("10.1.0.0/16")], LOCAL), address) is allowed
