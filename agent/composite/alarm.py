"""A composite alarm as incidents and pages see it, beside the standard diagnoses.

Rule: pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vedette.agent.alarms.fleet import Fleet
from vedette.agent.composite.link import Links, Target
from vedette.agent.composite.settings import AlarmSettings
from vedette.agent.diagnoses.names import AGREED_ON, RANK, Diagnosis, Layer, Rule, layer, milder
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.finding import Kind
from vedette.checks.settings import CheckSettings
from vedette.exporters.page import Severity

_HOLD, _CLEAR = 15.0, 600.0
_LAST = {one: max(RANK[d] for d in Diagnosis if layer(d) is one) for one in Layer}
_LAYERS = {Kind.BGP: Layer.ROUTING, Kind.DNS: Layer.DNS, Kind.HTTP: Layer.SERVICE}


@dataclass(frozen=True, slots=True)
class CompositeAlarm:
    """An alarm with a rule of the user's own; its name stands where others have a diagnosis.

    *targets* says what the names in its rule and that of its suppressor stand for, *about* the
    services of all that the rule goes by, through other alarms too.
    """

    settings: AlarmSettings
    targets: Mapping[str, Target]
    layer: Layer
    severity: Severity
    hold: float
    clear: float
    about: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """The name under which its state is kept."""
        return self.settings.name

    @property
    def diagnosis(self) -> str:
        """What stands on its page for a diagnosis."""
        return self.settings.name

    @property
    def subject(self) -> str:
        """What it is about: nothing but itself."""
        return self.settings.name

    @property
    def service(self) -> str:
        """Whose incidents it joins: its own without a service."""
        return self.settings.service or self.settings.name

    @property
    def suppressor(self) -> Target | None:
        """The alarm that explains it, where there is one."""
        settings = self.settings.suppressor
        return self.targets[settings.alarm] if settings else None

    @property
    def key(self) -> CheckKey | None:
        """No check is its own."""
        return None

    @property
    def every(self) -> float:
        """It is judged each second, and waits for no look of its own."""
        return 0.0

    @property
    def controls(self) -> Sequence[CheckKey]:
        """It is judged beside none."""
        return ()

    @property
    def rank(self) -> float:
        """Its place among what wants the headline: behind the diagnoses of its layer.

        They say what is wrong; it says only that several things are.
        """
        return _LAST[self.layer] + 0.5

    @property
    def is_agreed_on(self) -> bool:
        """Whether it goes by what vantages must agree on, so that only a quorum may end it."""
        return self.layer in AGREED_ON

    def lacks_quorum(self, fleet: Fleet) -> bool:
        """Whether too few see to agree on what it goes by, as Rule.lacks_quorum says."""
        return self.is_agreed_on and self._is_short(fleet)

    def _is_short(self, fleet: Fleet) -> bool:
        return any(map(fleet.is_short, self.about or [self.service]))

    def graded(self, fleet: Fleet) -> "CompositeAlarm":
        """Return the alarm as grave as it is at the moment of *fleet*, as Rule.graded does.

        Too few may see one of the services that it is about, whatever service it joins.
        """
        mild = milder(self.severity, Severity.WARNING)
        return replace(self, severity=mild) if self._is_short(fleet) else self


Alarm = Rule | CompositeAlarm
"""Whatever can fire."""


def composites(
    alarms: Sequence[AlarmSettings],
    links: Links,
    defaults: CheckSettings,
    layers: Mapping[str, Layer],
) -> Sequence[CompositeAlarm]:
    """Return *alarms* in an order in which they can be judged.

    *layers* are those of the standard alarms and checks, by id. An alarm's own layer is the last
    of those of all that its rule names: what is further down may have explained it. Who watches
    counts only where nothing that is watched is named.
    """
    settings = {one.name: one for one in alarms}
    known = dict(layers)
    about: dict[str, frozenset[str]] = {}
    made = []
    for name in links.order:
        one = settings[name]
        parts = {ref.name: links.targets[ref.name] for ref in one.rule.refs}
        suppressor = [one.suppressor.alarm] if one.suppressor else []
        targets = parts | {alarm: links.targets[alarm] for alarm in suppressor}
        ids = [target.id for target in parts.values()]
        watched = [id_ for id_ in ids if known[id_] is not Layer.OURSELVES]
        known[name] = max((known[id_] for id_ in watched or ids), default=Layer.SERVICE)
        services = (about.get(id_, frozenset([id_.partition("/")[0]])) for id_ in ids)
        about[name] = frozenset().union(*services)
        made.append(
            CompositeAlarm(
                settings=one,
                targets=targets,
                layer=known[name],
                severity=one.severity,
                hold=_first(one.hold, defaults.hold, _HOLD),
                clear=_first(one.clear, defaults.clear, _CLEAR),
                about=about[name],
            )
        )
    return made


def layer_of(key: CheckKey) -> Layer:
    """Return what a check is about."""
    return _LAYERS[key.kind]


def _first(*levels: float | None) -> float:
    return next(level for level in levels if level is not None)
