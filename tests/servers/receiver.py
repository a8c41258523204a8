"""A receiver of remote write that a test makes refuse, and that reads what it is sent."""

import struct
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from cramjam import snappy

from tests.servers.app import serving
from tests.servers.process import free_port

Sample = tuple[dict[str, str], float, int]
"""Labels, value (bits where it is the mark of an end) and milliseconds."""
STALE = 0x7FF0000000000002


@dataclass(frozen=True)
class Body:
    """What came when."""

    content: bytes
    at: float


class Receiver:
    """What it was sent, and how it answers: *script* first, then 204."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/api/v1/write"
        self.script: list[tuple[int, dict[str, str]]] = []
        self.requests: list[dict[str, str]] = []
        self.bodies: list[Body] = []
        self.samples: list[Sample] = []

    async def write(self, request: web.Request) -> web.Response:
        self.requests.append({name.lower(): value for name, value in request.headers.items()})
        body = await request.read()
        self.bodies.append(Body(body, time.monotonic()))
        if self.script:
            status, headers = self.script.pop(0)
            return web.Response(status=status, headers=headers, text="not now")
        self.samples += samples(bytes(snappy.decompress_raw(body)))
        return web.Response(status=204)

    def times(self, name: str) -> list[int]:
        """Return the times of the samples of a metric, as they came."""
        return [at for labels, _, at in self.samples if labels["__name__"] == name]


@asynccontextmanager
async def receiver(port: int = 0) -> AsyncIterator[Receiver]:
    """Serve at *port*, or any, until the block ends."""
    made = Receiver(port or free_port())
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/api/v1/write", made.write)
    async with serving(app, port=made.port):
        yield made


def samples(message: bytes) -> Iterator[Sample]:
    """Read a WriteRequest, of which nothing may be unknown, and labels must be in order."""
    for number, series in fields(message):
        assert number == 1
        labels: dict[str, str] = {}
        for inner, content in fields(series):
            if inner == 1:
                (one, key), (two, value) = fields(content)
                assert (one, two) == (1, 2)
                assert key.decode() > max(labels, default="")
                labels[key.decode()] = value.decode()
            else:
                assert (inner, content[0], content[9]) == (2, 0x09, 0x10)
                bits = struct.unpack("<Q", content[1:9])[0]
                value = STALE if bits == STALE else struct.unpack("<d", content[1:9])[0]
                yield labels, value, varint(content, 10)[0]


def fields(message: bytes) -> list[tuple[int, bytes]]:
    """Return the fields of a message, which all have a length."""
    found, at = [], 0
    while at < len(message):
        assert message[at] & 7 == 2
        number = message[at] >> 3
        length, at = varint(message, at + 1)
        found.append((number, message[at : at + length]))
        at += length
    return found


def varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at *at*, and where it ends."""
    number = shift = 0
    while True:
        number |= (message[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not message[at - 1] & 0x80:
            return number, at
