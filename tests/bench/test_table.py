"""The table of `make bench`: what it says of samples, limits and those that are missing."""

import json
import os
import subprocess
import sys

import pytest

from tests.bench.__main__ import chosen_by, measure
from tests.bench.benchmarks import BENCHMARKS, PEERS, Benchmark, Promise
from tests.bench.figures import CORE, COST, LATE_MAX, MEMORY, PER_CORE, WAIT_MEDIAN, WAIT_WORST
from tests.bench.sample import Sample, UnmeasuredError
from tests.bench.spent import cpu_of, run
from tests.bench.table import Result, document, lines, table
from vedette.checks.net import Endpoint

AT = Endpoint("127.0.0.1", 53)


def sample(**more):
    """Return what took 2 CPU seconds of 10 for 1,000 operations."""
    return Sample(**{"operations": 1000, "cpu": 2.0, "seconds": 10.0, **more})


def results(promise, *samples, peers=(), missing="", **others):
    """Return the results of one benchmark, and of *others*, its peers."""
    wanted = Benchmark("ours", lambda _: sample(), (promise,), tuple(peers))
    made = {"ours": Result(wanted, samples, missing)}
    for name, runs in others.items():
        made[name] = Result(Benchmark(name, lambda _: sample()), runs)
    return made


@pytest.mark.parametrize(
    ("figure", "value", "limit", "held"),
    [
        (COST, 2.0, 2.0, True),
        (COST, 2.0, 1.9, False),
        (CORE, 20.0, 25, True),
        (PER_CORE, 500.0, 501, False),
        (PER_CORE, 500.0, 500, True),
        (MEMORY, 60.0, 59.0, False),
        (LATE_MAX, 12.0, 10, False),
    ],
    ids=lambda value: getattr(value, "unit", value),
)
def test_each_figure_has_its_unit_and_its_side_of_the_limit(figure, value, limit, held):
    """A cost must not exceed its limit, a rate must reach it, and both are judged as shown."""
    one = sample(rss=60_000_000, late_max=0.012)
    [line] = table(results(Promise(figure, limit), one))

    assert (line.ours, line.held) == (pytest.approx(value), held)
    assert figure.unit in "\n".join(lines(results(Promise(figure, limit), one)))


def test_the_median_of_the_runs_counts_and_of_waits_all():
    """A figure is the median of its runs; waits are those of all runs together."""
    runs = [sample(cpu=cpu, waits=waits) for cpu, waits in [(1, [1, 2]), (9, [3]), (2, [8, 9])]]
    figures = COST.of(runs), WAIT_MEDIAN.of(runs), WAIT_WORST.of(runs)

    assert figures == (2, 3, 9)


def test_a_limit_may_be_a_share_of_the_peers():
    """What is promised as a share holds by what the peer gave, in the same runs where it was."""
    promise = Promise(WAIT_MEDIAN, of_peer=0.75)
    for wait, held in ((7.5, True), (7.6, False)):
        one = sample(waits=[wait], beside={"peer": sample(waits=[10])})
        [line] = table(results(promise, one, peers=["peer"]))
        assert (line.limit, line.held, line.peers) == (7.5, held, {"peer": 10})


def test_a_share_of_a_missing_peer_does_not_hold():
    """Nobody can say that a promise holds whose measure is missing."""
    [line] = table(results(Promise(COST, of_peer=0.5), sample(), peers=["peer"]))

    assert not line.held
    assert "what the peer allows" in line.broken


def test_every_peer_has_a_row_with_its_ratio():
    """The first peer stands in the row, the next below it, and a missing one is named."""
    made = results(
        Promise(COST, 3), sample(), peers=["one", "two", "three"],
        one=[sample(cpu=4.0)], two=[sample(cpu=0.5)],
    )  # fmt: skip
    _, *rows = lines(made)

    assert [row.split() for row in rows] == [
        ["ours", "CPU", "s", "per", "1,000", "2.0000", "3.0000", "yes",
         "4.0000", "0.5", "one", "100"],
        ["0.5000", "4", "two"],
        ["missing", "three"],
    ]  # fmt: skip


def test_what_is_missing_is_named_and_breaks_its_promise():
    """A benchmark that cannot run says why, and what it promises does not hold."""

    def fails(_):
        raise UnmeasuredError("wrk is not installed")

    wanted = Benchmark("ours", fails, (Promise(COST, 1), Promise(MEMORY)))
    made = measure([wanted], 3, AT)
    promised, shown = table(made)

    assert (promised.held, shown.held) == (False, True)
    assert list(lines(made))[-1] == "\nnot measured: ours: wrk is not installed"
    assert document(made)["ours"]["missing"] == "wrk is not installed"


def test_the_document_keeps_every_run_and_figure():
    """results.json has every run, and of every promise the figure, its limit and its peers."""
    made = results(Promise(CORE, 25), sample(), sample(), peers=["one"], one=[sample(cpu=1.0)])
    kept = json.loads(json.dumps(document(made)))

    assert kept["ours"]["figures"] == [
        {
            "unit": "% of a core", "ours": 20, "limit": 25, "held": True,
            "beside": {"one": 10}, "per_second": 100,
        }
    ]  # fmt: skip
    assert [len(kept[name]["runs"]) for name in ("ours", "one")] == [2, 1]


def test_every_peer_that_is_named_is_measured():
    """Whom a benchmark names is a peer with runs of its own, or runs beside it under that name."""
    beside = {"prometheus_client", "blackbox_exporter, idle"}
    beside.add("blackbox_exporter + Prometheus + Alertmanager")
    named = {peer for one in BENCHMARKS for peer in one.peers}

    assert named == {peer.name for peer in PEERS} | beside
    assert len({one.name for one in (*BENCHMARKS, *PEERS)}) == len(BENCHMARKS) + len(PEERS)


def test_a_word_chooses_with_or_without_peers():
    """`--only` brings those along that the chosen are compared with, `--alone` does not."""
    both, alone = ([b.name for b in chosen_by("MRT el", alone=a)] for a in (False, True))

    assert both == ["MRT elements, 500 watched prefixes", "mrtparse", "bgpdump -m"]
    assert alone == both[:1]


def test_the_cpu_of_another_process_is_counted():
    """What a running process takes is seen from outside, and what an ended one took is too."""
    work = "import time\nwhile time.process_time() < 0.2: pass\n"
    busy = subprocess.Popen([sys.executable, "-c", work + "print(flush=True); input()"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    with busy:
        busy.stdout.readline()
        assert 0.2 <= cpu_of(busy.pid) < 5
        busy.communicate(b"\n")

    assert 0.2 <= run([sys.executable, "-c", work]).cpu < 5
    assert cpu_of(os.getpid()) > 0
