"""A disk that takes nothing for a while costs neither pages nor their record."""

import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.alarms.alarm import Memory, State
from vedette.agent.memory.journal import TRIED, Journal
from vedette.agent.memory.statements import KEYS, Statement, keep_alarm, keep_baseline
from vedette.agent.memory.store import Store, StoreError
from vedette.agent.memory.storefile import open_file


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


writes = st.lists(st.tuples(st.sampled_from(["owe", "write"]), st.integers(0, 3)))


@given(writes, st.lists(st.booleans()))
def test_what_is_owed_is_kept_with_the_next_write(
    asked: list[tuple[str, int]], moods: list[bool]
) -> None:
    """Owed or to be written at once, taken or refused: all is kept once, in order, by one call."""
    store = Moody(moods)
    journal, all_ = Journal(store), list[Statement]()
    for how, number in asked:
        before = len(store.taken)
        some = [("INSERT", (len(all_) + i,)) for i in range(number)]
        all_ += some
        getattr(journal, how)(some)

        assert store.taken == all_[: len(store.taken)]
        if how == "owe":
            assert len(store.taken) == before
        elif not journal.failing:
            assert store.taken == all_
    store.moods.clear()
    journal.write([])
    assert store.taken == all_
    assert asked == [] or not all_ or not journal.failing


def test_who_owes_keeps_what_they_hold() -> None:
    """A list that was owed and goes on to grow is not kept longer than it was."""
    store = Moody([])
    journal, mine = Journal(store), [("INSERT", (1,))]
    journal.owe(mine)
    mine.append(("INSERT", (2,)))
    journal.write([])

    assert store.taken == [("INSERT", (1,))]


def test_what_is_owed_gives_way_to_a_newer_one() -> None:
    """Of each thing that is kept one statement waits for the disk, however often it changes."""
    store = Moody([False] * 400)
    journal, event = Journal(store), ("INSERT INTO event", ("a",))
    alarms = [keep_alarm("a", Memory(State.ALARM)), keep_alarm("b", Memory(State.OK))]
    for at in range(400):
        some = [keep_baseline("ris-live", {"p": at}), alarms[at % 2]]
        journal.write([event, *some] if at % 100 == 0 else some)
    journal.write([])

    newest = [keep_baseline("ris-live", {"p": 399}), alarms[1]]
    assert store.taken == [event] * 4 + [alarms[0], *newest]


def test_an_alarm_that_changes_twice_in_a_write_is_kept_as_it_is_last() -> None:
    """What one write says twice of a thing is what it says last."""
    store, memory = Moody([]), Memory(State.OK)
    Journal(store).write([keep_alarm("a", Memory(State.ALARM)), keep_alarm("a", memory)])

    assert store.taken == [keep_alarm("a", memory)]


def test_a_disk_that_is_full_for_days_holds_nobody_up() -> None:
    """It is tried with little of what is owed, in whole writes, and takes all once it has room."""
    store = Moody([False] * 5000)
    journal, tried = Journal(store), list[int]()
    write = store.write

    def counted(statements: list[Statement]) -> None:
        tried.append(len(statements))
        write(statements)

    store.write = counted  # type: ignore[method-assign]
    writes = [[("INSERT", (i, j)) for j in range(3)] for i in range(5000)]
    for one in writes:
        journal.write(one)
    assert max(tried) < TRIED + 3

    tried.clear()
    journal.write([])
    assert not journal.failing
    assert {count % 3 for count in tried} == {0}
    assert store.taken == [statement for one in writes for statement in one]


def test_the_newest_of_a_thing_is_known_by_what_its_row_is(tmp_path: Path) -> None:
    """A statement replaces another where the table would have one row of both, and only there."""
    with closing(open_file(tmp_path / "vedette.db")) as db:
        for table, count in KEYS.items():
            keys = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[5]]
            first = [row[1] for row in db.execute(f"PRAGMA table_info({table})")][: len(keys)]
            assert keys == first
            assert count == (0 if table == "drill" else len(keys)), table


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
