"""Alertmanager's API v2: a page as an alert, sent to every member and again while it stands.

Members do not tell each other of alerts, and forget one that is not sent again.
API: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from vedette.checks.http.authentication import basic
from vedette.checks.settings import Duration, Settings, of_http, without_password
from vedette.exporters.details import fit, iso, lines, serialize
from vedette.exporters.page import ACCEPTED, Action, Delivery, Outcome, Page
from vedette.exporters.post import Answer, Poster, cut, utf8
from vedette.exporters.reach import Reach
from vedette.exporters.trust import trusting

EVERY = 60.0
"""Seconds after which what stands is sent again, as Prometheus does."""
RETOLD = 900.0
"""Seconds for which an end is sent again: a member may have been away when it was told."""
MAX_TEXT = 16_384
AT_ONCE = 25
"""Alerts that stand, and as many that have ended, in one body: many a proxy takes a megabyte."""
_ACCEPTED = (200,)
_ABSURD = 20 * 365 * 86400.0
"""Seconds by which no clock is off: by such a date no alert could be written."""
_SKEW = 5.0
"""Seconds that two clocks may differ by before it matters: the Date header has whole ones."""


def _base(url: str) -> str:
    if re.search(r"/api/v\d+(/alerts)?/*$", url):
        raise ValueError("/api/v2/alerts is added to it: leave out what begins with /api")
    return url


Member = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s/?#]+[^\s?#]*$"),
    AfterValidator(_base),
    AfterValidator(partial(without_password, remedy="give username and password_file")),
    AfterValidator(of_http),
]


class AlertmanagerSettings(Settings):
    """The `alertmanager` block of a pager: all members of one cluster, each by its own URL.

    *labels* are added to every alert; *lasts* is how long an alert stands without this agent.
    """

    urls: Annotated[list[Member], Field(min_length=1)]
    """Every member of the cluster; no load balancer before them."""
    labels: dict[str, str] = {}
    """Added to every alert."""
    lasts: Annotated[Duration, Field(ge=120.0)] = 3600.0
    """How long an alert stands when this agent is gone."""
    username: Annotated[str, StringConstraints(pattern=r"^[^:]+$")] | None = None
    """The user's name, where it asks for one."""
    password_file: str | None = None
    """The file of the password."""
    password_env: str | None = None
    """The environment variable that holds it."""
    token_file: str | None = None
    """The file of a bearer token."""
    token_env: str | None = None
    """The environment variable that holds it."""
    ca_file: str | None = None
    """The only trust anchors, in PEM, instead of the system's."""

    @field_validator("labels")
    @classmethod
    def _names(cls, labels: dict[str, str]) -> dict[str, str]:
        for name in labels:
            if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name):
                raise ValueError(f"{name!r} is not the name of a label")
            if name in _OURS:
                raise ValueError(f"{name} is set by the page: choose another name")
        return labels

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        given = (self.password_file, self.password_env, self.token_file, self.token_env)
        if sum(one is not None for one in given) > 1:
            raise ValueError("give at most one of password_file, password_env, token_file, "
                             "token_env")  # fmt: skip
        if bool(self.username) != bool(self.password_file or self.password_env):
            raise ValueError("a username needs its password_file or password_env, and these a "
                             "username")  # fmt: skip
        return self


_OURS = ("alertname", "service", "severity", "deployment", "incident", "subject")


def labels(page: Page, more: Mapping[str, str]) -> dict[str, str]:
    """Return what an alert is known by: the same at every agent that sees it."""
    found = {
        **more,
        "alertname": page.diagnosis,
        "service": page.service,
        "severity": page.severity.value,
        "deployment": page.key.partition("/")[0],
        "incident": page.key,
        "subject": page.subject,
    }
    return {name: cut(value, 1024) for name, value in found.items() if value}


def encode(page: Page, more: Mapping[str, str], ends_at: float, skew: float = 0.0) -> object:
    """Return the alert of *page*, which stands until *ends_at* unless it is sent again.

    *skew* is what the member's clock is ahead of ours.
    """
    details = fit(page.details, MAX_TEXT, "Alertmanager")
    shown = details if isinstance(details, dict) else {}
    annotations = {
        "summary": cut(page.summary, 1024),
        "description": "\n".join(f"{name}: {_text(value)}" for name, value in shown.items()),
        "source": page.source,
        "runbook_url": page.link("runbook"),
    }
    alert: dict[str, object] = {
        "labels": labels(page, more),
        "annotations": {name: utf8(text) for name, text in annotations.items() if text},
        "startsAt": iso(min(page.began_at, ends_at) + skew),
        "endsAt": iso(ends_at + skew),
    }
    if status_page := page.link("status_page"):
        alert["generatorURL"] = utf8(status_page)
    return alert


class Alertmanager:
    """The pager that sends alerts to all members; one that takes a page has it delivered.

    *repeat* sends what stands again, and what has ended for a while. An alert is known by its
    labels: where a page changes them, the one before is ended with it.
    """

    every = EVERY

    def __init__(
        self,
        name: str,
        settings: AlertmanagerSettings,
        *,
        now: Callable[[], float],
        credential: str | None = None,
        reach: Reach,
        timeout: float = 10.0,
    ) -> None:
        self.name = name
        self._settings = settings
        self._now = now
        self._urls = [f"{url.rstrip('/')}/api/v2/alerts" for url in settings.urls]
        self._headers = _headers(settings.username, credential)
        self._poster = Poster(
            reach,
            self._urls,
            secrets={"credential": credential or ""},
            tls=trusting(settings.ca_file),
            timeout=timeout,
        )
        self._skews: dict[str, float] = {}
        self._standing: dict[str, Page] = {}
        self._ending: set[str] = set()
        """The keys whose ends are on their way: what stands of them is not sent again."""
        self._ended: list[tuple[Page, float]] = []

    def stand(self, pages: Iterable[Page], ended: Iterable[tuple[Page, float]] = ()) -> None:
        """Take over what stood when the agent ended, and what had *ended*, with when."""
        self._standing |= {page.key: page for page in pages}
        self._ended += ended

    def drop(self, key: str) -> None:
        """Send what stands of *key* no more; it ends by itself, unless somebody else sends it."""
        self._standing.pop(key, None)
        self._ending.discard(key)

    async def send(self, page: Page) -> Delivery:
        """Try once to hand *page* to every member."""
        now = self._now()
        before = self._standing.get(page.key)
        ended = [before] if before and self._known_as(before) != self._known_as(page) else []
        resolves = page.action is Action.RESOLVE
        (self._ending.add if resolves else self._ending.discard)(page.key)
        if resolves:
            # An end is told of the labels that stand, which the last page may not have.
            ended = [before or page]
        standing = [] if resolves else [page]
        delivery = await self._tell(standing, [(one, now) for one in ended])
        # An end that is refused is told again with the others: what is over must not stand.
        if delivery.outcome is Outcome.DELIVERED or (
            resolves and delivery.outcome is Outcome.REJECTED
        ):
            self._standing.pop(page.key, None)
            self._ending.discard(page.key)
            self._standing |= {one.key: one for one in standing}
            self._ended += [(one, now) for one in ended]
        return delivery

    async def repeat(self) -> Delivery:
        """Try once to tell every member all that stands, and what has ended not long ago."""
        now, standing = self._now(), self._lasting()
        again = set(map(self._identity, standing))
        self._ended = [
            (page, at)
            for page, at in self._ended
            if now - at < RETOLD and self._identity(page) not in again
        ]
        if not standing and not self._ended:
            return Delivery(outcome=Outcome.DELIVERED, detail="nothing stands")
        delivery = await self._tell(standing, self._ended)
        # An end that was told meanwhile may have come before this, which would undo it.
        if over := [(page, self._now()) for page in self._over(standing)]:
            await self._tell([], over)
        return delivery

    def _lasting(self) -> Sequence[Page]:
        return [page for key, page in self._standing.items() if key not in self._ending]

    def _over(self, told: Sequence[Page]) -> Sequence[Page]:
        """Return those of *told*, which stood, whose end has been told since or is on its way."""
        ended = {self._identity(page) for page, _ in self._ended}
        ended |= {self._identity(page) for page in told if page.key in self._ending}
        ended -= set(map(self._identity, self._lasting()))
        return [page for page in told if self._identity(page) in ended]

    async def close(self) -> None:
        """Give back connections."""
        await self._poster.close()

    def _known_as(self, page: Page) -> dict[str, str]:
        return labels(page, self._settings.labels)

    def _identity(self, page: Page) -> str:
        return json.dumps(self._known_as(page))

    async def _tell(
        self, standing: Sequence[Page], ended: Sequence[tuple[Page, float]]
    ) -> Delivery:
        attempts = [self._tell_all(url, standing, ended) for url in self._urls]
        return _together(await asyncio.gather(*attempts))

    async def _tell_all(
        self, url: str, standing: Sequence[Page], ended: Sequence[tuple[Page, float]]
    ) -> Delivery:
        """Tell one member in as many bodies as there must be, and no more once it is gone."""
        told = Delivery(outcome=Outcome.DELIVERED, detail=ACCEPTED)
        for first in range(0, max(len(standing), len(ended)), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            delivery = await self._tell_one(url, standing[some], ended[some])
            if delivery.outcome is Outcome.RETRY:
                return delivery
            if delivery.outcome is Outcome.REJECTED:
                told = delivery
        return told

    async def _tell_one(
        self, url: str, standing: Sequence[Page], ended: Sequence[tuple[Page, float]]
    ) -> Delivery:
        """Tell one member, by its own clock: once more where that was not known to differ.

        By a clock that is ahead of ours a new alert would have ended already.
        """
        assumed = self._skews.get(url, 0.0)
        answer = await self._post(url, standing, ended)
        if answer.at is not None:
            skew = answer.at - self._now()
            self._skews[url] = skew if _SKEW < abs(skew) < _ABSURD else 0.0
        told = answer.delivery.outcome is Outcome.DELIVERED
        if told and abs(self._skews.get(url, 0.0) - assumed) > _SKEW:
            answer = await self._post(url, standing, ended)
        return answer.delivery

    async def _post(
        self, url: str, standing: Sequence[Page], ended: Sequence[tuple[Page, float]]
    ) -> Answer:
        until, skew = self._now() + self._settings.lasts, self._skews.get(url, 0.0)
        more = self._settings.labels
        # A resolving page says how it ended; what stood said what it was.
        alerts = [encode(page, more, at, skew) for page, at in ended]
        alerts += [encode(page, more, until, skew) for page in standing]
        return await self._poster.post(
            url, serialize(alerts), accepted=_ACCEPTED, headers=self._headers
        )


def _together(deliveries: Sequence[Delivery]) -> Delivery:
    """Return the best that became of a page at any member, with what the others said."""
    best = min(deliveries, key=lambda one: list(Outcome).index(one.outcome))
    if best.outcome is not Outcome.DELIVERED:
        return best
    taken = sum(one.outcome is Outcome.DELIVERED for one in deliveries)
    failed = [one.detail for one in deliveries if one.outcome is not Outcome.DELIVERED]
    if not failed:
        return best
    return replace(best, detail=f"accepted by {taken} of {len(deliveries)}: {'; '.join(failed)}")


def _headers(username: str | None, credential: str | None) -> dict[str, str]:
    if credential is None:
        return {}
    if username is None:
        return {"Authorization": f"Bearer {credential}"}
    return {"Authorization": basic(username, credential)}


def _text(value: object) -> str:
    many = isinstance(value, dict | list) and value
    return "".join(f"\n  {line}" for line in lines(value)) if many else lines(value)[0]
