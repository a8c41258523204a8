"""When a check fails, as rules that name it mean it."""

from collections.abc import Sequence

import pytest

from tests.agent.diagnoses.test_http import KEY, OK, by_name, edges, ledger
from tests.agent.observations import alone
from vedette.agent.composite.leaves import judge_of
from vedette.checks.finding import Observation
from vedette.checks.http.reason import Reason

LEFT = edges(Reason.TIMEOUT, Reason.TIMEOUT, remembered=True)
PINNED = edges(OK)[:1]


@pytest.mark.parametrize(
    ("looks", "fails"),
    [
        ([by_name(OK), *LEFT], False),
        ([by_name(Reason.TIMEOUT), *LEFT], True),
        ([by_name(OK), *edges(Reason.TIMEOUT, Reason.TIMEOUT)], True),
        ([*PINNED, *LEFT[1:]], False),
        (LEFT, True),
    ],
    ids=["left", "down", "in use", "beside one in use", "nothing else"],
)
def test_addresses_that_are_only_remembered_fail_nothing(
    looks: Sequence[Observation], fails: bool
) -> None:
    """A page may have left them on purpose: they count where nothing else is looked at."""
    fleet = alone(ledger(looks), 0)

    assert judge_of(KEY, "timeout")(fleet).holds is fails
    assert judge_of(KEY)(fleet).holds is (fails and looks[0].finding.verdict is not OK)
