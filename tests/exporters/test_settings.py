"""What no receiver would take, or what names two secrets, is refused in the config of a pager."""

from typing import Any

import pytest
from pydantic import ValidationError

from vedette.checks.settings import Settings
from vedette.exporters.alertmanager import AlertmanagerSettings
from vedette.exporters.email import EmailSettings
from vedette.exporters.pagerduty import PagerDutySettings
from vedette.exporters.webhook import WebhookSettings

SOUND: dict[type[Settings], dict[str, Any]] = {
    AlertmanagerSettings: {"urls": ["http://am:9093"]},
    EmailSettings: {"host": "localhost", "from": "a@ops.example", "to": ["b@ops.example"]},
    PagerDutySettings: {"routing_key_file": "a"},
    WebhookSettings: {"url": "https://x/", "secret_env": "Y"},
}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (AlertmanagerSettings, {"urls": []}),
        (AlertmanagerSettings, {"urls": ["am:9093"]}),
        (AlertmanagerSettings, {"labels": {"no-label": "x"}}),
        (AlertmanagerSettings, {"labels": {"service": "x"}}),
        (AlertmanagerSettings, {"username": "x"}),
        (AlertmanagerSettings, {"token_env": "X", "token_file": "x"}),
        (AlertmanagerSettings, {"lasts": "10s"}),
        (EmailSettings, {"to": []}),
        (EmailSettings, {"to": ["a@b.c\r\nBcc: x@y.z"]}),
        (EmailSettings, {"from": "nobody"}),
        (EmailSettings, {"host": "a b"}),
        (EmailSettings, {"username": "me"}),
        (EmailSettings, {"username": "me", "password_env": "X", "tls": "none"}),
        (EmailSettings, {"password_file": "x"}),
        (PagerDutySettings, {"routing_key_file": None}),
        (PagerDutySettings, {"routing_key_env": "B"}),
        (PagerDutySettings, {"routing_key": "0123456789abcdef0123456789ABCDEF"}),
        (PagerDutySettings, {"region": "mars"}),
        (PagerDutySettings, {"url": "ftp://x"}),
        (WebhookSettings, {"url": None}),
        (WebhookSettings, {"url_env": "X"}),
        (WebhookSettings, {"secret_env": None}),
        (WebhookSettings, {"url": "ftp://x/"}),
        (WebhookSettings, {"secret_file": "y"}),
    ],
)
def test_wrong_settings(kind: type[Settings], change: dict[str, Any]) -> None:
    """What is sound is taken, and no more with one mistake in it."""
    assert kind.model_validate(SOUND[kind])
    with pytest.raises(ValidationError):
        kind.model_validate(SOUND[kind] | change)
