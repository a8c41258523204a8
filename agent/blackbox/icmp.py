"""The icmp prober: one echo request.

An unprivileged socket is taken where the kernel lets our group (net.ipv4.ping_group_range), else a
raw one, which wants CAP_NET_RAW. With neither the probe fails, and says so.
"""

import os
import random
import socket
import struct
from contextlib import closing
from time import perf_counter

from vedette.agent.blackbox.lookup import choose
from vedette.agent.blackbox.modules import IcmpProbe
from vedette.agent.blackbox.probe import Probe
from vedette.checks.dns.transport.datagram import next_datagram

_ECHO = struct.Struct("!BBHHH")
_FILL = b"Prometheus Blackbox Exporter"
# ip(7): Linux has them, Python does not name them.
_IP_MTU_DISCOVER, _PMTUDISC_DO = 10, 2


async def probe_icmp(probe: Probe) -> bool:
    """Probe a host; return whether it echoes in time."""
    settings = probe.module.icmp
    phases = {'phase="resolve"': 0.0, 'phase="rtt"': 0.0, 'phase="setup"': 0.0}
    probe.metrics["probe_icmp_duration_seconds"] = phases
    address = await choose(probe, settings, probe.target.strip("[]"))
    phases['phase="resolve"'] = probe.looked_up
    if address is None:
        return False
    start = perf_counter()
    try:
        opened, raw = _open(address)
    except PermissionError:
        why = "grant CAP_NET_RAW, or add our group to net.ipv4.ping_group_range"
        return probe.fail("permission", "This host may not send ICMP", err=why)
    except OSError as error:
        return probe.fail("unreachable", "Error opening a socket", err=error)
    with closing(opened) as sock:
        try:
            _prepare(sock, address, settings)
            echo = _Echo(probe, sock, address, raw=raw)
            phases['phase="setup"'] = perf_counter() - start
            sent = perf_counter()
            hops = await echo.exchange(payload(settings.payload_size))
        except OSError as error:
            return probe.fail("unreachable", "Error writing to socket", err=error)
    if hops is None:
        return probe.fail("timeout", "Timeout reading from socket")
    phases['phase="rtt"'] = perf_counter() - sent
    if hops:
        probe.metrics["probe_icmp_reply_hop_limit"] = hops
    probe.debug("Found matching reply packet")
    return True


def payload(size: int) -> bytes:
    """Return *size* octets, or by default those that blackbox_exporter sends."""
    return _FILL if not size else (_FILL * (size // len(_FILL) + 1))[:size]


def _open(address: str) -> tuple[socket.socket, bool]:
    """Return a socket for ICMP, and whether it is raw."""
    six = ":" in address
    family = socket.AF_INET6 if six else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    try:
        return socket.socket(family, socket.SOCK_DGRAM, protocol), False
    except PermissionError:
        return socket.socket(family, socket.SOCK_RAW, protocol), True


def _prepare(sock: socket.socket, address: str, settings: IcmpProbe) -> None:
    sock.setblocking(False)
    six = ":" in address
    if settings.source_ip_address:
        sock.bind((settings.source_ip_address, 0))
    if six:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, settings.ttl or 64)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, settings.ttl or 64)
    if settings.dont_fragment and not six:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DO)
    sock.connect((address, 0))


class _Echo:
    """One request and its reply (RFC 792, RFC 4443 section 4)."""

    def __init__(self, probe: Probe, sock: socket.socket, address: str, *, raw: bool) -> None:
        self._probe = probe
        self._socket = sock
        self._six = ":" in address
        self._raw = raw
        self._id, self._sequence = os.getpid() & 0xFFFF, random.getrandbits(16)

    async def exchange(self, data: bytes) -> int | None:
        """Return the reply's hop limit, 0 where the kernel does not tell; None without a reply."""
        kind = 128 if self._six else 8
        head = _ECHO.pack(kind, 0, 0, self._id, self._sequence)
        # The kernel fills in the checksum of ICMPv6, and on its own sockets that of both.
        total = checksum(head + data)
        self._socket.send(_ECHO.pack(kind, 0, total, self._id, self._sequence) + data)
        self._probe.debug("Waiting for reply packets")
        while (packet := await next_datagram(self._socket, self._probe.deadline)) is not None:
            hops = 0
            if self._raw and not self._six:  # with its IP header (ip(7))
                hops, packet = packet[8], packet[(packet[0] & 15) * 4 :]
            if self._is_ours(packet, data):
                return hops
        return None

    def _is_ours(self, packet: bytes, data: bytes) -> bool:
        if len(packet) < 8:
            return False
        kind, _, _, number, sequence = _ECHO.unpack_from(packet)
        # The kernel gives its own sockets an identifier of their own.
        known = number == self._id or not self._raw
        expected = 129 if self._six else 0
        return kind == expected and known and sequence == self._sequence and packet[8:] == data


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total
