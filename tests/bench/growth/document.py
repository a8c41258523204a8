"""docs/growth.md: what was measured, as plots and as a table."""

from collections.abc import Iterator, Mapping, Sequence

from tests.bench.growth.curve import GROWS, Curve, Line
from tests.bench.growth.drawing import shown

TIMES = "\N{MULTIPLICATION SIGN}"

Measured = Mapping[Curve, Sequence[Line]]

_HEAD = f"""\
# Growth

What does ten times the work cost? Ten times as much, and no more: each figure below is the cost of
*one* check, rule, series or page while there are one, ten and a hundred times as many of them. A
line that is flat or falls is good. What compares all with all would follow the dotted line.

`make growth` measures each point in a process of its own, draws this page, and exits with 1 where a
figure at its largest size is more than {GROWS:g} times the cheapest: larger lists fit no cache of
the processor, and are sorted. `make test` holds the same by counts of calls, which no neighbour
changes (`tests/bench/test_growth.py`). A figure with a limit is of all of them together, and stands
in the table only.
"""


def text(made: Measured, machine: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield _HEAD
    yield f"Measured on {machine['processor']}, Python {machine['python']}, load {machine['load']}."
    for curve, lines in made.items():
        yield f"\n## {curve.title}\n"
        if any(line.figure.most is None for line in lines):
            yield f"![{curve.title}: cost of one, by {curve.of}](growth/{curve.name}.svg)\n"
        yield f"| {curve.of} | {' | '.join(f'{size:,}' for size in curve.sizes)} | |"
        yield f"|---|{'---|' * (len(curve.sizes) + 1)}"
        yield from map(_row, lines)


def _row(line: Line) -> str:
    figure = line.figure
    costs = " | ".join(shown(line.costs[size]) for size in sorted(line.costs))
    if figure.most is None:
        end = f"{TIMES} {line.growth:.2f}" if line.holds else f"**{TIMES} {line.growth:.2f}**"
    else:
        end = f"at most {figure.most:g}" if line.holds else f"**more than {figure.most:g}**"
    return f"| {figure.text}, {figure.unit} | {costs} | {end} |"
