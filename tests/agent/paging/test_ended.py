"""What the log says of a page's end at a pager: as loud as it matters that nobody may have it."""

import logging

import pytest

from tests.agent.paging.desk import page
from vedette.agent.memory.pages import Row
from vedette.agent.paging.ended import Ended, tell
from vedette.exporters.page import ACCEPTED, Delivery, Outcome


@pytest.mark.parametrize(
    ("outcome", "detail", "level", "says"),
    [
        (Outcome.REJECTED, "404 gone", logging.ERROR, "page k refused by pd: 404 gone"),
        (Outcome.SUPERSEDED, "over", logging.INFO, "trigger of k is not sent to pd: over"),
        (Outcome.DELIVERED, ACCEPTED, logging.INFO, "trigger of k accepted by pd"),
        (Outcome.DELIVERED, "", logging.INFO, "trigger of k accepted by pd"),
        (Outcome.DELIVERED, "by 1 of 2", logging.WARNING, "trigger of k given to pd: by 1 of 2"),
    ],
)
def test_the_log_says_who_has_a_page(
    caplog: pytest.LogCaptureFixture, outcome: Outcome, detail: str, level: int, says: str
) -> None:
    """One line for each end, with what the pager said where there is more to it than a yes."""
    caplog.set_level(logging.INFO)
    tell(Ended(Row(1, "pd", page(), 0.0), 1.0, Delivery(outcome=outcome, detail=detail)))

    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [(level, says)]
