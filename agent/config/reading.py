"""Text to settings, with every problem listed at once by file and line."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ValidationError

from vedette.agent import references
from vedette.agent.composite import naming
from vedette.agent.composite.settings import AlarmSettings
from vedette.agent.config import credentials
from vedette.agent.config.feeds import FeedSettings
from vedette.agent.config.model import Config, nameables
from vedette.agent.config.pagers import misrouted
from vedette.agent.config.quorum import unplaced
from vedette.agent.config.remediation import unusable
from vedette.agent.config.services import Controls, Service
from vedette.agent.config.spelling import meant
from vedette.agent.config.twins import twins
from vedette.agent.config.vantage import STATE_DIR
from vedette.agent.document import Document, Place, Problem, load
from vedette.agent.secrets import may_open
from vedette.checks.settings import written

_MOST, _PIECE = 32 << 20, 64 << 10
"""Octets of a config that are read, and at a time; one of ten thousand checks has a thirtieth of
them."""

_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
"""How the bounds of numbers are said, and where an error has them."""
_HANDED = ("/dev/fd", "/proc/self/fd")
"""Where bash, and zsh, have what they hand over."""
_LIST = "expected a list: begin each item with -, or put all into [ ]"
_SAID = {
    "missing": "is required",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": "expected keys with values: write KEY: VALUE in lines of their own, or in { }",
    "too_short": "is empty: write at least one",
    "string_type": "expected text: put it into quotes",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "invalid_key": "a key must be a plain word",
}
"""What is said of errors that are always the same."""
_MAIL = "expected an address such as oncall@example.net"
_NAME = (
    "a name has no /, no line break or invisible character, and no space at its beginning, "
    "and is neither . nor .."
)
_LINK = "expected a URL that begins with https:// or http://"
_FORMS = {
    "name": _NAME,
    "provider": _NAME,
    "deployment": _NAME,
    "url": _LINK,
    "runbook": _LINK,
    "urls": "expected a URL that begins with https:// or http://, without ? and #",
    "sha256": "expected 64 hexadecimal digits in lower case",
    "from": _MAIL,
    "to": _MAIL,
    "host": "expected a host name or an address",
    "file": "is empty: name a file",
    "username": "the name of a user who gives a password has no :",
    "scopes": "a scope is one word of printable ASCII, without quotes and backslashes",
}
"""What a text has to look like, by its key."""


_SHOWN = {
    "domain": "provider: hetzner",
    "services": "name: shop",
    "dns": "name: shop.example",
    "http": "url: https://shop.example/",
    "bgp": "prefix: 192.0.2.0/24",
    "pagerduty": "routing_key_file: pagerduty.key",
    "webhook": "url: https://hooks.example.net/",
    "failing": "looks: 3, of: 5",
    "log": "level: debug",
}
"""A key with a value that a block may have, by the key of the block or of the list of them."""


class ConfigError(Exception):
    """A config file that cannot be used; *problems* are all of its faults, in order of line."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        super().__init__(f"{path}: {len(problems)} problems")
        self.path = path
        self.problems = tuple(sorted(set(problems)))

    def lines(self) -> Iterator[str]:
        """Return one `file:line: message` per problem."""
        for problem in self.problems:
            yield f"{self.path}:{problem.line}: {problem.message}"


def read(path: Path) -> Config:
    """Read and check *path*; raise ConfigError with every problem found."""
    return parse(read_text(path), path)


def read_text(path: Path) -> str:
    """Return the text of *path*; raise ConfigError where there is none."""
    try:
        return _octets(path).decode()
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text: save it as that"
    raise ConfigError(path, [Problem(1, f"cannot be read: {reason}")])


def _octets(path: Path) -> bytes:
    """Return what is in *path*, which may have no end; raise OSError."""
    if not (_is_handed(path) or may_open(path)):
        raise OSError("it is not a file: put the config into one")
    with path.open("rb") as file:
        octets = b"".join(islice(iter(partial(file.read, _PIECE), b""), _MOST // _PIECE))
        if file.read(1):
            raise OSError(f"it is longer than {_MOST >> 20} MB: is it the config?")
    return octets


def _is_handed(path: Path) -> bool:
    """Whether *path* is what a shell hands over, as a pipe for the most part."""
    return path == Path("/dev/stdin") or any(map(path.is_relative_to, _HANDED))


def read_alone(path: Path) -> Config:
    """Read what *path* says, whether or not the files and variables that it names can be had.

    Raise ConfigError with every problem found.
    """
    return _checked(load(read_text(path)), path, [])


def parse(text: str, path: Path) -> Config:
    """Check *text*, which is that of *path*; raise ConfigError with every problem found."""
    document = load(text)
    named = [*references.endless(document, path.parent)] or [
        *references.faults(document, path.parent),
        *credentials.faults(document, path.parent),
    ]
    return _checked(document, path, named)


def _checked(document: Document, path: Path, named: Sequence[Problem]) -> Config:
    """Return the config that *document* is; *named* is what is wrong with all that it names."""
    problems = [
        *document.problems,
        *named,
        *twins(document),
        *unplaced(document),
        *unusable(document),
        *misrouted(document),
        *_misnamed(document),
    ]
    config = None
    if document.data is not None:
        try:
            config = Config.model_validate(document.data)
        except ValidationError as error:
            problems += explained(error, document, Config, _number)
    if config is None or problems:
        raise ConfigError(path, problems)
    return config


def state_folder(path: Path) -> Path:
    """Return where the state of the config file *path* is, however wrong the file: it may say so.

    Of a file that is not even YAML, a line that begins with the key counts.
    """
    try:
        text = _octets(path).decode(errors="replace")
    except OSError:
        return path.parent / STATE_DIR
    document = load(text)
    named = document.written("agent", "state_dir")
    if document.data is None and (
        line := re.search(r"^\s+state_dir:[ \t]*(.+)$", text, re.MULTILINE)
    ):
        named = load(line[1]).data
    return path.parent / (named if isinstance(named, str) else STATE_DIR)


def explained(
    error: ValidationError,
    document: Document,
    root: type[BaseModel],
    number: Callable[[float], str] = "{:.15g}".format,
) -> Iterator[Problem]:
    """Return the problems that *error* found in *document*, each with its line and remedy.

    *root* is what it should be; *number* says a bound as one would write it there.
    """
    for fault in error.errors(include_url=False, include_input=False):
        place = tuple(part for part in fault["loc"] if part not in {"[key]"})
        where = ".".join(str(part) for part in place)
        message = _SAID.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
        message = re.sub("^Input should be ", "expected ", message)
        match fault["type"]:
            case "string_type" if isinstance(document.written(*place), list | dict):
                message = "expected text, and one alone"
            case "extra_forbidden":
                message = meant(root, place, document)
            case "model_type":
                message = f"expected keys with values{_such_as(place)}"
            case "string_too_short" if fault["ctx"]["min_length"] == 1:
                message = "is empty: write what it should be"
            case "string_too_long":
                message = f"is too long: write at most {fault['ctx']['max_length']} characters"
            case "string_pattern_mismatch":
                message = _formed(place) or message
            case kind if kind in _BOUNDS:
                words, of = _BOUNDS[kind]
                message = f"expected {words} {number(fault['ctx'][of])}"
        yield Problem(document.line(place), f"{where}: {message}" if where else message)


def _such_as(place: Place) -> str:
    keys = [key for key in place if isinstance(key, str)]
    shown = _SHOWN.get(keys[-1]) if keys else None
    return f", such as {{{shown}}}" if shown else ""


def _formed(place: Place) -> str | None:
    """Return what a text at *place* looks like, for people."""
    keys = [key for key in place if isinstance(key, str)]
    return _FORMS.get(keys[-1]) if keys else None


def _number(bound: float) -> str:
    """Return a bound as a config writes it: one with a fraction is a duration's."""
    return written(bound) if isinstance(bound, float) else str(bound)


def _misnamed(document: Document) -> Iterator[Problem]:
    """Names of alarms, and in their rules, that mean nothing or too much.

    They are told beside all other faults, but for those of services and controls: while what can be
    named is not known, nothing can be said of names.
    """
    alarms = [AlarmSettings.or_none(one) for one in document.items("alarms")]
    if not alarms:
        return
    services = [Service.or_none(one) for one in document.items("services")]
    controls = Controls.or_none(document.written("controls") or {})
    known = [service for service in services if service]
    if controls is None or len(known) < len(services):
        return
    feeds = [feed for one in document.items("feeds") if (feed := FeedSettings.or_none(one))]
    names = [str(document.written("agent", "name")), *map(str, document.names("peers"))]
    yield from naming.faults(document, alarms, nameables(names, known, controls, feeds))
