"""An alarm as the config file gives it: a rule, and how and when it pages."""

from typing import Annotated

from pydantic import Field, PlainValidator

from vedette.agent.composite.rule import Rule
from vedette.agent.composite.windows import WindowSettings
from vedette.checks.settings import Duration, Link, Missing, Settings
from vedette.exporters.page import Severity


def _rule(value: object) -> Rule:
    if isinstance(value, str):
        from vedette.agent.composite.parse import parse  # noqa: PLC0415 - 2 MB without any rule

        return parse(value)
    raise ValueError('a rule is text, such as ALARM("name")')


AlarmName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^\S([^\n]*\S)?$")]


class SuppressorSettings(Settings):
    """An alarm that explains this one: while it is in ALARM, this one keeps quiet.

    It may take *wait* seconds to follow this one into ALARM, and this one *extension* seconds to
    follow it out; both as CloudWatch recommends unless given.
    """

    alarm: Annotated[str, Field(min_length=1)]
    """The alarm, by its name."""
    wait: Duration = 60.0
    """How long it may take to follow this one into ALARM."""
    extension: Duration = 60.0
    """How long this one may take to follow it out."""


class AlarmSettings(Settings):
    """An alarm of the user's own; *hold* and *clear* are those of the defaults unless given.

    It joins the incidents of *service*, or has its own without one. Limits of name and description
    are CloudWatch's.
    """

    name: AlarmName
    """Of the alarm; other rules name it so."""
    description: Annotated[str, Field(max_length=1024)] = ""
    """What a person needs to know; it stands on the page."""
    runbook: Link | None = None
    """What to do then: its page leads there, instead of to that of its service."""
    rule: Annotated[Rule, PlainValidator(_rule)]
    """The rule, in CloudWatch's grammar."""
    severity: Severity = Severity.CRITICAL
    """Of its page."""
    service: str | None = None
    """The service whose incidents it joins."""
    hold: Duration | None = None
    """How long the rule must hold."""
    clear: Duration | None = None
    """How long it must not, to end it."""
    missing: Missing = Missing.MISSING
    """What is made of INSUFFICIENT_DATA."""
    suppressor: SuppressorSettings | None = None
    """An alarm that explains this one."""
    mute: list[WindowSettings] = []
    """Windows in which it opens no page."""
