"""What outlives a restart: one SQLite file in WAL mode, written in whole transactions."""

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vedette.agent.alarm import Memory, State
from vedette.agent.changes import Held, Past
from vedette.agent.composite.announcement import Announcement
from vedette.agent.composite.suppression import SuppressedBy, Suppression
from vedette.agent.events import Event, EventName
from vedette.agent.incidents import Incident
from vedette.agent.lastgood import Configuration, Generation
from vedette.exporters.page import Action, Page, Severity

_SCHEMA = """
CREATE TABLE IF NOT EXISTS alarm (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, began_at REAL NOT NULL, good_for REAL NOT NULL);
CREATE TABLE IF NOT EXISTS announcement (
    alarm TEXT PRIMARY KEY, state TEXT NOT NULL, quiet_state TEXT NOT NULL, quiet_by TEXT,
    quiet_until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS incident (
    key TEXT NOT NULL, opened_at REAL NOT NULL, resolved_at REAL, body TEXT NOT NULL,
    PRIMARY KEY (key, opened_at));
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY, pager TEXT NOT NULL, page TEXT NOT NULL, queued_at REAL NOT NULL,
    ended_at REAL, outcome TEXT, detail TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (id) WHERE ended_at IS NULL;
CREATE TABLE IF NOT EXISTS last_known_good (
    name TEXT NOT NULL, type TEXT NOT NULL, generation INTEGER NOT NULL, answers TEXT NOT NULL,
    since REAL NOT NULL, promoted_at REAL NOT NULL, whole INTEGER NOT NULL,
    PRIMARY KEY (name, type, generation));
CREATE TABLE IF NOT EXISTS configuration (
    generation INTEGER PRIMARY KEY, text TEXT NOT NULL, since REAL NOT NULL,
    promoted_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    at REAL NOT NULL, service TEXT NOT NULL, "check" TEXT NOT NULL, event TEXT NOT NULL,
    subject TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_at ON event (at);
CREATE INDEX IF NOT EXISTS event_of_service ON event (service, at);
CREATE TABLE IF NOT EXISTS past (
    service TEXT NOT NULL, event TEXT NOT NULL, subject TEXT NOT NULL, seen_at REAL NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (service, event, subject));
CREATE TABLE IF NOT EXISTS baseline (feed TEXT PRIMARY KEY, body TEXT NOT NULL);
"""
# By the version that they lead away from; what is missing then, the schema makes.
_MIGRATIONS = {
    1: """
ALTER TABLE last_known_good RENAME TO last_known_good_1;
CREATE TABLE last_known_good (
    name TEXT NOT NULL, type TEXT NOT NULL, generation INTEGER NOT NULL, answers TEXT NOT NULL,
    since REAL NOT NULL, promoted_at REAL NOT NULL, whole INTEGER NOT NULL,
    PRIMARY KEY (name, type, generation));
INSERT INTO last_known_good SELECT name, type, 0, answers, since, since, 1 FROM last_known_good_1;
DROP TABLE last_known_good_1;
""",
}
_VERSION = 2


class StoreError(Exception):
    """The state cannot be read or written; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Row:
    """A page on its way to one pager."""

    id: int
    pager: str
    page: Page
    queued_at: float


Statement = tuple[str, Sequence[object]]


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


def keep_incident(incident: Incident) -> Statement:
    """Return the statement that keeps one incident."""
    return (
        "INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?)",
        (incident.key, incident.opened_at, incident.resolved_at, json.dumps(asdict(incident))),
    )


def queue(row: Row) -> Statement:
    """Return the statement that puts one page into the outbox."""
    return (
        "INSERT INTO outbox (id, pager, page, queued_at) VALUES (?, ?, ?, ?)",
        (row.id, row.pager, json.dumps(asdict(row.page)), row.queued_at),
    )


def end(id_: int, at: float, outcome: str, detail: str) -> Statement:
    """Return the statement that says what became of one page."""
    return (
        "UPDATE outbox SET ended_at = ?, outcome = ?, detail = ? WHERE id = ?",
        (at, outcome, detail, id_),
    )


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
    return ("INSERT OR REPLACE INTO baseline VALUES (?, ?)", (feed, json.dumps(baseline)))


class Store:
    """The state file; every write is one transaction, on the disk when it returns.

    With *read_only* it is looked at beside the agent that writes it, and nothing is made.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / "vedette.db"
        try:
            self._db = _look_into(self.path) if read_only else _open(self.path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"{self.path} cannot be opened ({error}): mend it or choose another agent.state_dir"
            ) from error

    def write(self, statements: Iterable[Statement]) -> None:
        """Do all *statements* or none; raise StoreError when the disk does not take them."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for sql, values in statements:
                self._db.execute(sql, values)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StoreError(f"{self.path} cannot be written ({error})") from error

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be read ({error})") from error

    def alarms(self) -> dict[str, Memory]:
        """Return every alarm's state."""
        rows = self._rows("SELECT id, state, began_at, good_for FROM alarm")
        return {id_: Memory(State(state), began, good) for id_, state, began, good in rows}

    def announcements(self) -> dict[str, Announcement]:
        """Return what people were told of each composite alarm."""
        rows = self._rows(
            "SELECT alarm, state, quiet_state, quiet_by, quiet_until FROM announcement"
        )
        return {
            id_: Announcement(
                State(state), Suppression(State(quiet), SuppressedBy(by) if by else None, until)
            )
            for id_, state, quiet, by, until in rows
        }

    def open_incidents(self) -> list[Incident]:
        """Return the incidents that have not resolved."""
        rows = self._rows("SELECT body FROM incident WHERE resolved_at IS NULL")
        return [_incident(json.loads(body)) for (body,) in rows]

    def waiting(self) -> list[Row]:
        """Return the pages that nobody has accepted or refused yet, oldest first."""
        rows = self._rows(
            "SELECT id, pager, page, queued_at FROM outbox WHERE ended_at IS NULL ORDER BY id"
        )
        return [Row(id_, pager, _page(json.loads(page)), at) for id_, pager, page, at in rows]

    def last_row(self) -> int:
        """Return the highest outbox id ever used."""
        return self._rows("SELECT max(id) FROM outbox")[0][0] or 0

    def last_known_good(self) -> list[Generation]:
        """Return every last-known-good set, the newest of a name and type before the older ones."""
        rows = self._rows(
            "SELECT name, type, answers, since, promoted_at, whole FROM last_known_good "
            "ORDER BY name, type, generation"
        )
        return [
            Generation(name, type_, tuple(json.loads(answers)), since, promoted_at, bool(whole))
            for name, type_, answers, since, promoted_at, whole in rows
        ]

    def configurations(self) -> list[Configuration]:
        """Return the configurations that the agent worked well with, the newest first."""
        rows = self._rows("SELECT text, since, promoted_at FROM configuration ORDER BY generation")
        return [Configuration(*row) for row in rows]

    def events(
        self, service: str, since: float, until: float = math.inf, most: int = 500
    ) -> list[Event]:
        """Return what happened to a service from *since* to before *until*, the newest first.

        There are at most so many.
        """
        rows = self._rows(
            'SELECT at, "check", event, subject, detail FROM event '
            "WHERE service = ? AND at >= ? AND at < ? ORDER BY at DESC, rowid DESC LIMIT ?",
            (service, since, until, most),
        )
        return [
            Event(at, service, check, EventName(name), subject, json.loads(detail))
            for at, check, name, subject, detail in rows
        ]

    def pasts(self) -> list[Past]:
        """Return what is known of all that can change."""
        rows = self._rows("SELECT service, event, subject, seen_at, body FROM past")
        return [_past(*row) for row in rows]

    def baseline(self, feed: str) -> dict[str, object] | None:
        """Return who held what according to *feed* when it was last kept."""
        rows = self._rows("SELECT body FROM baseline WHERE feed = ?", (feed,))
        return json.loads(rows[0][0]) if rows else None

    def prune(self, before: float) -> None:
        """Forget incidents and pages that ended, and what happened, before *before*."""
        self.write(
            [
                ("DELETE FROM event WHERE at < ?", (before,)),
                ("DELETE FROM past WHERE seen_at < ?", (before,)),
                ("DELETE FROM outbox WHERE ended_at < ?", (before,)),
                ("DELETE FROM incident WHERE resolved_at < ?", (before,)),
            ]
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _open(path: Path) -> sqlite3.Connection:
    """Open the file to write it, made or brought to this version where need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    version = _version(db, path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    migrations = "".join(_MIGRATIONS[v] for v in range(version or _VERSION, _VERSION))
    db.executescript(
        f"BEGIN IMMEDIATE; {migrations} {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;"
    )
    return db


def _look_into(path: Path) -> sqlite3.Connection:
    """Open the file to read it while another process may be writing."""
    if not path.exists():
        raise StoreError(f"{path} does not exist: no agent has kept anything there yet")
    # Without a log nobody has the file open; to say so spares us files of our own beside it, which
    # a reader may not be permitted to make.
    in_use = path.with_name(f"{path.name}-wal").exists()
    how = "mode=ro" if in_use else "immutable=1"
    db = sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=1.0)
    if _version(db, path) < _VERSION:
        raise StoreError(f"{path} was written by an older Vedette: start the agent to renew it")
    return db


def _version(db: sqlite3.Connection, path: Path) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > _VERSION:
        raise StoreError(f"{path} was written by a newer Vedette: run that one")
    return version


def _incident(body: dict[str, object]) -> Incident:
    headlines = body.pop("headlines")
    assert isinstance(headlines, list)
    severity = Severity(str(body.pop("severity", Severity.CRITICAL)))
    told = tuple((headline, at) for headline, at in headlines)
    return Incident(headlines=told, severity=severity, **body)  # type: ignore[arg-type]


def _past(service: str, name: str, subject: str, seen_at: float, body: str) -> Past:
    known = json.loads(body)
    return Past(
        service,
        EventName(name),
        subject,
        held={where: _held(row) for where, row in known["held"].items()},
        followed=tuple((at, tuple(value)) for at, value in known["followed"]),
        recent=tuple(known["recent"]),
        more=known["more"],
        seen_at=seen_at,
        kept_at=seen_at,
    )


def _told(held: Held) -> Sequence[object]:
    return (
        held.place, held.told, held.told_at, held.value, held.since, held.looks, held.changes,
    )  # fmt: skip


def _held(row: list[Any]) -> Held:
    place, told, told_at, value, since, looks, changes = row
    return Held(place, tuple(told), told_at, tuple(value), since, looks, tuple(changes))


def _page(body: dict[str, object]) -> Page:
    action, severity = Action(str(body.pop("action"))), Severity(str(body.pop("severity")))
    return Page(action=action, severity=severity, **body)  # type: ignore[arg-type]
