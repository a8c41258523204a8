"""Redirects without I/O: where they lead, and what goes there."""

import pytest

from vedette.checks.http.reason import Reason
from vedette.checks.http.redirect import Redirects, location
from vedette.checks.http.request import Request
from vedette.checks.http.target import parse_url
from vedette.checks.http.tls import TlsSettings
from vedette.checks.net import NetworkFailure


def post(**options: object) -> Request:
    return Request(
        target=parse_url("https://a.test/x/y?z=1"),
        **{"method": "POST", "body": b"data", **options},
    )


def follow(request: Request, where: str, status: int = 302, **headers: str) -> Request:
    fields = (("location", where), *headers.items())
    return Redirects(request).following(request, status, fields)


@pytest.mark.parametrize(
    ("where", "url"),
    [
        ("/b", "https://a.test/b"),
        ("b", "https://a.test/x/b"),
        ("../b?c", "https://a.test/b?c"),
        ("?q", "https://a.test/x/y?q"),
        ("//b.test/c", "https://b.test/c"),
        ("http://b.test:81/c#part", "http://b.test:81/c"),
        ("HTTPS://B.test", "https://B.test/"),
        ("/a b\xc3\xa9", "https://a.test/a%20b%C3%A9"),
        ("https://b\xc3\xbccher.test/\xe9", "https://xn--bcher-kva.test/%E9"),
        ("//b\xc3\xbccher:81/c?d", "https://xn--bcher-kva:81/c?d"),
    ],
)
def test_resolves(where: str, url: str) -> None:
    """Location is resolved against the URL by RFC 3986, and what is no part of a URL is encoded."""
    target = follow(post(), where).target

    expected = parse_url(url)
    found = target.secure, target.host, target.port, target.path
    assert found == (expected.secure, expected.host, expected.port, expected.path)


@pytest.mark.parametrize(
    "where",
    [
        "ftp://a.test/",
        "javascript:alert(1)",
        "http:///x",
        "https://a.test:99999/",
        "//[",
        "//b\xfc/",
    ],
)
def test_leads_nowhere(where: str) -> None:
    """A Location that is no URL for us is reason redirect."""
    with pytest.raises(NetworkFailure) as caught:
        follow(post(), where)

    assert caught.value.reason is Reason.REDIRECT


@pytest.mark.parametrize(
    ("status", "method", "followed", "body"),
    [
        (301, "POST", "GET", None),
        (302, "POST", "GET", None),
        (303, "PUT", "GET", None),
        (307, "POST", "POST", b"data"),
        (308, "PUT", "PUT", b"data"),
        (302, "HEAD", "HEAD", None),
        (303, "HEAD", "HEAD", None),
    ],
)
def test_method(status: int, method: str, followed: str, body: bytes | None) -> None:
    """All but 307 and 308 make a GET of what is not GET or HEAD, and lose the body."""
    first = post(method=method, headers=(("Content-Type", "text/plain"), ("X-A", "1")))
    then = follow(first, "/b", status)

    assert (then.method, then.body) == (followed, body)
    names = {name for name, _ in then.fields}
    assert ("Content-Type" in names) == ("Content-Length" in names) == (body is not None)
    assert "X-A" in names


@pytest.mark.parametrize(
    ("hosts", "kept"),
    [
        (["a.test"], True),
        (["www.a.test"], True),
        (["b.test"], False),
        (["aa.test"], False),
        (["b.test", "a.test"], False),
    ],
)
def test_secrets(hosts: list[str], kept: bool) -> None:
    """What says who we are goes to the first host and below it, and nowhere else, ever after."""
    request = post(headers=(("Authorization", "Bearer x"), ("Cookie", "a=b"), ("X-A", "1")))
    redirects = Redirects(request)
    for host in hosts:
        where = (("location", f"https://{host}/"),)
        request = redirects.following(request, 302, where)

    names = {name for name, _ in request.fields}
    assert ("Authorization" in names, "Cookie" in names) == (kept, kept)
    assert "X-A" in names


@pytest.mark.parametrize(("where", "host"), [("/b", "else.test"), ("https://a.test/", "a.test")])
def test_own_host_header(where: str, host: str) -> None:
    """A Host of the user's stays for a relative Location alone."""
    then = follow(post(headers=(("Host", "else.test"),)), where)

    assert dict(then.fields)["Host"] == host


def test_server_name() -> None:
    """What is verified in place of the host is so at the first host alone, also on the way back."""
    first = post(tls=TlsSettings(server_name="inner.test"))
    redirects = Redirects(first)
    away = redirects.following(first, 302, (("location", "https://b.test/"),))
    back = redirects.following(away, 302, (("location", "https://a.test/"),))

    assert (away.tls.server_name, back.tls.server_name) == (None, "inner.test")


def test_cookies_join() -> None:
    """A cookie that is set on the way joins those of the user's."""
    then = follow(post(headers=(("Cookie", "own=1"),)), "/b", **{"set-cookie": "set=2; Path=/"})

    assert dict(then.fields)["Cookie"] == "own=1; set=2"


@pytest.mark.parametrize(
    ("status", "headers", "where"),
    [
        (302, (("location", "/b"),), "/b"),
        (302, (), None),
        (302, (("location", ""),), None),
        (304, (("location", "/b"),), None),
        (300, (("location", "/b"),), None),
        (201, (("location", "/b"),), None),
    ],
)
def test_what_is_one(status: int, headers: tuple[tuple[str, str], ...], where: str | None) -> None:
    """Only the five statuses redirect, and only with a Location."""
    assert location(status, headers) == where
