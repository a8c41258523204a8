"""Secrets come from files or the environment, and from here go only to those who need them.

They are read once, at start; a file may end with a newline, which is not of the secret.
"""

import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from vedette.checks.http.authentication import Secrets
from vedette.checks.http.proxy import Proxy
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


def _one_line(text: str, place: str) -> str:
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret or not secret.isprintable():
        raise SecretError(f"{place} holds no secret: it should have one line of text")
    return secret


def _routing_key(text: str, place: str) -> str:
    # PagerDuty refuses any other length, and would do so when it is too late to mend.
    if len(text.strip()) != 32:
        raise SecretError(f"{place} holds no PagerDuty routing key: it should have 32 characters")
    return text.strip()


def _signing_key(text: str, place: str) -> str:
    secret = _one_line(text, place)
    try:
        signing_key(secret)
    except ValueError as error:
        raise SecretError(
            f"{place} holds no secret to sign with: {error} (openssl rand -hex 32)"
        ) from None
    return secret


def _url(text: str, place: str) -> str:
    url = _one_line(text, place)
    if re.search(r"\s", url) or not is_http_url(url):
        raise SecretError(
            f"{place} holds no URL: it should begin with https:// or http://, and have a host"
        )
    return url


def _proxy(text: str, place: str) -> str:
    url = _one_line(text, place)
    try:
        Proxy(url=url)
    except ValueError:  # the reason may repeat the URL, which holds a secret
        raise SecretError(
            f"{place} holds no URL of a proxy: it should be one such as "
            "http://USER:PASSWORD@HOST:PORT"
        ) from None
    return url


class Form(NamedTuple):
    """A sort of secret: in words, and what makes it of the text at a place, or a SecretError."""

    what: str
    read: Callable[[str, str], str]


ONE_LINE = Form("a secret", _one_line)
ROUTING_KEY = Form("the routing key", _routing_key)
"""Of PagerDuty."""
SIGNING_KEY = Form("a secret", _signing_key)
"""What webhooks are signed with."""
URL = Form("a secret", _url)
"""A URL that may be a secret."""
PROXY = Form("a secret", _proxy)
"""A URL of a proxy, with a password."""


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


class Addressed(Protocol):
    """Settings with a URL, or with the file or the variable that holds it: one of the three."""

    @property
    def url(self) -> str | None: ...  # noqa: D102

    @property
    def url_file(self) -> str | None: ...  # noqa: D102

    @property
    def url_env(self) -> str | None: ...  # noqa: D102


def url_of(settings: Addressed, folder: Path) -> str:
    """Return the URL of *settings*, wherever it is; raise SecretError."""
    url = settings.url or secret(folder, settings.url_file, settings.url_env, URL)
    assert url is not None
    return url


def secret(
    folder: Path, file: str | None, variable: str | None, form: Form = ONE_LINE
) -> str | None:
    """Return the secret that a file or a variable holds, None where neither is named."""
    if file is not None:
        return in_file(folder / file, form)
    return None if variable is None else in_environment(variable, form)


def in_file(path: Path, form: Form = ONE_LINE) -> str:
    """Return the secret that *path* holds; raise SecretError."""
    try:
        return form.read(_text(path), str(path))
    except OSError as error:
        why = error.strerror or str(error)
    except UnicodeDecodeError:
        why = "not UTF-8"
    raise SecretError(f"{path} cannot be read ({why}): it should hold {form.what}")


def in_environment(name: str, form: Form = ONE_LINE) -> str:
    """Return the secret that the variable *name* holds; raise SecretError."""
    if name not in os.environ:
        raise SecretError(f"environment variable {name} is not set: it should hold {form.what}")
    return form.read(os.environ[name], f"environment variable {name}")


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
