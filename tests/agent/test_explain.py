"""A look drawn for a person."""

import pytest

from tests.agent.observations import seen
from vedette.agent.cli.explain import explain


def test_a_server_tells_the_terminal_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """What a server said is shown, and what would move or colour the terminal is not sent."""
    detail = "answered 302 to /\x1b[31mé"
    explain([seen(0.0, "status", detail=detail, certificate_subject="CN=a\x9b2J")])

    shown = capsys.readouterr().out
    assert "answered 302 to /\N{REPLACEMENT CHARACTER}[31mé" in shown
    assert "CN=a\N{REPLACEMENT CHARACTER}2J" in shown
    assert "\x1b" not in shown


def test_what_begins_and_ends_is_shown_as_a_date(capsys: pytest.CaptureFixture[str]) -> None:
    """A certificate's times are dates, of one and of each of a chain."""
    facts = {"chain_not_after": 86400.0, "certificates_not_before": {"CN=a": 0.0}}
    explain([seen(0.0, **facts)])

    shown = capsys.readouterr().out
    assert "1970-01-02 00:00:00 UTC" in shown
    assert "CN=a: 1970-01-01 00:00:00 UTC" in shown
