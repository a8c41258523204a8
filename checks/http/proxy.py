"""A proxy between us and the web server.

Rule: no I/O.
"""

import base64
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from vedette.checks.http.target import Target, parse_url
from vedette.checks.net import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy; *headers* go to it with every CONNECT (RFC 9110 section 9.3.6).

    *url* is http, and may hold a user name and password; raises ValueError with the reason.
    """

    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme != "http":
            raise ValueError("a proxy is spoken to by http://, with which its URL begins")
        _ = self._target  # says what else is wrong

    @property
    def endpoint(self) -> Endpoint:
        """Where the proxy is."""
        return Endpoint(self._target.host, self._target.port)

    @property
    def _target(self) -> Target:
        parts = urlsplit(self.url)
        return parse_url(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())

    @property
    def credentials(self) -> tuple[tuple[str, str], ...]:
        """Proxy-Authorization by the user name and password of the URL, if it has them."""
        parts = urlsplit(self.url)
        if parts.username is None:
            return ()
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return (("Proxy-Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"),)

    def connect(self, target: Target) -> bytes:
        """Return the request for a tunnel to *target*."""
        host = f"[{target.host}]" if ":" in target.host else target.host
        where = f"{host}:{target.port}"
        fields = (("Host", where), *self.credentials, *self.headers)
        lines = [f"CONNECT {where} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
        return "\r\n".join((*lines, "", "")).encode()
