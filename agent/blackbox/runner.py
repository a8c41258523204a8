"""Runs one probe: how long it may take, its prober, its metrics."""

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from urllib.parse import unquote

from vedette.agent.blackbox.dns import probe_dns
from vedette.agent.blackbox.http import probe_http
from vedette.agent.blackbox.icmp import probe_icmp
from vedette.agent.blackbox.page import labels, render
from vedette.agent.blackbox.probe import Probe
from vedette.agent.blackbox.tcp import probe_tcp

_PROBERS: Mapping[str, Callable[[Probe], Awaitable[bool]]] = {
    "http": probe_http,
    "tcp": probe_tcp,
    "icmp": probe_icmp,
    "dns": probe_dns,
}
_UNASKED = 120.0
"""Seconds of a probe that nobody limits."""


def timeout(module_timeout: float, header: str, offset: float) -> float:
    """Return how many seconds a probe may take; raise ValueError for a *header* that is no number.

    The lesser of the module's timeout, where it has one, and what the scraper's header leaves
    after *offset*.
    """
    most = (float(header) if header else 0.0) or _UNASKED
    if most != most:  # noqa: PLR0124 - NaN
        raise ValueError(f"{header!r} is not a number of seconds")
    most -= offset
    if 0 < module_timeout < most or most < 0:
        return module_timeout
    return most


async def run(probe: Probe) -> tuple[str, bool]:
    """Run *probe*; return its metrics as text, and whether it succeeded.

    Whatever a prober waits for ends at the probe's deadline.
    """
    prober = probe.module.prober
    probe.debug("Beginning probe", probe=prober, timeout_seconds=probe.timeout)
    start = perf_counter()
    success = await _PROBERS[prober](probe)
    seconds = perf_counter() - start
    if success:
        probe.debug("Probe succeeded", duration_seconds=seconds)
    else:
        probe.fail("unknown", "Probe failed", duration_seconds=seconds)
        probe.metrics["probe_failure_info"] = {labels(reason=probe.reason): 1}
    probe.metrics |= {
        "probe_duration_seconds": seconds,
        "probe_success": int(success),
        "probe_timeout_seconds": probe.timeout,
    }
    return render(probe.metrics), success


def unescaped(target: str) -> str:
    """Decode *target* once more where its host is encoded; what is around it stays as it is."""
    if "%" not in target:
        return target
    scheme, mark, rest = target.rpartition("://")
    place, slash, path = rest.partition("/")
    who, at, host = place.rpartition("@")
    return f"{unquote(scheme)}{mark}{who}{at}{unquote(host)}{slash}{path}"
