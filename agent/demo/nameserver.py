"""A small authoritative DNS server on loopback whose zones can change while it answers.

It knows no aliases, wildcards or delegations: the demo's names need none.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Records = Mapping[tuple[str, str], Sequence[str]]

_IDLE_SECONDS = 10.0
_PLAIN_UDP = 512  # RFC 1035 section 4.2.1: without EDNS no client promised to take more


@dataclass
class Zone:
    """Names below *apex*: (name, type) to rdata texts, the SOA and NS among them."""

    apex: str
    records: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], list[str]] = field(
        default_factory=dict
    )

    @classmethod
    def of(cls, apex: str, records: Records, ttl: int = 1) -> Self:
        """Make a zone with *records* and the SOA and NS that every zone has."""
        zone = cls(apex)
        zone.set(apex, "SOA", [f"ns1.{apex}. hostmaster.{apex}. 1 60 60 3600 {ttl}"])
        zone.set(apex, "NS", [f"ns1.{apex}."])
        zone.set(f"ns1.{apex}", "A", ["127.0.0.1"])
        for (name, rdtype), texts in records.items():
            zone.set(name, rdtype, texts)
        return zone

    @property
    def origin(self) -> dns.name.Name:
        """The apex as an absolute name."""
        return dns.name.from_text(self.apex)

    def set(self, name: str, rdtype: str, texts: Sequence[str] | None) -> None:
        """Replace a record set; an empty one leaves the name without data, None removes it."""
        key = (dns.name.from_text(name), dns.rdatatype.from_text(rdtype))
        if texts is None:
            self.records.pop(key, None)
        else:
            self.records[key] = list(texts)

    def holds(self, name: dns.name.Name) -> bool:
        """Whether *name* or a name below it exists (RFC 8020)."""
        return any(owner.is_subdomain(name) for owner, _ in self.records)

    def rrset(
        self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, ttl: int
    ) -> dns.rrset.RRset | None:
        """Return the record set, or None where there is nothing."""
        texts = self.records.get((name, rdtype))
        if not texts:
            return None
        return dns.rrset.from_text_list(name, ttl, dns.rdataclass.IN, rdtype, texts)


class NameServer:
    """Serves *zones* over UDP and TCP on one free port of *host* while its context is open."""

    def __init__(self, zones: Sequence[Zone], host: str = "127.0.0.1", ttl: int = 1) -> None:
        self.host = host
        self.port = 0
        self._zones = tuple(zones)
        self._ttl = ttl
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        while self._udp is None:
            self._tcp = await asyncio.start_server(self._talk, self.host, 0)
            self.port = self._tcp.sockets[0].getsockname()[1]
            try:
                transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=(self.host, self.port)
                )
            except OSError:  # somebody else holds the same number for UDP: take the next one
                self._tcp.close()
                continue
            self._udp = transport
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._udp is not None
        assert self._tcp is not None
        self._udp.close()
        self._tcp.close()
        for writer in self._talks.values():
            writer.close()
        await asyncio.gather(*self._talks)
        await self._tcp.wait_closed()

    def set(self, name: str, rdtype: str, texts: Sequence[str] | None) -> None:
        """Change a record set of the live zone as `Zone.set` does; ValueError outside them."""
        zone = self._zone_of(dns.name.from_text(name))
        if zone is None:
            raise ValueError(f"{name} is in none of the zones served")
        zone.set(name, rdtype, texts)

    def answer(self, wire: bytes, limit: int | None = None) -> bytes | None:
        """Return the response to a query, truncated to fit a datagram; None to what is no query.

        *limit* is the most that plain UDP takes, None for TCP.
        """
        try:
            query = dns.message.from_wire(wire)
            response = dns.message.make_response(query)
        except (dns.exception.DNSException, ValueError):
            return None
        if not query.question:
            return None
        self._fill(response, query)
        if limit is None:
            return response.to_wire(max_size=65535)
        return response.to_wire(max_size=max(limit, query.payload), prefer_truncation=True)

    def _fill(self, response: dns.message.Message, query: dns.message.Message) -> None:
        if query.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
            return
        question = query.question[0]
        zone = self._zone_of(question.name)
        if zone is None or question.rdclass != dns.rdataclass.IN:
            response.set_rcode(dns.rcode.REFUSED)
            return
        response.flags |= dns.flags.AA
        rrset = zone.rrset(question.name, question.rdtype, self._ttl)
        if rrset is not None:
            response.answer.append(rrset)
            return
        if not zone.holds(question.name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = zone.rrset(zone.origin, dns.rdatatype.SOA, self._ttl)
        response.authority += [soa] if soa else []

    def _zone_of(self, name: dns.name.Name) -> Zone | None:
        fitting = [zone for zone in self._zones if name.is_subdomain(zone.origin)]
        return max(fitting, key=lambda zone: len(zone.origin), default=None)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._talks[task] = writer
        try:
            with contextlib.suppress(TimeoutError, asyncio.IncompleteReadError, ConnectionError):
                await self._converse(reader, writer)
        finally:
            del self._talks[task]
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer queries, each behind its two octets of length, until the client goes."""
        while True:
            async with asyncio.timeout(_IDLE_SECONDS):
                length = int.from_bytes(await reader.readexactly(2), "big")
                wire = await reader.readexactly(length)
            response = self.answer(wire)
            if response is None:
                return
            writer.write(len(response).to_bytes(2, "big") + response)
            await writer.drain()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = self._server.answer(data, _PLAIN_UDP)
        if response is not None and self._transport is not None:
            self._transport.sendto(response, addr)
