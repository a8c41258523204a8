"""Pieces of PromQL: selectors with their quoting, and joins that people can read.

Rule: pure. https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

import json
import re
from collections.abc import Iterable

BY = "service, diagnosis, subject"
"""What tells one alarm of a deployment from another."""

TRUE, FALSE = "vector(1)", "vector(0) == 1"
"""A vector with one element, and one with none."""


def quoted(text: str) -> str:
    """Return *text* as a string of PromQL, whose escapes are Go's."""
    return json.dumps(text, ensure_ascii=False)


def selector(metric: str, **labels: str) -> str:
    """Return the selector of the series with exactly these labels; an empty one matches none."""
    matchers = ",".join(f"{name}={quoted(value)}" for name, value in labels.items())
    return f"{metric}{{{matchers}}}"


def among(label: str, values: Iterable[str], *, negated: bool = False) -> str:
    """Return the matcher of a label that has one of *values*, or none of them."""
    distinct = sorted(set(values))
    if len(distinct) == 1:
        return f"{label}{'!=' if negated else '='}{quoted(distinct[0])}"
    pattern = quoted("|".join(map(re.escape, distinct)))
    return f"{label}{'!~' if negated else '=~'}{pattern}"


def also(selected: str, matcher: str) -> str:
    """Return the selector *selected* with one more *matcher*."""
    return f"{selected.removesuffix('}')},{matcher}}}"


def joined(operator: str, parts: Iterable[str]) -> str:
    """Return *parts* with an operator between them, one a line, each in parentheses."""
    return f"\n{operator} ".join(f"({part})" for part in parts)


def duration(seconds: float) -> str:
    """Return *seconds* as Prometheus writes a duration; it knows no fractions."""
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{seconds * 1000:.0f}ms"
