"""A DNS check's settings: what is read, what is refused and how."""

import pytest
from pydantic import ValidationError

from vedette.checks.dns.settings import DnsSettings, Resolver, Source, parse_server
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
        ({"name": "a.example", "servers": ["tls://9.9.9.9"]}, "tls:// is not supported yet"),
        ({"name": "a.example", "servers": ["8.8.8.8:99999"]}, "is not HOST"),
        ({"name": "a.example", "servers": ["[::1"]}, "neither an address nor a host name"),
        ({"name": "a.example", "servers": ["8.8.8.8", "udp://8.8.8.8:53"]}, "are the same"),
        ({"name": "a.example", "min_records": -1}, "greater than or equal to 0"),
        ({"name": "a.example", "allowed": ["192.0.2.1/24"]}, "host bits set"),
        ({"name": "a.example", "allowed": []}, "at least 1 item"),
        ({"name": "a.example", "type": "MX", "allowed": ["192.0.2.0/24"]}, "not for MX"),
        ({"name": "a.example", "type": "NS", "allowed": ["192.0.2.1"]}, "is an address"),
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
        ("tcp://[2001:db8::1]:5353", Resolver(Endpoint("2001:db8::1", 5353), tcp=True)),
        ("udp://DNS.google", Resolver(Endpoint("dns.google", 53))),
    ],
)
def test_server(text: str, server: Source | Resolver) -> None:
    """A server is a source, an address or a host name, with port and transport where given."""
    assert parse_server(text) == server


def test_defaults() -> None:
    """A name alone is asked for an A record at its authorities and the system's resolvers."""
    settings = DnsSettings(name="example.com")
    assert (settings.type, settings.min_records) == ("A", 1)
    assert settings.places == (Source.AUTHORITATIVE, Source.SYSTEM)
