"""What a bad disk has changed of the state, while SQLite finds its file in order."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agent.memory.test_store import PAGE
from vedette.agent.alarms.alarm import Memory, State
from vedette.agent.alarms.incidents import Incident
from vedette.agent.composite.announcement import Announcement
from vedette.agent.composite.link import Target
from vedette.agent.composite.standing import Standing
from vedette.agent.memory.changes import Past
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.lastgood import Generation
from vedette.agent.memory.pages import Row
from vedette.agent.memory.statements import (
    end,
    keep_alarm,
    keep_announcement,
    keep_attempt,
    keep_baseline,
    keep_drill,
    keep_event,
    keep_generations,
    keep_incident,
    keep_past,
    keep_receiver,
    keep_standing,
    keep_storm,
    queue,
)
from vedette.agent.memory.store import Store
from vedette.agent.paging.drill import Drill
from vedette.agent.paging.storm import Grade, Storm
from vedette.agent.remediation.attempt import Attempt, Result
from vedette.exporters.page import Outcome

INCIDENTS = [Incident(f"k{name}", name, "h", 0.0, {"h": 0.0}, (("h", 0.0),)) for name in "so"]
READINGS = {
    "alarm": Store.alarms,
    "announcement": Store.announcements,
    "standing": Store.standings,
    "incident": lambda store: [*store.open_incidents(), *store.incidents()],
    "outbox": lambda store: [
        *store.waiting(),
        *store.told(),
        *store.accepted(0),
        *(page for incident in INCIDENTS for page in store.sent(incident)),
    ],
    "receiver": Store.receivers,
    "last_known_good": Store.last_known_good,
    "configuration": Store.configurations,
    "event": lambda store: [*store.events("s", 0), *store.events("o", 0)],
    "past": Store.pasts,
    "baseline": lambda store: [store.baseline("f"), store.baseline("g")],
    "storm": Store.storms,
    "drill": lambda store: [store.drill()],
    "remediation": Store.attempts,
}
"""What is read of each table."""


def filled(store: Store) -> None:
    """Keep two rows of each table, of the drill one."""
    past = Past("s", EventName.ANSWERS_CHANGED, "x", kept_at=1.0, seen_at=1.0)
    for number, (name, incident) in enumerate(zip("so", INCIDENTS, strict=True)):
        standing = Standing(State.OK, 1.0)
        attempt = Attempt(
            name="n", key=incident.key, opened_at=0.0, service=name, diagnosis="d", at=1.0,
            result=Result.DONE,
        )  # fmt: skip

        store.write(
            [
                keep_alarm(name, Memory()),
                keep_announcement(name, Announcement()),
                keep_standing(Target(name, "nodata"), standing),
                keep_incident(incident),
                queue(Row(2 * number + 1, "p", replace(PAGE, key=incident.key), 0.0)),
                queue(Row(2 * number + 2, "p", replace(PAGE, key=incident.key), 0.0)),
                end(2 * number + 1, 1.0, Outcome.DELIVERED, ""),
                keep_receiver(name, ["192.0.2.1"]),
                *keep_generations([Generation(name, "A", ("a",), 1, 2, whole=True)]),
                ("INSERT INTO configuration VALUES (?, 'text', 1, 1)", (number,)),
                keep_event(Event(1.0, name, "c", EventName.ANSWERS_CHANGED, "x", {})),
                keep_past(replace(past, service=name)),
                keep_baseline("fg"[number], {"a": 1}),
                keep_storm([*Grade][number], Storm()),
                keep_attempt(attempt),
            ]
        )
    store.write([keep_drill(Drill(1.0))])


@pytest.mark.parametrize("octets", [b"", b"{", b"[]", b"\xff{"])
@pytest.mark.parametrize("table", READINGS)
def test_a_damaged_row_costs_no_other(tmp_path: Path, table: str, octets: bytes) -> None:
    """Whatever a bad disk makes of a row's text, all other rows of all tables are read."""
    with closing(Store(tmp_path)) as store:
        filled(store)
        whole = {name: [*read(store)] for name, read in READINGS.items()}
        assert all(whole.values())
    with closing(sqlite3.connect(tmp_path / "vedette.db")) as database:
        told = database.execute(f'PRAGMA table_info("{table}")').fetchall()
        texts = [column[1] for column in told if column[2] == "TEXT"]
        (first,) = database.execute(f'SELECT min(rowid) FROM "{table}"').fetchone()
    for column in texts:
        damaged = tmp_path / column
        damaged.mkdir()
        shutil.copy(tmp_path / "vedette.db", damaged)
        with closing(sqlite3.connect(damaged / "vedette.db")) as database:
            change = f'UPDATE "{table}" SET "{column}" = CAST(? AS TEXT) WHERE rowid = ?'
            database.execute(change, (octets, first))
            database.commit()
        with closing(Store(damaged)) as store:
            for name, read in READINGS.items():
                rows = [*read(store)]
                if name == table:
                    left = [row for row in whole[name] if row in rows]
                    assert len(left) >= len(whole[name]) // 2
                else:
                    assert rows == whole[name]
