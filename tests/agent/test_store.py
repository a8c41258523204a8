"""What outlives a restart, and what is said where nothing can."""

import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.agent.alarm import Memory, State
from vedette.agent.incidents import Incident
from vedette.agent.store import (
    Answers,
    Row,
    Store,
    StoreError,
    end,
    keep_alarm,
    keep_answers,
    keep_baseline,
    keep_incident,
    queue,
)
from vedette.exporters.page import Action, Page, Severity

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
times = st.floats(0, 2e9)
memories = st.builds(Memory, state=st.sampled_from(State), began_at=times, good_for=times)
incidents = st.builds(
    Incident,
    key=words,
    service=words,
    headline=words,
    opened_at=times,
    members=st.dictionaries(words, times),
    headlines=st.lists(st.tuples(words, times)).map(tuple),
)
pages = st.builds(
    Page,
    key=words,
    action=st.sampled_from(Action),
    severity=st.sampled_from(Severity),
    summary=words,
    service=words,
    diagnosis=words,
    subject=words,
    source=words,
    began_at=times,
    details=st.dictionaries(words, words | st.lists(words) | times),
)
answers = st.builds(
    Answers, name=words, type=words, answers=st.lists(words).map(tuple), since=times
)
PAGE = Page(
    key="k", action=Action.TRIGGER, severity=Severity.ERROR, summary="", service="", diagnosis="",
    subject="", source="", began_at=0,
)  # fmt: skip


@settings(max_examples=40)
@given(
    st.dictionaries(words, memories, max_size=3),
    st.lists(incidents, max_size=3, unique_by=lambda i: (i.key, i.opened_at)),
    st.lists(pages, max_size=3),
    st.lists(answers, max_size=3, unique_by=lambda a: (a.name, a.type)),
    st.dictionaries(words, st.dictionaries(words, st.lists(words)), max_size=2),
)
def test_everything_comes_back(alarms, opened, queued, good, baselines) -> None:
    """All that was kept is there, equal and in order, for whoever opens the file next."""
    rows = [Row(i, "pager", page, float(i)) for i, page in enumerate(queued, start=1)]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.write(keep_alarm(id_, memory) for id_, memory in alarms.items())
        store.write(map(keep_incident, opened))
        store.write(map(queue, rows))
        store.write(map(keep_answers, good))
        store.write(keep_baseline(feed, body) for feed, body in baselines.items())
        store.close()
        again = Store(Path(folder))

        assert again.alarms() == alarms
        assert sorted(again.open_incidents(), key=repr) == sorted(opened, key=repr)
        assert again.waiting() == rows
        assert [list(row.page.details) for row in again.waiting()] == [
            list(page.details) for page in queued
        ]
        assert again.last_row() == len(rows)
        assert sorted(again.last_known_good(), key=repr) == sorted(good, key=repr)
        assert {feed: again.baseline(feed) for feed in baselines} == baselines
        again.close()


def test_ended_is_not_open(tmp_path: Path) -> None:
    """Resolved incidents and ended pages do not come back, and their numbers are not reused."""
    store = Store(tmp_path)
    incident = Incident("k", "s", "h", 1, {}, ())
    store.write([keep_incident(incident), queue(Row(7, "p", PAGE, 1))])
    store.write([keep_incident(replace(incident, resolved_at=2)), end(7, 2, "delivered", "")])

    assert (store.open_incidents(), store.waiting(), store.last_row()) == ([], [], 7)
    store.close()


def test_prune_takes_only_what_ended_before(tmp_path: Path) -> None:
    """Pruning forgets old ends, and never what is open or waits."""
    store = Store(tmp_path)
    store.write([keep_incident(Incident("k", "s", "h", 1, {}, ())), queue(Row(1, "p", PAGE, 1))])
    store.write([queue(Row(2, "p", PAGE, 1)), end(2, 10, "delivered", "")])
    store.prune(10)
    kept = store.last_row()
    store.prune(11)

    assert (kept, store.last_row()) == (2, 1)
    assert len(store.open_incidents()) == len(store.waiting()) == 1
    store.close()


def test_write_is_all_or_nothing(tmp_path: Path) -> None:
    """Where one statement cannot be done none is, and the store goes on working."""
    store = Store(tmp_path)
    with pytest.raises(StoreError, match=str(store.path)):
        store.write([keep_alarm("a", Memory(State.ALARM)), ("INSERT INTO nowhere VALUES (1)", ())])

    assert store.alarms() == {}
    store.write([keep_alarm("a", Memory(State.OK))])
    assert store.alarms() == {"a": Memory(State.OK)}
    store.close()


def test_newer_version_is_refused(tmp_path: Path) -> None:
    """A file of a newer Vedette is left as it is, with a sentence that says so."""
    Store(tmp_path).close()
    database = sqlite3.connect(tmp_path / "vedette.db")
    database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(StoreError, match="newer Vedette"):
        Store(tmp_path)


def test_unusable_folder_is_a_sentence(tmp_path: Path) -> None:
    """A folder that cannot be had, or a file that is no database, names the file and the remedy."""
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "vedette.db").write_text("no database, but long enough to be read" * 50)

    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "other"):
        with pytest.raises(StoreError, match="state_dir") as refused:
            Store(folder)
        assert str(folder / "vedette.db") in str(refused.value)


def test_unknown_feed_has_no_baseline(tmp_path: Path) -> None:
    """A feed that was never kept has no baseline, which is not an empty one."""
    store = Store(tmp_path)

    assert store.baseline("nobody") is None
    store.close()
