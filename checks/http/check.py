"""A URL, looked at by name and at single addresses."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter

from vedette.checks.finding import Fact, Finding, Kind, Look, Verdict
from vedette.checks.http.exchange import Exchange, compose
from vedette.checks.http.judge import judge
from vedette.checks.http.reason import Reason
from vedette.checks.http.settings import BY_NAME, LAST_KNOWN_GOOD, HttpSettings
from vedette.checks.http.tls import trust
from vedette.checks.net import CouldNotLook, NetworkFailure, Resolve, is_address

LastKnownGood = Callable[[], Sequence[str]]
"""The addresses a service's name last had when all was well, none before it was ever seen well."""


class HttpCheck:
    """One URL; each look is one request on a connection of its own, without a hidden retry.

    By name, only the first address the resolver gave is tried: trying a second one would hide that
    a part of the users are getting errors.
    """

    kind = Kind.HTTP

    def __init__(
        self,
        settings: HttpSettings,
        *,
        timeout: float,
        resolve: Resolve,
        last_known_good: LastKnownGood | None = None,
    ) -> None:
        """Raise ValueError where `ca_file` cannot be used; *timeout* covers the whole look."""
        self.name = settings.url
        self._settings = settings
        self._timeout = timeout
        self._resolve = resolve
        self._last_known_good = last_known_good
        secure = settings.target.secure
        self._request = compose(settings, trust(settings.ca_file) if secure else None)

    def looks(self) -> Sequence[Look]:
        """Return by name first, then each configured and each remembered address once."""
        places = self._settings.at
        if places is None:
            places = (BY_NAME, LAST_KNOWN_GOOD)
        looks = [Look("by name", "name", self._by_name)] if BY_NAME in places else []
        pinned = [place for place in places if place not in {BY_NAME, LAST_KNOWN_GOOD}]
        if LAST_KNOWN_GOOD in places and self._last_known_good is not None:
            pinned += self._last_known_good()
        looks += [Look(at, "address", partial(self._pinned, at)) for at in dict.fromkeys(pinned)]
        return looks or [Look(LAST_KNOWN_GOOD, "address", self._nothing_remembered)]

    async def _by_name(self) -> Finding:
        start = perf_counter()
        until = asyncio.get_running_loop().time() + self._timeout
        host = self._settings.target.host
        if is_address(host):
            return await self._ask(host, self.name, until, {})
        try:
            async with asyncio.timeout_at(until):
                addresses = await self._resolve(self._settings.target.server_name)
        except TimeoutError:
            return self._unresolved("timeout", f"no answer within {self._timeout:g} s")
        except NetworkFailure as failure:
            ours = isinstance(failure, CouldNotLook)
            return self._unresolved(str(failure.reason), failure.detail, ours=ours)
        if not addresses:
            return self._unresolved("nodata", "the resolver returned no address")
        measured = {"resolve_seconds": perf_counter() - start}
        return await self._ask(addresses[0], self.name, until, measured)

    async def _pinned(self, address: str) -> Finding:
        until = asyncio.get_running_loop().time() + self._timeout
        return await self._ask(address, f"{self.name} at {address}", until, {})

    async def _nothing_remembered(self) -> Finding:
        return Finding(
            verdict=Verdict.UNKNOWN, reason=Reason.DNS, detail="no address is remembered yet"
        )

    def _unresolved(self, reason: str, detail: str, *, ours: bool = False) -> Finding:
        return Finding(
            verdict=Verdict.UNKNOWN if ours else Verdict.FAILING,
            reason=Reason.DNS,
            detail=f"{self.name} has no address, dns: {reason}: {detail}",
            facts={"dns_reason": reason},
        )

    async def _ask(
        self, address: str, where: str, until: float, measured: Mapping[str, Fact]
    ) -> Finding:
        exchange = Exchange(self._request, address, until=until, timeout=self._timeout)
        try:
            response = await exchange.run()
        except NetworkFailure as failure:
            ours = isinstance(failure, CouldNotLook)
            return Finding(
                verdict=Verdict.UNKNOWN if ours else Verdict.FAILING,
                reason=failure.reason,
                detail=f"{where}: {failure.detail}",
                facts={**measured, **exchange.facts, "phase": exchange.phase},
            )
        judged = judge(response, self._settings, where)
        return Finding(
            verdict=judged.verdict,
            reason=judged.reason,
            detail=judged.detail,
            facts={**measured, **exchange.facts},
        )
