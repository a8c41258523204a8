"""The jar of one fetch, by RFC 6265."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.checks.http.cookies import Jar
from vedette.checks.http.target import parse_url


def sent(url: str, *set_cookies: str, to: str) -> str:
    jar = Jar()
    jar.store(parse_url(url), tuple(("set-cookie", each) for each in set_cookies))
    return jar.cookies(parse_url(to))


@pytest.mark.parametrize(
    ("set_cookie", "to", "value"),
    [
        ("a=b", "https://w.a.test/x/z?q", "a=b"),
        ("a=b", "https://w.a.test/", ""),
        ("a=b", "https://w.a.test/xy", ""),
        ("a=b; Path=/", "https://w.a.test/", "a=b"),
        ("a=b; path=relative", "https://w.a.test/x/", "a=b"),
        ("a=b; Path=/", "https://v.a.test/", ""),
        ("a=b; Path=/", "https://v.w.a.test/", ""),
        ("a=b; Path=/; Domain=a.test", "https://v.a.test/", "a=b"),
        ("a=b; Path=/; Domain=.a.test", "https://a.test/", "a=b"),
        ("a=b; Path=/; Domain=b.test", "https://w.a.test/", ""),
        ("a=b; Path=/; Domain=test", "https://w.a.test/", ""),
        ("a=b; Path=/; Secure", "http://w.a.test/", ""),
        ("a=b; Path=/; Secure", "https://w.a.test/", "a=b"),
        ("a=b=c; Path=/; HttpOnly", "http://w.a.test/", "a=b=c"),
        ("a=; Path=/", "http://w.a.test/", "a="),
        ("a", "https://w.a.test/x/z", ""),
        ("=b", "https://w.a.test/x/z", ""),
        ("a=b\x01", "https://w.a.test/x/z", ""),
        ("a=b; Path=/; Max-Age=9", "https://w.a.test/", "a=b"),
        ("a=b; Path=/; Max-Age=0", "https://w.a.test/", ""),
        ("a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "https://w.a.test/", ""),
        ("a=; Path=/; expires=Thu, 01-Jan-1970 00:00:00 GMT", "https://w.a.test/", ""),
        ("a=b; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT", "https://w.a.test/", "a=b"),
        ("a=b; Path=/; Expires=soon", "https://w.a.test/", "a=b"),
        (
            "a=b; Path=/; Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "https://w.a.test/",
            "a=b",
        ),
        ("a=" + "b" * 5000 + "; Path=/", "https://w.a.test/", ""),
    ],
)
def test_where_it_goes(set_cookie: str, to: str, value: str) -> None:
    """A cookie goes where its domain, path and security say, and only if it was for it to set."""
    assert sent("https://w.a.test/x/y", set_cookie, to=to) == value


def test_plain_sets_no_secure_one() -> None:
    """What came in the clear sets no cookie that is to be secret."""
    assert sent("http://a.test/", "a=b; Secure", to="https://a.test/") == ""


def test_replaced_forgotten_ordered() -> None:
    """One of the same name and place replaces it, Max-Age 0 forgets it, longer paths come first."""
    setting = ["a=1; Path=/", "b=2; Path=/x", "a=3; Path=/", "c=4; Path=/", "c=; Path=/; Max-Age=0"]

    assert sent("https://a.test/", *setting, to="https://a.test/x/y") == "b=2; a=3"


def test_address_has_no_names_below() -> None:
    """An address is no domain of another."""
    assert sent("http://1.127.0.0.1.test/", "a=b; Domain=0.0.1", to="http://127.0.0.1/") == ""


def test_many() -> None:
    """A server cannot fill our memory with cookies."""
    value = sent("http://a.test/", *(f"c{n}=x" for n in range(9999)), to="http://a.test/")

    assert value.count("=") == 50


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_whatever_is_set(text: str) -> None:
    """Whatever a server sets, what is sent is one line."""
    value = sent("http://a.test/", text, to="http://a.test/")

    assert not any(character in value for character in "\r\n\0")
