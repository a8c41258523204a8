"""A URL, looked at by name and at single addresses."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from vedette.checks.finding import Fact, Finding, Kind, Look, Verdict
from vedette.checks.http.asking import request_of, token_request_of
from vedette.checks.http.authentication import Secrets
from vedette.checks.http.certificates import own as shown_by
from vedette.checks.http.fetch import Fetch
from vedette.checks.http.hop import Hop
from vedette.checks.http.judge import ending, excused, judge
from vedette.checks.http.places import Addresses, LastKnownGood, Place
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.http.settings import HttpSettings
from vedette.checks.http.tls import expires
from vedette.checks.http.tokens import Tokens
from vedette.checks.net import CouldNotLook, NetworkFailure, Resolve
from vedette.checks.stopwatch import is_disturbed, reading
from vedette.checks.words import printable

_NO_SECRETS = Secrets()
_LONGEST = 200
"""Characters of a URL that a server has led to, in a sentence."""


class HttpCheck:
    """One URL; each look is one request on a connection of its own, without a hidden retry.

    By name, only the first address the resolver gave is tried, of a family that this host has a
    route for: trying a second one would hide that a part of the users are getting errors. Whoever
    runs it calls refresh() before the first look, and then whenever refresh() says: the addresses
    of `at: every` come from it.
    """

    kind = Kind.HTTP

    def __init__(
        self,
        settings: HttpSettings,
        *,
        timeout: float,
        resolve: Resolve,
        now: Callable[[], float],
        secrets: Secrets = _NO_SECRETS,
        last_known_good: LastKnownGood | None = None,
    ) -> None:
        """Raise ValueError where a file cannot be used; *timeout* covers the whole look.

        *now* returns epoch seconds, by which certificates end.
        """
        self.name = settings.url
        self._settings = settings
        self._timeout = timeout
        self._resolve = resolve
        self._now = now
        self._addresses = Addresses(settings, resolve, last_known_good)
        self._request = request_of(settings, secrets)
        self._tokens: Tokens | None = None
        if settings.oauth2 is not None:
            asking = token_request_of(settings, secrets)
            self._tokens = Tokens(settings.oauth2, secrets.credential or "", asking, resolve)

    def looks(self) -> Sequence[Look]:
        """Return by name first, then each configured, present and remembered address once."""
        looks = list(self._looks())
        if not looks:
            looks = [Look(self._addresses.source, Place.ADDRESS, self._nowhere)]
        if self._settings.standby:
            return [replace(look, place=Place.STANDBY) for look in looks]
        return looks

    def _looks(self) -> Iterator[Look]:
        if self._addresses.by_name:
            yield Look("by name", Place.NAME, partial(self._look, self.name))
        for at in self._addresses.present:
            yield Look(at, Place.ADDRESS, partial(self._pinned, at, {}))
        for at in self._addresses.remembered:
            yield Look(at, Place.ADDRESS, partial(self._pinned, at, {"remembered": True}))

    async def refresh(self) -> float:
        """Resolve what `at: every` needs; return the seconds until it should be done again."""
        return await self._addresses.refresh()

    async def _nowhere(self) -> Finding:
        """Say why there is no address to look at: a name that has none is the target's doing."""
        failure = self._addresses.failure
        if failure is None:
            words = f"no address is {self._addresses.awaited} yet"
            return Finding(verdict=Verdict.UNKNOWN, reason=Reason.DNS, detail=words)
        words = f"dns: {failure.reason}: {failure.detail}"
        kind = CouldNotLook if isinstance(failure, CouldNotLook) else NetworkFailure
        unresolved = kind(Reason.DNS, words)
        return self._failed(unresolved, self.name, {"dns_reason": str(failure.reason)})

    async def _pinned(self, address: str, known: dict[str, Fact]) -> Finding:
        finding = await self._look(f"{self.name} at {address}", address)
        return replace(finding, facts={**finding.facts, **known}) if known else finding

    async def _look(self, where: str, address: str | None = None) -> Finding:
        start, until = reading(), asyncio.get_running_loop().time() + self._timeout
        try:
            request = await self._authorized(until)
        except NetworkFailure as failure:
            return self._failed(failure, where, {"phase": "token"})
        fetch = Fetch(
            request, resolve=self._resolve, address=address, until=until, timeout=self._timeout
        )
        try:
            response = await fetch.run()
        except NetworkFailure as failure:
            facts = {**fetch.facts, **self._own(), "phase": fetch.phase}
            return excused(self._failed(failure, where + self._way(fetch.hops), facts), self._now())
        if self._tokens is not None and response.status == 401:
            self._tokens.refused()
        # What may be slow for our own sake is not judged by its seconds.
        seconds = 0.0 if is_disturbed() else reading() - start
        judged = judge(response, self._settings, where + self._way(fetch.hops), seconds)
        if judged.reason is Reason.STATUS and response.status == 407 and request.proxy is not None:
            # It is the proxy that wants to know us (RFC 9110 section 15.5.8).
            judged = replace(judged, verdict=Verdict.UNKNOWN, reason=Reason.PROXY)
        own = self._own()
        facts = {**fetch.facts, **own, "http_version": response.version}
        return excused(self._dated(judged, facts, fetch.hops, own), self._now())

    def _own(self) -> Mapping[str, Fact]:
        shown = self._settings.client_cert
        return shown_by(shown) if shown is not None else {}

    def _way(self, hops: Sequence[Hop]) -> str:
        """Return by whom it was asked for, and where redirects have led to, if there were any."""
        proxy = self._request.proxy
        by = f" by the proxy {proxy.endpoint}" if proxy is not None else ""
        led = f" (redirected to {_shown(hops[-1])})" if len(hops) > 1 else ""
        return by + led

    async def _authorized(self, until: float) -> Request:
        if self._tokens is None:
            return self._request
        value = await self._tokens.authorization(until, self._timeout)
        return replace(self._request, headers=(*self._request.headers, ("Authorization", value)))

    def _failed(self, failure: NetworkFailure, where: str, facts: dict[str, Fact]) -> Finding:
        ours = isinstance(failure, CouldNotLook)
        return Finding(
            verdict=Verdict.UNKNOWN if ours else Verdict.FAILING,
            reason=failure.reason,
            detail=f"{where}: {printable(failure.detail)}",
            facts=facts,
        )

    def _dated(
        self, judged: Finding, facts: dict[str, Fact], hops: Sequence[Hop], own: Mapping[str, Fact]
    ) -> Finding:
        """Add *facts* to a finding, and to one that is well when a certificate ends soon.

        That of a redirect ends for everybody whom it is to lead on.
        """
        ends = list(self._ends(hops, own))
        if not ends:
            return replace(judged, facts=facts)
        _, words = min(ends, key=lambda end: end[0])
        detail = f"{judged.detail}; {words}" if judged.verdict is Verdict.OK else judged.detail
        return replace(judged, detail=detail, facts={**facts, "certificate_expiring": True})

    def _ends(self, hops: Sequence[Hop], own: Mapping[str, Fact]) -> Iterator[tuple[float, str]]:
        """Yield when the first certificate of a hop ends that does so soon, the last hop first."""
        for hop in reversed(hops):
            known = {**hop.tls, **own}
            at = ending(known, self._settings, self._now())
            if at is not None:
                where = "" if hop is hops[-1] else f" (at {_shown(hop)})"
                yield at, f"{expires(known, at)}{where}"


def _shown(hop: Hop) -> str:
    """Return the URL of *hop* without its query, in which servers hand on what is secret."""
    return re.split("[?#]", hop.url, maxsplit=1)[0][:_LONGEST]
