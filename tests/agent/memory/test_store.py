"""What outlives a restart, and what is said where nothing can."""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.agent.alarms.alarm import Memory, State
from vedette.agent.alarms.incidents import Incident
from vedette.agent.memory.changes import Held, Past
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.lastgood import GENERATIONS, Configuration, Generation
from vedette.agent.memory.pages import Accepted, Row
from vedette.agent.memory.statements import (
    end,
    keep_alarm,
    keep_baseline,
    keep_configurations,
    keep_event,
    keep_generations,
    keep_incident,
    keep_past,
    queue,
)
from vedette.agent.memory.store import Store, StoreError
from vedette.exporters.page import Action, Outcome, Page, Severity


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A new store in the folder of the test."""
    with closing(Store(tmp_path)) as made:
        yield made


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
answers = st.lists(
    st.tuples(st.lists(words).map(tuple), times, times, st.booleans()), max_size=GENERATIONS
)
configurations = st.builds(Configuration, text=words, since=times, promoted_at=times)
PAGE = Page(
    key="k", action=Action.TRIGGER, severity=Severity.ERROR, summary="", service="", diagnosis="",
    subject="", source="", began_at=0,
)  # fmt: skip


@settings(max_examples=40)
@given(
    st.dictionaries(words, memories, max_size=3),
    st.lists(incidents, max_size=3, unique_by=lambda i: (i.key, i.opened_at)),
    st.lists(pages, max_size=3),
    st.dictionaries(st.tuples(words, words), answers, max_size=3),
    st.lists(configurations, max_size=GENERATIONS),
    st.dictionaries(words, st.dictionaries(words, st.lists(words)), max_size=2),
)
def test_everything_comes_back(alarms, opened, queued, good, configs, baselines) -> None:
    """All that was kept is there, equal and in order, for whoever opens the file next."""
    rows = [Row(i, "pager", page, float(i)) for i, page in enumerate(queued, start=1)]
    sets = {key: [Generation(*key, *one) for one in some] for key, some in good.items()}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.write(keep_alarm(id_, memory) for id_, memory in alarms.items())
        store.write(map(keep_incident, opened))
        store.write(map(queue, rows))
        for generations in sets.values():
            store.write(keep_generations(generations))
        store.write(keep_configurations(configs))
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
        kept = again.last_known_good()
        assert len(kept) == sum(map(len, sets.values()))
        for key, generations in sets.items():
            assert [one for one in kept if (one.name, one.type) == key] == generations
        assert again.configurations() == configs
        assert {feed: again.baseline(feed) for feed in baselines} == baselines
        again.close()


fates = st.sampled_from(Outcome)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(pages, fates, st.integers(0, 9) | st.none()), max_size=6), st.integers(0, 9)
)
def test_what_pagers_took_since_comes_back(ended, since: int) -> None:
    """Pages that were delivered, and nothing else, are there with their times, in order."""
    rows = [Row(i, "pager", one, 0.0) for i, (one, *_) in enumerate(ended, start=1)]
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder))) as store:
        store.write(map(queue, rows))
        for row, (_, outcome, at) in zip(rows, ended, strict=True):
            if at is not None:
                store.write([end(row.id, at, outcome, "")])
        expected = [
            Accepted("pager", one.key, at, one.action)
            for one, outcome, at in ended
            if at is not None and at >= since
            if outcome is Outcome.DELIVERED
        ]
        assert store.accepted(since) == sorted(expected, key=lambda one: one.at)


def test_ended_is_not_open(store: Store) -> None:
    """Resolved incidents and ended pages do not come back, and their numbers are not reused."""
    incident = Incident("k", "s", "h", 1, {}, ())
    store.write([keep_incident(incident), queue(Row(7, "p", PAGE, 1))])
    store.write([keep_incident(replace(incident, resolved_at=2)), end(7, 2, "delivered", "")])

    assert (store.open_incidents(), store.waiting(), store.last_row()) == ([], [], 7)


def test_prune_takes_only_what_ended_before(store: Store) -> None:
    """Pruning forgets old ends, and never what is open or waits."""
    store.write([keep_incident(Incident("k", "s", "h", 1, {}, ())), queue(Row(1, "p", PAGE, 1))])
    store.write([queue(Row(2, "p", PAGE, 1)), end(2, 10, "delivered", "")])
    store.prune(10)
    kept = store.last_row()
    store.prune(11)

    assert (kept, store.last_row()) == (2, 1)
    assert len(store.open_incidents()) == len(store.waiting()) == 1


def test_prune_leaves_the_pages_of_what_is_open(store: Store) -> None:
    """What burns for longer than things are kept is still known to stand at its pager."""
    store.write([queue(Row(1, "p", PAGE, 1)), end(1, 10, "delivered", "")])
    store.prune(11, open_=[PAGE.key])
    kept = [one.page.key for one in store.told()]
    store.prune(11, open_=["another"])

    assert (kept, store.told()) == ([PAGE.key], [])


def test_events_are_kept_and_pruned(tmp_path: Path) -> None:
    """An event is a row in plain words, until it is as old as what else is pruned."""
    store = Store(tmp_path)
    detail = {"name": "n", "answers": ("192.0.2.1", "192.0.2.2")}
    for at in (5.0, 10.0):
        event = Event(at, "shop", "n A", EventName.STALE_ANSWER_RETURNED, "ns1", detail)
        store.write([keep_event(event)])
    store.prune(10)
    store.close()

    with closing(sqlite3.connect(tmp_path / "vedette.db")) as database:
        ((*row, kept),) = database.execute("SELECT * FROM event")
    assert row == [10.0, "shop", "n A", "stale_answer_returned", "ns1"]
    assert json.loads(kept) == {"name": "n", "answers": ["192.0.2.1", "192.0.2.2"]}


events = st.builds(
    Event,
    at=st.floats(0, 100),
    service=st.sampled_from(["shop", "other"]),
    check=words,
    name=st.sampled_from(EventName),
    subject=words,
    detail=st.dictionaries(words, words | st.lists(words)),
)


@settings(max_examples=40)
@given(st.lists(events, max_size=8), st.floats(0, 100), st.floats(0, 100), st.integers(0, 8))
def test_events_of_a_service_come_newest_first(
    happened: list[Event], since: float, until: float, most: int
) -> None:
    """Those of a span of time come back equal, its end excluded, and no more than asked for."""
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder))) as store:
        store.write(map(keep_event, happened))
        wanted = [e for e in happened[::-1] if e.service == "shop" and since <= e.at < until]
        wanted.sort(key=lambda event: event.at, reverse=True)
        assert store.events("shop", since, until, most) == wanted[:most]


def test_events_are_found_by_an_index(tmp_path: Path) -> None:
    """A page never waits for the events of all other services to be gone through."""
    with closing(Store(tmp_path)) as store:
        store.events("shop", 0, 1, 1)
        with closing(sqlite3.connect(store.path)) as database:
            (plan,) = database.execute(
                "EXPLAIN QUERY PLAN SELECT at FROM event WHERE service = 'shop' AND at >= 0 "
                "AND at < 1 ORDER BY at DESC, rowid DESC LIMIT 1"
            )
    assert "event_of_service" in plan[-1]


texts = st.lists(words, max_size=3).map(tuple)
holders = st.builds(
    Held, place=words, told=texts, told_at=times, value=texts, since=times,
    looks=st.integers(0, 5), changes=st.lists(times, max_size=6).map(tuple),
)  # fmt: skip
pasts = st.builds(
    Past, service=words, name=st.sampled_from(EventName), subject=words,
    held=st.dictionaries(words, holders, max_size=3),
    followed=st.lists(st.tuples(times, texts), max_size=3).map(tuple),
    recent=st.lists(times, max_size=6).map(tuple), more=st.integers(0, 9), seen_at=times,
)  # fmt: skip


@settings(max_examples=40)
@given(st.lists(pasts, max_size=3, unique_by=lambda past: (past.service, past.name, past.subject)))
def test_pasts_come_back_and_are_pruned(kept: list[Past]) -> None:
    """What can change comes back as it was, until nobody has seen it for as long as events stay."""
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder))) as store:
        store.write(map(keep_past, kept))
        wanted = [replace(past, kept_at=past.seen_at) for past in kept]
        assert sorted(store.pasts(), key=repr) == sorted(wanted, key=repr)
        store.prune(1e9)
        assert all(past.seen_at >= 1e9 for past in store.pasts())


def test_a_new_generation_moves_the_others(store: Store) -> None:
    """Of one name and type there are as many rows as generations, and other names' stay."""
    sets = [Generation("n", "A", (word,), 1, 2, whole=True) for word in "dcba"]
    other = Generation("o", "A", ("e",), 1, 2, whole=False)
    store.write(keep_generations([other]))
    for start in (3, 2, 1, 0):
        store.write(keep_generations(sets[start : start + GENERATIONS]))

    assert store.last_known_good() == [*sets[:GENERATIONS], other]


# What version 1 made, word for word; `vedette.db` of that time looks like this.
VERSION_1 = """
CREATE TABLE alarm (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, began_at REAL NOT NULL, good_for REAL NOT NULL);
CREATE TABLE incident (
    key TEXT NOT NULL, opened_at REAL NOT NULL, resolved_at REAL, body TEXT NOT NULL,
    PRIMARY KEY (key, opened_at));
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, pager TEXT NOT NULL, page TEXT NOT NULL, queued_at REAL NOT NULL,
    ended_at REAL, outcome TEXT, detail TEXT NOT NULL DEFAULT '');
CREATE INDEX outbox_waiting ON outbox (id) WHERE ended_at IS NULL;
CREATE TABLE last_known_good (
    name TEXT NOT NULL, type TEXT NOT NULL, answers TEXT NOT NULL, since REAL NOT NULL,
    PRIMARY KEY (name, type));
CREATE TABLE baseline (feed TEXT PRIMARY KEY, body TEXT NOT NULL);
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
INSERT INTO alarm VALUES ('a', 'ALARM', 1, 0);
INSERT INTO last_known_good VALUES ('n', 'A', '["192.0.2.1", "192.0.2.2"]', 5);
INSERT INTO last_known_good VALUES ('n', 'AAAA', '["2001:db8::1"]', 6);
"""


def old(folder: Path) -> None:
    """Leave a state of version 1 in *folder*."""
    with closing(sqlite3.connect(folder / "vedette.db")) as database:
        database.executescript(VERSION_1)


def test_version_1_is_renewed(tmp_path: Path) -> None:
    """What version 1 kept is still there, each set as the newest generation, whoever opens it."""
    old(tmp_path)
    for _ in range(2):
        store = Store(tmp_path)
        assert store.alarms() == {"a": Memory(State.ALARM, 1, 0)}
        assert store.last_known_good() == [
            Generation("n", "A", ("192.0.2.1", "192.0.2.2"), 5, 5, whole=True),
            Generation("n", "AAAA", ("2001:db8::1",), 6, 6, whole=True),
        ]
        assert store.configurations() == []
        store.close()


def test_a_renewal_that_breaks_leaves_the_old_state(tmp_path: Path) -> None:
    """A renewal is whole or has not happened: a file that cannot be renewed stays what it was."""
    old(tmp_path)
    with closing(sqlite3.connect(tmp_path / "vedette.db")) as database:
        # It stands where the schema wants a table, so that the last part of the renewal fails.
        database.execute("CREATE VIEW event AS SELECT 1 AS one")
        database.commit()
        before = list(database.iterdump())
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path)

    with closing(sqlite3.connect(tmp_path / "vedette.db")) as database:
        assert list(database.iterdump()) == before
        assert database.execute("PRAGMA user_version").fetchone() == (1,)


def test_half_a_character_is_kept_as_a_question_mark(store: Store) -> None:
    """What no file can hold, out of somebody's answer, stops nothing from being kept."""
    names = ("fine", "x\udc80", "after")
    goods = [Generation(name, "A", ("192.0.2.1",), 1, 2, whole=True) for name in names]
    store.write(keep_generations(goods[:2]))
    store.write(keep_generations(goods[2:]))

    assert {one.name for one in store.last_known_good()} == {"fine", "x?", "after"}


def test_read_only_beside_a_writer(tmp_path: Path) -> None:
    """A reader sees what the writer has kept up to now, writes nothing, and is in nobody's way."""
    writer = Store(tmp_path)
    good = Generation("n", "A", ("192.0.2.1",), 1, 2, whole=True)
    reader = Store(tmp_path, read_only=True)
    writer.write(keep_generations([good]))

    assert reader.last_known_good() == [good]
    with pytest.raises(StoreError, match="cannot be written"):
        reader.write(keep_configurations([Configuration("text", 1, 2)]))
    writer.write(keep_configurations([Configuration("text", 1, 2)]))
    assert [one.text for one in reader.configurations()] == ["text"]
    writer.close()
    reader.close()


def test_read_only_makes_nothing(tmp_path: Path) -> None:
    """Where nothing is kept, or by another version, one sentence says so and nothing changes."""
    (tmp_path / "old").mkdir()
    old(tmp_path / "old")
    for folder, why in (("none", "does not exist"), ("old", "older Vedette")):
        with pytest.raises(StoreError, match=why):
            Store(tmp_path / folder, read_only=True)

    assert not (tmp_path / "none").exists()
    with closing(sqlite3.connect(tmp_path / "old" / "vedette.db")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_damaged_file_is_a_sentence(store: Store) -> None:
    """A table that cannot be read names the file."""
    store.write([("DROP TABLE last_known_good", ())])

    with pytest.raises(StoreError, match=r"vedette\.db cannot be read"):
        store.last_known_good()


def test_write_is_all_or_nothing(store: Store) -> None:
    """Where one statement cannot be done none is, and the store goes on working."""
    with pytest.raises(StoreError, match=str(store.path)):
        store.write([keep_alarm("a", Memory(State.ALARM)), ("INSERT INTO nowhere VALUES (1)", ())])

    assert store.alarms() == {}
    store.write([keep_alarm("a", Memory(State.OK))])
    assert store.alarms() == {"a": Memory(State.OK)}


def test_newer_version_is_refused(tmp_path: Path) -> None:
    """A file of a newer Vedette is left as it is, with a sentence that says so."""
    Store(tmp_path).close()
    database = sqlite3.connect(tmp_path / "vedette.db")
    database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(StoreError, match="newer Vedette"):
        Store(tmp_path)


def test_unusable_folder_is_a_sentence(tmp_path: Path) -> None:
    """A folder that cannot be had, or a file that is no database, is named with the remedy."""
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "vedette.db").write_text("no database, but long enough to be read" * 50)

    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "other"):
        with pytest.raises(StoreError, match="state_dir") as refused:
            Store(folder)
        assert str(folder) in str(refused.value)


def test_unknown_feed_has_no_baseline(store: Store) -> None:
    """A feed that was never kept has no baseline, which is not an empty one."""
    assert store.baseline("nobody") is None
