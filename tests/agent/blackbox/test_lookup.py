"""Which address of a target is probed."""

import asyncio

import pytest

from tests.checks.http.looking import resolver
from vedette.agent.blackbox.limits import lenient, strict
from vedette.agent.blackbox.lookup import SystemResolver, choose, fnv1a, split_host_port
from vedette.agent.blackbox.modules import IcmpProbe, Module
from vedette.agent.blackbox.probe import Probe
from vedette.checks.net import Endpoint, NetworkFailure

BOTH = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")


async def chosen(host, addresses, permit=None, **settings):
    """Return the address that is taken of *addresses*, and the probe that knows why."""
    probe = Probe(
        target=host,
        name="m",
        module=Module(prober="icmp", icmp=IcmpProbe(**settings)),
        deadline=asyncio.get_running_loop().time() + 1,
        timeout=1,
        resolve=resolver(*addresses),
        permit=permit or lenient((), ()),
        now=lambda: 0.0,
    )
    return await choose(probe, probe.module.icmp, host), probe


@pytest.mark.parametrize(
    ("settings", "addresses", "expected"),
    [
        ({}, BOTH, "2001:db8::1"),
        ({"preferred_ip_protocol": "ip6"}, BOTH, "2001:db8::1"),
        ({"preferred_ip_protocol": "ip4"}, BOTH, "192.0.2.1"),
        ({}, BOTH[:2], "192.0.2.2"),
        ({"preferred_ip_protocol": "ip4"}, BOTH[2:], "2001:db8::2"),
        ({"ip_protocol_fallback": False}, BOTH[:2], None),
        ({"preferred_ip_protocol": "ip4", "ip_protocol_fallback": False}, BOTH[2:], None),
    ],
)
async def test_one_address_of_the_preferred_family_is_taken(settings, addresses, expected):
    """IPv6 comes first unless the module says otherwise; the fallback is the last one that is."""
    address, probe = await chosen("name.test", addresses, **settings)
    assert address == expected
    assert probe.reason == ("" if expected else "dns")
    assert probe.metrics["probe_ip_protocol"] == ((6 if ":" in expected else 4) if expected else 0)


async def test_an_address_is_taken_as_it_is():
    """Nothing is looked up for it, and its hash is blackbox_exporter's."""
    address, probe = await chosen("127.0.0.1", ())
    assert address == "127.0.0.1"
    assert probe.metrics["probe_ip_addr_hash"] == 3668918509


@pytest.mark.parametrize(
    ("permit", "address"),
    [
        (lenient((), ()), "169.254.169.254"),
        (lenient((), ()), "::ffff:169.254.169.254"),
        (strict((), ()), "127.0.0.1"),
        (strict((), ()), "10.1.2.3"),
        (strict((), ()), "fe80::1"),
    ],
)
async def test_a_name_is_as_forbidden_as_its_address(permit, address):
    """What a name resolves to is what is judged."""
    taken, probe = await chosen("name.test", (address,), permit=permit)
    assert (taken, probe.reason) == (None, "forbidden")


def test_denied_comes_before_allowed_and_allowed_before_the_usual():
    """A network can be opened but for a part of it."""
    from ipaddress import ip_network  # noqa: PLC0415

    permit = strict([ip_network("10.0.0.0/8")], [ip_network("10.1.0.0/16")])
    permit("10.2.0.1")
    permit("8.8.8.8")
    for address in ("10.1.0.1", "192.168.0.1", "169.254.169.254"):
        with pytest.raises(NetworkFailure, match="may not be probed"):
            permit(address)


def test_the_hash_is_fnv1a():
    """By the test vectors of its authors."""
    assert fnv1a(b"") == 0x811C9DC5
    assert fnv1a(b"foobar") == 0xBF9CF968


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("a.test", 53, Endpoint("a.test", 53)),
        ("a.test:5353", 53, Endpoint("a.test", 5353)),
        ("[::1]:53", 853, Endpoint("::1", 53)),
        ("::1", 53, Endpoint("::1", 53)),
        ("[::1]", 53, Endpoint("::1", 53)),
        ("127.0.0.1:1", None, Endpoint("127.0.0.1", 1)),
    ],
)
def test_targets_are_read(text, default, expected):
    """A host, with a port where there is one."""
    assert split_host_port(text, default) == expected


@pytest.mark.parametrize("text", ["a.test", "::1", ":53", "a:b", "a:0", "a:70000", "", "[]:1"])
def test_what_is_no_target_is_refused(text):
    """Without a default a port is needed, and one that exists."""
    with pytest.raises(ValueError, match="address"):
        split_host_port(text, None)


@pytest.mark.parametrize(
    "host", ["", "\x00", "a b", "ü" * 300, "." * 300, "-", "%", "a" * 64, "nobody.invalid"]
)
async def test_what_is_no_name_is_not_found(host):
    """Whatever it is, it is a failure to resolve and nothing else; this host's own is found."""
    found = SystemResolver()
    with pytest.raises(NetworkFailure):
        await found.resolve(host)
    assert "127.0.0.1" in await found.resolve("localhost")
