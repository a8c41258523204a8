"""The tables of the state file, and how those of older forms become them."""

import sqlite3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS alarm (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, began_at REAL NOT NULL, good_for REAL NOT NULL);
CREATE TABLE IF NOT EXISTS announcement (
    alarm TEXT PRIMARY KEY, state TEXT NOT NULL, quiet_state TEXT NOT NULL, quiet_by TEXT,
    quiet_until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS standing (
    "check" TEXT NOT NULL, reason TEXT NOT NULL, state TEXT NOT NULL, since REAL NOT NULL,
    seen_at REAL NOT NULL, PRIMARY KEY ("check", reason));
CREATE TABLE IF NOT EXISTS incident (
    key TEXT NOT NULL, opened_at REAL NOT NULL, resolved_at REAL, body TEXT NOT NULL,
    PRIMARY KEY (key, opened_at));
CREATE INDEX IF NOT EXISTS incident_at ON incident (opened_at);
CREATE INDEX IF NOT EXISTS incident_open ON incident (opened_at) WHERE resolved_at IS NULL;
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY, pager TEXT NOT NULL, page TEXT NOT NULL, queued_at REAL NOT NULL,
    ended_at REAL, outcome TEXT, detail TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (id) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS outbox_at ON outbox (queued_at);
CREATE TABLE IF NOT EXISTS backed (id INTEGER PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS receiver (host TEXT PRIMARY KEY, addresses TEXT NOT NULL);
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
CREATE TABLE IF NOT EXISTS storm (grade TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS drill (id INTEGER PRIMARY KEY CHECK (id = 0), body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS remediation (
    name TEXT NOT NULL, key TEXT NOT NULL, opened_at REAL NOT NULL, at REAL NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (name, key, opened_at));
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
VERSION = 2


def prepare(db: sqlite3.Connection, version: int) -> None:
    """Make the tables of a file that was written in the form *version*; 0 is that of a new one."""
    migrations = "".join(_MIGRATIONS[v] for v in range(version or VERSION, VERSION))
    db.executescript(
        f"BEGIN IMMEDIATE; {migrations} {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
    )
