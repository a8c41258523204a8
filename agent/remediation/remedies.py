"""The remedies of an agent: what each step calls for, done once it is kept, and told.

The intention is kept in the transaction of the alarms' step and is on the disk before anything is
done, so that even an agent that is killed at any moment acts at most once per incident.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from vedette.agent.alarms.incidents import Incident
from vedette.agent.config.remediation import RemediationSettings
from vedette.agent.diagnoses.names import Rule
from vedette.agent.remediation.act import Act, Facts
from vedette.agent.remediation.attempt import Attempt, Result, is_meant, limit
from vedette.exporters.metrics import Family, Labels, counter

Voices = Callable[[Rule], Collection[str]]
"""Returns the providers that see now what a rule says."""
Keep = Callable[[Attempt], None]


class Remedies:
    """Decides, acts once, and remembers; *acts* are by the names of their settings.

    *keep* keeps what became of an attempt, and *is_kept* tells whether all that was to be kept is
    on the disk.
    """

    def __init__(
        self,
        settings: Sequence[RemediationSettings],
        acts: Mapping[str, Act],
        *,
        remembered: Iterable[Attempt],
        keep: Keep,
        is_kept: Callable[[], bool],
    ) -> None:
        self._settings, self._acts = settings, acts
        self._keep, self._is_kept = keep, is_kept
        self.attempts = {one.of: one for one in remembered}
        self._intended: asyncio.Queue[tuple[Attempt, Facts]] = asyncio.Queue()
        self._released: list[tuple[Attempt, Facts]] = []
        self._told: set[str] = set()
        self.counts = {(one.name, r): 0 for one in settings for r in Result if r != "intended"}
        for one in [*self.attempts.values()]:
            if one.result is Result.INTENDED:
                self._end(one, Result.INTERRUPTED, "the agent ended before it was known to be done")

    def step(
        self, open_: Mapping[str, Incident], rules: Mapping[str, object], voices: Voices, now: float
    ) -> Sequence[Attempt]:
        """Return the attempts that the incidents *open_* call for: they must be kept, then `go`."""
        made = []
        for settings in self._settings:
            for key, incident in sorted(open_.items()):
                rule = rules.get(incident.headline)
                if not isinstance(rule, Rule) or not is_meant(settings, incident, rule):
                    continue
                if (settings.name, key, incident.opened_at) in self.attempts:
                    continue
                seen_by = sorted(voices(rule))
                if len(seen_by) >= settings.min_providers:
                    made.append(self._intend(settings, incident, rule, seen_by, now))
        return made

    def _intend(
        self,
        settings: RemediationSettings,
        incident: Incident,
        rule: Rule,
        seen_by: Sequence[str],
        now: float,
    ) -> Attempt:
        attempt = Attempt(
            name=settings.name,
            key=incident.key,
            opened_at=incident.opened_at,
            service=incident.service,
            diagnosis=rule.diagnosis,
            at=now,
            result=Result.INTENDED,
            detail=f"seen by {', '.join(seen_by)}",
        )
        if settings.dry_run:
            attempt = replace(attempt, result=Result.DRY_RUN)
        elif why := limit(settings, self.attempts.values(), now):
            attempt = replace(attempt, result=Result.LIMITED, detail=why)
        self.attempts[attempt.of] = attempt
        self._told.add(attempt.key)
        if attempt.result is Result.INTENDED:
            self._released.append((attempt, _facts(attempt, incident, rule, seen_by)))
        else:
            self.counts[attempt.name, attempt.result] += 1
        return attempt

    def go(self) -> None:
        """Do what was intended, now that it is kept; what is not kept is not done."""
        released, self._released = self._released, []
        for attempt, facts in released:
            if self._is_kept():
                self._intended.put_nowait((attempt, facts))
            else:
                self._end(attempt, Result.UNKEPT, "its intention could not be kept")

    async def run(self) -> None:
        """Act, one after the other, for ever."""
        while True:
            attempt, facts = await self._intended.get()
            try:
                well, said = await self._acts[attempt.name].do(facts)
                self._end(attempt, Result.DONE if well else Result.FAILED, said)
            finally:
                self._intended.task_done()

    async def settle(self) -> None:
        """Wait until all that is kept to be done has been: each attempt has a timeout."""
        await self._intended.join()

    def _end(self, attempt: Attempt, result: Result, detail: str) -> None:
        ended = replace(attempt, result=result, detail=detail)
        self.attempts[ended.of] = ended
        if (ended.name, result) in self.counts:
            self.counts[ended.name, result] += 1
        self._told.add(ended.key)
        self._keep(ended)

    def news(self) -> set[str]:
        """Return the keys of the incidents whose pages have more to say since the last time."""
        told, self._told = self._told, set()
        return told

    async def close(self) -> None:
        """Give back connections."""
        for act in self._acts.values():
            await act.close()

    def families(self) -> Sequence[Family]:
        """Return the metric family; none where nothing is configured."""
        if not self._settings:
            return ()
        samples = [
            (Labels(remedy=name, result=result), float(count))
            for (name, result), count in self.counts.items()
        ]
        return [
            counter(
                "vedette_remediations_total", "Remedies used, and what became of them.", samples
            )
        ]


def _facts(attempt: Attempt, incident: Incident, rule: Rule, seen_by: Sequence[str]) -> Facts:
    return {
        "remedy": attempt.name,
        "incident": incident.key,
        "service": incident.service,
        "diagnosis": str(rule.diagnosis),
        "subject": rule.subject,
        "severity": str(incident.severity),
        "opened_at": incident.opened_at,
        "began_at": incident.began_at,
        "providers": seen_by,
    }
