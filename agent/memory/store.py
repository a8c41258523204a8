"""What outlives a restart: one SQLite file in WAL mode, written in whole transactions."""

import json
import logging
import math
import sqlite3
from collections.abc import Callable, Iterable, Sequence
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
from vedette.agent.memory.storefile import (
    FILE,
    identity,
    is_gone,
    look_into,
    open_or_renew,
    open_to_write,
    remove,
    set_aside,
)
from vedette.agent.memory.storefile import StoreError as StoreError  # noqa: PLC0414 - what it raises
from vedette.agent.paging.drill import Drill, Phase
from vedette.agent.paging.storm import Grade, Storm
from vedette.agent.remediation.attempt import Attempt, Result
from vedette.exporters.page import Action, Outcome, Page, Severity

log = logging.getLogger(__name__)

Made = TypeVar("Made")

_KEY = "CASE WHEN json_valid(page) THEN json_extract(page, '$.key') END"
"""The dedup key of a page, in SQL."""
_SENT = (
    "SELECT id, pager, page, queued_at, ended_at, outcome, detail FROM outbox "  # noqa: S608
    f"WHERE queued_at >= ? AND queued_at <= ? AND {_KEY} = ? ORDER BY id LIMIT ?"
)
_FORGET = (
    "DELETE FROM outbox WHERE ended_at < ? "  # noqa: S608
    f"AND coalesce({_KEY}, '') NOT IN (SELECT value FROM json_each(?))"
)
_TOLD = (
    "SELECT pager, page, outcome, ended_at, queued_at FROM outbox "  # noqa: S608
    "WHERE id IN (SELECT max(id) FROM outbox "
    f"GROUP BY pager, {_KEY}, coalesce(outcome, '') = ?) ORDER BY id"
)


def _sound(value: object) -> object:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


class Store:
    """The state file; every write is one transaction, on the disk when it returns.

    With *read_only* it is looked at beside the agent that writes it, and nothing is made. It is
    *frozen* while the disk lets it be read but not written: then it is a copy in memory.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / FILE
        opened = look_into(self.path) if read_only else open_to_write(self.path)
        self._db, self.frozen = opened.db, opened.frozen
        self._identity = identity(self.path)

    def write(self, statements: Iterable[Statement]) -> None:
        """Do all *statements* or none; raise StoreError when the disk does not take them."""
        if self.frozen:
            self._thaw()
        elif is_gone(self.path, self._identity):
            self._put_back()
        statements = [*statements]
        try:
            try:
                self._transact(statements)
            except UnicodeEncodeError:  # half a surrogate pair, out of somebody's answer
                self._transact([(sql, [*map(_sound, values)]) for sql, values in statements])
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be written ({error})") from error

    def _transact(self, statements: Iterable[Statement]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for sql, alike in groupby(statements, itemgetter(0)):
                self._db.executemany(sql, map(itemgetter(1), alike))
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _thaw(self) -> None:
        """Go over from what is held in memory to the file, once that can be written."""
        try:
            db = open_or_renew(self.path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{self.path} cannot be written ({error})") from error
        self._take(db)

    def _put_back(self) -> None:
        """Make the file anew that somebody has removed or replaced: it is still open here."""
        try:
            aside = set_aside(self.path)
            db = open_or_renew(self.path)
            try:
                self._db.backup(db)
            except sqlite3.Error:
                db.close()
                remove(self.path)
                raise
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{self.path} cannot be written ({error})") from error
        what = f"replaced while the agent ran (that is kept as {aside})"
        what = what if aside else "removed while the agent ran"
        log.warning("%s was %s: it is made anew, and nothing is lost", self.path, what)
        self._take(db)

    def _take(self, db: sqlite3.Connection) -> None:
        """Go over to another connection."""
        self._db.close()
        self._db, self.frozen = db, False
        self._identity = identity(self.path)

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be read ({error})") from error

    def _read(
        self, made: Callable[..., Made], sql: str, values: Sequence[object] = ()
    ) -> list[Made]:
        """Return what is *made* of each row; one that a bad disk has changed is told, and left out.

        Raise StoreError where nothing can be read.
        """
        sound = []
        for row in self._rows(sql, values):
            try:
                sound.append(made(*row))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                log.error(  # noqa: TRY400 - a damaged row is no bug
                    "%s: a row is damaged (%s): going on without it", self.path, error
                )
        return sound

    def alarms(self) -> dict[str, Memory]:
        """Return every alarm's state."""
        return dict(self._read(_memory, "SELECT id, state, began_at, good_for FROM alarm"))

    def announcements(self) -> dict[str, Announcement]:
        """Return what people were told of each composite alarm."""
        sql = "SELECT alarm, state, quiet_state, quiet_by, quiet_until FROM announcement"
        return dict(self._read(_announcement, sql))

    def standings(self) -> dict[Target, Standing]:
        """Return how checks were last seen that stay so while they are not."""
        sql = 'SELECT "check", reason, state, since, seen_at FROM standing'
        return dict(self._read(_standing, sql))

    def open_incidents(self) -> list[Incident]:
        """Return the incidents that have not resolved."""
        return self._read(_incident, "SELECT body FROM incident WHERE resolved_at IS NULL")

    def storms(self) -> dict[Grade, Storm]:
        """Return which incidents of each class share one page."""
        return dict(self._read(_storm, "SELECT grade, body FROM storm"))

    def drill(self) -> Drill | None:
        """Return how far the newest page drill has come; None where there never was one."""
        return next(iter(self._read(_drill, "SELECT body FROM drill")), None)

    def attempts(self) -> list[Attempt]:
        """Return what became of each remedy, the oldest first."""
        return self._read(_attempt, "SELECT body FROM remediation ORDER BY at, name, key")

    def incidents(
        self, since: float = -math.inf, until: float = math.inf, most: int = 50
    ) -> list[Incident]:
        """Return incidents that opened from *since* to before *until*, ended or not, newest first.

        There are at most so many.
        """
        return self._read(
            _incident,
            "SELECT body FROM incident WHERE opened_at >= ? AND opened_at < ? "
            "ORDER BY opened_at DESC, key LIMIT ?",
            (since, until, most),
        )

    def sent(self, incident: Incident, most: int = 50) -> list[Sent]:
        """Return the pages of *incident*, the oldest first, on their way or not; at most so many.

        Those of one key that were queued before it opened are of an earlier one.
        """
        return self._read(
            _sent,
            _SENT,
            (
                incident.opened_at,
                math.inf if incident.resolved_at is None else incident.resolved_at,
                incident.key,
                most,
            ),
        )

    def waiting(self) -> list[Row]:
        """Return the pages that nobody has accepted or refused yet, oldest first."""
        return self._read(
            _row,
            "SELECT id, pager, page, queued_at, id IN (SELECT id FROM backed) FROM outbox "
            "WHERE ended_at IS NULL ORDER BY id",
        )

    def told(self) -> list[Told]:
        """Return each key's last page at each pager, and the last that was taken, oldest first."""
        return self._read(_told_page, _TOLD, (Outcome.DELIVERED,))

    def accepted(self, since: float) -> list[Accepted]:
        """Return the calls for help, and the ends, that pagers took *since* then, oldest first."""
        return self._read(
            _accepted,
            "SELECT pager, page, ended_at FROM outbox WHERE ended_at >= ? AND outcome = ? "
            "ORDER BY ended_at, id",
            (since, Outcome.DELIVERED),
        )

    def receivers(self) -> dict[str, list[str]]:
        """Return the addresses that receivers of pages had, by host."""
        sql = "SELECT host, addresses FROM receiver"
        return dict(self._read(lambda host, found: (host, [*json.loads(found)]), sql))

    def last_row(self) -> int:
        """Return the highest outbox id ever used."""
        return self._rows("SELECT max(id) FROM outbox")[0][0] or 0

    def last_known_good(self) -> list[Generation]:
        """Return every last-known-good set, the newest of a name and type before the older ones."""
        return self._read(
            _generation,
            "SELECT name, type, answers, since, promoted_at, whole FROM last_known_good "
            "ORDER BY name, type, generation",
        )

    def configurations(self) -> list[Configuration]:
        """Return the configurations that the agent worked well with, the newest first."""
        sql = "SELECT text, since, promoted_at FROM configuration ORDER BY generation"
        return self._read(Configuration, sql)

    def events(
        self, service: str, since: float, until: float = math.inf, most: int = 500
    ) -> list[Event]:
        """Return what happened to a service from *since* to before *until*, the newest first.

        There are at most so many.
        """
        return self._read(
            _event,
            'SELECT at, service, "check", event, subject, detail FROM event '
            "WHERE service = ? AND at >= ? AND at < ? ORDER BY at DESC, rowid DESC LIMIT ?",
            (service, since, until, most),
        )

    def pasts(self) -> list[Past]:
        """Return what is known of all that can change."""
        return self._read(_past, "SELECT service, event, subject, seen_at, body FROM past")

    def baseline(self, feed: str) -> dict[str, object] | None:
        """Return who held what according to *feed* when it was last kept."""
        found = self._read(json.loads, "SELECT body FROM baseline WHERE feed = ?", (feed,))
        return found[0] if found else None

    def prune(self, before: float, open_: Iterable[str] = ()) -> None:
        """Forget incidents and pages that ended, and what happened, before *before*.

        The pages of the keys that are *open_* stay: what burns for long still stands at pagers.
        """
        open_pages = json.dumps(sorted(open_))
        self.write(
            [
                ("DELETE FROM event WHERE at < ?", (before,)),
                ("DELETE FROM past WHERE seen_at < ?", (before,)),
                (
                    "DELETE FROM remediation WHERE at < ? AND key NOT IN (SELECT key FROM incident "
                    "WHERE resolved_at IS NULL)",
                    (before,),
                ),
                (_FORGET, (before, open_pages)),
                ("DELETE FROM backed WHERE id NOT IN (SELECT id FROM outbox)", ()),
                ("DELETE FROM incident WHERE resolved_at < ?", (before,)),
            ]
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _memory(id_: str, state: str, began_at: float, good_for: float) -> tuple[str, Memory]:
    return id_, Memory(State(state), began_at, good_for)


def _announcement(
    id_: str, state: str, quiet: str, by: str | None, until: float
) -> tuple[str, Announcement]:
    suppression = Suppression(State(quiet), SuppressedBy(by) if by else None, until)
    return id_, Announcement(State(state), suppression)


def _standing(
    id_: str, reason: str, state: str, since: float, seen_at: float
) -> tuple[Target, Standing]:
    return Target(id_, reason or None), Standing(State(state), since, seen_at)


def _storm(grade: str, body: str) -> tuple[Grade, Storm]:
    return Grade(grade), Storm(**json.loads(body))


def _incident(text: str) -> Incident:
    body = json.loads(text)
    told = tuple((headline, at) for headline, at in body.pop("headlines"))
    severity = Severity(body.pop("severity", Severity.CRITICAL))
    ended = frozenset(body.pop("ended", ()))
    return Incident(headlines=told, severity=severity, ended=ended, **body)


def _drill(text: str) -> Drill:
    body = json.loads(text)
    return Drill(**body | {"phase": Phase(body["phase"])})


def _attempt(text: str) -> Attempt:
    body = json.loads(text)
    return Attempt(**body | {"result": Result(body["result"])})


def _generation(
    name: str, type_: str, answers: str, since: float, promoted_at: float, whole: int
) -> Generation:
    return Generation(name, type_, tuple(json.loads(answers)), since, promoted_at, bool(whole))


def _event(at: float, service: str, check: str, name: str, subject: str, detail: str) -> Event:
    return Event(at, service, check, EventName(name), subject, json.loads(detail))


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


def _row(id_: int, pager: str, page: str, at: float, backed: int = 0) -> Row:
    return Row(id_, pager, _page(page), at, bool(backed))


def _told_page(pager: str, page: str, outcome: str | None, at: float | None, queued: float) -> Told:
    return Told(pager, _page(page), outcome, at, queued)


def _accepted(pager: str, page: str, at: float) -> Accepted:
    made = _page(page)
    return Accepted(pager, made.key, at, made.action)


def _sent(
    id_: int, pager: str, page: str, at: float, ended_at: float, outcome: str, detail: str
) -> Sent:
    return Sent(_row(id_, pager, page, at), ended_at, outcome, detail)


def _page(text: str) -> Page:
    body = json.loads(text)
    action, severity = Action(body.pop("action")), Severity(body.pop("severity"))
    return Page(action=action, severity=severity, **body)
