"""From settings to pagers, with the secrets that they only name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from vedette.agent import secrets
from vedette.agent.clock import wall
from vedette.agent.config.pagers import PagerSettings
from vedette.exporters.alertmanager import Alertmanager, AlertmanagerSettings
from vedette.exporters.email import Email, EmailSettings
from vedette.exporters.pace import Pace
from vedette.exporters.page import Pager
from vedette.exporters.pagerduty import PER_MINUTE, PagerDuty
from vedette.exporters.reach import Reach
from vedette.exporters.webhook import Signed, Webhook, WebhookSettings

Trusting = TypeVar("Trusting", AlertmanagerSettings, WebhookSettings, EmailSettings)


def pagers(
    settings: Sequence[PagerSettings], folder: Path, reach: Reach, now: Callable[[], float]
) -> Sequence[Pager]:
    """Build the pagers; file names are as seen from *folder*; raise SecretError."""
    making = _Making(folder, reach, now)
    return [making.pager(one) for one in settings]


@dataclass(frozen=True, slots=True)
class _Making:
    folder: Path
    reach: Reach
    now: Callable[[], float]
    paces: dict[str, Pace] = field(default_factory=dict)
    """By routing key: what PagerDuty counts."""

    def pager(self, one: PagerSettings) -> Pager:
        if one.pagerduty is not None:
            return self._pagerduty(one)
        if one.alertmanager is not None:
            settings = one.alertmanager
            return Alertmanager(
                one.called,
                self._at_home(settings),
                now=self.now,
                credential=secrets.secret(
                    self.folder,
                    settings.password_file or settings.token_file,
                    settings.password_env or settings.token_env,
                ),
                reach=self.reach,
            )
        return self._webhook(one) if one.webhook is not None else self._email(one)

    def _at_home(self, settings: Trusting) -> Trusting:
        """Return *settings* with the path of their CA file as seen from here."""
        if settings.ca_file is None:
            return settings
        return settings.model_copy(update={"ca_file": str(self.folder / settings.ca_file)})

    def _pagerduty(self, one: PagerSettings) -> Pager:
        assert one.pagerduty is not None
        settings = one.pagerduty
        key = secrets.secret(
            self.folder, settings.routing_key_file, settings.routing_key_env, secrets.ROUTING_KEY
        )
        assert key is not None
        pace = self.paces.setdefault(key, Pace(PER_MINUTE))
        return PagerDuty(one.called, settings, key, reach=self.reach, pace=pace)

    def _webhook(self, one: PagerSettings) -> Pager:
        assert one.webhook is not None
        settings = self._at_home(one.webhook)
        url = secrets.url_of(settings, self.folder)
        secret = secrets.secret(
            self.folder, settings.secret_file, settings.secret_env, secrets.SIGNING_KEY
        )
        assert secret is not None
        is_secret = settings.url is None
        poster = Signed(
            url, secret, self.reach, now=wall, ca_file=settings.ca_file, is_secret=is_secret
        )
        return Webhook(one.called, poster)

    def _email(self, one: PagerSettings) -> Pager:
        assert one.email is not None
        settings = self._at_home(one.email)
        password = secrets.secret(self.folder, settings.password_file, settings.password_env)
        return Email(one.called, settings, now=wall, password=password, reach=self.reach)
