"""What a config file refers to: files, variables of the environment, and names of other checks.

All of it is checked beside the schema, so that one run lists every fault.
"""

import stat
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from vedette.agent.document import Document, Place, Problem
from vedette.agent.secrets import (
    ONE_LINE,
    PROXY,
    ROUTING_KEY,
    SIGNING_KEY,
    URL,
    Form,
    SecretError,
    in_environment,
    in_file,
    may_open,
)
from vedette.checks.dns.names import domain_name
from vedette.checks.dns.roots import read_hints
from vedette.checks.http.settings import LAST_KNOWN_GOOD
from vedette.checks.http.tls import TlsSettings, built

_FREE = frozenset({"headers", "labels", "options"})
"""What has keys of people's own, which name no files whatever they are called."""


def endless(document: Document, folder: Path) -> Iterator[Problem]:
    """Return what *document* names as files and nobody may open: to read a FIFO may never end."""
    for place, value in _walk(document.data):
        if isinstance(value, str) and place and (place[-1] in _FILES or place[-1] in _PAIRS):
            try:
                may_read = may_open(folder / value)
            except OSError:  # who reads it says so
                continue
            if not may_read:
                yield document.problem(place, f"{value} cannot be read: it is not a regular file")


def faults(document: Document, folder: Path) -> Iterator[Problem]:
    """Return what is wrong with all that *document*, which stands in *folder*, refers to."""
    for place, value in _walk(document.data):
        if place and isinstance(value, str):
            yield from _unreadable(document, folder, place, value)
    yield from _dangling(document)
    yield from _mismatched(document, folder)


def exposed(document: Document, folder: Path) -> Iterator[tuple[Place, str]]:
    """Return the files of secrets that every user of this host may read, each with its place."""
    for place, value in _walk(document.data):
        if isinstance(value, str) and place and place[-1] in _HELD and _is_open(folder / value):
            yield place, f"{value} can be read by every user of this host: chmod o-rwx it"


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:  # who reads it says so
        return False


def _walk(data: object, place: Place = ()) -> Iterator[tuple[Place, object]]:
    yield place, data
    if isinstance(data, Mapping) and (not place or place[-1] not in _FREE):
        for key, value in data.items():
            yield from _walk(value, (*place, key))
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from _walk(value, (*place, i))


# Each of these three loads much that only a config which names such a file needs.
def _certificates(path: Path) -> None:
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415

    try:
        load_pem_x509_certificates(path.read_bytes())
    except ValueError:
        raise ValueError(f"{path} holds no PEM certificate") from None


def _modules(path: Path) -> None:
    from vedette.agent.blackbox.document import ModulesError  # noqa: PLC0415
    from vedette.agent.blackbox.loaded import read_modules  # noqa: PLC0415

    try:
        read_modules(path)
    except ModulesError as error:
        raise ValueError(str(error)) from None


def _anchors(path: Path) -> None:
    from vedette.checks.dns.dnssec.anchors import read_anchors  # noqa: PLC0415

    read_anchors(path)


_SECRETS: Mapping[str, Form] = {
    "client_secret": ONE_LINE,
    "password": ONE_LINE,
    "proxy": PROXY,
    "routing_key": ROUTING_KEY,
    "secret": SIGNING_KEY,
    "token": ONE_LINE,
    "url": URL,
}
"""What a file, or a variable, holds that a key with `_file`, or `_env`, at its end names."""
_FILES: Mapping[str, Callable[[Path], object]] = {
    "ca_file": _certificates,
    "client_ca_file": _certificates,
    "modules": _modules,
    "request_body_file": Path.read_bytes,
    "root_hints": read_hints,
    "trust_anchors": _anchors,
    **{f"{name}_file": partial(in_file, form=form) for name, form in _SECRETS.items()},
}
"""What start-up reads besides the config, by the key that names it."""
_PAIRS = frozenset({"cert_file", "client_cert", "client_key", "key_file"})
"""Certificates and keys: only two of them together can be checked."""
_HELD = frozenset({"client_key", "key_file", *(f"{name}_file" for name in _SECRETS)})
"""The keys that name files of which nobody else should know what they hold."""
_VARIABLES: Mapping[str, Callable[[str], object]] = {
    f"{name}_env": partial(in_environment, form=form) for name, form in _SECRETS.items()
}


def _unreadable(document: Document, folder: Path, place: Place, value: str) -> Iterator[Problem]:
    key = str(place[-1])
    if not value and (key in _FILES or key in _VARIABLES):
        kind = "file" if key in _FILES else "variable"
        yield document.problem(place, f"is empty: name a {kind}")
        return
    try:
        if key in _FILES:
            _FILES[key](folder / value)
        elif key in _VARIABLES:
            _VARIABLES[key](value)
    except OSError as error:
        yield document.problem(place, f"{value} cannot be read: {error.strerror or error}")
    except (ValueError, SecretError) as error:
        yield document.problem(place, error)


def _checks(document: Document, kind: str) -> Iterator[tuple[Place, Mapping[str, object]]]:
    """Return every check of *kind*, of a service or a control, as it is written, and its place."""
    for owner in (("controls",), *(place for place, _ in document.blocks("services"))):
        yield from document.blocks(*owner, kind)


def _dangling(document: Document) -> Iterator[Problem]:
    """Last-known-good addresses are those of a name that a dns check looks at."""
    known = {
        as_checked(str(dns.get("name")))
        for _, dns in _checks(document, "dns")
        if str(dns.get("type", "A")).upper() in {"A", "AAAA"}
    }
    for place, http in _checks(document, "http"):
        key = "last_known_good_of" if "last_known_good_of" in http else "at"
        name = as_checked(str(http.get("last_known_good_of") or _host(http)))
        at = http.get("at")
        wanted = key != "at" or at == LAST_KNOWN_GOOD
        wanted = wanted or (isinstance(at, list) and LAST_KNOWN_GOOD in at)
        if wanted and name and name not in known:
            yield document.problem(
                (*place, key),
                f"no dns check looks at {name} A or AAAA, so no address of it is remembered: "
                "add one",
            )


def as_checked(name: str) -> str:
    """Return *name* as its check is called, whatever it is that is written there."""
    try:
        return domain_name(name)
    except ValueError:  # the schema says so
        return name


def _host(http: Mapping[str, object]) -> str:
    try:
        return urlsplit(str(http.get("url"))).hostname or ""
    except ValueError:  # the schema says so
        return ""


def _mismatched(document: Document, folder: Path) -> Iterator[Problem]:
    """A client's certificate is of use only with its own key."""
    for place, http in _checks(document, "http"):
        certificate, key = http.get("client_cert"), http.get("client_key")
        if not isinstance(certificate, str) or not isinstance(key, str | None):
            continue
        pair = TlsSettings(
            cert_file=str(folder / certificate),
            key_file=None if key is None else str(folder / key),
            verify=False,
        )
        try:
            built(pair, ())
        except ValueError as error:
            yield document.problem((*place, "client_cert"), error)
