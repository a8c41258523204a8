"""What a user may write, and what is refused with a reason."""

import pytest
from pydantic import ValidationError

from vedette.checks.http.settings import HttpSettings


def test_defaults() -> None:
    """A URL alone is a whole check: GET, 200, any body up to a mebibyte, everywhere it is known."""
    settings = HttpSettings(url="https://api.example.com/")

    assert (settings.status, settings.method, settings.body) == ([200], "GET", None)
    assert (settings.at, settings.ca_file, settings.max_body) == (None, None, 1 << 20)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("name", ("name",)),
        (["name", "last-known-good"], ("name", "last-known-good")),
        (["192.0.2.1", "2001:DB8::0:1"], ("192.0.2.1", "2001:db8::1")),
    ],
)
def test_places(written: object, read: tuple[str, ...]) -> None:
    """`at` takes one place or several, and addresses become canonical."""
    assert HttpSettings(url="http://a.example/", at=written).at == read


@pytest.mark.parametrize(
    ("url", "authority", "port", "path"),
    [
        ("http://a.example", "a.example", 80, "/"),
        ("https://a.example/x?q=1#part", "a.example", 443, "/x?q=1"),
        ("https://A.example:8443?q", "a.example:8443", 8443, "/?q"),
        ("http://[2001:db8::1]/", "[2001:db8::1]", 80, "/"),
        ("http://[2001:db8::1]:81/", "[2001:db8::1]:81", 81, "/"),
        ("https://a_b.example:443/", "a_b.example", 443, "/"),
    ],
)
def test_target(url: str, authority: str, port: int, path: str) -> None:
    """A URL gives the Host header, the port and the request target."""
    target = HttpSettings(url=url).target

    assert (target.authority, target.port, target.path) == (authority, port, path)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"url": "ftp://a.example/"}, "http:// or https://"),
        ({"url": "a.example"}, "http:// or https://"),
        ({"url": "https:///path"}, "names no host"),
        ({"url": "https://user:secret@a.example/"}, "no user name or password"),
        ({"url": "https://a.example:99999/"}, "Port out of range"),
        ({"url": "https://a.example:0/"}, "port 0"),
        ({"url": "https://a..example/"}, "neither a host name nor an address"),
        ({"url": "https://256.1.1.1/"}, "looks like an address"),
        ({"url": "https://[::1/"}, "Invalid IPv6 URL"),
        ({"url": "https://ä.example/"}, "punycode"),
        ({"url": "https://a.example/a b"}, "printable ASCII"),
        ({"status": []}, "at least 1"),
        ({"status": [99]}, "greater than or equal to 200"),
        ({"body": "(unclosed"}, "not a regular expression: missing )"),
        ({"body": "x", "method": "HEAD"}, "no body to search"),
        ({"method": "POST"}, "'GET' or 'HEAD'"),
        ({"headers": {"X-A": "one\r\nX-B: two"}}, "not one line"),
        ({"headers": {"Connection": "keep-alive"}}, "belongs to the connection"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "belongs to the connection"),
        ({"headers": {"content-length": "5"}}, "belongs to the connection"),
        ({"headers": {"X A": "1"}}, "not the name of a header"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "twice"),
        ({"at": "somewhere"}, "expected 'name'"),
        ({"at": []}, "at least 1"),
        ({"at": ["name", "name"]}, "twice"),
        ({"url": "http://a.example/", "ca_file": "ca.pem"}, "for https"),
        ({"max_body": -1}, "greater than or equal to 0"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_refused(bad: dict[str, object], words: str) -> None:
    """What cannot work is refused when the config is read, in words that say why."""
    with pytest.raises(ValidationError) as caught:
        HttpSettings(**{"url": "https://a.example/", **bad})

    assert words in str(caught.value)


def test_secret_stays_secret() -> None:
    """The complaint about a header's value does not repeat it in our own words."""
    with pytest.raises(ValidationError) as caught:
        HttpSettings(url="https://a.example/", headers={"Authorization": "hunter2\n"})

    assert "hunter2" not in caught.value.errors()[0]["msg"]
