"""The ceilings, as a table that people read and `python -m tests.costs --write` writes."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.costs.measured import LOOPS, Figures, in_memory, of_system
from tests.costs.meter import LEAST

FILE = Path(__file__).with_name("ceilings.toml")
PYTHON = (3, 11)
"""Whose ceilings these are, as their file says."""
HEAD = """\
# What an operation of each work takes (python -m tests.costs), and the most that it may take.
# A plain number, and each system call, is exact: more fails, and fewer asks to be written down.
# Of a pair, the second is the ceiling. Whoever makes something cheaper lowers it, whoever has a
# good reason raises it and tells the reason with the change: python -m tests.costs --write.
# Each figure is of 11 operations, with Python 3.11 and tests/requirements.lock.
"""
ROOM = 1.05
"""A ceiling is this much above its figure: a patch release of a library may add a call."""
LOOSE = 0.9
"""A figure below this share of its ceiling asks for a lower one."""
Row = int | list[int]
Table = Mapping[str, Mapping[str, Row | Mapping[str, int]]]


def table() -> Table:
    """Return the ceilings by work and row; system calls are rows named after the loop."""
    read: Table = tomllib.loads(FILE.read_text())
    return read


def faults(work: str, row: str, figure: int | Mapping[str, int]) -> Iterator[str]:
    """Yield what is wrong with a *figure* of *work*, in a sentence each that says the remedy."""
    known = table().get(work, {}).get(row)
    if known is None:
        yield f"{work}: {row}: {FILE.name} has no such row: python -m tests.costs --write"
    elif isinstance(figure, Mapping):
        assert isinstance(known, Mapping)
        for name in sorted(figure.keys() | known.keys()):
            called = f"{work}: {row}: {name}"
            yield from _compared(called, figure.get(name, 0), known.get(name, 0))
    else:
        assert not isinstance(known, Mapping)
        yield from _compared(f"{work}: {row}", figure, known)


def _compared(called: str, figure: int, row: Row) -> Iterator[str]:
    ceiling, exact = (row, True) if isinstance(row, int) else (row[1], False)
    if figure > ceiling:
        yield (
            f"{called}: {figure} is above the ceiling of {ceiling}: find what was added, or "
            f"raise the row in {FILE.name} (python -m tests.costs --write) and tell what it is for"
        )
    elif figure < (ceiling if exact else LOOSE * ceiling):
        yield (
            f"{called}: {figure} is below the ceiling of {ceiling}: well done; lower the row in "
            f"{FILE.name} (python -m tests.costs --write), so that it stays so"
        )


def measured() -> Mapping[str, Mapping[str, int | Mapping[str, int]]]:
    """Return all figures, by work and row."""
    figures: dict[str, dict[str, int | Mapping[str, int]]] = {
        work: dict(rows) for work, rows in in_memory().items()
    }
    for loop in LOOPS:
        for work, calls in of_system(loop).items():
            figures[work][loop] = calls
    return figures


def written(figures: Figures | Table) -> str:
    """Return the file's text with ceilings for *figures*."""
    lines = [HEAD]
    for work, rows in figures.items():
        lines.append(f"\n[{json.dumps(work)}]\n")
        for row, figure in rows.items():
            lines.append(f"{row} = {_value(row, figure)}\n")
    return "".join(lines)


def _value(row: str, figure: object) -> str:
    if isinstance(figure, Mapping):
        return f"{{{', '.join(f'{name} = {number}' for name, number in figure.items())}}}"
    assert isinstance(figure, int)
    return f"[{figure}, {int(figure * ROOM)}]" if row in LEAST else str(figure)
