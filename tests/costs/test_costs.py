"""Whatever runs often takes no more of Python and of the system than is written down."""

import sys
from collections.abc import Mapping

import pytest

from tests.costs import table as costs
from tests.costs.measured import LOOPS, TRACED, Figures, in_memory, of_system
from tests.costs.table import PYTHON, faults, table
from tests.costs.work import PROBE, WORK
from tests.servers.process import need


@pytest.fixture(scope="module")
def its_python() -> None:
    """Each Python makes other calls of its own: the ceilings are of one."""
    if sys.version_info[:2] != PYTHON:
        pytest.skip(f"the ceilings are of Python {'.'.join(map(str, PYTHON))}")


@pytest.fixture(scope="module")
def figures(its_python: None) -> Figures:
    """What is counted inside the interpreter."""
    need("nginx")
    return in_memory()


@pytest.fixture(scope="module", params=LOOPS)
def called(request: pytest.FixtureRequest, its_python: None) -> tuple[str, Figures]:
    """The system calls on each loop."""
    need("nginx")
    if request.param != "asyncio":
        pytest.importorskip(request.param)
    return request.param, of_system(request.param)


@pytest.mark.parametrize("work", [*WORK, PROBE])
def test_work_keeps_below_its_ceilings(figures: Figures, work: str) -> None:
    """No work calls, reads, judges, writes or keeps more than its ceilings say, nor far less."""
    wrong = [fault for row, figure in figures[work].items() for fault in faults(work, row, figure)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("work", TRACED)
def test_work_makes_the_system_calls_that_are_written_down(
    called: tuple[str, Figures], work: str
) -> None:
    """What does I/O makes exactly the system calls of its row."""
    loop, made = called
    wrong = [*faults(work, loop, made[work])]
    assert not wrong, "\n".join(wrong)


def test_every_row_is_of_some_work() -> None:
    """Nothing is in the table that nobody counts any more."""
    assert table().keys() == {*WORK, PROBE}


ROWS = {"look": {"calls": [100, 103], "messages_read": 0, "asyncio": {"close": 1, "socket": 1}}}


@pytest.mark.parametrize(
    ("row", "figure", "said"),
    [
        ("calls", 103, []),
        ("calls", 104, ["look: calls: 104 is above the ceiling of 103"]),
        ("calls", 90, ["look: calls: 90 is below the ceiling of 103: well done"]),
        ("messages_read", 1, ["look: messages_read: 1 is above the ceiling of 0"]),
        ("asyncio", {"close": 1, "socket": 1}, []),
        (
            "asyncio",
            {"close": 1, "openat": 1},
            [
                "look: asyncio: openat: 1 is above the ceiling of 0",
                "look: asyncio: socket: 0 is below the ceiling of 1: well done",
            ],
        ),
        ("uvloop", {}, ["look: uvloop: ceilings.toml has no such row"]),
    ],
)
def test_a_fault_names_row_figure_and_ceiling(
    monkeypatch: pytest.MonkeyPatch, row: str, figure: int | Mapping[str, int], said: list[str]
) -> None:
    """More than the ceiling is a fault, far less asks for a lower one; both say what to do."""
    monkeypatch.setattr(costs, "table", lambda: ROWS)
    told = [*faults("look", row, figure)]
    assert len(told) == len(said)
    for fault, beginning in zip(told, said, strict=True):
        assert fault.startswith(beginning)
        assert "ceilings.toml" in fault
