"""What PagerDuty would show: the events of all agents, merged by dedup key.

Rule: no I/O; times are seconds after the incident's start.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from vedette.exporters.page import Action, Page, Severity


class Headline(NamedTuple):
    """What a page was headed by, from *at* on, and its first line then."""

    diagnosis: str
    subject: str
    at: float
    summary: str


@dataclass(slots=True)
class Shown:
    """One page: its headlines and symptoms, each with when it first showed."""

    key: str
    opened_at: float
    history: list[Headline]
    severity: Severity
    subject: str
    summary: str
    symptoms: dict[str, float] = field(default_factory=dict)
    resolved_at: float | None = None

    @property
    def diagnosis(self) -> str:
        """The last headline."""
        return self.history[-1].diagnosis


class Desk:
    """Takes what reaches the pager; the first resolve closes a page, a later trigger opens anew."""

    def __init__(self) -> None:
        self.pages: list[Shown] = []
        self._open: dict[str, Shown] = {}

    def take(self, page: Page, at: float) -> None:
        """Take one event."""
        shown = self._open.get(page.key)
        head = Headline(page.diagnosis, page.subject, at, page.summary)
        if page.action is Action.RESOLVE:
            if shown is not None:
                shown.resolved_at = at
                del self._open[page.key]
            return
        if shown is None:
            shown = Shown(
                page.key, at, [head], page.severity, page.subject, page.summary,
            )  # fmt: skip
            self.pages.append(shown)
            self._open[page.key] = shown
        if page.diagnosis != shown.diagnosis:
            shown.symptoms.setdefault(shown.diagnosis, shown.history[-1].at)
            shown.history.append(head)
        shown.severity = min(shown.severity, page.severity, key=list(Severity).index)
        shown.subject, shown.summary = page.subject, page.summary

    def attach(self, key: str, diagnosis: str, at: float) -> None:
        """Note that a symptom is seen beside the headline of an open page."""
        shown = self._open.get(key)
        if shown is not None and diagnosis not in {one.diagnosis for one in shown.history}:
            shown.symptoms.setdefault(diagnosis, at)
