"""How a subject stands: since when, and its last looks as a drawing and in words."""

import pytest

from tests.agent.observations import TIMING, seen, series
from vedette.agent.memory.looks import KEPT
from vedette.agent.status.look import SHOWN, row, since_when, strip
from vedette.checks.finding import Verdict

OK, FAILING, UNKNOWN = Verdict.OK, Verdict.FAILING, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("verdicts", "since"),
    [
        ([OK, FAILING, FAILING], 1.0),
        ([FAILING, OK, OK], 1.0),
        ([FAILING, UNKNOWN, FAILING], 0.0),
        ([OK, UNKNOWN, UNKNOWN], 1.0),
        ([UNKNOWN, OK], 1.0),
    ],
)
def test_since_when(verdicts: list[Verdict], since: float) -> None:
    """A state began with the first look that says so; what fails also through unknown looks."""
    made = series(*(seen(float(at), verdict) for at, verdict in enumerate(verdicts)))

    assert since_when(made, len(verdicts)) == (since, False)


def test_older_than_what_is_kept() -> None:
    """What all kept looks say began with the first of them, or before."""
    made = series(*(seen(float(at)) for at in range(KEPT + 5)))

    assert since_when(made, KEPT + 5.0) == (5.0, True)


def test_too_old_is_unknown_since_then() -> None:
    """A look that is too old says nothing any more, and the row says what it was."""
    made = series(seen(0.0, "nodata", detail="no A record"))
    now = TIMING.fresh_for + 100
    shown = row(made, now)

    assert shown.verdict is UNKNOWN
    assert shown.since == TIMING.fresh_for
    assert shown.saw.endswith("then: nodata: no A record")


def test_a_strip_says_what_it_draws() -> None:
    """The newest stand at the right, each verdict at a height of its own; words say it too."""
    drawn = strip([OK] * 3 + [FAILING] * 2 + [UNKNOWN])

    assert drawn.said == "the last 6 looks: 2 FAILING, 1 UNKNOWN, 3 OK"
    assert [drawn.paths[verdict].count("M") for verdict in (OK, FAILING, UNKNOWN)] == [3, 2, 1]
    assert drawn.paths[UNKNOWN].startswith(f"M{(SHOWN - 1) * 6} ")
    tops = {drawn.paths[one].split("h")[0].split(" ")[1] for one in drawn.paths}
    assert len(tops) == 3
