"""What outlives a restart: one SQLite file in WAL mode, written in whole transactions."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vedette.agent.alarm import Memory, State
from vedette.agent.incidents import Incident
from vedette.exporters.page import Action, Page, Severity

_SCHEMA = """
CREATE TABLE IF NOT EXISTS alarm (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, began_at REAL NOT NULL, good_for REAL NOT NULL);
CREATE TABLE IF NOT EXISTS incident (
    key TEXT NOT NULL, opened_at REAL NOT NULL, resolved_at REAL, body TEXT NOT NULL,
    PRIMARY KEY (key, opened_at));
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY, pager TEXT NOT NULL, page TEXT NOT NULL, queued_at REAL NOT NULL,
    ended_at REAL, outcome TEXT, detail TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (id) WHERE ended_at IS NULL;
CREATE TABLE IF NOT EXISTS last_known_good (
    name TEXT NOT NULL, type TEXT NOT NULL, answers TEXT NOT NULL, since REAL NOT NULL,
    PRIMARY KEY (name, type));
CREATE TABLE IF NOT EXISTS baseline (feed TEXT PRIMARY KEY, body TEXT NOT NULL);
"""
_VERSION = 1


class StoreError(Exception):
    """The state cannot be read or written; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Row:
    """A page on its way to one pager."""

    id: int
    pager: str
    page: Page
    queued_at: float


@dataclass(frozen=True, slots=True)
class Answers:
    """The last-known-good answers of one name and type, and since when they are that."""

    name: str
    type: str
    answers: tuple[str, ...]
    since: float


Statement = tuple[str, Sequence[object]]


def keep_alarm(id_: str, memory: Memory) -> Statement:
    """Return the statement that keeps one alarm's state."""
    return (
        "INSERT OR REPLACE INTO alarm VALUES (?, ?, ?, ?)",
        (id_, memory.state, memory.began_at, memory.good_for),
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


def keep_answers(good: Answers) -> Statement:
    """Return the statement that keeps one last-known-good set."""
    return (
        "INSERT OR REPLACE INTO last_known_good VALUES (?, ?, ?, ?)",
        (good.name, good.type, json.dumps(good.answers), good.since),
    )


def keep_baseline(feed: str, baseline: Mapping[str, object]) -> Statement:
    """Return the statement that keeps who held what according to *feed*."""
    return ("INSERT OR REPLACE INTO baseline VALUES (?, ?)", (feed, json.dumps(baseline)))


class Store:
    """The state file; every write is one transaction, on the disk when it returns."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "vedette.db"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=1.0)
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                raise StoreError(f"{self.path} was written by a newer Vedette: run that one")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(f"{_SCHEMA}PRAGMA user_version = {_VERSION};")
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

    def alarms(self) -> dict[str, Memory]:
        """Return every alarm's state."""
        rows = self._db.execute("SELECT id, state, began_at, good_for FROM alarm")
        return {id_: Memory(State(state), began, good) for id_, state, began, good in rows}

    def open_incidents(self) -> list[Incident]:
        """Return the incidents that have not resolved."""
        rows = self._db.execute("SELECT body FROM incident WHERE resolved_at IS NULL")
        return [_incident(json.loads(body)) for (body,) in rows]

    def waiting(self) -> list[Row]:
        """Return the pages that nobody has accepted or refused yet, oldest first."""
        rows = self._db.execute(
            "SELECT id, pager, page, queued_at FROM outbox WHERE ended_at IS NULL ORDER BY id"
        )
        return [Row(id_, pager, _page(json.loads(page)), at) for id_, pager, page, at in rows]

    def last_row(self) -> int:
        """Return the highest outbox id ever used."""
        newest: int | None = self._db.execute("SELECT max(id) FROM outbox").fetchone()[0]
        return newest or 0

    def last_known_good(self) -> list[Answers]:
        """Return every last-known-good set."""
        rows = self._db.execute("SELECT name, type, answers, since FROM last_known_good")
        return [Answers(name, type_, tuple(json.loads(a)), since) for name, type_, a, since in rows]

    def baseline(self, feed: str) -> dict[str, object] | None:
        """Return who held what according to *feed* when it was last kept."""
        row = self._db.execute("SELECT body FROM baseline WHERE feed = ?", (feed,)).fetchone()
        body: dict[str, object] | None = json.loads(row[0]) if row else None
        return body

    def prune(self, before: float) -> None:
        """Forget incidents and pages that ended before *before*."""
        self.write(
            [
                ("DELETE FROM outbox WHERE ended_at < ?", (before,)),
                ("DELETE FROM incident WHERE resolved_at < ?", (before,)),
            ]
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _incident(body: dict[str, object]) -> Incident:
    headlines = body.pop("headlines")
    assert isinstance(headlines, list)
    return Incident(headlines=tuple((h, at) for h, at in headlines), **body)  # type: ignore[arg-type]


def _page(body: dict[str, object]) -> Page:
    action, severity = Action(str(body.pop("action"))), Severity(str(body.pop("severity")))
    return Page(action=action, severity=severity, **body)  # type: ignore[arg-type]
