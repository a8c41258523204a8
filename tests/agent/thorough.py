"""An engine that spares itself nothing: it judges every rule by every look, anew at each step."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import TypeVar

from vedette.agent.alarms.agenda import Agenda
from vedette.agent.alarms.engine import Engine
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.composite.stepper import Stepper
from vedette.agent.memory.ledger import CheckKey, Ledger

T = TypeVar("T")


class ForgetfulLedger(Ledger):
    """Remembers what was seen, and nothing that was made of it."""

    def recall(
        self,
        what: Hashable,
        keys: Sequence[CheckKey],
        now: float,
        make: Callable[..., T],
        *of: object,
        each_look: bool = False,
    ) -> T:
        return make(*of)


class _Everything(Agenda):
    def due(self, fleet: Fleet, ledgers: Mapping[str, Ledger]) -> Sequence[CheckKey]:
        super().due(fleet, ledgers)
        return [*self._keys]


class ThoroughStepper(Stepper):
    """Judges all composite alarms at each step, and thinks anew of what people are told of each."""

    def _is_anew(self, now: float) -> bool:
        super()._is_anew(now)
        return True


class ThoroughEngine(Engine):
    """Goes through all checks and all services at each step."""

    def __init__(self, **parts: object) -> None:
        super().__init__(**parts)
        self._agenda = _Everything(self._of_check, (), {})

    def _busy(self, *_: object) -> Collection[str]:
        return {*self.services, *(one.service for one in self.open.values())}
