"""What is taken of an answer's body: counted, inflated, kept up to a limit.

Rule: no I/O.
"""

import asyncio

from vedette.checks.http.inflate import Damaged, inflater
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.http.response import Headers
from vedette.checks.net import NetworkFailure

_TURN = 16
"""Pieces that are inflated before others have their turn."""


class Body:
    """The body of one answer; *complete* until it outgrows the limit."""

    def __init__(self, request: Request, headers: Headers) -> None:
        self.size = 0
        self.inflated_size = 0
        self.complete = True
        self._limit = request.max_body
        self._kept = bytearray()
        most = request.max_body if request.max_kept is None else request.max_kept
        self._most_kept = most if request.keep_body else 0
        encodings = [request.coding] if request.coding else []
        if request.inflate:
            encodings = [value for name, value in headers if name == "content-encoding"]
        self._inflater = inflater(encodings) if encodings else None
        self._awaited = bool(request.coding)

    @property
    def kept(self) -> bytes | bytearray:
        """What was to be kept of it, which is not copied."""
        return self._kept

    async def add(self, data: bytes) -> bool:
        """Take the next octets as they were sent, and return whether more are wanted."""
        if self._inflater is None:
            self._take(data)
            self.size = self.inflated_size
            return self.complete
        self.size += len(data)
        try:
            for number, piece in enumerate(self._inflater.inflate(data), 1):
                self._take(piece)
                if not self.complete:
                    break
                if number % _TURN == 0:
                    await asyncio.sleep(0)
        except Damaged as damage:
            raise NetworkFailure(Reason.PROTOCOL, str(damage)) from damage
        return self.complete

    def finish(self) -> None:
        """Say that all has come; raise NetworkFailure where the compression says otherwise."""
        if self._inflater is None:
            return
        if not (self.size or self._awaited):  # an answer to HEAD, a 304
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
        if len(self._kept) < self._most_kept:
            self._kept += data[: self._most_kept - len(self._kept)]
