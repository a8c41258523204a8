"""What is kept, as statements: whoever writes puts those of one moment into one transaction.

Rule: no I/O.
"""

import json
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache

from vedette.agent.alarms.alarm import Memory
from vedette.agent.alarms.incidents import Incident
from vedette.agent.composite.announcement import Announcement
from vedette.agent.composite.link import Target
from vedette.agent.composite.standing import Standing
from vedette.agent.memory.changes import Held, Past
from vedette.agent.memory.events import Event
from vedette.agent.memory.lastgood import Configuration, Generation
from vedette.agent.memory.pages import Row
from vedette.agent.paging.drill import Drill
from vedette.agent.paging.storm import Grade, Storm
from vedette.agent.remediation.attempt import Attempt

Statement = tuple[str, Sequence[object]]
"""SQL and its values."""

_REPLACES = re.compile(r"INSERT OR REPLACE INTO (\w+) VALUES")
KEYS = {
    "alarm": 1,
    "announcement": 1,
    "standing": 2,
    "incident": 2,
    "storm": 1,
    "drill": 0,
    "remediation": 3,
    "backed": 1,
    "receiver": 1,
    "last_known_good": 3,
    "configuration": 1,
    "past": 3,
    "baseline": 1,
}
"""By how many of its first values a row is known that replaces another, by table."""


def place(statement: Statement) -> Hashable | None:
    """Return what *statement* keeps, of which the newest alone counts; None where each does."""
    sql, values = statement
    table = _table(sql)
    return None if table is None else (table, *values[: KEYS[table]])


@lru_cache
def _table(sql: str) -> str | None:
    found = _REPLACES.match(sql)
    return found[1] if found else None


def keep_alarm(id_: str, memory: Memory) -> Statement:
    """Return the statement that keeps one alarm's state."""
    return (
        "INSERT OR REPLACE INTO alarm VALUES (?, ?, ?, ?)",
        (id_, memory.state, memory.began_at, memory.good_for),
    )


def keep_announcement(id_: str, announcement: Announcement) -> Statement:
    """Return the statement that keeps what people were told of an alarm."""
    quiet = announcement.quiet
    return (
        "INSERT OR REPLACE INTO announcement VALUES (?, ?, ?, ?, ?)",
        (id_, announcement.state, quiet.state, quiet.by, quiet.until),
    )


def keep_standing(target: Target, standing: Standing) -> Statement:
    """Return the statement that keeps how a check was last seen to stand."""
    return (
        "INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?, ?)",
        (target.id, target.reason or "", standing.state, standing.since, standing.seen_at),
    )


def forget_alarm(id_: str) -> Sequence[Statement]:
    """Return the statements that forget an alarm, and what people were told of it."""
    return [
        ("DELETE FROM alarm WHERE id = ?", (id_,)),
        ("DELETE FROM announcement WHERE alarm = ?", (id_,)),
    ]


def forget_standing(target: Target) -> Statement:
    """Return the statement that forgets how a check was last seen to stand."""
    return (
        'DELETE FROM standing WHERE "check" = ? AND reason = ?',
        (target.id, target.reason or ""),
    )


def keep_incident(incident: Incident) -> Statement:
    """Return the statement that keeps one incident."""
    body = json.dumps(asdict(incident) | {"ended": sorted(incident.ended)})
    return (
        "INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?)",
        (incident.key, incident.opened_at, incident.resolved_at, body),
    )


def keep_storm(grade: Grade, storm: Storm) -> Statement:
    """Return the statement that keeps which incidents of a class share one page."""
    return "INSERT OR REPLACE INTO storm VALUES (?, ?)", (grade, json.dumps(asdict(storm)))


def keep_drill(drill: Drill) -> Statement:
    """Return the statement that keeps how far the newest page drill has come."""
    return "INSERT OR REPLACE INTO drill VALUES (0, ?)", (json.dumps(asdict(drill)),)


def keep_attempt(attempt: Attempt) -> Statement:
    """Return the statement that keeps what became of a remedy for one incident."""
    return (
        "INSERT OR REPLACE INTO remediation VALUES (?, ?, ?, ?, ?)",
        (attempt.name, attempt.key, attempt.opened_at, attempt.at, json.dumps(asdict(attempt))),
    )


def queue(row: Row) -> Statement:
    """Return the statement that puts one page into the outbox."""
    return (
        # A row of that number is one that could not be read when the agent started.
        "INSERT OR REPLACE INTO outbox (id, pager, page, queued_at) VALUES (?, ?, ?, ?)",
        (row.id, row.pager, json.dumps(asdict(row.page)), row.queued_at),
    )


def end(id_: int, at: float, outcome: str, detail: str) -> Statement:
    """Return the statement that says what became of one page."""
    return (
        "UPDATE outbox SET ended_at = ?, outcome = ?, detail = ? WHERE id = ?",
        (at, outcome, detail, id_),
    )


def back_up(id_: int, at: float) -> Statement:
    """Return the statement that says that one page went to its second channels as well."""
    return "INSERT OR REPLACE INTO backed VALUES (?, ?)", (id_, at)


def keep_receiver(host: str, addresses: Sequence[str]) -> Statement:
    """Return the statement that keeps the addresses of a receiver of pages."""
    return "INSERT OR REPLACE INTO receiver VALUES (?, ?)", (host, json.dumps(addresses))


def keep_generations(generations: Sequence[Generation]) -> list[Statement]:
    """Return the statements that keep the good sets of one name and type, the newest first."""
    return [
        (
            "INSERT OR REPLACE INTO last_known_good VALUES (?, ?, ?, ?, ?, ?, ?)",
            (g.name, g.type, i, json.dumps(g.answers), g.since, g.promoted_at, g.whole),
        )
        for i, g in enumerate(generations)
    ]


def keep_configurations(configurations: Sequence[Configuration]) -> list[Statement]:
    """Return the statements that keep the good configurations, the newest first."""
    return [
        (
            "INSERT OR REPLACE INTO configuration VALUES (?, ?, ?, ?)",
            (i, c.text, c.since, c.promoted_at),
        )
        for i, c in enumerate(configurations)
    ]


def keep_event(event: Event) -> Statement:
    """Return the statement that keeps one event."""
    return (
        "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
        (
            event.at, event.service, event.check, event.name, event.subject,
            json.dumps(event.detail),
        ),
    )  # fmt: skip


def keep_past(past: Past) -> Statement:
    """Return the statement that keeps what is known of one subject that can change."""
    body = {
        "held": {where: _told(held) for where, held in past.held.items()},
        "followed": past.followed,
        "recent": past.recent,
        "more": past.more,
    }
    return (
        "INSERT OR REPLACE INTO past VALUES (?, ?, ?, ?, ?)",
        (past.service, past.name, past.subject, past.seen_at, json.dumps(body)),
    )


def keep_baseline(feed: str, baseline: Mapping[str, object]) -> Statement:
    """Return the statement that keeps who held what according to *feed*."""
    return "INSERT OR REPLACE INTO baseline VALUES (?, ?)", (feed, json.dumps(baseline))


def _told(held: Held) -> Sequence[object]:
    return (
        held.place, held.told, held.told_at, held.value, held.since, held.looks, held.changes,
    )  # fmt: skip
