"""The state file when disk or power fail: an agent still starts, and nothing readable is lost."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.memory.test_store import PAGE
from vedette.agent.alarms.alarm import Memory, State
from vedette.agent.alarms.incidents import Incident
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.pages import Row
from vedette.agent.memory.statements import keep_alarm, keep_event, keep_incident, queue
from vedette.agent.memory.store import Store, StoreError

ALARM = Memory(State.ALARM, 1, 0)


def fill(folder: Path, events: int = 400) -> None:
    """Leave a state with an alarm, an incident, a page on its way, and many events."""
    with closing(Store(folder)) as store:
        store.write(
            [
                keep_alarm("a", ALARM),
                keep_incident(Incident("k", "s", "a", 1, {"a": 1.0}, ())),
                queue(Row(7, "pd", PAGE, 1)),
                *(
                    keep_event(Event(float(i), "s", "c", EventName.SERIAL_CHANGED, "x" * 50, {}))
                    for i in range(events)
                ),
            ]
        )


@pytest.mark.parametrize("left", [50, 4096, 30_000])
def test_a_file_cut_short_is_set_aside(tmp_path: Path, left: int, caplog) -> None:
    """An agent starts with what can be read of a file that was cut, and keeps what it found."""
    fill(tmp_path)
    os.truncate(tmp_path / "vedette.db", left)
    with closing(Store(tmp_path)) as store:
        store.write([keep_alarm("b", ALARM)])
        assert store.alarms().keys() <= {"a", "b"}
        assert all(row.page == PAGE for row in store.waiting())
    assert (tmp_path / "vedette.db.damaged-1").stat().st_size == left
    assert "vedette.db was damaged" in caplog.text
    with closing(Store(tmp_path)) as again:
        assert "b" in again.alarms()


def test_what_stands_before_the_cut_is_saved(tmp_path: Path) -> None:
    """Where only the end of the file is lost, all that stands before it comes back."""
    fill(tmp_path)
    size = (tmp_path / "vedette.db").stat().st_size
    os.truncate(tmp_path / "vedette.db", size - 4096)
    with closing(Store(tmp_path)) as store:
        assert store.alarms() == {"a": ALARM}
        assert [row.id for row in store.waiting()] == [7]
        assert len(store.open_incidents()) == 1
        assert 200 < len(store.events("s", 0)) <= 400


@settings(max_examples=25)
@given(st.integers(0, 20), st.integers(1, 4095), st.binary(min_size=1, max_size=400))
def test_no_damage_keeps_an_agent_from_starting(
    tmp_path_factory: pytest.TempPathFactory, page: int, at: int, junk: bytes
) -> None:
    """Whatever octets are overwritten, the store opens, or says in a sentence why it does not."""
    folder = tmp_path_factory.mktemp("damage")
    fill(folder, 200)
    with (folder / "vedette.db").open("r+b") as file:
        file.seek(page * 4096 + at)
        file.write(junk)
    with contextlib.suppress(StoreError), closing(Store(folder)) as store:
        store.write([keep_alarm("b", ALARM)])


def test_a_second_damage_overwrites_nothing(tmp_path: Path) -> None:
    """Each damaged file is kept under a name of its own."""
    for _ in range(2):
        fill(tmp_path)
        os.truncate(tmp_path / "vedette.db", 5000)
        Store(tmp_path).close()
    assert {path.name for path in tmp_path.iterdir()} >= {
        "vedette.db", "vedette.db.damaged-1", "vedette.db.damaged-2",
    }  # fmt: skip


def test_damage_without_end_fills_no_disk(tmp_path: Path) -> None:
    """Of a file that is damaged again and again the first ones are kept, and the newest."""
    for left in range(5000, 5008):
        fill(tmp_path)
        os.truncate(tmp_path / "vedette.db", left)
        Store(tmp_path).close()
    kept = {path.name: path.stat().st_size for path in tmp_path.glob("*.damaged-?")}
    assert kept == {
        f"vedette.db.damaged-{number}": left
        for number, left in enumerate((5000, 5001, 5002, 5003, 5007), start=1)
    }


@pytest.mark.parametrize(
    "removed",
    [shutil.rmtree, lambda state: (state / "vedette.db").unlink()],
    ids=["with its folder", "alone"],
)
def test_a_file_that_is_removed_under_the_agent_is_put_back(
    removed: Callable[[Path], None], tmp_path: Path, caplog
) -> None:
    """What a former write has kept is there again with the next one, and the log says so."""
    state = tmp_path / "state"
    with closing(Store(state)) as store:
        store.write([keep_alarm("a", ALARM)])
        removed(state)
        store.write([keep_alarm("b", ALARM)])
        store.write([keep_alarm("c", ALARM)])
    with closing(Store(state)) as store:
        assert store.alarms() == {"a": ALARM, "b": ALARM, "c": ALARM}
    assert [one.message.partition(" was ")[2] for one in caplog.records] == [
        "removed while the agent ran: it is made anew, and nothing is lost"
    ]


def test_a_file_that_is_replaced_under_the_agent_is_put_back(tmp_path: Path, caplog) -> None:
    """Where a backup is restored while the agent runs, no write is lost, and the backup is kept."""
    state, backup = tmp_path / "state", tmp_path / "backup"
    with closing(Store(backup)) as store:
        store.write([keep_alarm("old", ALARM)])
    with closing(Store(state)) as store:
        store.write([keep_alarm("a", ALARM)])
        shutil.rmtree(state)
        shutil.copytree(backup, state)
        store.write([keep_alarm("b", ALARM)])
        store.write([keep_alarm("c", ALARM)])
    with closing(Store(state)) as store:
        assert store.alarms() == {"a": ALARM, "b": ALARM, "c": ALARM}
    (state / "vedette.db.damaged-1").rename(tmp_path / "vedette.db")
    with closing(Store(tmp_path)) as store:
        assert store.alarms() == {"old": ALARM}
    (said,) = [one.message for one in caplog.records]
    assert "was replaced while the agent ran (that is kept as" in said


def test_a_folder_that_cannot_be_entered_is_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """A state that cannot be seen is not taken for one that was removed, and no write is a bug."""
    state = tmp_path / "state"
    with closing(Store(state)) as store:
        store.write([keep_alarm("a", ALARM)])
        state.rename(tmp_path / "aside")
        state.symlink_to("state")  # to look there is an error, and not that nothing is there
        with contextlib.suppress(StoreError):
            store.write([keep_alarm("b", ALARM)])
        assert state.is_symlink()
    assert (tmp_path / "aside" / "vedette.db").exists()


@contextlib.contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Let *folder* be read and not written: by its mode, or for root by a mount of its own."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        (folder / "vedette.db").chmod(0o444)
        yield
        folder.chmod(0o755)
        (folder / "vedette.db").chmod(0o644)
        return
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("has_empty_log", [False, True])
def test_a_full_disk_with_all_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_empty_log: bool
) -> None:
    """An agent starts, too, where nothing can be written anywhere, as on a host of one disk."""
    state = tmp_path / "state"
    fill(state)
    if has_empty_log:  # which is what a disk that was filled meanwhile leaves of one
        (state / "vedette.db-wal").touch()
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with unwritable(state):
        store = Store(state)
        assert store.frozen
        assert store.alarms() == {"a": ALARM}
        store.close()


def test_a_folder_that_cannot_be_written(tmp_path: Path, caplog) -> None:
    """An agent goes on from what the file holds; once it can be written all is made up for."""
    state = tmp_path / "state"
    fill(state)
    with unwritable(state):
        store = Store(state)
        journal = Journal(store)
        assert (store.frozen, journal.failing) == (True, True)
        assert store.alarms() == {"a": ALARM}
        assert [row.id for row in store.waiting()] == [7]
        journal.write([keep_alarm("b", ALARM)])
        assert journal.failing
        assert len(store.events("s", 0)) == 400
    journal.write([keep_alarm("c", ALARM)])
    assert (store.frozen, journal.failing) == (False, False)
    store.close()
    with closing(Store(state)) as again:
        assert again.alarms().keys() == {"a", "b", "c"}
    assert "cannot be written" in caplog.text


@pytest.mark.parametrize("damage", [b"", b"\xaa" * 300, bytes(4000)])
@pytest.mark.parametrize("at", [16, 100, 4096 * 3])
def test_a_damaged_file_that_cannot_be_written(tmp_path: Path, at: int, damage: bytes) -> None:
    """A disk that fails spoils a file and is written no more: an agent starts, and makes up for it.

    What it learns meanwhile is kept in a new file, once there can be one.
    """
    state = tmp_path / "state"
    fill(state)
    with (state / "vedette.db").open("r+b") as file:
        file.seek(at)
        file.write(damage)
        if not damage:
            file.truncate()
    with unwritable(state):
        store = Store(state)
        assert store.frozen
        assert store.alarms() in ({}, {"a": ALARM})
        journal = Journal(store)
        journal.write([queue(Row(store.last_row() + 1, "pd", PAGE, 1))])
        assert journal.failing
    journal.write([keep_alarm("b", ALARM)])
    assert not journal.failing
    store.close()
    assert (state / "vedette.db.damaged-1").exists()
    with closing(Store(state)) as again:
        assert "b" in again.alarms()
        assert PAGE in [row.page for row in again.waiting()]


def test_without_a_state_an_unwritable_folder_is_a_fault(tmp_path: Path) -> None:
    """At a first start, where a person looks on, a folder that cannot be written is an error."""
    state = tmp_path / "state"
    fill(state)
    with unwritable(state), pytest.raises(StoreError, match=r"choose another agent\.state_dir"):
        Store(state / "other")
