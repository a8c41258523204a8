"""What an alarm does while its rule is undecided: CloudWatch's four ways to treat missing data.

Rule: pure; time is passed in.
"""

from vedette.agent.alarms.alarm import Evidence, State
from vedette.checks.settings import Missing


def treated(
    evidence: Evidence, missing: Missing, *, undecided_since: float, now: float
) -> Evidence:
    """Return what undecided *evidence* is taken for; times in epoch seconds."""
    if evidence.holds is None and missing in (Missing.BREACHING, Missing.NOT_BREACHING):
        return Evidence(missing is Missing.BREACHING, undecided_since, max(undecided_since, now))
    return evidence


def shown(state: State, evidence: Evidence, missing: Missing) -> State:
    """Return the state that people and other rules see of an alarm that remembers *state*.

    Pages follow what it remembers: that nobody can see is no reason to open or to resolve one.
    """
    if evidence.holds is None and missing is Missing.MISSING:
        return State.INSUFFICIENT_DATA
    return state
