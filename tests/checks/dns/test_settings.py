"""A DNS check's settings: what is read, what is refused and how."""

import pytest
from pydantic import ValidationError

from vedette.checks.dns.server import Resolver, Source, Transport, parse_server
from vedette.checks.dns.settings import Comparison, DnsSettings, TtlRange
from vedette.checks.net import Endpoint


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("API.Example.COM.", "api.example.com"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"),
        (".", "."),
    ],
)
def test_name(text: str, name: str) -> None:
    """A name becomes lower case, without final dot, in A-labels."""
    assert DnsSettings(name=text).name == name


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"name": ""}, "not a DNS name"),
        ({"name": "a..b"}, "not a DNS name"),
        ({"name": "https://example.com/"}, "not a DNS name"),
        ({"name": "two words.example"}, "not a DNS name"),
        ({"name": "a" * 64 + ".example"}, "not a DNS name"),
        ({"name": "192.0.2.1"}, "is an address"),
        ({"name": "a.example", "type": "ANY"}, "query or pseudo type"),
        ({"name": "a.example", "type": "AXFR"}, "query or pseudo type"),
        ({"name": "a.example", "type": "OPT"}, "query or pseudo type"),
        ({"name": "a.example", "type": "BOGUS"}, "not a DNS record type"),
        ({"name": "a.example", "type": "TYPE65400"}, "not a known DNS record type"),
        ({"name": "a.example", "servers": []}, "at least 1 item"),
        ({"name": "a.example", "servers": ["8.8.8.8:99999"]}, "is not HOST"),
        ({"name": "a.example", "servers": ["authoritive"]}, "did you mean authoritative"),
        ({"name": "a.example", "servers": ["SYSTEM"]}, "did you mean system"),
        ({"name": "a.example", "servers": ["[::1"]}, "neither an address nor a host name"),
        ({"name": "a.example", "servers": ["8.8.8.8", "udp://8.8.8.8:53"]}, "are the same"),
        ({"name": "a.example", "servers": ["2001:DB8::1", "[2001:db8:0::1]:53"]}, "are the same"),
        ({"name": "a.example", "min_records": -1}, "greater than or equal to 0"),
        ({"name": "a.example", "max_records": -1}, "greater than or equal to 0"),
        (
            {"name": "a.example", "min_records": 3, "max_records": 2},
            r"max_records \(2\) is less than min_records \(3\)",
        ),
        (
            {"name": "a.example", "max_records": 0},
            r"max_records \(0\) is less than min_records \(1, its default\)",
        ),
        (
            {"name": "a.example", "type": "AAAA", "allowed": ["192.0.2.0/24"]},
            "allowed has nothing of IPv6: no AAAA record could be right",
        ),
        (
            {"name": "a.example", "allowed": ["2001:db8::/32", "2001:db8:1::1"]},
            "allowed has nothing of IPv4: no A record could be right",
        ),
        ({"name": "a.example", "cname_targets": []}, "at least 1 item"),
        ({"name": "a.example", "cname_targets": ["a.*.example"]}, "a \\* may only come first"),
        ({"name": "a.example", "cname_targets": ["*cdn.example"]}, "not a DNS name"),
        ({"name": "a.example", "cname_targets": ["192.0.2.1"]}, "is an address"),
        ({"name": "a.example", "ttl": 60}, "valid dictionary"),
        ({"name": "a.example", "ttl": {}}, "give min, max or both"),
        ({"name": "a.example", "ttl": {"max": "1 hour"}}, "expected a duration"),
        (
            {"name": "a.example", "ttl": {"min": "1h", "max": "1m"}},
            r"max \(60 s\) is less than min \(3600 s\)",
        ),
        (
            {"name": "a.example", "servers": ["9.9.9.9"], "ttl": {"min": "1m"}},
            "ttl is judged at authoritative servers, its max at resolvers too",
        ),
        ({"name": "a.example", "dnssec": "maybe"}, "valid boolean"),
        ({"name": "a.example", "servers": ["parent"]}, "type must be NS, not A"),
        (
            {"name": "a.example", "type": "NS", "servers": ["parent"], "dnssec": True},
            "dnssec is judged at authoritative servers and resolvers",
        ),
        ({"name": "a.example", "compare": ["answer"]}, "'answers', 'serials' or 'delegation'"),
        ({"name": "a.example", "compare": ["serials", "serials"]}, "the same word twice"),
        (
            {"name": "a.example", "servers": ["9.9.9.9"], "compare": []},
            "compare is about the authoritative servers",
        ),
        (
            {"name": "a.example", "servers": ["9.9.9.9"], "settle": "1m"},
            "settle is about the authoritative servers",
        ),
        (
            {"name": "a.example", "servers": ["9.9.9.9"], "expiring": "1d"},
            "expiring is about the authoritative servers",
        ),
        ({"name": "a.example", "settle": -1}, "between 0 and a year"),
        ({"name": "a.example", "ca_file": "ca.pem"}, "ca_file is for servers with tls://"),
        ({"name": "a.example", "allowed": ["192.0.2.1/24"]}, "host bits set"),
        ({"name": "a.example", "allowed": []}, "at least 1 item"),
        ({"name": "a.example", "type": "MX", "allowed": ["192.0.2.0/24"]}, "not for MX"),
        ({"name": "a.example", "type": "MX", "allowed": ["mx.example"]}, "not for MX"),
        ({"name": "a.example", "type": "NS", "allowed": ["192.0.2.1"]}, "is an address"),
        ({"name": "a.example", "type": "NS", "allowed": ["*.ns.example"]}, "has a *"),
        ({"name": "a.example", "tpye": "A"}, "Extra inputs"),
    ],
)
def test_refused(settings: dict, says: str) -> None:
    """What cannot be meant is refused with a sentence that says why."""
    with pytest.raises(ValidationError, match=says):
        DnsSettings(**settings)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("authoritative", Source.AUTHORITATIVE),
        ("system", Source.SYSTEM),
        ("8.8.8.8", Resolver(Endpoint("8.8.8.8", 53))),
        ("2001:db8::1", Resolver(Endpoint("2001:db8::1", 53))),
        ("tcp://[2001:db8::1]:5353", Resolver(Endpoint("2001:db8::1", 5353), Transport.TCP)),
        ("udp://DNS.google", Resolver(Endpoint("dns.google", 53))),
    ],
)
def test_server(text: str, server: Source | Resolver) -> None:
    """A server is a source, an address or a host name, with port and transport where given."""
    assert parse_server(text) == server


def test_all_contradictions_at_once() -> None:
    """What does not fit together is told in one go, so that it can be mended in one go."""
    with pytest.raises(ValidationError) as refused:
        DnsSettings(
            name="a.example", type="MX", servers=["parent"], allowed=["192.0.2.1"], max_records=0
        )
    for says in ("not for MX", "type must be NS", "max_records"):
        assert says in str(refused.value)


def test_parent() -> None:
    """A delegation can be asked for at the parent, alone or beside others."""
    settings = DnsSettings(name="example.com", type="NS", servers=["parent", "authoritative"])
    assert settings.places == (Source.PARENT, Source.AUTHORITATIVE)


@pytest.mark.parametrize("server", ["tls://9.9.9.9", "https://dns.example/dns-query"])
def test_authorities_of_encrypted_servers(server: str) -> None:
    """A file of authorities goes with a server that shows a certificate."""
    settings = DnsSettings(name="example.com", servers=["system", server], ca_file="ca.pem")
    assert settings.ca_file == "ca.pem"


def test_cname_targets() -> None:
    """Targets are names, written in any case and with or without the final dot."""
    settings = DnsSettings(name="example.com", cname_targets=["Edge.Example.NET.", "*.cdn.example"])
    assert settings.targets is not None
    assert [str(name) for name in settings.targets] == ["edge.example.net.", "*.cdn.example."]


def test_ttl_at_a_resolver() -> None:
    """Of a cached answer only the most is demanded, for it counts down."""
    both = DnsSettings(name="example.com", ttl={"min": "30s", "max": "1h"})
    assert both.ttl_counting_down == TtlRange(max=3600)
    assert DnsSettings(name="example.com", ttl={"min": "30s"}).ttl_counting_down is None
    assert DnsSettings(name="example.com").ttl_counting_down is None


def test_defaults() -> None:
    """A name alone is asked for an A record at its authorities and the system's resolvers."""
    settings = DnsSettings(name="example.com")
    assert (settings.type, settings.min_records) == ("A", 1)
    assert settings.places == (Source.AUTHORITATIVE, Source.SYSTEM)
    assert settings.compare == list(Comparison)
    assert (settings.settle, settings.expiring) == (60, 2 * 86400)
    assert (settings.max_records, settings.ttl, settings.dnssec) == (None, None, False)
