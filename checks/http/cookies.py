"""The cookies that are set on the way through redirects (RFC 6265).

Rule: no I/O and no clock: within one fetch nothing expires, but for what is set to be forgotten.
"""

import re
from dataclasses import dataclass
from email.utils import parsedate

from vedette.checks.http.response import Headers
from vedette.checks.http.target import Target
from vedette.checks.net import is_address

_MOST = 50
_LONGEST = 4096
_LONG_PAST = 2020
"""Before that year no cookie ends but one that is to be forgotten, mostly in 1970."""
_PAIR = re.compile(r"[^\x00-\x1f\x7f;]*")


@dataclass(frozen=True, slots=True)
class _Cookie:
    pair: str
    secure: bool
    alone: bool  # of this host, not of those below it

    def goes_to(self, target: Target, domain: str, path: str) -> bool:
        host = target.host.lower()
        near = host == domain if self.alone else _within(host, domain)
        return near and _below(target.path, path) and (target.secure or not self.secure)


class Jar:
    """The cookies of one fetch."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], _Cookie] = {}

    def store(self, target: Target, headers: Headers) -> None:
        """Keep what an answer of *target* sets (section 5.3); what is not for it to set is not."""
        for name, value in headers:
            if name == "set-cookie" and len(value) <= _LONGEST:
                self._set(target, value)

    def cookies(self, target: Target) -> str:
        """Return the value of Cookie for *target* (section 5.4), empty where there is none."""
        fitting = [
            (path, cookie.pair)
            for (domain, path, _), cookie in self._cookies.items()
            if cookie.goes_to(target, domain, path)
        ]
        return "; ".join(pair for _, pair in sorted(fitting, key=lambda each: -len(each[0])))

    def _set(self, target: Target, value: str) -> None:
        pair, *rest = value.split(";")
        name, equals, content = (part.strip() for part in pair.partition("="))
        if not equals or not name or not _PAIR.fullmatch(f"{name}{content}"):
            return
        attributes = _attributes(rest)
        host, domain = target.host.lower(), attributes.get("domain", "").lstrip(".").lower()
        if domain and not (domain == host or ("." in domain and _within(host, domain))):
            return
        path = attributes.get("path", "")
        key = (domain or host, path if path.startswith("/") else _folder(target.path), name)
        secure = "secure" in attributes
        if _is_forgotten(attributes):
            self._cookies.pop(key, None)
        elif (target.secure or not secure) and (key in self._cookies or len(self._cookies) < _MOST):
            self._cookies[key] = _Cookie(f"{name}={content}", secure, not domain)


def _attributes(parts: list[str]) -> dict[str, str]:
    pairs = (part.partition("=") for part in parts)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _is_forgotten(attributes: dict[str, str]) -> bool:
    """Whether a cookie is set to be forgotten: Max-Age outranks Expires (section 5.3)."""
    max_age = attributes.get("max-age", "")
    if re.fullmatch(r"-?[0-9]+", max_age):
        return int(max_age) <= 0
    expires = parsedate(attributes.get("expires", ""))
    return expires is not None and expires[0] < _LONG_PAST


def _within(host: str, domain: str) -> bool:
    """Whether *host* is *domain* or a name below it (section 5.1.3)."""
    return host == domain or (host.endswith(f".{domain}") and not is_address(host))


def _folder(path: str) -> str:
    """Return the path a cookie has by default (section 5.1.4)."""
    return path.partition("?")[0].rpartition("/")[0] or "/"


def _below(asked: str, path: str) -> bool:
    """Whether the cookie's *path* covers what is asked (section 5.1.4)."""
    asked = asked.partition("?")[0]
    return asked == path or asked.startswith(path if path.endswith("/") else f"{path}/")
