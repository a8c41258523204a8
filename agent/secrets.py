"""Secrets come from files or the environment, and from here go only to those who need them."""

import os
from collections.abc import Sequence
from pathlib import Path

from vedette.exporters.pagerduty import PagerDuty, PagerDutySettings


class SecretError(Exception):
    """A secret that cannot be had; the message names where it should be, never what it is."""


def pagers(settings: Sequence[PagerDutySettings], folder: Path) -> list[PagerDuty]:
    """Build the pagers; file names are as seen from *folder*; raise SecretError."""
    return [
        PagerDuty(
            one,
            key_in_file(folder / one.routing_key_file)
            if one.routing_key_file is not None
            else key_in_environment(str(one.routing_key_env)),
        )
        for one in settings
    ]


def key_in_file(path: Path) -> str:
    """Return the PagerDuty routing key that *path* holds."""
    try:
        return _key(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError):
        raise SecretError(f"{path} cannot be read: it should hold the routing key") from None


def key_in_environment(name: str) -> str:
    """Return the PagerDuty routing key that the variable *name* holds."""
    if name not in os.environ:
        raise SecretError(f"environment variable {name} is not set: it should hold the routing key")
    return _key(os.environ[name], f"environment variable {name}")


def _key(text: str, place: str) -> str:
    # PagerDuty refuses any other length, and would do so when it is too late to mend.
    if len(text.strip()) != 32:
        raise SecretError(f"{place} holds no PagerDuty routing key: it should have 32 characters")
    return text.strip()
