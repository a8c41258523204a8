"""The dns prober: one question to one address of the target, judged as blackbox_exporter judges.

Its quirks are kept: an empty answer is a success unless a rule forbids it, TC=1 is one too, nobody
is asked a second time, and `fail_if_all_match_regexp` fails where *not* all records match. Without
`edns_udp_size` there is no EDNS, and a reply over UDP of more than 512 octets is an error.
"""

import random
import socket
from collections.abc import Sequence
from functools import lru_cache
from itertools import filterfalse
from time import perf_counter

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from vedette.agent.blackbox.lookup import choose, split_host_port
from vedette.agent.blackbox.modules import DnsProbe, RrValidator
from vedette.agent.blackbox.probe import Probe
from vedette.agent.blackbox.records import Message, Record, UnreadableError, read
from vedette.agent.blackbox.stream import Stream, dial
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.transport.datagram import next_datagram
from vedette.checks.dns.transport.stream import framed, unframed
from vedette.checks.net import Endpoint, NetworkFailure, family

_WITHOUT_EDNS = 512
"""Most octets of a UDP message without EDNS (RFC 1035 section 4.2.1)."""

_RCODES = {
    dns.rcode.FORMERR: Reason.FORMERR,
    dns.rcode.SERVFAIL: Reason.SERVFAIL,
    dns.rcode.NXDOMAIN: Reason.NXDOMAIN,
    dns.rcode.NOTIMP: Reason.NOTIMP,
    dns.rcode.REFUSED: Reason.REFUSED,
}

_Fault = tuple[str, str, dict[str, object]]
"""A reason, its line of the log, and what belongs to that."""


async def probe_dns(probe: Probe) -> bool:
    """Probe a name server; return whether all is well."""
    settings = probe.module.dns
    assert settings is not None
    phases = {'phase="connect"': 0.0, 'phase="request"': 0.0, 'phase="resolve"': 0.0}
    probe.metrics |= {
        "probe_dns_additional_rrs": 0,
        "probe_dns_answer_rrs": 0,
        "probe_dns_authority_rrs": 0,
        "probe_dns_duration_seconds": phases,
        "probe_dns_query_succeeded": 0,
    }
    server = await _server(probe, settings, phases)
    if server is None:
        return False
    try:
        wire = await _Exchange(probe, settings, server).run(phases)
        reply = read(wire)
    except NetworkFailure as failure:
        return probe.broken("Error while sending a DNS query", failure)
    except UnreadableError as error:
        return probe.fail(Reason.MALFORMED, "Error while sending a DNS query", err=error)
    except ValueError as error:  # a name that cannot be asked for
        return probe.fail(Reason.MALFORMED, "Configuration error", err=error)
    _count(probe, reply)
    return _judge(probe, settings, reply)


async def _server(probe: Probe, settings: DnsProbe, phases: dict[str, float]) -> Endpoint | None:
    transport = settings.transport_protocol or "udp"
    if transport not in {"udp", "tcp"}:
        why = "Configuration error: Expected transport protocol udp or tcp"
        probe.fail("configuration", why, protocol=transport)
        return None
    if settings.dns_over_tls and transport != "tcp":
        why = "Configuration error: Expected transport protocol tcp for DNS over TLS"
        probe.fail("configuration", why, protocol=transport)
        return None
    try:
        target = split_host_port(probe.target, 853 if settings.dns_over_tls else 53)
    except ValueError as error:
        probe.fail("configuration", "Error splitting target address and port", err=error)
        return None
    address = await choose(probe, settings, target.host)
    phases['phase="resolve"'] = probe.looked_up
    return None if address is None else Endpoint(address, target.port)


class _Exchange:
    """One question to one server, and the octets of the reply."""

    def __init__(self, probe: Probe, settings: DnsProbe, server: Endpoint) -> None:
        self._probe = probe
        self._settings = settings
        self._server = server
        self._id = random.getrandbits(16).to_bytes(2)

    async def run(self, phases: dict[str, float]) -> bytes:
        """Return the reply; *phases* get the seconds of `connect` and `request`."""
        settings, probe = self._settings, self._probe
        name = probe.query_name or settings.query_name
        query = self._id + _question(
            name,
            rdtype_of(probe),
            settings.query_class or "IN",
            settings.recursion_desired,
            settings.udp_size,
            settings.dnssec_ok,
        )
        secure = settings.dns_over_tls
        protocol = "tls" if secure else settings.transport_protocol or "udp"
        probe.debug("Making DNS query", target=self._server, protocol=protocol, query=name)
        start = self._asked_at = perf_counter()
        ask = self._over_tcp if settings.transport_protocol == "tcp" else self._over_udp
        try:
            return await ask(query)
        finally:
            phases['phase="connect"'] = self._asked_at - start
            phases['phase="request"'] = perf_counter() - self._asked_at

    async def _over_udp(self, query: bytes) -> bytes:
        server, strays = self._server, 0
        try:
            with socket.socket(family(server.host), socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                if self._settings.source_ip_address:
                    sock.bind((self._settings.source_ip_address, 0))
                sock.connect((server.host, server.port))
                self._asked_at = perf_counter()
                sock.send(query)
                while (wire := await next_datagram(sock, self._probe.deadline)) is not None:
                    if wire[:2] == self._id:
                        return self._fitting(wire)
                    strays += 1
        except OSError as error:
            why = f"{server} cannot be reached over UDP: {error.strerror}"
            raise NetworkFailure(Reason.UNREACHABLE, why) from error
        if strays:
            raise NetworkFailure(Reason.MISMATCHED, f"{server} sent only replies to other queries")
        why = f"{server} did not answer within {self._probe.timeout:g} s"
        raise NetworkFailure(Reason.TIMEOUT, why)

    def _fitting(self, wire: bytes) -> bytes:
        if len(wire) > (self._settings.udp_size or _WITHOUT_EDNS):
            why = (
                f"a reply of {len(wire)} octets over UDP is too long: set edns_udp_size, or use tcp"
            )
            raise NetworkFailure(Reason.TRUNCATED, why)
        return wire

    async def _over_tcp(self, query: bytes) -> bytes:
        settings = self._settings
        async with dial(self._probe, self._server, settings.source_ip_address) as stream:
            if settings.dns_over_tls:
                host = split_host_port(self._probe.target, 853).host
                await stream.secure_as(settings.tls_config, host)
            self._asked_at = perf_counter()
            await stream.send(framed(query))
            wire = await _message(stream)
        if wire[:2] != self._id:
            raise NetworkFailure(Reason.MISMATCHED, f"{self._server} answered another query")
        return wire


async def _message(stream: Stream) -> bytes:
    buffer = bytearray()
    while (message := unframed(buffer)) is None:
        data = await stream.receive()
        if not data:
            raise NetworkFailure(Reason.UNREACHABLE, "the connection was closed without a reply")
        buffer += data
    return message


def rdtype_of(probe: Probe) -> str:
    """Return the type that is asked for: blackbox_exporter's default is ANY."""
    return probe.query_type or (probe.module.dns and probe.module.dns.query_type) or "ANY"


@lru_cache(maxsize=1024)
def _question(
    name: str,
    rdtype: str,
    rdclass: str,
    recursive: bool,
    size: int | None,
    dnssec_ok: bool,
) -> bytes:
    """Return a query without its id; raise ValueError where *name* is none."""
    try:
        query = dns.message.make_query(
            name,
            rdtype,
            rdclass,
            use_edns=size is not None,
            payload=size or _WITHOUT_EDNS,
            want_dnssec=dnssec_ok,
            flags=dns.flags.RD if recursive else 0,
        )
        return query.to_wire()[2:]
    except dns.exception.DNSException as error:
        raise ValueError(f"{name!r} cannot be asked for: {error}") from error


def _count(probe: Probe, reply: Message) -> None:
    probe.metrics |= {
        "probe_dns_additional_rrs": len(reply.additional),
        "probe_dns_answer_rrs": len(reply.answer),
        "probe_dns_authority_rrs": len(reply.authority),
        "probe_dns_query_succeeded": 1,
    }
    if rdtype_of(probe).upper() == "SOA":
        soas = (each.serial for each in reply.answer if each.rdtype == dns.rdatatype.SOA)
        probe.metrics["probe_dns_serial"] = next(soas, 0)


def _judge(probe: Probe, settings: DnsProbe, reply: Message) -> bool:
    fault = _fault(settings, reply)
    if fault is None:
        return True
    reason, message, pairs = fault
    return probe.fail(reason, message, **pairs)


@lru_cache(maxsize=1024)
def _fault(settings: DnsProbe, reply: Message) -> _Fault | None:
    """Return what is wrong, if anything; a reply that has come before is not judged again."""
    try:
        valid = settings.rcodes
    except ValueError as error:
        return "configuration", "Invalid rcode", {"err": error}
    if reply.rcode not in valid:
        rcode = dns.rcode.Rcode(reply.rcode)
        reason, word = _RCODES.get(rcode, Reason.OTHER_RCODE), dns.rcode.to_text(rcode)
        return reason, "Rcode is not one of the valid rcodes", {"rcode": word}
    return (
        _broken(reply.answer, settings.validate_answer_rrs, "answer")
        or _broken(reply.authority, settings.validate_authority_rrs, "authority")
        or _broken(reply.additional, settings.validate_additional_rrs, "additional")
    )


def _broken(records: Sequence[Record], rules: RrValidator, section: str) -> _Fault | None:
    """Return which rule of one section its records break, if any."""
    if not rules.given:
        return None
    try:
        forbidden, common, required, wanted = rules.compiled
    except ValueError as error:
        return "configuration", "Error compiling regexp", {"err": error}
    if not records and (required or wanted):
        return Reason.NODATA, "A regexp must match, but no RRs returned", {"rrs": section}
    texts = [record.octets for record in records]
    for each in forbidden:
        if found := next(filter(each.search, texts), b""):
            return Reason.WRONG_ANSWER, "RR matched regexp", {"rr": found.decode()}
    for each in required:
        if found := next(filterfalse(each.search, texts), b""):
            return Reason.WRONG_ANSWER, "RR did not match regexp", {"rr": found.decode()}
    # So it is there: it fails unless all match.
    if not all(all(map(each.search, texts)) for each in common):
        return Reason.WRONG_ANSWER, "Not all RRs matched regexp", {"rrs": section}
    if wanted and not any(any(map(each.search, texts)) for each in wanted):
        return Reason.WRONG_ANSWER, "None of the RRs matched any regexp", {"rrs": section}
    return None
