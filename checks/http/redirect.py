"""Where a redirect leads, and what may go there (RFC 9110 section 15.4).

Rule: no I/O. The method, the body and the headers change as in Go's net/http, which most services
have been tried with.
"""

from dataclasses import replace
from urllib.parse import quote, urljoin, urlsplit

from vedette.checks.http.cookies import Jar
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.http.response import Headers
from vedette.checks.http.target import Target, parse_url, punycoded
from vedette.checks.net import NetworkFailure

_STATUSES = frozenset({301, 302, 303, 307, 308})
_SAME = frozenset({307, 308})
_SECRET = frozenset({"authorization", "cookie", "cookie2", "www-authenticate"})
_OF_BODY = frozenset({"content-encoding", "content-language", "content-location", "content-type"})
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def location(status: int, headers: Headers) -> str | None:
    """Return where an answer redirects to, None where it does not."""
    if status not in _STATUSES:
        return None
    return next((value for name, value in headers if name == "location"), None) or None


class Redirects:
    """The redirects of one fetch, with the cookies that were set on the way."""

    def __init__(self, request: Request) -> None:
        self.followed = 0
        self._first = request
        self._headers = request.headers
        self._jar = Jar()

    def following(self, request: Request, status: int, headers: Headers) -> Request:
        """Return what to ask after *request* was redirected; raise NetworkFailure for nowhere."""
        where = location(status, headers)
        assert where is not None
        target = _destination(request.target, where)
        self.followed += 1
        self._jar.store(request.target, headers)
        self._drop(target, where)
        same = status in _SAME
        method = request.method if same or request.method in {"GET", "HEAD"} else "GET"
        if not same and request.body is not None:
            self._headers = _without(self._headers, _OF_BODY)
        first = target.host == self._first.target.host
        return replace(
            request,
            target=target,
            method=method,
            body=request.body if same else None,
            headers=self._with_cookies(target),
            # What was to be verified instead of the host is so at that host alone.
            tls=self._first.tls if first else replace(self._first.tls, server_name=None),
        )

    def _drop(self, target: Target, where: str) -> None:
        """Forget, for all that follows, what only the first host is to be told."""
        if not _within(target.host, self._first.target.host):
            self._headers = _without(self._headers, _SECRET)
        if urlsplit(where).netloc:
            self._headers = _without(self._headers, frozenset({"host"}))

    def _with_cookies(self, target: Target) -> Headers:
        cookies = self._jar.cookies(target)
        if not cookies:
            return self._headers
        own = [value for name, value in self._headers if name.lower() == "cookie"]
        rest = _without(self._headers, frozenset({"cookie"}))
        return (*rest, ("Cookie", "; ".join((*own, cookies))))


def _destination(base: Target, where: str) -> Target:
    # Spaces and octets beyond ASCII are no part of a URL, but of what servers send.
    try:
        text = quote(_named_in_ascii(where.strip().encode("latin-1")), safe=_PRINTABLE)
        return parse_url(urljoin(base.url, text))
    except ValueError as error:
        words = f"{base.url} redirects to {where[:200]!r}: {error}"
        raise NetworkFailure(Reason.REDIRECT, words) from error


def _named_in_ascii(where: bytes) -> bytes:
    """Return *where* with its host in punycode, where that is a name in UTF-8; or ValueError."""
    parts = urlsplit(where.decode(errors="surrogateescape"))
    if parts.netloc.isascii():
        return where
    named = parts._replace(netloc=punycoded(parts.netloc)).geturl()
    return named.encode(errors="surrogateescape")


def _within(host: str, first: str) -> bool:
    """Whether *host* is *first*, or a name below it."""
    host, first = host.rstrip(".").lower(), first.rstrip(".").lower()
    return host == first or host.endswith(f".{first}")


def _without(headers: Headers, names: frozenset[str]) -> Headers:
    return tuple(each for each in headers if each[0].lower() not in names)
