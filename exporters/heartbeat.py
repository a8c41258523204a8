"""A dead man's switch: somebody else's service that raises an alarm when it is called no more.

Rule: its URL is a secret; it leaves only in the request, and no text that we return may hold it.
API: https://healthchecks.io/docs/http_api/ (any other service is one URL without suffixes)
"""

from collections.abc import Collection
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit, urlunsplit

import aiohttp

from vedette.exporters.page import Delivery, Outcome
from vedette.exporters.post import cleaned
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
        self._reach, self._method, self._timeout = reach, method, timeout
        self._suffixes = frozenset(suffixes)
        self._session: aiohttp.ClientSession | None = None
        reach.add(self._host)

    @property
    def _host(self) -> str:
        return self._parts.hostname or ""

    def knows(self, signal: Signal) -> bool:
        """Whether it can be told *signal*."""
        return signal is Signal.ALIVE or signal in self._suffixes

    async def call(self, signal: Signal = Signal.ALIVE, text: str = "") -> Delivery:
        """Try once, within the timeout, to tell *signal*; *text* goes along with anything else."""
        body = text.encode(errors="replace")[:_MAX_TEXT] if signal is not Signal.ALIVE else None
        method = "POST" if body else self._method
        try:
            async with self._open().request(
                method, _with_suffix(self._parts, signal), data=body, allow_redirects=False
            ) as response:
                self._reach.trust(self._host)
                return _judged(response.status)
        except TimeoutError:
            self._reach.doubt(self._host)
            detail = f"no answer within {self._timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self._reach.doubt(self._host)
            detail = self._clean(f"{error}" or type(error).__name__)
        return Delivery(outcome=Outcome.RETRY, detail=detail)

    async def close(self) -> None:
        """Give back connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._reach.connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "Vedette"},
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                trust_env=False,
            )
        return self._session

    def _clean(self, text: str) -> str:
        """Return *text* without what may be secret of the URL: all but scheme, host and port."""
        url = self._parts
        secrets = [url.geturl(), url.path.strip("/"), url.query, url.username, url.password]
        for secret in secrets:
            text = cleaned(text, {"URL": secret or ""})
        return text


def _judged(status: int) -> Delivery:
    heard = 200 <= status < 300
    outcome = Outcome.DELIVERED if heard else Outcome.REJECTED
    return Delivery(outcome=outcome, detail="heard" if heard else f"status {status}")


def _with_suffix(parts: SplitResult, signal: Signal) -> str:
    path = f"{parts.path.rstrip('/')}/{signal}" if signal else parts.path
    return urlunsplit(parts._replace(path=path))
