"""The config file: YAML to frozen settings, with every problem listed at once by file and line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    IPvAnyNetwork,
    ValidationError,
    model_validator,
)

from vedette.agent import references
from vedette.agent.composite import naming
from vedette.agent.composite.naming import Nameables, Watched
from vedette.agent.composite.settings import AlarmSettings
from vedette.agent.composite.windows import WindowSettings
from vedette.agent.document import Document, Place, Problem, load
from vedette.checks.bgp.settings import (
    BgpSettings,
    BgpStreamSettings,
    BmpSettings,
    MrtSettings,
    RipeStatSettings,
    RisLiveSettings,
    RpkiSettings,
)
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.http.settings import HttpSettings
from vedette.checks.net import Endpoint, is_address, parse_endpoint
from vedette.checks.settings import CheckSettings, Duration, Settings
from vedette.exporters.page import Severity
from vedette.exporters.pagerduty import PagerDutySettings


def _listen(text: str) -> str:
    parse_endpoint(text, 9469)
    return text


def _server(text: str) -> str:
    if not is_address(parse_endpoint(text, 53).host):
        raise ValueError(f"{text!r} is not ADDRESS or ADDRESS:PORT")
    return text


_STATE_DIR = "./state"
Block = TypeVar("Block", bound=Settings)

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\s/][^/\n]*$")]


class Domain(Settings):
    """The failure domains of a vantage: two vantages that share one are one voice."""

    provider: Name
    account: str | None = None
    region: str | None = None
    asn: Annotated[int, Field(ge=1, le=4294967295)] | None = None


class ProbeSettings(Settings):
    """The agent's own `/probe`: its modules, and whom it may reach; *deny* wins over *allow*."""

    modules: str
    allow: list[IPvAnyNetwork] = []
    deny: list[IPvAnyNetwork] = []


class AgentSettings(Settings):
    """Who this agent is and where it keeps its state."""

    name: Name
    domain: Domain
    deployment: Name = "vedette"
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9469"
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    state_dir: str = _STATE_DIR
    last_known_good_after: Duration = 600.0
    root_hints: str | None = None
    trust_anchors: str | None = None
    stub_zones: dict[str, list[Annotated[str, AfterValidator(_server)]]] = {}
    probe: ProbeSettings | None = None

    @property
    def status_url(self) -> str:
        """Where people reach the status page: what *url* says, else the listener's address."""
        return self.url or f"http://{self.listen}/"

    @property
    def stubs(self) -> dict[str, tuple[Endpoint, ...]]:
        """The stub zones' servers as endpoints."""
        return {
            zone: tuple(parse_endpoint(server, 53) for server in servers)
            for zone, servers in self.stub_zones.items()
        }


class Service(CheckSettings):
    """Something that a person depends on, and how it is looked at."""

    name: Name
    severity: Severity = Severity.CRITICAL
    dns: list[DnsSettings] = []
    http: list[HttpSettings] = []
    bgp: list[BgpSettings] = []
    maintenance: list[WindowSettings] = []

    @model_validator(mode="after")
    def _watches_something(self) -> "Service":
        if not (self.dns or self.http or self.bgp):
            raise ValueError(f"service {self.name} watches nothing: give it dns, http or bgp")
        return self


class Controls(CheckSettings):
    """Names and pages of other operators: does this vantage see the internet at all?"""

    dns: list[DnsSettings] = []
    http: list[HttpSettings] = []


class FeedSettings(Settings):
    """One source of BGP routes, of one kind; a kind without settings takes the defaults."""

    ris_live: RisLiveSettings | None = None
    bmp: BmpSettings | None = None
    mrt: MrtSettings | None = None
    bgpstream: BgpStreamSettings | None = None
    ripestat: RipeStatSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: object) -> object:
        if isinstance(data, Mapping):
            return {kind: {} if value is None else value for kind, value in data.items()}
        return data

    @model_validator(mode="after")
    def _is_one(self) -> "FeedSettings":
        if len(self.model_fields_set) != 1:
            kinds = ", ".join(type(self).model_fields)
            raise ValueError(f"a feed is one of {kinds}: give each a list item of its own")
        return self


class PagerSettings(Settings):
    """One way to reach a human."""

    pagerduty: PagerDutySettings


Nothing = Annotated[list[object], Field(max_length=0)]


def _none_yet(value: object) -> object:
    if value:
        raise ValueError("not supported by this version: remove it")
    return value


class Config(Settings):
    """A whole config file."""

    agent: AgentSettings
    defaults: CheckSettings = CheckSettings()
    services: Annotated[list[Service], Field(min_length=1)]
    controls: Controls = Controls()
    feeds: list[FeedSettings] = []
    rpki: RpkiSettings | None = None
    pagers: list[PagerSettings] = []
    peers: Annotated[Nothing, BeforeValidator(_none_yet)] = []
    alarms: list[AlarmSettings] = []
    maintenance: list[WindowSettings] = []

    @model_validator(mode="after")
    def _has_anchors(self) -> "Config":
        """Answers can be secure only where there is somebody to trust."""
        if self.agent.root_hints and not self.agent.trust_anchors:
            checks = [dns for service in self.services for dns in service.dns]
            for name in (dns.name for dns in (*checks, *self.controls.dns) if dns.dnssec):
                raise ValueError(
                    f"dnssec: true for {name} has no anchor below the root of agent.root_hints: "
                    "name its file in agent.trust_anchors"
                )
        return self

    @property
    def size(self) -> str:
        """How much there is, in words."""
        checks = sum(len(s.dns) + len(s.http) + len(s.bgp) for s in self.services)
        controls = len(self.controls.dns) + len(self.controls.http)
        counts = {
            "service": len(self.services),
            "check": checks,
            "control": controls,
            "pager": len(self.pagers),
        }
        if self.alarms:
            counts["alarm"] = len(self.alarms)
        return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in counts.items())

    @property
    def nameables(self) -> Nameables:
        """What the rules of alarms may name."""
        return _nameables(self.agent.name, self.services, self.controls, self.feeds)


def _nameables(
    agent: str, services: Sequence[Service], controls: Controls, feeds: Sequence[FeedSettings]
) -> Nameables:
    watched = [Watched(s.name, s.dns, s.http, s.bgp) for s in services]
    kinds = [kind.replace("_", "-") for feed in feeds for kind in feed.model_fields_set]
    heard = (kinds or ["ris-live"]) if any(s.bgp for s in services) else []
    return Nameables(watched, Watched("controls", controls.dns, controls.http), [agent], heard)


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
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(path, [Problem(1, f"cannot be read: {reason}")]) from None


def parse(text: str, path: Path) -> Config:
    """Check *text*, which is that of *path*; raise ConfigError with every problem found."""
    document = load(text)
    problems = [
        *document.problems,
        *references.faults(document, path.parent),
        *_twins(document),
        *_misnamed(document),
    ]
    config = None
    if document.data is not None:
        try:
            config = Config.model_validate(document.data)
        except ValidationError as error:
            problems += explained(error, document)
    if config is None or problems:
        raise ConfigError(path, problems)
    return config


def state_folder(path: Path) -> Path:
    """Return where the state of the config file *path* is, however wrong the file: it may say so.

    Of a file that is not even YAML, a line that begins with the key counts.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return path.parent / _STATE_DIR
    data = load(text).data
    agent = data.get("agent") if isinstance(data, Mapping) else None
    named = agent.get("state_dir") if isinstance(agent, Mapping) else None
    if data is None and (line := re.search(r"^\s+state_dir:[ \t]*(.+)$", text, re.MULTILINE)):
        named = load(line[1]).data
    return path.parent / (named if isinstance(named, str) else _STATE_DIR)


def explained(error: ValidationError, document: Document) -> Iterator[Problem]:
    """Return the problems that *error* found in *document*, each with its line and remedy."""
    for fault in error.errors(include_url=False, include_input=False):
        place = tuple(part for part in fault["loc"] if part not in {"[key]"})
        where = ".".join(str(part) for part in place)
        message = fault["msg"].removeprefix("Value error, ")
        match fault["type"]:
            case "extra_forbidden":
                message = "unknown key: remove it or mend its spelling"
            case "missing":
                message = "is required"
            case "model_type":
                message = "expected keys with values"
            case "list_type":
                message = "expected a list"
        yield Problem(document.line(place), f"{where}: {message}" if where else message)


def _misnamed(document: Document) -> Iterator[Problem]:
    """Names of alarms, and in their rules, that mean nothing or too much.

    They are told beside all other faults, but for those of services and controls: while what can be
    named is not known, nothing can be said of names.
    """
    data = document.data if isinstance(document.data, Mapping) else {}
    alarms = _each(AlarmSettings, data.get("alarms"))
    services = _each(Service, data.get("services"))
    feeds = [feed for feed in _each(FeedSettings, data.get("feeds")) if feed]
    (controls,) = _each(Controls, [data.get("controls", {})])
    known = [service for service in services if service]
    if not alarms or controls is None or len(known) < len(services):
        return
    agent = data.get("agent")
    name = str(agent.get("name")) if isinstance(agent, Mapping) else ""
    yield from naming.faults(document, alarms, _nameables(name, known, controls, feeds))


def _each(model: type[Block], data: object) -> Sequence[Block | None]:
    """Return the items of a list as *model*, None for each that is none."""

    def read_as(item: object) -> Block | None:
        try:
            return model.model_validate(item)
        except ValidationError:
            return None

    return [read_as(item) for item in (data if isinstance(data, list) else [])]


def _twins(document: Document) -> Iterator[Problem]:
    """Names that must be unique: they become labels and keys."""
    if not isinstance(document.data, Mapping):
        return
    yield from _repeated(document, ("pagers",), _pager_names(document.data.get("pagers")), "pager")
    alarms = document.data.get("alarms")
    if isinstance(alarms, list):
        called = [one.get("name") if isinstance(one, Mapping) else None for one in alarms]
        texts = [name if isinstance(name, str) else None for name in called]
        yield from _repeated(document, ("alarms",), texts, "alarm")
    feeds = document.data.get("feeds")
    if isinstance(feeds, list):
        kinds = [next(iter(map(str, f)), None) if isinstance(f, Mapping) else None for f in feeds]
        yield from _repeated(document, ("feeds",), kinds, "feed", "remove one")
    services = document.data.get("services")
    if not isinstance(services, list):
        return
    names = [str(s["name"]) if isinstance(s, Mapping) and "name" in s else None for s in services]
    yield from _repeated(document, ("services",), names, "service")
    yield from _reserved(document, names)
    for i, service in enumerate(services):
        for kind, keys in (("dns", ("name", "type")), ("http", ("url",)), ("bgp", ("prefix",))):
            checks = service.get(kind) if isinstance(service, Mapping) else None
            if isinstance(checks, list):
                names = [_key(check, *keys) for check in checks]
                yield from _repeated(document, ("services", i, kind), names, f"{kind} check")


def _pager_names(pagers: object) -> Sequence[str | None]:
    """Pages wait under a pager's name: of two with the same, one would get none."""
    settings = [
        pager.get("pagerduty") if isinstance(pager, Mapping) else None
        for pager in (pagers if isinstance(pagers, list) else [])
    ]
    return [str(s.get("name", "pagerduty")) if isinstance(s, Mapping) else None for s in settings]


def _reserved(document: Document, names: Sequence[str | None]) -> Iterator[Problem]:
    """Names that are taken: that of the controls, and those under which the agent pages itself."""
    assert isinstance(document.data, Mapping)
    agent = document.data.get("agent")
    taken = {"controls", str(agent.get("name")) if isinstance(agent, Mapping) else None}
    taken |= {kind.replace("_", "-") for kind in FeedSettings.model_fields}
    for i, name in enumerate(names):
        if name is not None and name in taken:
            line = document.line(("services", i, "name"))
            yield Problem(
                line, f"services.{i}.name: {name} is taken by the agent itself: rename it"
            )


def _key(data: object, *keys: str) -> str | None:
    if not isinstance(data, Mapping) or keys[0] not in data:
        return None
    return " ".join(str(data.get(key, "A")).rstrip(".").lower() for key in keys)


def _repeated(
    document: Document,
    place: Place,
    names: Sequence[str | None],
    what: str,
    remedy: str = "rename or remove one",
) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for i, name in enumerate(names):
        if name is None:
            continue
        if name in first:
            line = document.line((*place, first[name]))
            yield Problem(
                document.line((*place, i)),
                f"{what} {name} is given twice (first in line {line}): {remedy}",
            )
        first.setdefault(name, i)


def beside(folder: Path, name: str | None) -> str | None:
    """Return the file *name* as the config file at *folder* means it."""
    return None if name is None else str(folder / name)
