"""An alarm as the config file gives it: a rule, and how and when it pages."""

from typing import Annotated

from pydantic import Field, PlainValidator

from vedette.agent.composite.missing import Missing
from vedette.agent.composite.parse import parse
from vedette.agent.composite.rule import Rule
from vedette.agent.composite.windows import WindowSettings
from vedette.checks.settings import Duration, Settings
from vedette.exporters.page import Severity


def _rule(value: object) -> Rule:
    if isinstance(value, str):
        return parse(value)
    raise ValueError('a rule is text, such as ALARM("name")')


AlarmName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^\S([^\n]*\S)?$")]


class SuppressorSettings(Settings):
    """An alarm that explains this one: while it is in ALARM, this one keeps quiet.

    It may take *wait* seconds to follow this one into ALARM, and this one *extension* seconds to
    follow it out; both as CloudWatch recommends unless given.
    """

    alarm: Annotated[str, Field(min_length=1)]
    wait: Duration = 60.0
    extension: Duration = 60.0


class AlarmSettings(Settings):
    """An alarm of the user's own; hold and clear of None are those of the defaults.

    It joins the incidents of *service*, or has its own without one. Limits of name and description
    are CloudWatch's.
    """

    name: AlarmName
    description: Annotated[str, Field(max_length=1024)] = ""
    rule: Annotated[Rule, PlainValidator(_rule)]
    severity: Severity = Severity.CRITICAL
    service: str | None = None
    hold: Duration | None = None
    clear: Duration | None = None
    missing: Missing = Missing.MISSING
    suppressor: SuppressorSettings | None = None
    mute: list[WindowSettings] = []
