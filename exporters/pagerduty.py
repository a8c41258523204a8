"""PagerDuty's Events API v2: a page as an event, and one attempt to hand it over.

Rule: the routing key leaves only in the request's body; no text that we return may hold it.
API: https://developer.pagerduty.com/docs/events-api-v2-overview
"""

import hashlib
import re
from typing import Literal, Self

from pydantic import field_validator, model_validator

from vedette.checks.settings import Settings, of_http, without_password
from vedette.exporters.details import fit, iso, serialize
from vedette.exporters.pace import Pace
from vedette.exporters.page import Action, Delivery, Page
from vedette.exporters.post import Poster, cut, utf8
from vedette.exporters.reach import Reach

MAX_BYTES = 512_000
MAX_SUMMARY = 1024
MAX_KEY = 255
PER_MINUTE = 100
"""Calls that one integration key is good for: PagerDuty says about 120, and counts changes too."""

_ENDPOINTS = {
    "us": "https://events.pagerduty.com/v2/enqueue",
    "eu": "https://events.eu.pagerduty.com/v2/enqueue",
}
_ACCEPTED = (202,)


class PagerDutySettings(Settings):
    """The `pagerduty` block of a pager: where its routing key lies, and which service region.

    With *change_events* a new configuration of the agent is told as a change event, which wakes
    nobody.
    """

    routing_key_file: str | None = None
    """The file of the key of an "Events API v2" integration."""
    routing_key_env: str | None = None
    """The environment variable that holds it."""
    region: Literal["us", "eu"] = "us"
    """The service region of the account."""
    url: str | None = None
    """Another receiver in its place, for a trial."""
    change_events: bool = False
    """Whether a new configuration of the agent shows as a change."""

    @field_validator("url")
    @classmethod
    def _http(cls, url: str | None) -> str | None:
        return None if url is None else of_http(without_password(url))

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.routing_key_file) == bool(self.routing_key_env):
            raise ValueError("give exactly one of routing_key_file and routing_key_env")
        return self

    @property
    def endpoint(self) -> str:
        """The URL that events are posted to."""
        return self.url or _ENDPOINTS[self.region]

    @property
    def changes(self) -> str:
        """The URL that change events are posted to."""
        return re.sub(r"/enqueue$", "/change/enqueue", self.endpoint)


def encode(page: Page, routing_key: str) -> dict[str, object]:
    """Return the event for *page*, within every published limit; resolving carries only the key.

    API: https://developer.pagerduty.com/docs/send-alert-event
    """
    event: dict[str, object] = {
        "routing_key": utf8(routing_key),
        "event_action": page.action.value,
        "dedup_key": _dedup_key(page.key),
    }
    if page.action is Action.RESOLVE:
        return event
    payload: dict[str, object] = {
        "summary": cut(page.summary, MAX_SUMMARY),
        "source": cut(page.source, MAX_SUMMARY),
        "severity": page.severity.value,
        "timestamp": iso(page.began_at),
        "component": cut(page.subject, MAX_SUMMARY),
        "group": cut(page.service, MAX_SUMMARY),
        "class": cut(page.diagnosis, MAX_SUMMARY),
    }
    event |= {"client": "Vedette", "payload": payload}
    if status_page := page.link("status_page"):
        event["client_url"] = utf8(status_page)
    if runbook := page.link("runbook"):
        event["links"] = [{"href": utf8(runbook), "text": "Runbook"}]
    room = MAX_BYTES - len(serialize(event)) - len(b',"custom_details":')
    payload["custom_details"] = fit(page.details, room, "PagerDuty")
    return event


def encode_change(summary: str, source: str, at: float, routing_key: str) -> dict[str, object]:
    """Return the change event that says *summary* of *source* at epoch seconds.

    API: https://developer.pagerduty.com/docs/send-change-event
    """
    payload = {
        "summary": cut(summary, MAX_SUMMARY),
        "source": cut(source, MAX_SUMMARY),
        "timestamp": iso(at),
    }
    return {"routing_key": utf8(routing_key), "payload": payload}


class PagerDuty:
    """The pager that posts events to PagerDuty, one attempt a call.

    Delivered means accepted (202), not yet notified. Pagers of one routing key share a *pace*.
    """

    def __init__(
        self,
        name: str,
        settings: PagerDutySettings,
        routing_key: str,
        *,
        reach: Reach,
        pace: Pace,
        timeout: float = 10.0,
    ) -> None:
        self.name = name
        self.pace = pace
        self._settings = settings
        self._routing_key = routing_key
        self._poster = Poster(
            reach,
            [settings.endpoint],
            secrets={"routing key": routing_key},
            timeout=timeout,
        )

    async def send(self, page: Page) -> Delivery:
        """Try once to hand *page* over, within the timeout."""
        return await self._post(self._settings.endpoint, encode(page, self._routing_key))

    async def tell(self, change: str, source: str, at: float) -> Delivery | None:
        """Try once to tell of a *change* of *source*, where that is wanted."""
        if not self._settings.change_events:
            return None
        event = encode_change(change, source, at, self._routing_key)
        return await self._post(self._settings.changes, event)

    async def _post(self, url: str, event: dict[str, object]) -> Delivery:
        answer = await self._poster.post(url, serialize(event), accepted=_ACCEPTED)
        return answer.delivery

    async def close(self) -> None:
        """Give back connections."""
        await self._poster.close()


def _dedup_key(key: str) -> str:
    """Return *key*, or where it is too long its beginning and a digest of the whole of it."""
    if len(key) <= MAX_KEY:
        return utf8(key)
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
    return f"{utf8(key[: MAX_KEY - 1 - len(digest)])}-{digest}"
