"""PagerDuty's Events API v2: a page as an event, and one attempt to hand it over.

Rule: the routing key leaves only in the request's body; no text that we return may hold it.
API: https://developer.pagerduty.com/docs/events-api-v2-overview
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Literal, Self

import aiohttp
from pydantic import field_validator, model_validator

from vedette.checks.settings import Settings
from vedette.exporters.page import Action, Delivery, Outcome, Page

MAX_BYTES = 512_000
MAX_SUMMARY = 1024
MAX_KEY = 255

_ENDPOINTS = {
    "us": "https://events.pagerduty.com/v2/enqueue",
    "eu": "https://events.eu.pagerduty.com/v2/enqueue",
}
# Strings are cut to the first number of characters, lists and objects to the second of entries.
_SHORTER = ((4000, 400), (1000, 100), (200, 20), (100, 5))
# 408 and 425 are of the way, not of the event: the same bytes may be taken the next time.
_RETRIED = frozenset({408, 425, 429})
_MAX_ANSWER = 65_536
_MAX_DETAIL = 300
# A mistaken or hostile header must not silence paging for a day.
_MAX_WAIT = 3600.0


class PagerDutySettings(Settings):
    """The `pagerduty` block of a pager: where its routing key lies, and which service region."""

    name: str = "pagerduty"
    routing_key_file: str | None = None
    routing_key_env: str | None = None
    region: Literal["us", "eu"] = "us"
    url: str | None = None

    @field_validator("url")
    @classmethod
    def _http(cls, url: str | None) -> str | None:
        if url is not None and not re.match(r"https?://[^/]", url):
            raise ValueError("expected an http or https URL")
        return url

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.routing_key_file) == bool(self.routing_key_env):
            raise ValueError("give exactly one of routing_key_file and routing_key_env")
        return self

    @property
    def endpoint(self) -> str:
        """The URL that events are posted to."""
        return self.url or _ENDPOINTS[self.region]


def encode(page: Page, routing_key: str) -> dict[str, object]:
    """Return the event for *page*, within every published limit; resolving carries only the key.

    API: https://developer.pagerduty.com/docs/send-alert-event
    """
    event: dict[str, object] = {
        "routing_key": _utf8(routing_key),
        "event_action": page.action.value,
        "dedup_key": _dedup_key(page.key),
    }
    if page.action is Action.RESOLVE:
        return event
    payload: dict[str, object] = {
        "summary": _cut(page.summary, MAX_SUMMARY),
        "source": _cut(page.source, MAX_SUMMARY),
        "severity": page.severity.value,
        "timestamp": datetime.fromtimestamp(page.began_at, UTC).isoformat(timespec="milliseconds"),
        "component": _cut(page.subject, MAX_SUMMARY),
        "group": _cut(page.service, MAX_SUMMARY),
        "class": _cut(page.diagnosis, MAX_SUMMARY),
    }
    event |= {"client": "Vedette", "payload": payload}
    room = MAX_BYTES - len(serialize(event)) - len(b',"custom_details":')
    payload["custom_details"] = _fit(page.details, room)
    return event


def serialize(event: object) -> bytes:
    """Return *event* as the bytes that are sent, which are those the size limit counts."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After asks for, or None; a date counts from Date's.

    Two dates of one clock are compared (RFC 9110, 10.2.3), so ours may be wrong.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _MAX_WAIT)
    until, now = _date(text), _date(headers.get("Date", ""))
    if until is None or now is None:
        return None
    return min(max((until - now).total_seconds(), 0.0), _MAX_WAIT)


class PagerDuty:
    """The pager that posts events to PagerDuty, one attempt a call.

    Delivered means accepted (202), not yet notified. Refusals that the same bytes would meet
    again are rejected; everything else is worth another try, also an answer that is not
    PagerDuty's, because something else may stand in its place for a while.
    """

    def __init__(
        self, settings: PagerDutySettings, routing_key: str, *, timeout: float = 10.0
    ) -> None:
        self._settings = settings
        self._routing_key = routing_key
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        """What the config calls it."""
        return self._settings.name

    async def send(self, page: Page) -> Delivery:
        """Try once to hand *page* over, within the timeout."""
        body = serialize(encode(page, self._routing_key))
        try:
            async with self._open().post(
                self._settings.endpoint,
                data=body,
                headers={"Content-Type": "application/json"},
                allow_redirects=False,
            ) as response:
                return await self._judge(response)
        except TimeoutError:
            return Delivery(outcome=Outcome.RETRY, detail=f"no answer within {self._timeout:g} s")
        except (aiohttp.ClientError, OSError) as exc:
            return Delivery(outcome=Outcome.RETRY, detail=self._clean(f"{exc}" or repr(exc)))

    async def close(self) -> None:
        """Give back connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Pages are rare: a connection kept since the last one is more often dead than fast.
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "Vedette"},
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                trust_env=False,
            )
        return self._session

    async def _judge(self, response: aiohttp.ClientResponse) -> Delivery:
        status = response.status
        if status == 202:
            # The event is theirs now, whatever becomes of the rest of the answer.
            return Delivery(outcome=Outcome.DELIVERED, detail="accepted")
        final = 400 <= status < 500 and status not in _RETRIED
        try:
            said = self._clean(_said(await _beginning(response.content)))
        except (TimeoutError, aiohttp.ClientError, OSError):
            said = ""  # the status has said enough
        return Delivery(
            outcome=Outcome.REJECTED if final else Outcome.RETRY,
            detail=f"{status} {said}".rstrip(),
            retry_after=None if final else retry_after(response.headers),
        )

    def _clean(self, text: str) -> str:
        """Return *text* as one printable line without the routing key, cut to a readable length."""
        if self._routing_key:
            text = re.sub(re.escape(self._routing_key), "[routing key]", text, flags=re.IGNORECASE)
        printable = "".join(c if c.isprintable() else " " for c in text)
        return _cut(" ".join(printable.split()), _MAX_DETAIL)


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    read = bytearray()
    while len(read) < _MAX_ANSWER and (chunk := await content.read(_MAX_ANSWER - len(read))):
        read += chunk
    return bytes(read)


def _said(body: bytes) -> str:
    """Return message and errors of PagerDuty's JSON, or the text of an answer of another kind."""
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


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _dedup_key(key: str) -> str:
    """Return *key*, or where it is too long its beginning and a digest of the whole of it."""
    if len(key) <= MAX_KEY:
        return _utf8(key)
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
    return f"{_utf8(key[: MAX_KEY - 1 - len(digest)])}-{digest}"


def _utf8(text: str) -> str:
    """Return *text* with a question mark for each surrogate, which JSON's bytes cannot hold."""
    return text.encode(errors="replace").decode()


def _cut(text: str, length: int) -> str:
    text = _utf8(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def _fit(details: Mapping[str, object], room: int) -> object:
    """Return *details* in at most *room* bytes: whole, shortened ever more, or a note in place."""
    whole = _plain(details)
    size = len(serialize(whole))
    if size <= room:
        return whole
    for length, entries in _SHORTER:
        shorter = _shorten(whole, length, entries)
        if len(serialize(shorter)) <= room:
            return shorter
    return {"note": f"The details are left out: PagerDuty does not take their {size} bytes."}


def _plain(value: object) -> object:
    """Return *value* as what JSON can say; a page is never lost for a value of another type."""
    if isinstance(value, str):
        return _utf8(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_utf8(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((_plain(item) for item in value), key=repr)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _utf8(str(value))


def _shorten(value: object, length: int, entries: int) -> object:
    """Cut every string of *value* to *length* characters, every list and object to *entries*."""
    if isinstance(value, str):
        return _cut(value, length)
    if isinstance(value, dict):
        kept = {k: _shorten(v, length, entries) for k, v in islice(value.items(), entries)}
        return kept | ({"…": f"{len(value) - entries} more"} if len(value) > entries else {})
    if isinstance(value, list):
        items = [_shorten(item, length, entries) for item in value[:entries]]
        return items + ([f"… {len(value) - entries} more"] if len(value) > entries else [])
    return value
