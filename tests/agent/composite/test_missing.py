"""CloudWatch's four ways to treat missing data."""

import pytest

from vedette.agent.alarms.alarm import UNDECIDED, Evidence, State
from vedette.agent.composite.missing import shown, treated
from vedette.checks.settings import Missing


@pytest.mark.parametrize(
    ("missing", "evidence"),
    [
        (Missing.BREACHING, Evidence(True, 5, 9)),
        (Missing.NOT_BREACHING, Evidence(False, 5, 9)),
        (Missing.IGNORE, UNDECIDED),
        (Missing.MISSING, UNDECIDED),
    ],
)
def test_undecided(missing: Missing, evidence: Evidence) -> None:
    """An undecided rule counts as true or false only where the alarm says so, since it was that."""
    assert treated(UNDECIDED, missing, undecided_since=5, now=9) == evidence


@pytest.mark.parametrize("missing", Missing)
@pytest.mark.parametrize("evidence", [Evidence(True, 1, 2), Evidence(False, 1, 2)])
def test_decided(missing: Missing, evidence: Evidence) -> None:
    """What is decided is treated as nothing else, and is shown as the alarm has it."""
    assert treated(evidence, missing, undecided_since=5, now=9) == evidence
    assert shown(State.ALARM, evidence, missing) is State.ALARM


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("missing", Missing)
def test_shown(state: State, missing: Missing) -> None:
    """Only `missing` shows that nothing is seen; all others show what the alarm remembers."""
    expected = State.INSUFFICIENT_DATA if missing is Missing.MISSING else state

    assert shown(state, UNDECIDED, missing) is expected
