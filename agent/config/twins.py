"""Names given twice: they become labels and keys, so that of two one would be lost."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from vedette.agent.config.feeds import FeedSettings
from vedette.agent.config.pagers import called as names_of_pagers
from vedette.agent.document import Document, Place, Problem
from vedette.agent.paging.rollup import DIAGNOSIS
from vedette.agent.paging.storm import Grade
from vedette.checks.bgp.prefix import exact
from vedette.checks.dns.names import domain_name
from vedette.checks.dns.settings import record_type


def twins(document: Document) -> Iterator[Problem]:
    """Names that must be unique: they become labels and keys."""
    # Pages wait under a pager's name: of two with the same, one would get none.
    yield from _repeated(document, ("pagers",), names_of_pagers(document), "pager")
    yield from _repeated(document, ("peers",), document.names("peers"), "peer")
    for block, what in (("heartbeats", "heartbeat"), ("remediation", "remedy")):
        names = [(name or what).lower() for name in document.names(block)]
        yield from _repeated(document, (block,), names, what)
    yield from _repeated(document, ("alarms",), document.names("alarms"), "alarm")
    feeds = document.items("feeds")
    kinds = [next(iter(map(str, f)), None) if isinstance(f, Mapping) else None for f in feeds]
    yield from _repeated(document, ("feeds",), kinds, "feed", "remove one")
    yield from _repeated(document, ("services",), document.names("services"), "service")
    yield from _reserved(document)
    services = (place for place, _ in document.blocks("services"))
    for owner in (("controls",), *services):
        for kind in ("dns", "http", "bgp"):
            checks = [_check(kind, check) for check in document.items(*owner, kind)]
            yield from _repeated(document, (*owner, kind), checks, f"{kind} check")


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


def _reserved(document: Document) -> Iterator[Problem]:
    """Names that are taken: that of the controls, and those under which the agent pages itself.

    Vantages of one name would be one voice, and one of them would be unheard. A vantage, and an
    alarm that has no service, page under their own names.
    """
    own, peers = document.written("agent", "name"), document.names("peers")
    for i, name in enumerate(peers):
        if name is not None and name == str(own):
            said = f"{name} is this agent itself: list the others alone"
            yield document.problem(("peers", i, "name"), said)
    taken = {"controls", DIAGNOSIS, *peers, None if own is None else str(own)} - {None}
    taken |= {kind.replace("_", "-") for kind in FeedSettings.model_fields}
    named: list[tuple[Place, str | None, Collection[str | None]]]
    named = [(("agent", "name"), str(own), {DIAGNOSIS})]
    keys = {DIAGNOSIS, f"{DIAGNOSIS}/{Grade.WARNING}", *(f"drill/{name}" for name in (own, *peers))}
    for block, names in (("peers", {DIAGNOSIS}), ("services", taken), ("alarms", keys)):
        named += [((block, i, "name"), one, names) for i, one in enumerate(document.names(block))]
    for place, given, reserved in named:
        if given in reserved:
            yield document.problem(place, f"{given} is taken by the agent itself: rename it")


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
