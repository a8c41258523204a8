"""What HTTP/2 and HTTP/3 have in common: an answer that comes in frames of one stream."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable

from vedette.checks.http.body import Body
from vedette.checks.http.hop import Hop
from vedette.checks.http.reason import Reason
from vedette.checks.net import Endpoint, NetworkFailure

_STATUS = re.compile(r"[1-9][0-9]{2}")  # RFC 9110 section 15


def trimmed(value: bytes) -> bytes:
    """Return a header's value without the spaces around it.

    A server must not send them (RFC 9113 section 8.2.1, RFC 9114 section 4.2), and some do: to
    browsers and curl they are no fault, as they are none in HTTP/1.1.
    """
    return value.strip(b" \t")


class Framed(ABC):
    """One answer; each turn says what there is to say, and takes in what comes next."""

    version: str

    def __init__(self, peer: Endpoint, hop: Hop) -> None:
        self._peer = peer
        self._hop = hop
        self._body = bytearray()
        self._ended = False
        self._idle = 0

    @abstractmethod
    async def _turn(self) -> None:
        """Say what there is to say, and take in what comes next."""

    async def read(self, body: Body) -> None:
        """Read the rest of the answer into *body*, as far as it wants it."""
        while await body.add(bytes(self._body)):
            self._body.clear()
            if self._ended:
                body.finish()
                return
            await self._turn()

    def _heard(self) -> None:
        if self._hop.phase == "processing":
            self._hop.begin("transfer")

    def _head(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Fill the hop by the head of the final answer; 1xx come before (RFC 9110 section 15.2)."""
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        text = dict(pairs)[":status"]
        if not _STATUS.fullmatch(text):
            raise self._broken(f"its status is {text[:80]!r}")
        status = int(text)
        if status >= 200:
            self._hop.version, self._hop.status = self.version, status
            self._hop.headers = tuple(pair for pair in pairs if not pair[0].startswith(":"))

    def _gone(self, how: str) -> NetworkFailure:
        answered = self._hop.status is not None
        what = "in the middle of its answer" if answered else "without an answer"
        return NetworkFailure(Reason.RESET, f"{self._peer} {how} {what}")

    def _broken(self, how: str) -> NetworkFailure:
        return NetworkFailure(Reason.PROTOCOL, f"{self._peer} broke HTTP/{self.version}: {how}")
