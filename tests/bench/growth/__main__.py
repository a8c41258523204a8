"""Measures every curve at all of its sizes, prints them, keeps them, and draws them for docs/.

Exits with 1 where something grows faster than its work.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.bench import machine
from tests.bench.growth import document, drawing
from tests.bench.growth.curve import Costs, Curve, Line
from tests.bench.growth.curves import CURVES

RESULTS = Path(__file__).with_name("growth.json")
DOCS = Path(__file__).parents[3] / "docs"

Measured = dict[str, dict[int, Costs]]


def point(curve: Curve, size: int) -> Costs:
    """Measure one size in a process of its own; exit with a sentence where that fails."""
    command = [sys.executable, "-m", "tests.bench.growth.point", curve.name, str(size)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=curve.seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(
            f"no figure of {curve.name} at {size:,}: it did not end within {curve.seconds:g} s"
        ) from None
    if done.returncode:
        said = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise SystemExit(f"no figure of {curve.name} at {size:,}: {said}")
    costs: Costs = json.loads(done.stdout.splitlines()[-1])
    return costs


def measure(curves: Iterable[Curve]) -> Measured:
    """Measure *curves*, the sizes of each one after the other."""
    measured: Measured = {}
    for curve in curves:
        measured[curve.name] = {}
        for size in curve.sizes:
            print(f"{curve.title}: {size:,} {curve.of}", file=sys.stderr)
            measured[curve.name][size] = point(curve, size)
    return measured


def lines_of(curve: Curve, costs: dict[int, Costs]) -> Sequence[Line]:
    """Return the figures of *curve*, each with its costs by size."""
    return [
        Line(figure, {size: one[figure.name] for size, one in costs.items()})
        for figure in curve.figures
    ]


def known() -> Measured:
    """Return what was measured before."""
    if not RESULTS.exists():
        return {}
    kept = json.loads(RESULTS.read_text())["curves"]
    return {name: {int(size): one for size, one in of.items()} for name, of in kept.items()}


def main() -> int:
    """Measure, print, keep and draw; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD", help="curves with WORD in the name")
    parser.add_argument("--draw", action="store_true", help="draw what was measured before")
    options = parser.parse_args()
    about = machine.described()
    if machine.busy() and not options.draw:
        print(f"the machine is busy (load {about['load']}): costs come out too high")
    chosen = [one for one in CURVES if options.only in one.name]
    if not options.draw:
        _keep(about, known() | measure(chosen))
    measured = known()
    made = {c: lines_of(c, measured[c.name]) for c in CURVES if c.name in measured}
    _write(made, json.loads(RESULTS.read_text())["machine"])
    broken = [told for c in chosen if c in made for told in _told(c, made[c])]
    for sentence in broken:
        print(f"\ngrows faster than its work: {sentence}")
    return 1 if broken else 0


def _keep(about: Mapping[str, str], measured: Measured) -> None:
    curves = {one.name: measured[one.name] for one in CURVES if one.name in measured}
    kept = {"machine": about, "curves": curves}
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


def _write(made: Mapping[Curve, Sequence[Line]], about: Mapping[str, str]) -> None:
    """Draw every curve for docs/, and write the page."""
    plots = DOCS / "growth"
    plots.mkdir(exist_ok=True)
    for curve, lines in made.items():
        if any(line.figure.most is None for line in lines):
            drawing.draw(curve, lines, plots / f"{curve.name}.svg")
    (DOCS / "growth.md").write_text("\n".join(document.text(made, about)) + "\n")


def _told(curve: Curve, lines: Sequence[Line]) -> Iterable[str]:
    """Print a curve, and yield what of it does not hold."""
    print(f"\n{curve.title}, by {curve.of}")
    for line in lines:
        costs = "  ".join(f"{size:,}: {cost:.3g}" for size, cost in line.costs.items())
        figure = line.figure
        print(f"  {figure.text}, {figure.unit}: {costs}  (x {line.growth:.2f})")
        if not line.holds:
            yield f"{curve.title}, {figure.text}"


if __name__ == "__main__":
    sys.exit(main())
