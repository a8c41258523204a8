"""The pages of drills: one that means nothing goes to every pager, and is known by what they say.

It goes through the outbox like any page, whatever routes and windows of maintenance say. Where one
pager does not accept it in time, a page of its own is raised through what is left, until a later
drill comes through.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from vedette.agent.alarms.incidents import dedup_key
from vedette.agent.clock import utc
from vedette.agent.config.drill import DrillSettings
from vedette.agent.paging.drill import AGAIN_AFTER, Drill, Heard, Phase, begun_again, planned, step
from vedette.agent.paging.ended import Ended
from vedette.exporters.metrics import Family, Labels, gauge
from vedette.exporters.page import Action, Page, Severity

DIAGNOSIS = "page_drill"


class Drills:
    """The drills of one agent: steps them, and writes their pages."""

    def __init__(
        self,
        settings: DrillSettings | None,
        *,
        deployment: str,
        agent: str,
        pagers: Sequence[str],
        remembered: Drill | None,
        now: float,
    ) -> None:
        """Take up where *remembered* stopped; what was missed meanwhile is one drill."""
        self._settings, self._agent, self.pagers = settings, agent, pagers
        self._key = dedup_key(deployment, "drill", agent)
        self._alarm_key = dedup_key(deployment, agent, DIAGNOSIS)
        former = begun_again(remembered) if remembered else Drill(began_at=now, calendar="")
        self.drill = planned(former, settings, now)
        self._is_new = self.drill != former

    @property
    def open(self) -> Collection[str]:
        """The keys of its pages that have not ended."""
        under_way = [self._key] if self.drill.phase is not Phase.OVER else []
        return [*under_way, *([self._alarm_key] if self.drill.paged else [])]

    def step(self, ended: Sequence[Ended], now: float) -> tuple[Sequence[Page], Drill | None]:
        """Return the pages to send to all pagers, and the drill where it must be kept with them."""
        if self._settings is None:
            return self._ended(now)
        before = self.drill
        heard = [
            Heard(one.row.pager, one.row.page.action, one.at, one.delivery)
            for one in ended
            if one.row.page.key == self._key
        ]
        self.drill, action = step(before, self._settings, self.pagers, heard, now)
        pages = [] if action is None else [self._page(action, now)]
        if before.phase is not Phase.OVER and self.drill.phase is Phase.OVER:
            pages += self._outcome(now)
        kept = self.drill != before or self._is_new
        self._is_new = False
        return pages, self.drill if kept else None

    def _ended(self, now: float) -> tuple[Sequence[Page], Drill | None]:
        """End what stands of drills, where the config has none any longer."""
        before, was_under_way = self.drill, self.drill.began_at == float("-inf")
        is_new, self._is_new = self._is_new, False
        if not was_under_way and not before.paged:
            return [], before if is_new else None
        self.drill = Drill(began_at=now, succeeded=before.succeeded, calendar=before.calendar)
        ends = [self._page(Action.RESOLVE, now)] if was_under_way else []
        if before.paged:
            ends.append(self._alarm(Action.RESOLVE, now, "is no longer in the config"))
        return ends, self.drill

    def _outcome(self, now: float) -> Sequence[Page]:
        """Return what is told of a drill that is over: that it failed, or no longer does."""
        if self.drill.failed:
            self.drill = replace(self.drill, paged=True)
            return [self._alarm(Action.TRIGGER, now)]
        if self.drill.paged:
            self.drill = replace(self.drill, paged=False)
            return [self._alarm(Action.RESOLVE, now)]
        return []

    def _page(self, action: Action, now: float) -> Page:
        return Page(
            key=self._key,
            action=action,
            severity=Severity.INFO,
            summary=f"page drill of {self._agent}: nothing is wrong, and nobody need do anything",
            service=self._agent,
            diagnosis=DIAGNOSIS,
            subject=self._agent,
            source=self._agent,
            began_at=now,
            details={
                "diagnosis": DIAGNOSIS,
                "note": "This page proves that pages arrive. It resolves by itself.",
            },
        )

    def _alarm(self, action: Action, now: float, end: str = "has come through") -> Page:
        who = ", ".join(sorted(self.drill.failed))
        failed = f"{DIAGNOSIS}: the drill of {self._agent} did not come through: {who}"
        resolved = f"resolved: {DIAGNOSIS}: the drill of {self._agent} {end}"
        return Page(
            key=self._alarm_key,
            action=action,
            severity=Severity.ERROR,
            summary=f"{failed} since {utc(now)[11:]}" if action is Action.TRIGGER else resolved,
            service=self._agent,
            diagnosis=DIAGNOSIS,
            subject=self._agent,
            source=self._agent,
            began_at=self.drill.began_at,
            details={
                "diagnosis": DIAGNOSIS,
                "failed": [f"{name}: {why}" for name, why in sorted(self.drill.failed.items())],
                "came_through": [n for n in self.pagers if n not in self.drill.failed],
                "again": f"it is repeated every {AGAIN_AFTER / 60:g} min until it comes through",
            },
        )

    def families(self) -> Sequence[Family]:
        """Return the metric families; none where no drill is configured."""
        if self._settings is None:
            return ()
        drill = self.drill
        return [
            gauge(
                "vedette_page_drill_last_success_timestamp_seconds",
                "When a pager last accepted both pages of a drill.",
                [(Labels(pager=name), drill.succeeded.get(name, 0.0)) for name in self.pagers],
            ),
            gauge(
                "vedette_page_drill_failing",
                "1 for a pager that did not accept the last drill in time.",
                [(Labels(pager=name), float(name in drill.failed)) for name in self.pagers],
            ),
        ]
