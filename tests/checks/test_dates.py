"""Dates of others, in epoch seconds."""

import time

import pytest

from vedette.checks.dates import of_header, of_iso


def test_a_date_without_a_zone_is_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever this host is: RFC 5322 has -0000 for it, and ISO 8601 nothing."""
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "EST+5")
        time.tzset()
        found = of_header("Wed, 21 Oct 2026 07:28:00 -0000"), of_iso("2026-10-21T07:28:00")
    time.tzset()
    assert found == (1792567680.0,) * 2


@pytest.mark.parametrize("text", [None, "", "soon", "Wed, 21 Oct 99999999999 07:28:00 GMT"])
def test_what_is_no_date(text: str | None) -> None:
    """Whatever a server says in a header, it is a date or None."""
    assert of_header(text) is None
