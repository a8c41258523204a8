"""What the config may say of an alarm."""

import pytest
from pydantic import ValidationError

from vedette.agent.composite.parse import parse
from vedette.agent.composite.settings import AlarmSettings
from vedette.checks.settings import Missing
from vedette.exporters.page import Severity


def test_least() -> None:
    """An alarm needs a name and a rule; the rest is CloudWatch's, or inherited."""
    alarm = AlarmSettings.model_validate({"name": "web", "rule": "ALARM(a)"})

    assert alarm.rule == parse("ALARM(a)")
    assert (alarm.severity, alarm.missing) == (Severity.CRITICAL, Missing.MISSING)
    assert (alarm.hold, alarm.clear, alarm.suppressor, alarm.mute) == (None, None, None, [])


def test_most() -> None:
    """Every key is read as it is documented."""
    alarm = AlarmSettings.model_validate(
        {
            "name": "web at risk",
            "description": "Two of three edges fail.",
            "rule": "AT_LEAST(2, ALARM, (a, b, c))",
            "severity": "warning",
            "service": "shop",
            "hold": "15s",
            "clear": "10m",
            "missing": "notBreaching",
            "suppressor": {"alarm": "uplink", "wait": "2m", "extension": 0},
            "mute": [{"cron": "0 2 * * 0", "duration": "4h", "timezone": "Europe/Berlin"}],
        }
    )

    assert (alarm.hold, alarm.clear, alarm.service) == (15, 600, "shop")
    assert (alarm.missing, alarm.severity) == (Missing.NOT_BREACHING, Severity.WARNING)
    assert alarm.suppressor is not None
    assert (alarm.suppressor.wait, alarm.suppressor.extension) == (120, 0)
    assert [(one.duration, one.timezone) for one in alarm.mute] == [(14_400, "Europe/Berlin")]


@pytest.mark.parametrize(
    ("settings", "place", "message"),
    [
        (
            {"rule": "ALARMS(a)"},
            ("rule",),
            "Value error, column 1: there is no function ALARMS: did you mean ALARM?",
        ),
        ({"rule": ["TRUE"]}, ("rule",), 'Value error, a rule is text, such as ALARM("name")'),
        ({"rule": None}, ("rule",), 'Value error, a rule is text, such as ALARM("name")'),
        ({"name": ""}, ("name",), None),
        ({"name": "x" * 256}, ("name",), None),
        ({"name": " x"}, ("name",), None),
        ({"name": "x\n"}, ("name",), None),
        ({"name": "x\ny"}, ("name",), None),
        ({"description": "x" * 1025}, ("description",), None),
        ({"missing": "notbreaching"}, ("missing",), None),
        ({"suppressor": {"wait": 5}}, ("suppressor", "alarm"), "Field required"),
        ({"suppressor": {"alarm": "x", "wait": -5}}, ("suppressor", "wait"), None),
        ({"mute": [{"cron": "0 2 * * *"}]}, ("mute", 0, "duration"), "Field required"),
        ({"mute": [{"cron": "0 2 * * *", "duration": 1}]}, ("mute", 0, "duration"), None),
        ({"maintenance": []}, ("maintenance",), None),
    ],
)
def test_refused(
    settings: dict[str, object], place: tuple[str | int, ...], message: str | None
) -> None:
    """What an alarm cannot be is refused under its key."""
    with pytest.raises(ValidationError) as caught:
        AlarmSettings.model_validate({"name": "web", "rule": "TRUE"} | settings)

    (error,) = caught.value.errors()
    assert error["loc"] == place
    assert message is None or error["msg"] == message


@pytest.mark.parametrize("name", ["x", "x" * 255, "prod/web 1", 'a "b"', "ü"])
def test_names(name: str) -> None:
    """A name has 1 to 255 characters, in one line, with none but letters and signs at its ends."""
    assert AlarmSettings.model_validate({"name": name, "rule": "TRUE"}).name == name
