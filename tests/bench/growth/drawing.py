"""Curves as SVG: cost of a unit of work over the amount of it, both axes logarithmic.

The same figures make the same octets. Colours are read on white and on dark pages alike.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from tests.bench.growth.curve import Curve, Line

_GREY = "#808080"
_COLOURS = ("#4078c8", "#d9822b", "#2f9e6e", "#b8609e", "#8a7a2f", "#6f6fd0")
"""About as far from white as from black."""
_MARKS = "osD^vP"
_STYLE = {
    "svg.hashsalt": "vedette",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": _GREY,
    "axes.labelcolor": _GREY,
    "axes.edgecolor": _GREY,
    "xtick.color": _GREY,
    "ytick.color": _GREY,
    "grid.color": _GREY,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def draw(curve: Curve, lines: Sequence[Line], path: Path) -> None:
    """Draw what of *curve* is a cost of a unit of work, each figure by what it is at first."""
    growing = [line for line in lines if line.figure.most is None]
    with mpl.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
        for line, colour, mark in zip(growing, _COLOURS, _MARKS, strict=False):
            sizes = sorted(line.costs)
            first = line.costs[sizes[0]]
            costs = [line.costs[size] / first for size in sizes]
            axes.plot(sizes, costs, color=colour, marker=mark, label=_said(line, first))
        _arrange(axes, curve)
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
        plt.close(figure)


def _said(line: Line, first: float) -> str:
    return f"{line.figure.text} (at first {shown(first)} {line.figure.unit})"


def shown(cost: float) -> str:
    """Return a cost with three digits that count."""
    return f"{cost:,.0f}" if cost >= 100 else f"{cost:#.3g}"


def _arrange(axes: Axes, curve: Curve) -> None:
    first, last = curve.sizes[0], curve.sizes[-1]
    axes.set_xscale("log")
    axes.set_yscale("log")
    # What compares all with all would go along this line.
    axes.plot([first, last], [1, last / first], color=_GREY, linestyle=":", linewidth=1)
    axes.text(first * 20, 13, "if all were compared with all", color=_GREY, fontsize=9, va="center")
    axes.set_ylim(min(0.3, axes.get_ylim()[0]), 20)
    axes.set_xticks(list(curve.sizes))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda times, _: f"\N{MULTIPLICATION SIGN} {times:g}")
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel(curve.of)
    axes.set_ylabel("cost of one")
    axes.grid(visible=True, which="major")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=10)
