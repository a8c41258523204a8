"""Secrets come from files or the environment, and from here go only to those who need them.

They are read once, at start; a file may end with a newline, which is not of the secret.
"""

import errno
import os
import re
import stat
from pathlib import Path
from typing import Protocol

from vedette.checks.http.authentication import Secrets
from vedette.checks.http.settings import HttpSettings
from vedette.checks.settings import is_http_url
from vedette.exporters.signature import signing_key

SHORTEST_TOKEN = 16
"""Characters that whoever reaches the listener cannot guess."""
_LARGEST = 65_536
"""Octets of a file that may be a secret; tokens of some kilobytes are."""


class SecretError(Exception):
    """A secret that cannot be had; the message names where it should be, never what it is."""


class WeakError(SecretError):
    """A secret that is there, and that a stranger could guess."""


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
        credential = secret(folder, basic.password_file, basic.password_env)
    elif bearer is not None:
        credential = secret(folder, bearer.token_file, bearer.token_env)
    elif oauth2 is not None:
        credential = secret(folder, oauth2.client_secret_file, oauth2.client_secret_env)
    return Secrets(
        credential=credential, proxy=secret(folder, settings.proxy_file, settings.proxy_env)
    )


class Tokened(Protocol):
    """Settings that may name a token, in a file or a variable of the environment."""

    @property
    def token_file(self) -> str | None: ...  # noqa: D102

    @property
    def token_env(self) -> str | None: ...  # noqa: D102


def token_of(settings: Tokened, folder: Path) -> str | None:
    """Return the token that *settings* name, if they name one; raise SecretError."""
    token = secret(folder, settings.token_file, settings.token_env)
    if token is not None and len(token) < SHORTEST_TOKEN:
        place = settings.token_file or f"environment variable {settings.token_env}"
        raise WeakError(
            f"the token in {place} can be guessed: it should have {SHORTEST_TOKEN} characters or "
            "more (openssl rand -hex 32)"
        )
    return token


def secret(folder: Path, file: str | None, variable: str | None) -> str | None:
    """Return the secret that a file or a variable holds, None where neither is named."""
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
        return _text(path)
    except OSError as error:
        why = error.strerror or str(error)
    except UnicodeDecodeError:
        why = "not UTF-8"
    raise SecretError(f"{path} cannot be read ({why}): it should hold {what}")


def may_open(path: Path) -> bool:
    """Whether to open *path* comes to an end: a FIFO waits until somebody writes; raise OSError.

    Of a directory open() itself says so.
    """
    return stat.S_IFMT(path.stat().st_mode) in (stat.S_IFREG, stat.S_IFDIR)


def _text(path: Path) -> str:
    """Return the text of a file; raise OSError where it is too large, or nothing that ends."""
    if not may_open(path):
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as file:
        octets = file.read(_LARGEST + 1)
    if len(octets) > _LARGEST:
        raise OSError(errno.EFBIG, f"larger than {_LARGEST} bytes")
    return octets.decode()


def _in_environment(name: str, what: str) -> str:
    if name not in os.environ:
        raise SecretError(f"environment variable {name} is not set: it should hold {what}")
    return os.environ[name]


def _one_line(text: str, place: str) -> str:
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret or not secret.isprintable():
        raise SecretError(f"{place} holds no secret: it should have one line of text")
    return secret


def signing_key_in_file(path: Path) -> str:
    """Return the secret that webhooks are signed with, which *path* holds."""
    return _signing_key(secret_in_file(path), str(path))


def signing_key_in_environment(name: str) -> str:
    """Return the secret that webhooks are signed with, which the variable *name* holds."""
    return _signing_key(secret_in_environment(name), f"environment variable {name}")


def _signing_key(secret: str, place: str) -> str:
    try:
        signing_key(secret)
    except ValueError as error:
        raise SecretError(
            f"{place} holds no secret to sign with: {error} (openssl rand -hex 32)"
        ) from None
    return secret


def url_in_file(path: Path) -> str:
    """Return the URL that *path* holds, which may be a secret."""
    return _url(secret_in_file(path), str(path))


def url_in_environment(name: str) -> str:
    """Return the URL that the variable *name* holds, which may be a secret."""
    return _url(secret_in_environment(name), f"environment variable {name}")


def _url(text: str, place: str) -> str:
    if re.search(r"\s", text) or not is_http_url(text):
        raise SecretError(
            f"{place} holds no URL: it should begin with https:// or http://, and have a host"
        )
    return text
