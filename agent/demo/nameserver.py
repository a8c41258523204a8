"""A small authoritative DNS server on loopback whose records can change while it answers.

It speaks UDP, and knows no aliases, wildcards or delegations: the demo's names need none.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Self, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

_TTL = 1


class NameServer(asyncio.DatagramProtocol):
    """Serves *zones*, apex to names with their addresses, while its context is open."""

    def __init__(self, zones: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        self.port = 0
        self._apexes = [dns.name.from_text(apex) for apex in zones]
        self._records: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], Sequence[str]] = {}
        for apex, names in zones.items():
            soa = f"ns1.{apex}. hostmaster.{apex}. 1 60 60 3600 {_TTL}"
            self._set(apex, dns.rdatatype.SOA, [soa])
            self._set(apex, dns.rdatatype.NS, [f"ns1.{apex}."])
            self.set(f"ns1.{apex}", ["127.0.0.1"])
            for name, addresses in names.items():
                self.set(name, addresses)

    async def __aenter__(self) -> Self:
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def set(self, name: str, addresses: Sequence[str]) -> None:
        """Give *name* other addresses; without any it is there still, and has no data."""
        self._set(name, dns.rdatatype.A, addresses)

    def _set(self, name: str, rdtype: dns.rdatatype.RdataType, texts: Sequence[str]) -> None:
        self._records[dns.name.from_text(name), rdtype] = texts

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note where it answers."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a query; whatever is none gets nothing."""
        try:
            query = dns.message.from_wire(data)
            response = dns.message.make_response(query)
            name, rdtype = query.question[0].name, query.question[0].rdtype
        except (dns.exception.DNSException, IndexError, ValueError):
            return
        self._fill(response, name, rdtype)
        self._transport.sendto(response.to_wire(), addr)

    def _fill(
        self, response: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
    ) -> None:
        apex = next((apex for apex in self._apexes if name.is_subdomain(apex)), None)
        if apex is None:
            response.set_rcode(dns.rcode.REFUSED)
            return
        response.flags |= dns.flags.AA
        if found := self._rrset(name, rdtype):
            response.answer.append(found)
            return
        if name not in {owner for owner, _ in self._records}:
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = self._rrset(apex, dns.rdatatype.SOA)
        response.authority += [soa] if soa else []

    def _rrset(
        self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
    ) -> dns.rrset.RRset | None:
        texts = self._records.get((name, rdtype))
        if not texts:
            return None
        return dns.rrset.from_text_list(name, _TTL, dns.rdataclass.IN, rdtype, texts)
