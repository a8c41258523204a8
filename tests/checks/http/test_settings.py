"""What a user may write, and what is refused with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vedette.checks.http.settings import HttpSettings


def test_defaults() -> None:
    """A URL alone is a whole check: GET, 200, any body up to a mebibyte, everywhere it is known."""
    settings = HttpSettings(url="https://api.example.com/")

    assert (settings.status, settings.method, settings.body) == ([200], "GET", [])
    assert (settings.at, settings.ca_file, settings.max_body) == (None, None, 1 << 20)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("name", ("name",)),
        (["name", "last-known-good"], ("name", "last-known-good")),
        (["192.0.2.1", "2001:DB8::0:1"], ("192.0.2.1", "2001:db8::1")),
        ("every", ("every",)),
        (["every", "192.0.2.1", "name"], ("every", "192.0.2.1", "name")),
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


FAULTS = [
    ({"url": "ftp://a.example/"}, "http:// or https://"),
    ({"url": "a.example"}, "http:// or https://"),
    ({"url": "https:///path"}, "names no host"),
    ({"url": "https://user:secret@a.example/"}, "no user name or password"),
    ({"url": "https://a.example:99999/"}, "the port is no number from 0 to 65535"),
    ({"url": "https://me:s3c/ret@a.example/"}, "the port is no number from 0 to 65535"),
    ({"url": "https://a.example:0/"}, "port 0"),
    ({"url": "https://a..example/"}, "neither a host name nor an address"),
    ({"url": "https://256.1.1.1/"}, "looks like an address"),
    ({"url": "https://[::1/"}, "Invalid IPv6 URL"),
    ({"url": "https://ä.example/"}, "punycode"),
    ({"url": "https://a.example/a b"}, "printable ASCII"),
    ({"method": "CONNECT"}, "'GET', 'HEAD'"),
    ({"headers": {"X-A": "one\r\nX-B: two"}}, "not one line"),
    ({"headers": {"Connection": "keep-alive"}}, "belongs to the connection"),
    ({"headers": {"Transfer-Encoding": "chunked"}}, "belongs to the connection"),
    ({"headers": {"content-length": "5"}}, "belongs to the connection"),
    ({"headers": {"X A": "1"}}, "not the name of a header"),
    ({"headers": {"X-A": "1", "x-a": "2"}}, "twice"),
    ({"headers": {"authorization": "x"}}, "holds a secret: use basic_auth"),
    ({"headers": {"Proxy-Authorization": "x"}}, "put it into proxy_file"),
    ({"request_body": "x", "request_body_file": "y"}, "exclude each other"),
    ({"request_body": "x", "method": "TRACE"}, "no body (RFC 9110"),
    ({"basic_auth": {"username": "a:b", "password_env": "P"}}, "has no colon"),
    ({"basic_auth": {"username": "a"}}, "give password_file or password_env"),
    ({"basic_auth": {"username": "a", "password": "x"}}, "Extra inputs"),
    ({"bearer": {"token_env": "A", "token_file": "a"}}, "one of them"),
    ({"oauth2": {"token_url": "x", "client_id": "a", "client_secret_env": "S"}}, "http://"),
    (
        {"bearer": {"token_env": "A"}, "basic_auth": {"username": "a", "password_env": "P"}},
        "basic_auth and bearer exclude each other",
    ),
    ({"redirects": 21}, "less than or equal to 20"),
    ({"max_body": -1}, "greater than or equal to 0"),
    ({"at": "somewhere"}, "expected 'name'"),
    ({"at": []}, "at least 1"),
    ({"at": ["name", "name"]}, "twice"),
    ({"at": "name", "last_known_good_of": "b.example"}, "unless `at` has last-known-good"),
    ({"proxy": "http://user:secret@proxy:3128"}, "password is a secret"),
    ({"proxy": "socks5://proxy:1080"}, "http://"),
    ({"proxy": "http://proxy:3128", "proxy_env": "PROXY"}, "exclude each other"),
    ({"url": "http://a.example/", "ca_file": "ca.pem"}, "ca_file is for https"),
    ({"url": "http://a.example/", "verify": False}, "verify is for https"),
    ({"verify": False, "ca_file": "ca.pem"}, "trust everybody"),
    ({"client_key": "a.key"}, "name that too"),
    ({"server_name": "a b"}, "not a host name"),
    ({"tls_min": "1.3", "tls_max": "1.2"}, "tls_min is above tls_max"),
    ({"tls_max": "1.1"}, "tls_max is below 1.2, which is the oldest without tls_min"),
    ({"tls_min": "1.4"}, "'1.0', '1.1'"),
    ({"http3": True, "versions": ["1.1"]}, "versions does not allow"),
    ({"http3": True, "url": "http://a.example/"}, "http3 is for https"),
    ({"http3": True, "proxy_env": "PROXY"}, "through a proxy"),
    ({"status": []}, "at least 1"),
    ({"status": [99]}, "a code from 200 to 599"),
    ({"status": ["6xx"]}, "a class such as 2xx"),
    ({"status": [True]}, "a code from 200 to 599"),
    ({"headers_match": [{"name": "a b", "regexp": "x"}]}, "not the name of a header"),
    ({"headers_match": [{"name": "a", "regexp": "("}]}, "not a regular expression of RE2"),
    ({"headers_not_match": [{"name": "a", "regexp": "x", "allow_missing": True}]}, "Extra inputs"),
    ({"body": "(unclosed"}, "not a regular expression of RE2: missing )"),
    ({"body": r"(a)\1"}, "invalid escape sequence"),
    ({"body_not": ["fine", "(?=no)"]}, "invalid perl operator"),
    ({"json": "body."}, "not a CEL expression"),
    ({"json": "1 < 2"}, "says nothing about `body`"),
    ({"json": "doc.ok && body.ok"}, "'doc' is not known"),
    ({"json": "frobnicate(body)"}, "not a CEL expression: Undefined"),
    ({"body": "x", "method": "HEAD"}, "no body to search"),
    ({"json": "body.ok", "method": "HEAD"}, "no body to search"),
    ({"min_size": 2, "max_size": 1}, "min_size is above max_size"),
    ({"max_size": 2, "max_body": 1}, "above max_body"),
    ({"versions": ["4"]}, "'1.0', '1.1'"),
    ({"slow": 0}, "greater than 0"),
    ({"slow": "5s", "timeout": "5s"}, "not below timeout"),
    ({"expiring": "soon"}, "expected a duration"),
    ({"colour": "red"}, "Extra inputs"),
]


@pytest.mark.parametrize(("bad", "words"), FAULTS, ids=range(len(FAULTS)))
def test_refused(bad: dict[str, object], words: str) -> None:
    """What cannot work is refused when the config is read, in words that say why."""
    with pytest.raises(ValidationError) as caught:
        HttpSettings(**{"url": "https://a.example/", **bad})

    assert words in str(caught.value)


def test_http3_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without aioquic HTTP/3 is refused, and the sentence says what to install."""
    monkeypatch.setattr("vedette.checks.http.settings.find_spec", lambda _name: None)

    with pytest.raises(ValidationError, match=r"pip install 'vedette\[quic\]'"):
        HttpSettings(url="https://a.example/", http3=True)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"status": 204}, {"status": [204]}),
        ({"status": "2xx"}, {"status": ["2xx"]}),
        ({"body": "one"}, {"body": ["one"]}),
        ({"json": "body.ok"}, {"json_": ["body.ok"]}),
        ({"versions": [1.1, 2]}, {"versions": ["1.1", "2"]}),
        ({"versions": [1.0, 3.0, "2"]}, {"versions": ["1.0", "3", "2"]}),
        ({"tls_min": 1.2, "tls_max": "1.3"}, {"tls_min": "1.2", "tls_max": "1.3"}),
        ({"last_known_good_of": "Other.Example."}, {"last_known_good_of": "other.example"}),
        ({"expiring": "2d", "slow": "500ms"}, {"expiring": 172800.0, "slow": 0.5}),
    ],
)
def test_as_people_write(written: dict[str, object], read: dict[str, object]) -> None:
    """One thing needs no list, and what YAML takes for a number is the version that is meant."""
    settings = HttpSettings(url="https://a.example/", **written)

    assert {key: getattr(settings, key) for key in read} == read


@given(st.integers(200, 599), st.integers(2, 5))
def test_classes(status: int, hundreds: int) -> None:
    """A class of status is its hundred codes and no other."""
    settings = HttpSettings(url="http://a.example/", status=[f"{hundreds}xx", 418])

    assert settings.accepts(status) is (status // 100 == hundreds or status == 418)


@given(st.text(max_size=40))
def test_any_pattern_is_taken_or_refused(text: str) -> None:
    """Whatever a pattern or an expression is, it is taken or refused in one line."""
    for key in ("body", "json"):
        try:
            HttpSettings(**{"url": "http://a.example/", key: text})
        except ValidationError as error:
            assert all(fault["type"] == "value_error" for fault in error.errors())  # noqa: PT017


@pytest.mark.parametrize(
    "block",
    [
        {"headers": {"X-Key": "hunter2\n"}},
        {"headers": {"Authorization": "hunter2"}},
        {"proxy": "http://me:hunter2@proxy:3128"},
    ],
)
def test_secret_stays_secret(block: dict[str, object]) -> None:
    """The complaint about a secret in the wrong place does not repeat it in our own words."""
    with pytest.raises(ValidationError) as caught:
        HttpSettings(url="https://a.example/", **block)

    assert "hunter2" not in caught.value.errors()[0]["msg"]
