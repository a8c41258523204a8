"""What to ask a web server.

Rule: no I/O.
"""

import re
from dataclasses import dataclass, field, replace
from importlib import metadata

from vedette.checks.http.proxy import Proxy
from vedette.checks.http.response import Headers
from vedette.checks.http.target import Target
from vedette.checks.http.tls import TlsSettings
from vedette.checks.net import Endpoint

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")  # RFC 9110 section 5.5
# What frames the message, or belongs to the one connection there is, is ours to say.
_OURS = frozenset({"connection", "content-length", "keep-alive", "te", "transfer-encoding"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def _agent() -> str:
    try:
        return f"Vedette/{metadata.version('vedette')}"
    except metadata.PackageNotFoundError:  # run from a bare checkout
        return "Vedette"


_AGENT = _agent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask, and how far to go for the answer; raises ValueError where it cannot be sent.

    *headers* are sent in this order, after Host, User-Agent and Accept where these are not given.
    *protocols* are offered by ALPN; `("h3",)` is HTTP/3 alone. *max_body* is in octets after
    inflating; with *keep_body* False they are only counted, and with *max_kept* only the first so
    many are kept. *coding* is undone whatever the answer says that it is. *fields*, *upgrades* and
    *head* follow from the rest, and are built once: that costs as much as a tenth of a probe.
    """

    target: Target
    method: str = "GET"
    headers: Headers = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    tls: TlsSettings = field(default_factory=TlsSettings)
    protocols: tuple[str, ...] = ("h2", "http/1.1")
    proxy: Proxy | None = None
    max_redirects: int = 0
    max_body: int = 1024 * 1024
    keep_body: bool = False
    max_kept: int | None = None
    inflate: bool = True
    coding: str = ""
    fields: Headers = field(init=False, repr=False, compare=False)
    """The headers as they are sent, but for what belongs to HTTP/1.1 alone."""
    upgrades: bool = field(init=False, repr=False, compare=False)
    """Whether it asks to go on in another protocol (RFC 9110 section 7.8), as WebSocket is."""
    head: bytes = field(init=False, repr=False, compare=False)
    """The request line and the headers for HTTP/1.1 (RFC 9112 section 3)."""

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.method):
            raise ValueError(f"{self.method!r} is not a method")
        for name, value in self.headers:
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"{name!r} is not the name of a header")
            if not _VALUE.fullmatch(value):  # it may be a secret: it is not repeated
                raise ValueError(f"the value of {name} has control characters")
        object.__setattr__(self, "fields", tuple(self._fields()))
        given = {name.lower(): value.lower() for name, value in self.headers}
        upgrades = "upgrade" in given and "upgrade" in given.get("connection", "")
        object.__setattr__(self, "upgrades", upgrades)
        object.__setattr__(self, "head", self._head())

    def at(self, address: str) -> "Request":
        """Return this request to *address*; Host and what is verified stay those of the URL."""
        target = self.target
        if address == target.host:
            return self
        name = self.tls.server_name or target.server_name
        host = next(each for each in self.fields if each[0].lower() == "host")
        others = tuple(each for each in self.headers if each[0].lower() != "host")
        return replace(
            self,
            target=replace(target, host=address, authority=str(Endpoint(address, target.port))),
            headers=(host, *others),
            tls=replace(self.tls, server_name=name),
        )

    def _fields(self) -> list[tuple[str, str]]:
        given = [(name, value) for name, value in self.headers if name.lower() not in _OURS]
        names = {name.lower() for name, _ in given}
        ours = [("Host", self.target.authority), ("User-Agent", _AGENT), ("Accept", "*/*")]
        fields = [each for each in ours if each[0].lower() not in names] + given
        if self.body is not None or self.method in _WITH_BODY:
            fields.append(("Content-Length", str(len(self.body or b""))))
        return fields

    def _head(self) -> bytes:
        asked, fields = self.target.path, [*self.fields]
        if self.proxy is not None and not self.target.secure:  # RFC 9112 section 3.2.2
            asked = f"http://{self.target.authority}{asked}"
            fields += self.proxy.credentials
        lines = [f"{self.method} {asked} HTTP/1.1"]
        fields.append(("Connection", "Upgrade" if self.upgrades else "close"))
        lines += [f"{name}: {value}" for name, value in fields]
        return "\r\n".join((*lines, "", "")).encode()
