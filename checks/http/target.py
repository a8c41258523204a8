"""A URL, read once and strictly.

Rule: no I/O.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from vedette.checks.net import Endpoint, is_address

_PORTS = {"http": 80, "https": 443}
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL points.

    *authority* is the Host header (RFC 9110 section 7.2), *path* the request target with its query.
    """

    url: str
    secure: bool
    host: str
    port: int
    authority: str
    path: str

    @property
    def server_name(self) -> str:
        """The name to verify and, unless it is an address, to send as SNI (RFC 6066 section 3)."""
        return self.host.rstrip(".")


def parse_url(url: str) -> Target:
    """Read an http or https URL (RFC 9110 section 4.2); raise ValueError with the reason."""
    if not re.fullmatch(r"[\x21-\x7e]+", url):
        raise ValueError(
            "a URL is printable ASCII: write names in punycode and paths percent-encoded"
        )
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("expected a URL that begins with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("no user name or password in a URL: it would be shown with every finding")
    host = _host(parts.hostname)
    default = _PORTS[parts.scheme]
    port = _port(url, default)
    if port == 0:
        raise ValueError("port 0 cannot be connected to")
    return Target(
        url=url,
        secure=parts.scheme == "https",
        host=host,
        port=port,
        authority=_authority(host, port, default),
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )


def checked(url: str) -> str:
    """Return *url*; raise ValueError with the reason where it cannot be read."""
    parse_url(url)
    return url


def punycoded(netloc: str) -> str:
    """Return *netloc*, a host and maybe a port, with the host's labels in ASCII (RFC 3490)."""
    if netloc.isascii():
        return netloc
    host, colon, port = netloc.rpartition(":")
    if not colon:
        host, port = port, ""
    return host.encode("idna").decode() + colon + port


def _port(url: str, default: int) -> int:
    try:
        port = urlsplit(url).port
    except ValueError:  # which quotes it: of a password with a slash, that would be a part
        raise ValueError("the port is no number from 0 to 65535") from None
    return default if port is None else port


def _host(host: str | None) -> str:
    if not host:
        raise ValueError("the URL names no host")
    if is_address(host):
        return host
    if not _NAME.fullmatch(host) or len(host.rstrip(".")) > 253:
        raise ValueError(f"{host!r} is neither a host name nor an address")
    if host.rstrip(".").rpartition(".")[2].isdigit():
        raise ValueError(f"{host!r} looks like an address but is none")
    return host


def _authority(host: str, port: int, default: int) -> str:
    if port != default:
        return str(Endpoint(host, port))
    return f"[{host}]" if ":" in host else host
