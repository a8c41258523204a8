"""The `quorum` block: who must agree, at the top of the file and for a service."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field, ValidationError

from vedette.agent.alarms.agreement import Distinct, WhenShort
from vedette.agent.document import Document, Place, Problem
from vedette.checks.settings import Settings


class QuorumSettings(Settings):
    """How many *distinct* domains must agree, and what is done while too few see the internet.

    What a service leaves out it takes from the top of the file, and that from the defaults.
    """

    agree: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = None
    """How many must see a fault; no more than there are among the agents."""
    distinct: Distinct | None = None
    """What those that agree may not share."""
    when_short: WhenShort | None = None
    """What happens while fewer see the internet: `hold` warns, `degrade` believes them."""


def unplaced(document: Document) -> Iterator[Problem]:
    """Quorums over domains that some vantage does not name: it could not be told from others."""
    data = document.data if isinstance(document.data, Mapping) else {}
    for place, distinct in _distinct(data):
        for name, domain, where in _vantages(data):
            if domain.get(distinct) is None:
                written = ".".join(map(str, place))
                yield Problem(
                    document.line(place),
                    f"{written}: {distinct} is not known of {name}: name it in {where}.{distinct}",
                )


def _distinct(data: Mapping[str, object]) -> Iterator[tuple[Place, Distinct]]:
    services = data.get("services")
    written: list[tuple[Place, object]] = [(("quorum",), data.get("quorum"))]
    for index, service in enumerate(services if isinstance(services, list) else []):
        if isinstance(service, Mapping):
            written.append((("services", index, "quorum"), service.get("quorum")))
    for place, block in written:
        try:
            distinct = QuorumSettings.model_validate(block).distinct if block else None
        except ValidationError:  # told elsewhere
            continue
        if distinct not in (None, Distinct.PROVIDER, Distinct.VANTAGE):
            yield (*place, "distinct"), distinct


def _vantages(
    data: Mapping[str, object],
) -> Sequence[tuple[str, Mapping[str, object], str]]:
    """Return the name, the domain and the place of all vantages that have both."""
    peers = data.get("peers")
    rows = [(data.get("agent"), "agent.domain")]
    rows += [
        (peer, f"peers.{index}.domain")
        for index, peer in enumerate(peers if isinstance(peers, list) else [])
    ]
    return [
        (str(one.get("name")), domain, where)
        for one, where in rows
        if isinstance(one, Mapping) and isinstance(domain := one.get("domain"), Mapping)
    ]
