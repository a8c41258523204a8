"""Which address of a target is probed: the first of the preferred family, and no other."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from time import perf_counter

from vedette.agent.blackbox.modules import Probed
from vedette.agent.blackbox.probe import Probe
from vedette.checks.dns.reason import Reason
from vedette.checks.net import Endpoint, NetworkFailure, is_address
from vedette.exporters.reach import SystemLookup

_known = lru_cache(maxsize=4096)(is_address)


class SystemResolver:
    """Finds the addresses of a host name as the programs of this machine do."""

    def __init__(self) -> None:
        self._lookup = SystemLookup()

    async def resolve(self, host: str) -> Sequence[str]:
        """Return the addresses of *host* in text form, or raise NetworkFailure."""
        if is_address(host):
            return (host,)
        try:
            return await self._lookup.addresses(host)
        except OSError as error:
            raise NetworkFailure(Reason.NXDOMAIN, error.strerror or str(error)) from error


async def choose(probe: Probe, settings: Probed, host: str) -> str | None:
    """Return the address of *host* to probe, or None where there is none or it is forbidden.

    The metrics about it are set in any case, and the log and the reason say what is wrong.
    """
    start = perf_counter()
    probe.debug("Resolving target address", target=host, ip_protocol=_word(settings))
    probe.metrics |= {"probe_dns_lookup_time_seconds": 0.0, "probe_ip_protocol": 0}
    probe.metrics["probe_ip_addr_hash"] = 0
    try:
        addresses = (host,) if _known(host) else await _addresses_of(probe, host)
        address = _pick(addresses, settings)
    except NetworkFailure as failure:
        probe.fail("dns", "Resolution with IP protocol failed", target=host, err=failure.detail)
        return None
    finally:
        probe.metrics["probe_dns_lookup_time_seconds"] = perf_counter() - start
    if address is None:
        why = "unable to find ip; no fallback"
        probe.fail("dns", "Resolution with IP protocol failed", target=host, err=why)
        return None
    probe.metrics |= _facts(address)
    try:
        probe.permit(address)
    except NetworkFailure as failure:
        probe.broken("Refusing to probe this address", failure)
        return None
    probe.debug("Resolved target address", target=host, ip=address)
    return address


async def _addresses_of(probe: Probe, host: str) -> Sequence[str]:
    try:
        async with asyncio.timeout_at(probe.deadline):
            return await probe.resolve(host)
    except TimeoutError:
        raise NetworkFailure(Reason.TIMEOUT, f"no answer within {probe.timeout:g} s") from None


def _word(settings: Probed) -> str:
    return "ip6" if settings.prefers_ip6 else "ip4"


def _pick(addresses: Sequence[str], settings: Probed) -> str | None:
    wants_ip6 = settings.prefers_ip6
    for each in addresses:
        if (":" in each) == wants_ip6:
            return each
    return addresses[-1] if addresses and settings.ip_protocol_fallback else None


@lru_cache(maxsize=4096)
def _facts(address: str) -> Mapping[str, int]:
    parsed = ip_address(address.partition("%")[0])
    return {"probe_ip_protocol": parsed.version, "probe_ip_addr_hash": fnv1a(parsed.packed)}


def fnv1a(octets: bytes) -> int:
    """Return the 32-bit FNV-1a hash of *octets* (draft-eastlake-fnv)."""
    number = 0x811C9DC5
    for octet in octets:
        number = (number ^ octet) * 0x01000193 & 0xFFFFFFFF
    return number


@lru_cache(maxsize=4096)
def split_host_port(target: str, default: int | None) -> Endpoint:
    """Read HOST:PORT, and HOST alone where there is a *default* port; raise ValueError."""
    host, colon, port = target.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host or not colon or target.endswith("]"):
        host, port = target.strip("[]"), ""
        if default is None:
            raise ValueError(f"address {target}: missing port in address")
    number = int(port) if port.isdecimal() else (default or 0) if not port else 0
    if not host or not 1 <= number <= 65535:
        raise ValueError(f"address {target}: not HOST:PORT")
    return Endpoint(host, number)
