"""Secrets come from files or the environment, and from here go only to those who need them.

They are read once, at start; a file may end with a newline, which is not of the secret.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from vedette.checks.http.authentication import Secrets
from vedette.checks.http.settings import HttpSettings
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
    return _key(_in_file(path, "the routing key"), str(path))


def key_in_environment(name: str) -> str:
    """Return the PagerDuty routing key that the variable *name* holds."""
    return _key(_in_environment(name, "the routing key"), f"environment variable {name}")


def _key(text: str, place: str) -> str:
    # PagerDuty refuses any other length, and would do so when it is too late to mend.
    if len(text.strip()) != 32:
        raise SecretError(f"{place} holds no PagerDuty routing key: it should have 32 characters")
    return text.strip()


def of_check(settings: HttpSettings, folder: Path) -> Secrets:
    """Return what *settings* only name; file names are as seen from *folder*; raise SecretError."""
    basic, bearer, oauth2 = settings.basic_auth, settings.bearer, settings.oauth2
    credential = None
    if basic is not None:
        credential = _secret(folder, basic.password_file, basic.password_env)
    elif bearer is not None:
        credential = _secret(folder, bearer.token_file, bearer.token_env)
    elif oauth2 is not None:
        credential = _secret(folder, oauth2.client_secret_file, oauth2.client_secret_env)
    return Secrets(
        credential=credential, proxy=_secret(folder, settings.proxy_file, settings.proxy_env)
    )


def _secret(folder: Path, file: str | None, variable: str | None) -> str | None:
    if file is not None:
        return secret_in_file(folder / file)
    return None if variable is None else secret_in_environment(variable)


def secret_in_file(path: Path) -> str:
    """Return the secret that *path* holds, one line of text."""
    return _one_line(_in_file(path, "a secret"), str(path))


def secret_in_environment(name: str) -> str:
    """Return the secret that the variable *name* holds, one line of text."""
    return _one_line(_in_environment(name, "a secret"), f"environment variable {name}")


def _in_file(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SecretError(f"{path} cannot be read: it should hold {what}") from None


def _in_environment(name: str, what: str) -> str:
    if name not in os.environ:
        raise SecretError(f"environment variable {name} is not set: it should hold {what}")
    return os.environ[name]


def _one_line(text: str, place: str) -> str:
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret or not secret.isprintable():
        raise SecretError(f"{place} holds no secret: it should have one line of text")
    return secret
