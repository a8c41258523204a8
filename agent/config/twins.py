"""Names given twice: they become labels and keys, so that of two one would be lost."""

from collections.abc import Iterator, Mapping, Sequence

from vedette.agent.config.feeds import FeedSettings
from vedette.agent.config.pagers import called as names_of_pagers
from vedette.agent.document import Document, Place, Problem
from vedette.agent.paging.rollup import DIAGNOSIS
from vedette.checks.bgp.prefix import exact
from vedette.checks.dns.names import domain_name
from vedette.checks.dns.settings import record_type


def twins(document: Document) -> Iterator[Problem]:
    """Names that must be unique: they become labels and keys."""
    if not isinstance(document.data, Mapping):
        return
    # Pages wait under a pager's name: of two with the same, one would get none.
    pagers = names_of_pagers(document.data.get("pagers"))
    yield from _repeated(document, ("pagers",), pagers, "pager")
    yield from _peers(document)
    for block, what in (("heartbeats", "heartbeat"), ("remediation", "remedy")):
        named = document.data.get(block)
        if isinstance(named, list):
            yield from _repeated(document, (block,), [_key(n, "name") or what for n in named], what)
    alarms = document.data.get("alarms")
    if isinstance(alarms, list):
        called = [one.get("name") if isinstance(one, Mapping) else None for one in alarms]
        texts = [name if isinstance(name, str) else None for name in called]
        yield from _repeated(document, ("alarms",), texts, "alarm")
    feeds = document.data.get("feeds")
    if isinstance(feeds, list):
        kinds = [next(iter(map(str, f)), None) if isinstance(f, Mapping) else None for f in feeds]
        yield from _repeated(document, ("feeds",), kinds, "feed", "remove one")
    yield from _watched_twice(document, ("controls",), document.data.get("controls"))
    services = document.data.get("services")
    if not isinstance(services, list):
        return
    names = [str(s["name"]) if isinstance(s, Mapping) and "name" in s else None for s in services]
    yield from _repeated(document, ("services",), names, "service")
    yield from _reserved(document, names)
    for i, service in enumerate(services):
        yield from _watched_twice(document, ("services", i), service)


def _watched_twice(document: Document, place: Place, owner: object) -> Iterator[Problem]:
    """Checks of one service, or of the controls, that would be kept under one name."""
    for kind in ("dns", "http", "bgp"):
        checks = owner.get(kind) if isinstance(owner, Mapping) else None
        if isinstance(checks, list):
            names = [_check(kind, check) for check in checks]
            yield from _repeated(document, (*place, kind), names, f"{kind} check")


def _check(kind: str, data: object) -> str | None:
    """Return the name under which a check is kept, None where it has none or a wrong one."""
    if not isinstance(data, Mapping):
        return None
    name, type_ = data.get({"dns": "name", "http": "url", "bgp": "prefix"}[kind]), data.get("type")
    if not isinstance(name, str):
        return None
    try:
        match kind:
            case "dns":
                return f"{domain_name(name)} {record_type('A' if type_ is None else str(type_))}"
            case "bgp":
                return exact(name)
    except ValueError:  # the schema says so
        return None
    return name


def _vantages(data: Mapping[object, object]) -> Sequence[str | None]:
    """Return the names of this agent and of its peers."""
    peers = data.get("peers")
    owners = [data.get("agent"), *(peers if isinstance(peers, list) else [])]
    return [str(o["name"]) if isinstance(o, Mapping) and "name" in o else None for o in owners]


def _peers(document: Document) -> Iterator[Problem]:
    """Vantages of one name would be one voice, and one of them would be unheard."""
    assert isinstance(document.data, Mapping)
    own, *names = _vantages(document.data)
    yield from _repeated(document, ("peers",), names, "peer")
    for i, name in enumerate(names):
        if name is not None and name == own:
            yield Problem(
                document.line(("peers", i, "name")),
                f"peers.{i}.name: {name} is this agent itself: list the others alone",
            )


def _reserved(document: Document, names: Sequence[str | None]) -> Iterator[Problem]:
    """Names that are taken: that of the controls, and those under which the agent pages itself.

    An alarm that has no service pages under its own name.
    """
    assert isinstance(document.data, Mapping)
    taken = {"controls", DIAGNOSIS, *_vantages(document.data)}
    taken |= {kind.replace("_", "-") for kind in FeedSettings.model_fields}
    for i, name in enumerate(names):
        if name is not None and name in taken:
            line = document.line(("services", i, "name"))
            yield Problem(
                line, f"services.{i}.name: {name} is taken by the agent itself: rename it"
            )
    alarms = document.data.get("alarms")
    for i, alarm in enumerate(alarms if isinstance(alarms, list) else []):
        if isinstance(alarm, Mapping) and alarm.get("name") == DIAGNOSIS:
            line = document.line(("alarms", i, "name"))
            yield Problem(
                line, f"alarms.{i}.name: {DIAGNOSIS} is taken by the agent itself: rename it"
            )


def _key(data: object, key: str) -> str | None:
    if not isinstance(data, Mapping) or key not in data:
        return None
    return str(data[key]).lower()


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
