"""What ended before anybody could be told: told once, for the record, and nobody is woken."""

import pytest

from tests.agent.paging.desk import DELIVERED, RESOLVE, RETRY, TRIGGER, Receiver, lives, page
from vedette.agent.paging.late import late
from vedette.exporters.page import Severity

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING

pytestmark = pytest.mark.usefixtures("quiet")


def test_what_is_over_before_its_pager_is_back_wakes_nobody() -> None:
    """After hours without a pager, what ended goes out as a warning, and what burns as it is."""
    pager = Receiver(lambda *_: DELIVERED if pager.asked[-1][0] >= 9000 else RETRY)
    plot = [
        (0.0, page("over", "record_emptied: x", severity=CRITICAL)),
        (60.0, page("burns", "service_down: y", severity=CRITICAL)),
        (3600.0, page("over", "resolved", RESOLVE, severity=CRITICAL)),
    ]
    lives([pager], plot, 10_000.0)
    told = [(one.key, one.severity, one.summary) for at, one in pager.asked if at >= 9000]

    assert sorted(told) == [
        ("burns", CRITICAL, "service_down: y"),
        ("over", CRITICAL, "resolved"),
        ("over", WARNING, "over since 1970-01-01 01:00:00 UTC, told late: record_emptied: x"),
    ]


def test_what_has_begun_again_calls_as_it_is() -> None:
    """Behind a fault that is over, the next one that burns is no warning."""
    pager = Receiver(lambda *_: DELIVERED if pager.asked[-1][0] >= 900 else RETRY)
    acts = [(0.0, TRIGGER), (300.0, RESOLVE), (600.0, TRIGGER)]
    lives([pager], [(at, page("k", "", act, severity=CRITICAL)) for at, act in acts], 2000.0)
    told = [(one.action, one.severity) for at, one in pager.asked if at >= 900]

    assert told == [(TRIGGER, WARNING), (RESOLVE, CRITICAL), (TRIGGER, CRITICAL)]


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.INFO])
def test_what_wakes_nobody_keeps_its_severity(severity: Severity) -> None:
    """What is late is graver than it was in no case."""
    assert late(page(severity=severity), 0.0).severity is severity
