"""Names given twice: they become labels and keys, so that of two one would be lost."""

from collections.abc import Iterator, Mapping, Sequence

from vedette.agent.config.feeds import FeedSettings
from vedette.agent.document import Document, Place, Problem


def twins(document: Document) -> Iterator[Problem]:
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
