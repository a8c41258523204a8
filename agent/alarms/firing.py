"""Which alarms fire, which are about to, and which are seen to: what incidents are made of.

Rule: pure; time is passed in.
"""

from collections import ChainMap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from vedette.agent.alarms.alarm import UNDECIDED, Evidence, Memory, State
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.alarms.incidents import Faults, Incident
from vedette.agent.alarms.muted import Muted
from vedette.agent.composite.alarm import Alarm, CompositeAlarm
from vedette.agent.composite.stepper import Stepper
from vedette.agent.diagnoses.names import Layer, Rule, milder
from vedette.exporters.page import Severity


class Firing:
    """Reads what an engine holds of its alarms: their memories, and the evidence of each."""

    def __init__(
        self,
        rules: dict[str, Alarm],
        memories: Mapping[str, Memory],
        evidence: Mapping[str, Evidence],
        composites: Stepper,
        muted: Muted,
    ) -> None:
        self._rules, self._memories, self._evidence = rules, memories, evidence
        self._composites, self._muted = composites, muted
        self._of_service: dict[str, list[str]] = {}
        for id_, rule in rules.items():
            self._of_service.setdefault(rule.service, []).append(id_)
        watched = (one for one in rules.values() if isinstance(one, Rule))
        self._watched = {one.service for one in watched if one.layer is not Layer.OURSELVES}
        self.quiet: set[str] = set()
        """The services of which an alarm keeps quiet for a while, and may page then."""

    @property
    def services(self) -> Collection[str]:
        """Whatever incidents may be of."""
        return self._of_service.keys()

    def of(self, service: str) -> dict[str, float]:
        """Return the alarms of *service* in ALARM, and when each one's fault began."""
        return {
            id_: self._memories[id_].began_at
            for id_ in self._of_service.get(service, ())
            if self._announced(id_) is State.ALARM
        }

    def is_seen(self, id_: str) -> bool:
        """Whether it is seen that a rule holds: if its service was muted, in a look since then.

        The user's own rules hold for as long as they say.
        """
        evidence = self._evidence.get(id_, UNDECIDED)
        if not evidence.holds:
            return False
        rule = self._rules[id_]
        return isinstance(rule, CompositeAlarm) or self._muted.shows(rule.service, evidence)

    def is_certain(self, id_: str) -> bool:
        """Whether it is seen for the rule's whole hold."""
        if not self.is_seen(id_):
            return False
        rule, evidence = self._rules[id_], self._evidence[id_]
        return isinstance(rule, CompositeAlarm) or evidence.seen_at - evidence.began_at >= rule.hold

    def faults(
        self,
        service: str,
        own: Sequence[Incident],
        fleet: Fleet,
        *,
        muted: bool,
        is_called: Callable[[str], bool],
    ) -> Faults:
        """Return what incidents of *service* may be of, of which *own* are open."""
        firing, pending = self.of(service), self._rising(service)
        joined = {id_ for one in own for id_ in one.burning}
        waits = {id_ for id_ in firing.keys() - joined if self._is_quiet(id_, fleet.now)}
        (self.quiet.add if waits else self.quiet.discard)(service)
        # What is not seen opens nothing, nor does it join: it could be as grave as to open a page.
        waits |= {id_ for id_ in firing.keys() - joined if not self.is_seen(id_)}
        firing = {id_: at for id_, at in firing.items() if id_ not in waits}
        graded = {id_: self._graded(id_, fleet) for id_ in (*firing, *pending)}
        return Faults(
            firing,
            pending,
            ChainMap(graded, self._rules),
            muted,
            self._rules,
            is_called,
            frozenset(id_ for id_ in firing.keys() - joined if self._is_taken(id_, fleet)),
        )

    def _is_taken(self, id_: str, fleet: Fleet) -> bool:
        rule = self._rules[id_]
        return isinstance(rule, Rule) and rule.is_taken is not None and rule.is_taken(fleet)

    def _is_quiet(self, id_: str, now: float) -> bool:
        """Whether an alarm may open no page now, though its service may.

        So it is where all services that its rule goes by are in maintenance, and where it is the
        clear time of alarms alone by which its rule holds.
        """
        alarm = self._rules[id_]
        if not isinstance(alarm, CompositeAlarm):
            return False
        about = alarm.about & self._watched
        if (about and about <= self._muted.services) or self._composites.is_quiet(id_, now):
            return True
        return self._composites.only_clears(id_, self._is_over)

    def _is_over(self, id_: str) -> bool:
        """Whether the fault of a standard alarm is, as far as was seen since the last window.

        It may be where nobody can have looked yet, as after a restart.
        """
        if not isinstance(self._rules.get(id_), Rule):
            return False
        if self._evidence.get(id_, UNDECIDED).holds is None:
            return self._composites.is_early(id_)
        return not self.is_seen(id_)

    def _announced(self, id_: str) -> State:
        """Return the state that people may be told: a composite alarm may keep quiet."""
        announced = self._composites.announced.get(id_)
        return announced.state if announced else self._memories[id_].state

    def _rising(self, service: str) -> Mapping[str, float]:
        return {
            id_: self._evidence[id_].began_at
            for id_ in self._of_service.get(service, ())
            if id_ in self._evidence
            and self._evidence[id_].holds
            and self._memories[id_].state is not State.ALARM
        }

    def _graded(self, id_: str, fleet: Fleet) -> Alarm:
        """Return a rule as grave as it is now; what is not seen now makes no page graver."""
        rule = self._rules[id_]
        if self._evidence.get(id_, UNDECIDED).holds:
            return rule.graded(fleet)
        return replace(rule, severity=milder(rule.severity, Severity.WARNING))
