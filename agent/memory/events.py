"""What is worth a line in the record and pages nobody.

Rule: names are a closed list; they become metric labels and are never renamed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vedette.agent.memory.lastgood import Learned
from vedette.agent.memory.ledger import CheckKey


class EventName(StrEnum):
    """What happened."""

    LAST_KNOWN_GOOD_PROMOTED = "last_known_good_promoted"
    STALE_ANSWER_RETURNED = "stale_answer_returned"
    ANSWERS_CHANGED = "answers_changed"
    NAME_SERVERS_CHANGED = "name_servers_changed"  # at the parent, with their glue
    SERIAL_CHANGED = "serial_changed"
    CERTIFICATE_CHANGED = "certificate_changed"
    ORIGIN_CHANGED = "origin_changed"
    NEIGHBOUR_CHANGED = "neighbour_changed"
    MORE_SPECIFIC_CHANGED = "more_specific_changed"
    ROA_CHANGED = "roa_changed"
    ROA_MISSING = "roa_missing"
    ROA_EXPIRING = "roa_expiring"
    REMEDIATION = "remediation"


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
