"""The `pagers` and `paging` blocks: the ways to reach a human, and who is told of what."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from vedette.agent.config.services import Service, unknown
from vedette.agent.config.vantage import Name, Server
from vedette.agent.document import Document, Place, Problem
from vedette.agent.paging.routing import BACKUP_AFTER, Route, Routes
from vedette.checks.net import Endpoint, parse_endpoint
from vedette.checks.settings import Duration, Settings
from vedette.exporters.alertmanager import AlertmanagerSettings
from vedette.exporters.email import EmailSettings
from vedette.exporters.page import Severity
from vedette.exporters.pagerduty import PagerDutySettings
from vedette.exporters.webhook import WebhookSettings

RESOLVERS = ("9.9.9.9", "8.8.8.8", "1.1.1.1")
"""Of three operators that share nothing: one of them may be what broke."""

KINDS = ("pagerduty", "alertmanager", "webhook", "email")


class PagingSettings(Settings):
    """What all pagers have in common: who else knows their addresses, and how long one may take."""

    resolvers: list[Server] = [*RESOLVERS]
    """Asked for the address of a pager, a peer or a feed when this host's own fail."""
    backup_after: Annotated[Duration, Field(ge=1.0)] = BACKUP_AFTER
    """A page unaccepted for so long goes to its second channel too."""

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """The resolvers as endpoints."""
        return [parse_endpoint(text, 53) for text in self.resolvers]


class PagerSettings(Settings):
    """One way to reach a human, and the pages that go there; without a name it has its kind's."""

    pagerduty: PagerDutySettings | None = None
    """PagerDuty's Events API v2."""
    alertmanager: AlertmanagerSettings | None = None
    """A cluster of Alertmanagers."""
    webhook: WebhookSettings | None = None
    """A receiver of your own, with signed requests."""
    email: EmailSettings | None = None
    """Mail by SMTP."""
    name: Name | None = None
    """What metrics, status page and `backup_of` call it; without it, its kind."""
    services: Annotated[list[str], Field(min_length=1)] | None = None
    """The only services whose pages it takes."""
    severities: Annotated[list[Severity], Field(min_length=1)] | None = None
    """The only severities that it takes."""
    backup_of: str | None = None
    """The pager whose second channel it is."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self._kinds) != 1:
            raise ValueError(f"expected exactly one of {', '.join(KINDS)}")
        return self

    @property
    def _kinds(self) -> Sequence[str]:
        return [kind for kind in KINDS if getattr(self, kind) is not None]

    @property
    def called(self) -> str:
        """What the metrics and the status page call it."""
        return self.name or self._kinds[0]

    @property
    def route(self) -> Route:
        """Which pages it takes."""
        return Route(
            self.called,
            None if self.services is None else frozenset(self.services),
            None if self.severities is None else frozenset(self.severities),
            self.backup_of,
        )


def routes(
    pagers: Sequence[PagerSettings], paging: PagingSettings, watched: Collection[str]
) -> Routes:
    """Return who is told of what."""
    return Routes([one.route for one in pagers], watched, paging.backup_after)


def called(document: Document) -> Sequence[str | None]:
    """Return the names of pagers as they are written, None where one cannot be told."""
    return [_called(one) for one in document.items("pagers")]


def _called(pager: object) -> str | None:
    if not isinstance(pager, Mapping):
        return None
    name = pager.get("name") or next((kind for kind in KINDS if kind in pager), None)
    return name if isinstance(name, str) else None


def misrouted(document: Document) -> Iterator[Problem]:
    """Names in routes that mean nothing, and second channels that wait for each other."""
    yield from unknown(document, "pagers")
    names = called(document)
    channels = [document.written("pagers", i, "backup_of") for i in range(len(names))]
    backups = {name: of for name, of in zip(names, channels, strict=True) if name is not None}
    for i, (name, of) in enumerate(zip(names, channels, strict=True)):
        if isinstance(of, str):  # else the schema says so
            place = ("pagers", i, "backup_of")
            if of not in backups:
                yield document.problem(place, f"no pager is called {of}: name one of the others")
            elif name is not None and _waits_for_itself(name, backups):
                yield document.problem(
                    place, f"{name} is a second channel of itself, so nobody is told first: "
                    "remove one backup_of"
                )  # fmt: skip


def _waits_for_itself(name: str, backups: Mapping[str, object]) -> bool:
    """Whether the second channels lead from a pager back to it."""
    seen, after = {name}, backups[name]
    while isinstance(after, str) and after not in seen:
        seen.add(after)
        after = backups.get(after)
    return after == name


def untold(
    pagers: Sequence[PagerSettings], services: Sequence[Service]
) -> Iterator[tuple[Place, str]]:
    """Return what nobody is told of, each with its place in the file."""
    first = [one.route for one in pagers if one.backup_of is None]
    if not pagers:
        return
    for i, service in enumerate(services):
        takers = [r for r in first if r.services is None or service.name in r.services]
        if not takers:
            yield ("services", i), f"no pager takes the pages of {service.name}"
        elif not any(r.severities is None or service.severity in r.severities for r in takers):
            yield (
                ("services", i),
                f"no pager takes the {service.severity} pages of {service.name}",
            )
    left = [
        severity
        for severity in Severity
        if not any(r.severities is None or severity in r.severities for r in first)
    ]
    if left:
        yield ("pagers",), f"no pager takes pages of severity {', '.join(left)}"
