"""The servers that a config names: how they are read, called and reached."""

import re
import sys

import pytest
from pydantic import ValidationError

from vedette.checks.dns.server import Channel, Resolver, Transport, parse_server
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.net import NO_USER, Endpoint

NINE = "9.9.9.9"


@pytest.mark.parametrize(
    ("text", "server", "label"),
    [
        ("tls://9.9.9.9", Resolver(Endpoint(NINE, 853), Transport.TLS), "tls://9.9.9.9"),
        ("tls://9.9.9.9:8853", Resolver(Endpoint(NINE, 8853), Transport.TLS), "tls://9.9.9.9:8853"),
        ("quic://DNS.example", Resolver(Endpoint("dns.example", 853), Transport.QUIC), None),
        (
            "https://dns.example",
            Resolver(Endpoint("dns.example", 443), Transport.HTTPS, "/dns-query"),
            "https://dns.example",
        ),
        (
            "https://[2001:db8::1]:8443/q?a=b://c/%7e",
            Resolver(Endpoint("2001:db8::1", 8443), Transport.HTTPS, "/q?a=b://c/%7e"),
            "https://[2001:db8::1]:8443/q?a=b://c/%7e",
        ),
    ],
)
def test_encrypted(text: str, server: Resolver, label: str | None) -> None:
    """Each transport has its port, and HTTPS a path; people see what is not the default."""
    assert parse_server(text) == server
    assert server.label == (label or text.lower())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tls://", "is not HOST"),
        ("dot://9.9.9.9", "none of udp://, tcp://, tls://, https://, quic://"),
        ("tls://9.9.9.9/dns-query", "only https:// takes a path"),
        ("192.0.2.0/24", "only https:// takes a path"),
        (
            "authoritatve",
            "did you mean authoritative? (a host that is called so is authoritatve:53)",
        ),
        ("Authoritative", "did you mean authoritative?"),
        ("parents", "did you mean parent?"),
        ("999.1.1.1", "'999.1.1.1' is neither an address nor a host name"),
        ("tls://9.9.9", "'tls://9.9.9' is neither an address nor a host name"),
        ("https://dns.example/dns-query{?dns}", "not the path of a URL"),
        ("https://dns.example/two words", "not the path of a URL"),
        ("https://dns.example/%zz", "not the path of a URL"),
        ("https://dns.example/ü", "not the path of a URL"),
        ("https://dns.example/\r\nhost: x", "not the path of a URL"),
    ],
)
def test_refused(text: str, says: str) -> None:
    """What cannot be meant is refused with a sentence that names it and says why."""
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_server(text)


def test_a_host_may_be_called_nearly_as_a_word_of_ours() -> None:
    """A name of one label is a host where it is like no word of ours, or has a port."""
    for text in ("unbound", "localhost", "systemd:53", "udp://parents"):
        assert isinstance(parse_server(text), Resolver)


@pytest.mark.parametrize(
    "text",
    [
        "https://u:SEKRET@dns.example/dns-query",
        "https://user@dns.example/",
        "doh://u:SEKRET@dns.example/",
        "tls://u:SEKRET@dns.example/dns-query",
        "https://u:pw/SEKRET@dns.example/",
        "u:SEKRET@9.9.9.9",
        "u:SEKRET@[2001:db8::1]:53",
    ],
)
def test_a_password_is_not_quoted(text: str) -> None:
    """A server with a user name or password is refused in words that do not repeat it."""
    with pytest.raises(ValueError, match=f"^{NO_USER}$"):
        parse_server(text)


def test_a_path_may_have_an_at() -> None:
    """What stands behind the host is no password."""
    server = Resolver(Endpoint("dns.example", 443), Transport.HTTPS, "/@me")
    assert parse_server("https://dns.example/@me") == server


def test_same_server_twice() -> None:
    """A server with its default port and path written out is the same server."""
    servers = ["https://dns.example", "https://dns.example:443/dns-query"]
    with pytest.raises(ValidationError, match="are the same"):
        DnsSettings(name="a.example", servers=servers)


@pytest.mark.parametrize(
    ("channel", "server_name", "authority"),
    [
        (Channel(Endpoint("192.0.2.1", 443), host="dns.example"), "dns.example", "dns.example"),
        (Channel(Endpoint("192.0.2.1", 443)), "192.0.2.1", "192.0.2.1"),
        (Channel(Endpoint("2001:db8::1", 8443)), "2001:db8::1", "[2001:db8::1]:8443"),
    ],
)
def test_channel(channel: Channel, server_name: str, authority: str) -> None:
    """A server is called as the config calls it, else by its address."""
    assert (channel.server_name, channel.authority) == (server_name, authority)


def test_quic_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without aioquic a config with quic:// is refused, and the sentence names the remedy."""
    settings = {"name": "a.example", "servers": ["quic://dns.example"]}
    assert DnsSettings(**settings)
    monkeypatch.setitem(sys.modules, "aioquic", None)
    with pytest.raises(ValidationError, match=r"needs aioquic: pip install 'vedette\[quic\]'"):
        DnsSettings(**settings)
