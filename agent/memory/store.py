"""What outlives a restart: one SQLite file in WAL mode, written in whole transactions."""

import json
import logging
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from vedette.agent.alarms.alarm import Memory, State
from vedette.agent.alarms.incidents import Incident
from vedette.agent.composite.announcement import Announcement
from vedette.agent.composite.link import Target
from vedette.agent.composite.standing import Standing
from vedette.agent.composite.suppression import SuppressedBy, Suppression
from vedette.agent.memory.changes import Held, Past
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.lastgood import Configuration, Generation
from vedette.agent.memory.pages import Accepted, Row, Sent, Told
from vedette.agent.memory.statements import Statement
from vedette.agent.memory.storefile import FILE, look_into, open_file, open_to_write
from vedette.agent.memory.storefile import StoreError as StoreError  # noqa: PLC0414 - what it raises
from vedette.agent.paging.drill import Drill, Phase
from vedette.agent.paging.storm import Grade, Storm
from vedette.agent.remediation.attempt import Attempt, Result
from vedette.exporters.page import Action, Outcome, Page, Severity

log = logging.getLogger(__name__)


Made = TypeVar("Made")


class Store:
    """The state file; every write is one transaction, on the disk when it returns.

    With *read_only* it is looked at beside the agent that writes it, and nothing is made. It is
    *frozen* while the disk lets it be read but not written: then it is a copy in memory.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / FILE
        opened = look_into(self.path) if read_only else open_to_write(self.path)
        self._db, self.frozen = opened.db, opened.frozen

    def write(self, statements: Iterable[Statement]) -> None:
        """Do all *statements* or none; raise StoreError when the disk does not take them."""
        if self.frozen:
            self._thaw()
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for sql, alike in groupby(statements, itemgetter(0)):
                self._db.executemany(sql, map(itemgetter(1), alike))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StoreError(f"{self.path} cannot be written ({error})") from error

    def _thaw(self) -> None:
        """Go over from what is held in memory to the file, once that can be written."""
        try:
            db = open_file(self.path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{self.path} cannot be written ({error})") from error
        self._db.close()
        self._db, self.frozen = db, False

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be read ({error})") from error

    def _sound(self, made: Callable[..., Made], rows: Iterable[tuple[Any, ...]]) -> Iterator[Made]:
        """Yield what is made of *rows*; one that a bad disk has changed is told, and left out."""
        for row in rows:
            try:
                yield made(*row)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                log.error(  # noqa: TRY400 - a damaged row is no bug
                    "%s: a row is damaged (%s): going on without it", self.path, error
                )

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

    def standings(self) -> dict[Target, Standing]:
        """Return how checks were last seen that stay so while they are not."""
        rows = self._rows('SELECT "check", reason, state, since, seen_at FROM standing')
        return {
            Target(id_, reason or None): Standing(State(state), since, seen_at)
            for id_, reason, state, since, seen_at in rows
        }

    def open_incidents(self) -> list[Incident]:
        """Return the incidents that have not resolved."""
        rows = self._rows("SELECT body FROM incident WHERE resolved_at IS NULL")
        return [*self._sound(lambda body: _incident(json.loads(body)), rows)]

    def storms(self) -> dict[Grade, Storm]:
        """Return which incidents of each class share one page."""
        rows = self._rows("SELECT grade, body FROM storm")
        return {Grade(grade): Storm(**json.loads(body)) for grade, body in rows}

    def drill(self) -> Drill | None:
        """Return how far the newest page drill has come; None where there never was one."""
        rows = self._rows("SELECT body FROM drill")
        return _drill(json.loads(rows[0][0])) if rows else None

    def attempts(self) -> list[Attempt]:
        """Return what became of each remedy, the oldest first."""
        rows = self._rows("SELECT body FROM remediation ORDER BY at, name, key")
        return [_attempt(json.loads(body)) for (body,) in rows]

    def incidents(
        self, since: float = -math.inf, until: float = math.inf, most: int = 50
    ) -> list[Incident]:
        """Return incidents that opened from *since* to before *until*, ended or not, newest first.

        There are at most so many.
        """
        rows = self._rows(
            "SELECT body FROM incident WHERE opened_at >= ? AND opened_at < ? "
            "ORDER BY opened_at DESC, key LIMIT ?",
            (since, until, most),
        )
        return [_incident(json.loads(body)) for (body,) in rows]

    def sent(self, incident: Incident, most: int = 50) -> list[Sent]:
        """Return the pages of *incident*, the oldest first, on their way or not; at most so many.

        Those of one key that were queued before it opened are of an earlier one.
        """
        rows = self._rows(
            "SELECT id, pager, page, queued_at, ended_at, outcome, detail FROM outbox "
            "WHERE queued_at >= ? AND queued_at <= ? AND json_extract(page, '$.key') = ? "
            "ORDER BY id LIMIT ?",
            (
                incident.opened_at,
                math.inf if incident.resolved_at is None else incident.resolved_at,
                incident.key,
                most,
            ),
        )
        return [
            Sent(Row(id_, pager, _page(json.loads(page)), queued_at), ended_at, outcome, detail)
            for id_, pager, page, queued_at, ended_at, outcome, detail in rows
        ]

    def waiting(self) -> list[Row]:
        """Return the pages that nobody has accepted or refused yet, oldest first."""
        rows = self._rows(
            "SELECT id, pager, page, queued_at, id IN (SELECT id FROM backed) FROM outbox "
            "WHERE ended_at IS NULL ORDER BY id"
        )

        def row(id_: int, pager: str, page: str, at: float, backed: int) -> Row:
            return Row(id_, pager, _page(json.loads(page)), at, bool(backed))

        return [*self._sound(row, rows)]

    def told(self) -> list[Told]:
        """Return each key's last page at each pager, and the last that was taken, oldest first."""
        rows = self._rows(
            "SELECT pager, page, outcome FROM outbox WHERE id IN (SELECT max(id) FROM outbox "
            "GROUP BY pager, json_extract(page, '$.key'), coalesce(outcome, '') = ?) ORDER BY id",
            (Outcome.DELIVERED,),
        )

        def told(pager: str, page: str, outcome: str | None) -> Told:
            return Told(pager, _page(json.loads(page)), outcome)

        return [*self._sound(told, rows)]

    def accepted(self, since: float) -> list[Accepted]:
        """Return the calls for help that pagers took *since* then, the oldest first."""
        rows = self._rows(
            "SELECT pager, page, ended_at FROM outbox WHERE ended_at >= ? AND outcome = ? "
            "ORDER BY ended_at, id",
            (since, Outcome.DELIVERED),
        )

        def taken(pager: str, page: str, at: float) -> tuple[Action, Accepted]:
            made = _page(json.loads(page))
            return made.action, Accepted(pager, made.key, at)

        return [one for action, one in self._sound(taken, rows) if action is Action.TRIGGER]

    def receivers(self) -> dict[str, list[str]]:
        """Return the addresses that receivers of pages had, by host."""
        return {
            host: json.loads(addresses)
            for host, addresses in self._rows("SELECT host, addresses FROM receiver")
        }

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
                (
                    "DELETE FROM remediation WHERE at < ? AND key NOT IN (SELECT key FROM incident "
                    "WHERE resolved_at IS NULL)",
                    (before,),
                ),
                ("DELETE FROM outbox WHERE ended_at < ?", (before,)),
                ("DELETE FROM backed WHERE id NOT IN (SELECT id FROM outbox)", ()),
                ("DELETE FROM incident WHERE resolved_at < ?", (before,)),
            ]
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _incident(body: dict[str, object]) -> Incident:
    headlines = body.pop("headlines")
    assert isinstance(headlines, list)
    severity = Severity(str(body.pop("severity", Severity.CRITICAL)))
    told = tuple((headline, at) for headline, at in headlines)
    return Incident(headlines=told, severity=severity, **body)  # type: ignore[arg-type]


def _drill(body: dict[str, Any]) -> Drill:
    return Drill(**body | {"phase": Phase(body["phase"])})


def _attempt(body: dict[str, Any]) -> Attempt:
    return Attempt(**body | {"result": Result(body["result"])})


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


def _held(row: list[Any]) -> Held:
    place, told, told_at, value, since, looks, changes = row
    return Held(place, tuple(told), told_at, tuple(value), since, looks, tuple(changes))


def _page(body: dict[str, object]) -> Page:
    action, severity = Action(str(body.pop("action"))), Severity(str(body.pop("severity")))
    return Page(action=action, severity=severity, **body)  # type: ignore[arg-type]
