"""Each kind of run, at a hundredth of its scale: whether it measures, not what."""

import os
from pathlib import Path

import pytest

from tests.bench import idle, mrt_elements, pages, scraped
from tests.bench.sample import UnmeasuredError
from tests.bench.zone import server
from tests.servers.process import need


@pytest.fixture(scope="module")
def at():
    """Serve the zone."""
    with server() as endpoint:
        yield endpoint


def test_targets_are_scraped_through_the_exporter(at):
    """Prometheus sees every target well, and the CPU of both processes is counted."""
    sample = scraped.many(at, checks=5, every=1)

    assert sample.cpu > 0
    assert sample.rss > 0


def test_the_agent_and_the_exporter_are_seen_from_outside(at):
    """Both are measured over the same seconds, each by its own clock and memory."""
    sample = idle.idle(at, checks=3, every=1, window=1)
    other = sample.beside[idle.EXPORTER]

    assert sample.cpu > 0
    assert sample.rss != other.rss
    assert sample.seconds == other.seconds


def test_an_emptied_record_is_paged_by_both(at):
    """Each waits at least for its hold, and both page every name."""
    sample = pages.measure(at, emptyings=1, every=1)

    assert [len(one.waits) for one in (sample, sample.beside[pages.THEIRS])] == [1, 1]
    assert min(sample.waits) >= 1


def test_all_readers_of_a_file_count_the_same(at):
    """An element is the same for all: ours, mrtparse's and the lines of bgpdump."""
    if not {"VEDETTE_MRT", "VEDETTE_SHARED"} & os.environ.keys():
        pytest.skip("VEDETTE_SHARED is not set")
    need("bgpdump")
    ours = mrt_elements.ours(at, watched=5, records=300)

    assert ours.operations == mrt_elements.bgpdump(at, records=300).operations > 300


def test_without_a_file_the_row_says_how_to_get_one(monkeypatch):
    """Nobody's MRT file is there by itself: the table names what to do."""
    monkeypatch.delenv("VEDETTE_MRT", raising=False)
    monkeypatch.delenv("VEDETTE_SHARED", raising=False)
    with pytest.raises(UnmeasuredError, match="VEDETTE_MRT=FILE"):
        mrt_elements.recording()
    monkeypatch.setenv("VEDETTE_MRT", "x.mrt")

    assert mrt_elements.recording() == Path("x.mrt")
