"""A disk that takes nothing for a while costs neither pages nor their record."""

import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.alarms.alarm import Memory, State
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.statements import Statement, keep_alarm
from vedette.agent.memory.store import Store, StoreError


class Moody:
    """A store that takes or refuses, as the next of its moods says, whole transactions."""

    def __init__(self, moods: list[bool]) -> None:
        self.path = Path("moody.db")
        self.frozen = False
        self.moods = list(moods)
        self.taken: list[Statement] = []

    def write(self, statements: list[Statement]) -> None:
        if self.moods and not self.moods.pop(0):
            raise StoreError("moody.db cannot be written (disk full)")
        self.taken.extend(statements)


@given(st.lists(st.booleans()))
def test_nothing_is_lost_and_order_stays(moods: list[bool]) -> None:
    """However often the store refuses, all is kept in the end, once and in order."""
    store = Moody(moods)
    journal = Journal(store)
    statements = [("INSERT", (i,)) for i in range(len(moods) + 1)]
    for statement, mood in zip(statements, [*moods, True], strict=True):
        journal.write([statement])

        assert journal.failing is not mood
    assert store.taken == statements


def test_nothing_to_write_is_nothing_written() -> None:
    """An empty write does not touch the store, unless something is owed."""
    store = Moody([False])
    journal = Journal(store)
    journal.write([])
    assert store.moods == [False]

    journal.write([("INSERT", (1,))])
    journal.write([])
    assert store.taken == [("INSERT", (1,))]


def test_trouble_is_logged_when_it_begins_and_ends(caplog) -> None:
    """The log tells of a full disk once, and once of its end."""
    journal = Journal(Moody([True, False, False, False, True, True]))
    for i in range(6):
        journal.write([("INSERT", (i,))])

    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_locked_file_is_made_up_for(tmp_path: Path) -> None:
    """What another process's lock refused is written when the lock is gone."""
    store = Store(tmp_path)
    journal, memory = Journal(store), Memory(State.ALARM)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    journal.write([keep_alarm("a", memory)])
    assert (journal.failing, store.alarms()) == (True, {})

    other.execute("ROLLBACK")
    other.close()
    journal.write([keep_alarm("b", memory)])
    assert (journal.failing, store.alarms()) == (False, {"a": memory, "b": memory})
    store.close()
