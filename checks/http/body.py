"""What is taken of an answer's body: counted, inflated, kept up to a limit.

Rule: no I/O.
"""

from vedette.checks.http.inflate import Damaged, inflater
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.net import NetworkFailure

Headers = tuple[tuple[str, str], ...]


class Body:
    """The body of one answer; *complete* until it outgrows the limit."""

    def __init__(self, request: Request, headers: Headers) -> None:
        self.size = 0
        self.inflated_size = 0
        self.complete = True
        self._limit = request.max_body
        self._kept: bytearray | None = bytearray() if request.keep_body else None
        encodings = [value for name, value in headers if name == "content-encoding"]
        self._inflater = inflater(encodings) if encodings and request.inflate else None

    @property
    def kept(self) -> bytes:
        """What was to be kept of it."""
        return bytes(self._kept or b"")

    def add(self, data: bytes) -> bool:
        """Take the next octets as they were sent, and return whether more are wanted."""
        if self._inflater is None:
            self._take(data)
            self.size = self.inflated_size
            return self.complete
        self.size += len(data)
        try:
            for piece in self._inflater.inflate(data):
                self._take(piece)
                if not self.complete:
                    break
        except Damaged as damage:
            raise NetworkFailure(Reason.PROTOCOL, str(damage)) from damage
        return self.complete

    def finish(self) -> None:
        """Say that all has come; raise NetworkFailure where the compression says otherwise."""
        if self._inflater is None or not self.size:  # an answer to HEAD, a 304
            return
        try:
            self._inflater.finish()
        except Damaged as damage:
            raise NetworkFailure(Reason.PROTOCOL, str(damage)) from damage

    def _take(self, data: bytes) -> None:
        room = self._limit - self.inflated_size
        if len(data) > room:
            self.complete = False
            data = data[:room]
        self.inflated_size += len(data)
        if self._kept is not None:
            self._kept += data
