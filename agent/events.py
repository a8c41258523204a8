"""What is worth a line in the record and pages nobody.

Rule: names are a closed list; they become metric labels and are never renamed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from vedette.agent.lastgood import Learned
from vedette.agent.ledger import CheckKey, Series
from vedette.checks.finding import Finding


class EventName(StrEnum):
    """What happened."""

    LAST_KNOWN_GOOD_PROMOTED = "last_known_good_promoted"
    STALE_ANSWER_RETURNED = "stale_answer_returned"
    ORIGIN_CHANGED = "origin_changed"
    NEIGHBOUR_CHANGED = "neighbour_changed"
    MORE_SPECIFIC_CHANGED = "more_specific_changed"
    ROA_CHANGED = "roa_changed"
    ROA_MISSING = "roa_missing"
    ROA_EXPIRING = "roa_expiring"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a check saw happen to *subject*; *at* in epoch seconds."""

    at: float
    service: str
    check: str
    name: EventName
    subject: str
    detail: Mapping[str, str | Sequence[str]]

    def __str__(self) -> str:
        told = (
            f"{key} {value if isinstance(value, str) else ', '.join(value)}"
            for key, value in self.detail.items()
        )
        return f"{self.name} {self.service}/{self.check}: {self.subject}: {'; '.join(told)}"


def events_of(learned: Learned, key: CheckKey, now: float) -> Iterator[Event]:
    """Return the events that are in what the check *key* taught."""
    of = {"name": learned.name, "type": learned.type}
    for one in learned.returned:
        yield Event(
            now,
            key.service,
            key.check,
            EventName.STALE_ANSWER_RETURNED,
            one.server,
            {**of, "answers": one.answers, "good": one.newest},
        )
    if learned.promoted:
        yield Event(
            now,
            key.service,
            key.check,
            EventName.LAST_KNOWN_GOOD_PROMOTED,
            f"{learned.name} {learned.type}",
            {**of, "answers": learned.promoted.answers},
        )


_WITNESSES = 3.0
_ROUTES = (
    # A foreign origin or a part is told of at its first peer; neighbours come and go while paths
    # settle, so one is only told of where several see it.
    (EventName.ORIGIN_CHANGED, "foreign_origins", 1.0),
    (EventName.MORE_SPECIFIC_CHANGED, "more_specifics", 1.0),
    (EventName.NEIGHBOUR_CHANGED, "foreign_neighbours", _WITNESSES),
)


def route_events(series: Series, now: float) -> Iterator[Event]:
    """Return the events that lie between the newest two looks at a prefix that saw something."""
    after = series.last.finding
    if "share" not in after.facts:
        return
    earlier = (look.finding for look in islice(reversed(series.looks), 1, None))
    before = next((finding for finding in earlier if "share" in finding.facts), None)
    for name, fact, least in _ROUTES:
        had = _names(before, fact, least) if before else frozenset[str]()
        has = _names(after, fact, least)
        changes = {"appeared": sorted(has - had), "vanished": sorted(had - has)}
        if any(changes.values()):
            told = {word: names for word, names in changes.items() if names}
            detail: dict[str, str | Sequence[str]] = {**told, "feed": series.place}
            yield Event(now, series.key.service, series.key.check, name, series.subject, detail)


def _names(finding: Finding, fact: str, least: float) -> frozenset[str]:
    counts = finding.facts.get(fact)
    rows = counts.items() if isinstance(counts, Mapping) else ()
    return frozenset(name for name, asns in rows if asns >= least)
