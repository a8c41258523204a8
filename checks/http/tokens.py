"""Tokens by OAuth 2.0 with client credentials (RFC 6749 section 4.4)."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from urllib.parse import quote_plus, urlencode

from vedette.checks.http.authentication import OAuth2, basic
from vedette.checks.http.fetch import Fetch, Permit, anywhere
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.http.response import Response
from vedette.checks.net import NetworkFailure, Resolve

_HEADERS = (
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("Accept", "application/json"),
)
_REFUSED = frozenset({400, 401})
"""What says that a client did not prove itself (RFC 6749 section 5.2)."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
_EARLY = 30.0
"""Seconds before its end from which a token is not used any more."""
_SHORTEST = 60.0
"""For how long a token counts that does not say how long it does."""


class Tokens:
    """The token of one check, fetched when there is none that lasts; looks share it.

    *asking* is a request to the token's URL, of which target, TLS and proxy are used; *parameters*
    are sent besides. *permit* is asked with the address of where it goes, as for any fetch.
    """

    def __init__(
        self,
        settings: OAuth2,
        secret: str,
        asking: Request,
        resolve: Resolve,
        parameters: Mapping[str, str] = MappingProxyType({}),
        permit: Permit = anywhere,
    ) -> None:
        form = {"grant_type": "client_credentials", **parameters}
        if settings.scopes:
            form["scope"] = " ".join(settings.scopes)
        # RFC 6749 section 2.3.1: encoded before they are joined.
        who = basic(quote_plus(settings.client_id), quote_plus(secret))
        self._url = settings.token_url
        self._resolve = resolve
        self._permit = permit
        usual = replace(
            asking,
            method="POST",
            headers=(("Authorization", who), *_HEADERS),
            body=urlencode(form).encode(),
            keep_body=True,
        )
        form |= {"client_id": settings.client_id, "client_secret": secret}
        self._ways = usual, replace(usual, headers=_HEADERS, body=urlencode(form).encode())
        self._token: str | None = None
        self._until = 0.0
        self._fetching = asyncio.Lock()

    async def authorization(self, until: float, timeout: float) -> str:  # noqa: ASYNC109
        """Return the value of an Authorization header; raise NetworkFailure.

        *until* and *timeout* are those of the look that needs it.
        """
        try:
            async with asyncio.timeout_at(until), self._fetching:
                if self._token is None or asyncio.get_running_loop().time() >= self._until:
                    await self._fetch(until, timeout)
        except TimeoutError:
            raise self._failure(Reason.TIMEOUT, f"none within {timeout:g} s") from None
        return f"Bearer {self._token}"

    def refused(self) -> None:
        """Forget the token: what it was for was not given."""
        self._token = None

    async def _fetch(self, until: float, timeout: float) -> None:  # noqa: ASYNC109
        """Ask as all servers must let us, and where that is refused as some alone let us.

        What was accepted is asked first the next time.
        """
        for way in self._ways:
            response = await self._ask(way, until, timeout)
            if response.status not in _REFUSED:
                break
        self._token, lasts = self._read(response)
        self._until = asyncio.get_running_loop().time() + lasts
        self._ways = way, next(each for each in self._ways if each is not way)

    async def _ask(self, request: Request, until: float, timeout: float) -> Response:  # noqa: ASYNC109
        fetch = Fetch(
            request, resolve=self._resolve, permit=self._permit, until=until, timeout=timeout
        )
        try:
            return await fetch.run()
        except NetworkFailure as failure:
            words = f"no token from {self._url}: {failure.detail}"
            raise type(failure)(failure.reason, words) from None

    def _read(self, response: Response) -> tuple[str, float]:
        if response.status != 200:
            raise self._failure(Reason.STATUS, f"it answered {response.status}")
        try:
            document = json.loads(response.body)
        except (ValueError, RecursionError):
            raise self._failure(Reason.JSON, "its answer is not JSON") from None
        token = document.get("access_token") if isinstance(document, dict) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise self._failure(Reason.JSON, "its answer has no access_token")
        lasts = document.get("expires_in")
        known = isinstance(lasts, int | float) and lasts > 0
        return token, max(1.0, lasts - _EARLY) if known else _SHORTEST

    def _failure(self, reason: Reason, words: str) -> NetworkFailure:
        return NetworkFailure(reason, f"no token from {self._url}: {words}")
