"""The http prober: one URL at the first address of its host.

Redirects are followed by name, each on a connection of its own. A module's `compression` undoes
what a body is claimed to be, whatever the answer says that it is.
"""

import asyncio

from vedette.agent.blackbox import judging
from vedette.agent.blackbox.asking import MOST_INFLATED, request_of, target_of, tokens_of
from vedette.agent.blackbox.certificates import presented, shaken
from vedette.agent.blackbox.lookup import choose
from vedette.agent.blackbox.modules import HttpProbe
from vedette.agent.blackbox.probe import Probe
from vedette.checks.http.fetch import Fetch
from vedette.checks.http.inflate import Damaged, inflater
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.http.response import Response
from vedette.checks.net import NetworkFailure

AGENT = "Blackbox-Exporter/0.28 (Vedette)"
"""The User-Agent: servers let blackbox_exporter in by its name."""

_PHASES = ("connect", "processing", "tls", "transfer")
_AFTER = 16
"""Pieces of a body that are inflated before other probes have their turn."""


def headers_of(settings: HttpProbe, hostname: str) -> dict[str, str]:
    """Return the headers that a probe sends, *hostname* as Host where it is given.

    Raises ValueError where the module has another Host already.
    """
    headers = dict(settings.headers)
    host = next((name for name in headers if name.lower() == "host"), "Host")
    if hostname:
        if headers.get(host, hostname) != hostname:
            raise ValueError(
                f"host header defined both in module configuration ({headers[host]}) "
                f"and with URL-parameter 'hostname' ({hostname})"
            )
        headers[host] = hostname
    if not any(name.lower() == "user-agent" for name in headers):
        headers["User-Agent"] = AGENT
    return headers


async def probe_http(probe: Probe) -> bool:
    """Probe a web server; return whether all is well."""
    settings = probe.module.http
    phases: dict[str, float] = {}
    probe.metrics |= {
        "probe_failed_due_to_regex": 0,
        "probe_http_content_length": 0,
        "probe_http_duration_seconds": phases,
        "probe_http_redirects": 0,
        "probe_http_ssl": 0,
        "probe_http_status_code": 0,
        "probe_http_uncompressed_body_length": 0,
        "probe_http_version": 0,
    }
    if settings.programs:
        probe.metrics["probe_failed_due_to_cel"] = 0
    try:
        request = await _request(probe, settings)
    except NetworkFailure as failure:
        return probe.broken("Could not sign in", failure)
    except (OSError, ValueError) as error:
        return probe.fail("configuration", "Could not make a request", err=error)
    address: str | None = None
    if request.proxy is None or not settings.skip_resolve_phase_with_proxy:
        address = await choose(probe, settings, request.target.server_name)
        phases['phase="resolve"'] = probe.looked_up
        if address is None:
            return False
    phases |= {f'phase="{phase}"': 0.0 for phase in _PHASES}
    return await _Visit(probe, request, address).run(phases)


async def _request(probe: Probe, settings: HttpProbe) -> Request:
    """Return what to ask; raise NetworkFailure where a token that is needed is not to be had."""
    target, authorization = target_of(probe.target)
    tokens = tokens_of(settings, probe.resolve)
    if tokens is not None:
        authorization = await tokens.authorization(probe.deadline, probe.timeout)
    return request_of(settings, target, headers_of(settings, probe.hostname), authorization)


class _Visit:
    """One fetch and its judgement."""

    def __init__(self, probe: Probe, request: Request, address: str | None) -> None:
        self._probe = probe
        self._settings = probe.module.http
        self._fetch = Fetch(
            request,
            resolve=probe.resolve,
            permit=self._permit,
            address=address,
            until=probe.deadline,
            timeout=probe.timeout,
        )

    def _permit(self, address: str) -> None:
        try:
            self._probe.permit(address)
        except NetworkFailure as failure:
            self._probe.broken("Refusing to probe this address", failure)
            raise

    async def run(self, phases: dict[str, float]) -> bool:
        """Fetch and judge; *phases* get their seconds, summed over redirects."""
        probe, fetch = self._probe, self._fetch
        probe.info("Making HTTP request", url=probe.target)
        try:
            response = await fetch.run()
        except NetworkFailure as failure:
            self._failed()
            return probe.broken("Error for HTTP request", failure)
        finally:
            for hop in fetch.hops:
                probe.info("Response timings for roundtrip", url=hop.url, **hop.phases)
                for phase, seconds in hop.phases.items():
                    label = f'phase="{phase}"'
                    phases[label] = phases.get(label, 0.0) + seconds
        return await self._judge(response)

    def _failed(self) -> None:
        hops, metrics = self._fetch.hops, self._probe.metrics
        metrics["probe_http_redirects"] = max(len(hops) - 1, 0)
        if hops:
            metrics |= presented(hops[-1].tls)

    async def _judge(self, response: Response) -> bool:
        probe = self._probe
        probe.info("Received HTTP response", status_code=response.status)
        judging.measure(probe, response)
        tls = self._fetch.hops[-1].tls
        if tls:
            probe.metrics |= {"probe_http_ssl": 1, **shaken(tls)}
        # All is measured, also where it is known already that the probe fails.
        well = judging.head_is_valid(probe, response)
        body = await self._body(response)
        well = well and body is not None and judging.body_is_valid(probe, body)
        well = judging.version_is_valid(probe, response) and well
        return judging.security_is_valid(probe, secure=bool(tls)) and well

    async def _body(self, response: Response) -> bytes | None:
        """Return the body, inflated where the module says so; None where it cannot be had."""
        if response.unfollowed:  # what a redirect says is not read
            return b""
        body, size = response.body, response.inflated_size
        try:
            if not response.complete:
                raise _too_large(size)
            if size and self._settings.compression not in {"", "identity"}:
                size = 0
                body, size = await self._inflated(body)
        except NetworkFailure as failure:
            self._probe.broken("Failed to read HTTP response body", failure)
            return None
        finally:
            self._probe.metrics["probe_http_uncompressed_body_length"] = size
        return body

    async def _inflated(self, sent: bytes) -> tuple[bytes, int]:
        """Undo the module's compression of *sent*; return as much as is searched, and its size."""
        settings = self._settings
        coding = inflater([settings.compression])
        assert coding is not None
        limit = settings.body_size_limit or MOST_INFLATED
        body, size = bytearray(), 0
        try:
            for turn, piece in enumerate(coding.inflate(sent)):
                size += len(piece)
                if size > limit:
                    raise _too_large(limit)
                if settings.searches:
                    body += piece
                if turn % _AFTER == _AFTER - 1:
                    await asyncio.sleep(0)
            coding.finish()
        except Damaged as damage:
            raise NetworkFailure(Reason.PROTOCOL, str(damage)) from damage
        return bytes(body), size


def _too_large(limit: int) -> NetworkFailure:
    return NetworkFailure(Reason.TOO_LARGE, f"it is longer than {limit} octets")
