"""One attempt to hand a body over by HTTP, and what its answer means.

Rule: what is secret leaves only in the request; no text that we return may hold it.
"""

import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import aiohttp

from vedette.checks.dates import of_header
from vedette.checks.words import one_line
from vedette.exporters.page import ACCEPTED, Delivery, Outcome
from vedette.exporters.reach import Reach, host_of
from vedette.exporters.trust import Trust, trusting

# 408 and 425 are of the way, not of the page: the same bytes may be taken the next time.
_RETRIED = frozenset({408, 425, 429})
_MAX_ANSWER = 65_536
_MAX_HEADER = 65_536
"""Octets: a policy of contents may have many, and a page that was taken is not to be sent again."""
_MAX_DETAIL = 300
_SHORTEST_SECRET = 4
"""Characters; to cut out what is shorter would only spoil what is told."""
_LONG_PART = r"[^/?&=;]{12,}"
"""What of a path or a query is too long for a word: servers say that they do not know it."""
_CONNECTING = 3.0
"""Seconds for one address, TLS included, so that one that accepts and is silent costs no page."""
_BUSY = 429
LONGEST_WAIT = 300.0
"""Seconds that a receiver of pages can ask for at most: limits on calls are counted by the minute,
and a mistaken or hostile header must not silence it for longer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt, and what the receiver's clock said, in epoch seconds."""

    delivery: Delivery
    at: float | None = None


class Client:
    """Asks receivers that *reach* finds, one attempt a call, within *timeout* seconds.

    Whoever calls it says what an answer means, and cleans of secrets what is told of a failure.
    """

    def __init__(
        self, reach: Reach, urls: Collection[str], *, tls: Trust | None = None, timeout: float
    ) -> None:
        self._reach, self._tls, self._timeout = reach, tls or trusting(), timeout
        self._session: aiohttp.ClientSession | None = None
        for url in urls:
            reach.add(host_of(url))

    async def attempt(
        self,
        method: str,
        url: str,
        judge: Callable[[aiohttp.ClientResponse], Awaitable[Delivery]],
        *,
        clean: Callable[[str], str],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Try once; no answer is worth another try."""
        try:
            async with self._open().request(
                method,
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                ssl=self._tls() if urlsplit(url).scheme == "https" else True,
            ) as response:
                delivery = await judge(response)
                is_taken = delivery.outcome is Outcome.DELIVERED
                (self._reach.trust if is_taken else self._reach.turn)(host_of(url))
                return Answer(delivery, of_header(response.headers.get("Date")))
        except TimeoutError:
            detail = f"no answer within {self._timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            detail = clean(_trouble(exc))
        self._reach.doubt(host_of(url))
        return Answer(Delivery(outcome=Outcome.RETRY, detail=detail))

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
                timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=_CONNECTING),
                max_line_size=_MAX_HEADER,
                max_field_size=_MAX_HEADER,
                trust_env=False,
            )
        return self._session


class Poster:
    """Posts to receivers, one attempt a call.

    Refusals that the same bytes would meet again are rejected; everything else is worth another
    try, also an answer that is not the receiver's, because something else may stand in its place
    for a while. *secrets* are cut out of all that receivers say. A wait that is asked for
    counts where *heeds* says so of the status, for *longest_wait* seconds at most: of who pages
    only a limit on calls asks, since a 503 may come from what stands in the receiver's place.
    """

    def __init__(
        self,
        reach: Reach,
        urls: Collection[str],
        *,
        secrets: Mapping[str, str] | None = None,
        tls: Trust | None = None,
        timeout: float = 10.0,
        heeds: Callable[[int], bool] = lambda status: status == _BUSY,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self._client = Client(reach, urls, tls=tls, timeout=timeout)
        self._secrets = dict(secrets or {})
        self._heeds, self._longest_wait = heeds, longest_wait

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        accepted: Collection[int],
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Try once, within the timeout, to have the JSON *body* answered with *accepted*."""
        return await self._client.attempt(
            "POST",
            url,
            partial(self._judge, accepted=accepted),
            clean=self._clean,
            body=body,
            headers={"Content-Type": "application/json", **(headers or {})},
        )

    async def close(self) -> None:
        """Give back connections."""
        await self._client.close()

    async def _judge(self, response: aiohttp.ClientResponse, accepted: Collection[int]) -> Delivery:
        status = response.status
        if status in accepted:
            # The page is theirs now, whatever becomes of the rest of the answer.
            return Delivery(outcome=Outcome.DELIVERED, detail=ACCEPTED)
        final = 400 <= status < 500 and status not in _RETRIED
        try:
            said = self._clean(_said(await _beginning(response.content)))
        except (TimeoutError, aiohttp.ClientError, OSError):
            said = ""  # the status has said enough
        is_heeded = not final and self._heeds(status)
        return Delivery(
            outcome=Outcome.REJECTED if final else Outcome.RETRY,
            detail=f"{status} {said}".rstrip(),
            retry_after=retry_after(response.headers, self._longest_wait) if is_heeded else None,
        )

    def _clean(self, text: str) -> str:
        return cleaned(text, self._secrets)


def cleaned(text: str, secrets: Mapping[str, str]) -> str:
    """Return *text* as one short printable line, with the name of each secret in its place."""
    for name, secret in secrets.items():
        if secret:
            text = re.sub(re.escape(secret), f"[{name}]", text, flags=re.IGNORECASE)
    return cut(one_line(text), _MAX_DETAIL)


def secrets_of(url: str) -> Mapping[str, str]:
    """Return what may be secret of *url*, by what is to stand in its place.

    Servers say which path they do not know. Scheme, host and port are no secret, nor is what
    anybody can guess.
    """
    parts = urlsplit(url)
    found = {
        "URL": url,
        "path of the URL": parts.path.strip("/"),
        "query of the URL": parts.query,
        "user of the URL": parts.username or "",
        "password of the URL": parts.password or "",
    }
    long = re.findall(_LONG_PART, f"{parts.path}?{parts.query}")
    found |= {f"part {number} of the URL": part for number, part in enumerate(long, start=1)}
    return {name: part for name, part in found.items() if len(part) >= _SHORTEST_SECRET}


def utf8(text: str) -> str:
    """Return *text* with a question mark for each surrogate, which UTF-8 cannot hold."""
    return text.encode(errors="replace").decode()


def cut(text: str, length: int) -> str:
    """Return *text* in at most *length* characters; the last tells that some are missing."""
    text = utf8(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def retry_after(headers: Mapping[str, str], longest: float) -> float | None:
    """Return the seconds that Retry-After asks for, *longest* at most, or None.

    A date counts from Date's: two dates of one clock are compared (RFC 9110, 10.2.3), so ours may
    be wrong.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), longest)
    until, now = of_header(text), of_header(headers.get("Date"))
    if until is None or now is None:
        return None
    return min(max(until - now, 0.0), longest)


def _trouble(exc: Exception) -> str:
    """Return what aiohttp's exceptions mean, without what they say of objects."""
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return (
            f"{exc.host}:{exc.port} shows a certificate that is not its own or not trusted "
            f"({exc.certificate_error})"
        )
    if isinstance(exc, aiohttp.ClientConnectorError):
        return f"cannot connect to {exc.host}:{exc.port}: {exc.os_error}"
    if isinstance(exc, aiohttp.ClientResponseError):
        # Its text has a status that nobody sent, and the URL, in another spelling than ours.
        return f"the answer is not HTTP: {exc.message}"
    return f"{exc}" or repr(exc)


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    read = bytearray()
    while len(read) < _MAX_ANSWER and (chunk := await content.read(_MAX_ANSWER - len(read))):
        read += chunk
    return bytes(read)


def _said(body: bytes) -> str:
    """Return message and errors of a JSON answer such as PagerDuty's, or the text of another."""
    text = body.decode(errors="replace")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(answer, dict):
        return text
    errors = answer.get("errors")
    listed = errors if isinstance(errors, list) else [errors] if errors else []
    parts = [answer.get("message"), "; ".join(str(error) for error in listed)]
    return ": ".join(str(part) for part in parts if part) or text
