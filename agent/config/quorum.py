"""The `quorum` block: who must agree, at the top of the file and for a service."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

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
    for place, distinct in _distinct(document):
        for name, domain, where in _vantages(document):
            if domain.get(distinct) is None:
                yield document.problem(
                    place, f"{distinct} is not known of {name}: name it in {where}.{distinct}"
                )


def _distinct(document: Document) -> Iterator[tuple[Place, Distinct]]:
    """Yield what quorums go by, each with its place, but for what every vantage names."""
    services = (place for place, _ in document.blocks("services"))
    for place in [("quorum",), *((*service, "quorum") for service in services)]:
        quorum = QuorumSettings.or_none(document.written(*place))
        if quorum and quorum.distinct not in (None, Distinct.PROVIDER, Distinct.VANTAGE):
            yield (*place, "distinct"), quorum.distinct


def _vantages(document: Document) -> Iterator[tuple[str, Mapping[str, object], str]]:
    """Yield the name, the domain and the place of all vantages that have both."""
    for owner in [("agent",), *(place for place, _ in document.blocks("peers"))]:
        domain = document.written(*owner, "domain")
        if isinstance(domain, Mapping):
            where = ".".join(map(str, owner))
            yield str(document.written(*owner, "name")), domain, f"{where}.domain"
