"""One subject of a check as the page shows it: what it says now, since when, and its last looks.

Rule: pure; time is passed in.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vedette.agent.memory.ledger import Series
from vedette.checks.bgp.check import FEED
from vedette.checks.finding import Kind, Verdict
from vedette.checks.stopwatch import DISTURBED

SHOWN = 30
"""How many of the last looks a strip has."""
WORST_FIRST = (Verdict.FAILING, Verdict.UNKNOWN, Verdict.OK)

_BAR, _HIGH, _GAP = 4, 20, 2
# Told apart by height before colour: what is well is low, what fails is high, the unknown floats.
_TOP_AND_HEIGHT: Mapping[Verdict, tuple[int, int]] = {
    Verdict.OK: (13, 7),
    Verdict.FAILING: (0, 20),
    Verdict.UNKNOWN: (9, 3),
}


@dataclass(frozen=True, slots=True)
class Strip:
    """The last looks as a drawing; *said* is the same in words, *paths* are SVG's, by verdict."""

    width: int
    height: int
    paths: Mapping[Verdict, str]
    said: str


@dataclass(frozen=True, slots=True)
class Row:
    """What one subject says now; *since* is None before its first look and where it is unknown.

    *at_least* holds where its state is older than the looks that are kept, *is_disturbed* where our
    own host may have had a share in the *seconds*.
    """

    check: str
    kind: Kind
    subject: str
    verdict: Verdict
    since: float | None
    at_least: bool
    seconds: float
    is_disturbed: bool
    saw: str
    strip: Strip


def row(series: Series, now: float) -> Row:
    """Return how *series* stands at *now*."""
    since, at_least = since_when(series, now)
    last = series.last
    return Row(
        check=series.key.check,
        kind=series.key.kind,
        subject=subject(series),
        verdict=series.verdict(now),
        since=since,
        at_least=at_least,
        seconds=last.seconds,
        is_disturbed=DISTURBED in last.finding.facts,
        saw=saw(series, now),
        strip=strip([look.finding.verdict for look in tuple(series.looks)[-SHOWN:]]),
    )


def subject(series: Series) -> str:
    """Return what tells a series from the others of its check: of a prefix, the feed."""
    is_prefix = series.key.kind is Kind.BGP and series.place != FEED
    return series.place if is_prefix else series.subject


def saw(series: Series, now: float) -> str:
    """Return the reason and the sentence of the newest look, or that it is too old."""
    finding = series.last.finding
    text = f"{finding.reason}: {finding.detail}" if finding.reason else finding.detail
    too_old = now > series.fresh_until
    return (
        f"not looked at for {now - series.last.started_at:.0f} s; then: {text}"
        if (too_old)
        else text
    )


def since_when(series: Series, now: float) -> tuple[float | None, bool]:
    """Return when the first look was made that says what the newest says; True: or before."""
    verdict = series.verdict(now)
    if now > series.fresh_until:
        return series.fresh_until, False
    if verdict is Verdict.FAILING and series.failing_since is not None:
        return series.failing_since, False
    since, at_least = None, True
    for look in reversed(series.looks):
        if look.finding.verdict is not verdict:
            at_least = False
            break
        since = look.started_at
    return since, at_least and series.looks.is_full


def strip(verdicts: Sequence[Verdict]) -> Strip:
    """Draw *verdicts*, the newest at the right; there is room for SHOWN."""
    pitch = _BAR + _GAP
    offset = SHOWN - len(verdicts)
    paths: dict[Verdict, str] = {}
    for at, verdict in enumerate(verdicts, offset):
        top, height = _TOP_AND_HEIGHT[verdict]
        bar = f"M{at * pitch} {top}h{_BAR}v{height}h-{_BAR}z"
        paths[verdict] = paths.get(verdict, "") + bar
    return Strip(SHOWN * pitch - _GAP, _HIGH, paths, _said(verdicts))


def _said(verdicts: Sequence[Verdict]) -> str:
    counts = Counter(verdicts)
    parts = [f"{counts[one]} {one}" for one in WORST_FIRST if counts[one]]
    looks = "the last look" if len(verdicts) == 1 else f"the last {len(verdicts)} looks"
    return f"{looks}: {', '.join(parts)}"
