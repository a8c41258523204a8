"""The http prober: one URL at the first address of its host.

Redirects are followed by name, each on a connection of its own. A module's `compression` undoes
what a body is claimed to be, whatever the answer says that it is.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from vedette.agent.blackbox import judging
from vedette.agent.blackbox.asking import request_of, target_of, tokens_of
from vedette.agent.blackbox.certificates import presented, shaken
from vedette.agent.blackbox.lookup import choose
from vedette.agent.blackbox.modules import HttpProbe
from vedette.agent.blackbox.probe import Probe
from vedette.agent.blackbox.proxies import goes_direct
from vedette.checks.http.fetch import Fetch
from vedette.checks.http.hop import Hop
from vedette.checks.http.redirect import location
from vedette.checks.http.request import Request
from vedette.checks.http.response import Response
from vedette.checks.net import NetworkFailure

AGENT = "Blackbox-Exporter/0.28 (Vedette)"
"""The User-Agent: servers let blackbox_exporter in by its name."""

_PHASES = ("connect", "processing", "tls", "transfer")


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
        if request.proxy is not None and goes_direct(settings, address, request.target.port):
            request = replace(request, proxy=None)
        if request.proxy is not None and not request.target.secure:
            address = None  # the proxy makes Host of what it is told (RFC 9112 section 3.2.2)
    phases |= {f'phase="{phase}"': 0.0 for phase in _PHASES}
    return await _Visit(probe, request, address).run(phases)


async def _request(probe: Probe, settings: HttpProbe) -> Request:
    """Return what to ask; raise NetworkFailure where a token that is needed is not to be had."""
    target, authorization = target_of(probe.target, secure=settings.enable_http3)
    tokens = tokens_of(settings, probe.resolve, probe.permit)
    if tokens is not None:
        authorization = await tokens.authorization(probe.deadline, probe.timeout)
    return request_of(settings, target, headers_of(settings, probe.hostname), authorization)


class _Visit:
    """One fetch and its judgement."""

    def __init__(self, probe: Probe, request: Request, address: str | None) -> None:
        self._probe = probe
        self._fetch = Fetch(
            request,
            resolve=probe.resolve,
            permit=probe.permit,
            address=address,
            until=probe.deadline,
            timeout=probe.timeout,
        )

    async def run(self, phases: dict[str, float]) -> bool:
        """Fetch and judge; *phases* get their seconds, summed over redirects."""
        probe, fetch = self._probe, self._fetch
        probe.debug("Making HTTP request", url=probe.target)
        try:
            response = await fetch.run()
        except NetworkFailure as failure:
            return self._failed(failure)
        finally:
            for hop in fetch.hops:
                probe.debug("Response timings for roundtrip", url=hop.url, **hop.phases)
                self._redirected(hop)
                for phase, seconds in hop.phases.items():
                    label = f'phase="{phase}"'
                    phases[label] = phases.get(label, 0.0) + seconds
        return self._judge(response)

    def _redirected(self, hop: Hop) -> None:
        where = None if hop.status is None else location(hop.status, hop.headers)
        if where is not None:
            self._probe.say(logging.INFO, "Received redirect", location=where)

    def _failed(self, failure: NetworkFailure) -> bool:
        probe, hops = self._probe, self._fetch.hops
        if self._fetch.received is not None:
            hops[-1].end()  # a body that breaks off took its time too
            return self._judge(_begun(hops, self._fetch.received), failure)
        probe.metrics["probe_http_redirects"] = max(len(hops) - 1, 0)
        if hops:
            probe.metrics |= presented(hops[-1].tls)
        return probe.broken("Error for HTTP request", failure)

    def _judge(self, response: Response, failure: NetworkFailure | None = None) -> bool:
        """Judge *response*; *failure* is why its body did not come to its end."""
        probe = self._probe
        probe.debug("Received HTTP response", status_code=response.status)
        judging.measure(probe, response)
        tls = self._fetch.hops[-1].tls
        if tls:
            probe.metrics |= {"probe_http_ssl": 1, **shaken(tls)}
        # All is measured, also where it is known already that the probe fails.
        well = judging.head_is_valid(probe, response)
        if not response.unfollowed:  # what such a redirect says is not read
            well = judging.body_is_valid(probe, response, failure, well=well)
        well = judging.version_is_valid(probe, response) and well
        return judging.security_is_valid(probe, secure=bool(tls)) and well


def _begun(hops: Sequence[Hop], received: int) -> Response:
    """Return the answer of the last of *hops*, of whose body only *received* octets came."""
    hop = hops[-1]
    assert hop.status is not None
    return Response(
        status=hop.status,
        headers=hop.headers,
        version=hop.version,
        inflated_size=received,
        redirects=len(hops) - 1,
        unfollowed=location(hop.status, hop.headers) is not None,
    )
