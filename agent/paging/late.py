"""A call for help that is over before its pager takes it: told for the record, to wake nobody.

Rule: pure; no I/O, no clock.
"""

from dataclasses import replace

from vedette.agent.clock import utc
from vedette.agent.diagnoses.names import is_warning
from vedette.exporters.page import Page, Severity


def late(call: Page, over_at: float) -> Page:
    """Return what to say of *call*, which was over at *over_at*, before anybody was told."""
    severity = call.severity if is_warning(call.severity) else Severity.WARNING
    summary = f"over since {utc(over_at)}, told late: {call.summary}"
    return replace(call, severity=severity, summary=summary)
