"""The servers that fail on command: each is one service of its own, by the name in brackets."""

import asyncio
import os
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import trustme

from tests.agent.daemon import zone
from tests.checks.bgp.made import PREFIX, rows, update
from tests.servers.nsd import Nsd
from tests.servers.process import free_port
from tests.servers.rislive import RisLive
from tests.servers.stream import server_context

PEERS = 9
"""Of the routing table, whose announcements are repeated all the time."""
ZONE = "names.test"


class Names:
    """An NSD with a zone of its own [names]."""

    faults = ("emptied", "nxdomain", "zone gone", "hanging", "killed")

    def __init__(self) -> None:
        self.port, self._stack = free_port(), ExitStack()
        self._start()

    def _start(self) -> None:
        self._nsd = self._stack.enter_context(
            Nsd.serving(_zones("api A 127.0.0.1\n"), port=self.port)
        )

    def turn(self, fault: str) -> None:
        """Begin *fault*, or be well again at ""."""
        match fault:
            case "emptied":
                self._nsd.serve(_zones("api TXT left-behind\n"))
            case "nxdomain":
                self._nsd.serve(_zones(""))
            case "zone gone":
                self._nsd.serve({"elsewhere.test": zone("")})
            case "hanging":
                self._nsd.silence()
            case "killed":
                self._stack.close()
            case _:
                self._stack.close()  # it also ends what only hangs
                self._start()

    def close(self) -> None:
        """End it."""
        self._stack.close()


def _zones(records: str) -> dict[str, str]:
    return {ZONE: zone(records)}


class Resolver:
    """A resolver of octets made here [resolver]."""

    faults = ("servfail", "refused", "silent", "garbage", "truncated")

    def __init__(self) -> None:
        self.fault = ""

    def turn(self, fault: str) -> None:
        """Begin *fault*, or be well again at ""."""
        self.fault = fault

    def respond(self, query: bytes) -> Sequence[bytes]:
        """Return the replies to *query*."""
        if self.fault == "silent":
            return []
        if self.fault == "garbage":
            return [query[:2] + os.urandom(40)]
        asked = dns.message.from_wire(query)
        reply = dns.message.make_response(asked, recursion_available=True)
        if self.fault == "truncated":
            reply.flags |= dns.flags.TC
        elif self.fault:
            reply.set_rcode(dns.rcode.from_text(self.fault.upper()))
        else:
            name = asked.question[0].name
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))
        return [reply.to_wire()]


class Page:
    """A page, over TLS where it has a certificate [page, shop]."""

    faults: Sequence[str] = ("error", "hanging", "reset", "oversize", "slow", "cut")

    def __init__(self) -> None:
        self.fault = ""

    def turn(self, fault: str) -> None:
        """Begin *fault*, or be well again at ""."""
        self.fault = fault

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        await reader.readuntil(b"\r\n\r\n")
        match self.fault:
            case "error":
                writer.write(b"HTTP/1.1 503 Gone\r\nContent-Length: 0\r\n\r\n")
            case "hanging":
                await reader.read()
            case "reset":
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            case "oversize":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
                with suppress(ConnectionError):
                    for _ in range(4):
                        writer.write(bytes(1 << 20))
                        await writer.drain()
            case "slow":
                with suppress(TimeoutError):
                    async with asyncio.timeout(20):
                        await reader.read()
            case "cut":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            case _:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwell\n")


class Shop(Page):
    """The same over TLS, whose certificate may have ended."""

    faults = ("expired", "error", "hanging", "reset")

    def __init__(self, authority: trustme.CA, host: str) -> None:
        super().__init__()
        yesterday = datetime.now(UTC) - timedelta(days=1)
        self.context = server_context(authority.issue_cert(host))
        self._expired = server_context(authority.issue_cert(host, not_after=yesterday))
        self.context.sni_callback = self._choose

    def _choose(self, session: ssl.SSLObject, _name: str | None, _: ssl.SSLContext) -> None:
        if self.fault == "expired":
            session.context = self._expired


class Routes:
    """A prefix on RIS Live [routes]."""

    faults = ("withdrawn",)

    def __init__(self, live: RisLive) -> None:
        self._live, self._gone = live, False
        self.turn("")

    def turn(self, fault: str) -> None:
        """Begin *fault*, or be well again at ""."""
        self._gone = bool(fault)
        self._live.seed(PREFIX, [] if self._gone else rows(PEERS), int(time.time()))

    async def keep_telling(self) -> None:
        """Have every peer tell what it has, again and again."""
        while True:
            for number in range(PEERS):
                key = "withdrawn" if self._gone else "announced"
                told: dict[str, Any] = {key: [PREFIX]}
                await self._live.play(update(number, time.time(), **told))
                await asyncio.sleep(0.05)
