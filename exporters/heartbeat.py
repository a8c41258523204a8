"""A dead man's switch: somebody else's service that raises an alarm when it is called no more.

Rule: its URL is a secret; it leaves only in the request, and no text that we return may hold it.
API: https://healthchecks.io/docs/http_api/ (any other service is one URL without suffixes)
"""

from collections.abc import Collection
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit, urlunsplit

import aiohttp

from vedette.exporters.page import Delivery, Outcome
from vedette.exporters.post import Client, cleaned, secrets_of
from vedette.exporters.reach import Reach

_MAX_TEXT = 10_000


class Signal(StrEnum):
    """What a switch is told; all but the first only if it knows the suffix."""

    ALIVE = ""
    START = "start"
    FAIL = "fail"


class DeadMansSwitch:
    """Calls one URL, one attempt a call; any 2xx is taken for heard."""

    def __init__(
        self,
        name: str,
        url: str,
        reach: Reach,
        *,
        method: str = "GET",
        suffixes: Collection[str] = (),
        timeout: float = 10.0,
    ) -> None:
        self.name = name
        self._parts = urlsplit(url)
        self._method, self._suffixes = method, frozenset(suffixes)
        self._client = Client(reach, [url], timeout=timeout)

    def knows(self, signal: Signal) -> bool:
        """Whether it can be told *signal*."""
        return signal is Signal.ALIVE or signal in self._suffixes

    async def call(self, signal: Signal, text: str) -> Delivery:
        """Try once, within the timeout, to tell *signal*; *text* goes along with anything else."""
        body = text.encode(errors="replace")[:_MAX_TEXT] if signal is not Signal.ALIVE else None
        method = "POST" if body else self._method
        url = _with_suffix(self._parts, signal)
        answer = await self._client.attempt(method, url, _judged, clean=self._clean, body=body)
        return answer.delivery

    async def close(self) -> None:
        """Give back connections."""
        await self._client.close()

    def _clean(self, text: str) -> str:
        """Return *text* without what may be secret of the URL: all but scheme, host and port."""
        return cleaned(text, secrets_of(self._parts.geturl()))


async def _judged(response: aiohttp.ClientResponse) -> Delivery:
    if 200 <= response.status < 300:
        return Delivery(outcome=Outcome.DELIVERED, detail="heard")
    return Delivery(outcome=Outcome.REJECTED, detail=f"status {response.status}")


def _with_suffix(parts: SplitResult, signal: Signal) -> str:
    path = f"{parts.path.rstrip('/')}/{signal}" if signal else parts.path
    return urlunsplit(parts._replace(path=path))
