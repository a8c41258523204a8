"""Which checks are judged at a step: what cannot have changed since keeps its evidence.

Rule: no I/O, no clock; time is passed in. What is passed over would say what it said: a test holds
that against an engine that judges everything at each step.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vedette.agent.alarms.deadlines import Deadlines
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.finding import Verdict

_Standing = Sequence[tuple[str, bool | None, float, bool]]
_NOTHING: Sequence[int] = ()
"""What nobody has seen: there is always more."""


class Agenda:
    """Keeps when which of the checks *keys* is to be judged again.

    *controls* show who sees; *beside* has those that a check is judged beside: they matter while it
    is not well.
    """

    def __init__(
        self,
        keys: Iterable[CheckKey],
        controls: Iterable[CheckKey],
        beside: Mapping[CheckKey, Sequence[CheckKey]],
    ) -> None:
        self._keys = dict.fromkeys(keys)
        self._beside = {key: tuple(beside.get(key, ())) for key in self._keys}
        self._controls = {*controls, *(one for many in self._beside.values() for one in many)}
        self._read: dict[str, tuple[Ledger, int]] = {}
        self._standing: _Standing = ()
        self._seeing: Sequence[str] = ()
        self.is_anew = True
        """Whether it was last seen that others see than before, so that all is judged anew."""
        self._ends = Deadlines[CheckKey]()
        self._unwell: dict[CheckKey, None] = {}
        self._open: dict[CheckKey, Sequence[int]] = {}
        self._moving: dict[CheckKey, None] = {}
        self._unproven: dict[CheckKey, None] = {}
        self._proven: Mapping[str, float] = {}

    def due(self, fleet: Fleet, ledgers: Mapping[str, Ledger]) -> Sequence[CheckKey]:
        """Return the checks of which something else may be said at the moment of *fleet*."""
        blindness = fleet.blindness.items()
        standing = [(n, e.holds, e.began_at, n in fleet.unheard) for n, e in blindness]
        is_new = standing != self._standing
        is_new |= any(self._read.get(n, (None, 0))[0] is not one for n, one in ledgers.items())
        self._standing, self.is_anew = standing, is_new
        self._seeing = [name for name in ledgers if fleet.sees(name)]
        news = [] if is_new else self._news(ledgers)
        self._read = {name: (ledger, ledger.version) for name, ledger in ledgers.items()}
        stale = self._stale(ledgers, fleet.now)
        if self.is_anew:
            return [*self._keys]
        due = dict.fromkeys(key for key in news if key in self._keys)
        if beside := self._controls.intersection(news):
            due |= dict.fromkeys(k for k in self._unwell if beside.intersection(self._beside[k]))
        due |= dict.fromkeys(stale)
        due |= self._moving
        due |= dict.fromkeys(k for k, seen in self._open.items() if seen != self.seen(k, ledgers))
        if self._unproven and self._proven != self._proofs(fleet):
            due |= self._unproven
        return [*due]

    def ask_for(self, keys: Iterable[CheckKey]) -> None:
        """Have the checks *keys* judged at the next step, though nothing new is seen of them."""
        self._open |= dict.fromkeys(self._keys.keys() & keys, _NOTHING)

    def _news(self, ledgers: Mapping[str, Ledger]) -> Sequence[CheckKey]:
        """Return the checks that have news; what those see who are blind is none."""
        return [
            key
            for name, ledger in ledgers.items()
            for key in ledger.news(self._read[name][1])
            if name in self._seeing or key in self._controls
        ]

    def _counting(self, key: CheckKey, ledgers: Mapping[str, Ledger]) -> Iterator[Ledger]:
        """Yield the ledgers that say something of *key*: by the controls, who sees is judged."""
        for name, ledger in ledgers.items():
            if name in self._seeing or key in self._controls:
                yield ledger

    def seen(self, key: CheckKey, ledgers: Mapping[str, Ledger]) -> Sequence[int]:
        """Return how often those were looked at by which *key* is judged."""
        keys = (key, *self._beside[key])
        return [ledger.looked(one) for ledger in self._counting(key, ledgers) for one in keys]

    def _is_stale(self, key: CheckKey, ledgers: Mapping[str, Ledger], now: float) -> bool:
        counting = [*self._counting(key, ledgers)]
        return any(one.is_stale(k, now) for one in counting for k in self._reads(key))

    def _proofs(self, fleet: Fleet) -> Mapping[str, float]:
        return {name: fleet.proven_at(name) for name in fleet.views if fleet.sees(name)}

    def judged(self, key: CheckKey, fleet: Fleet, ledgers: Mapping[str, Ledger],
               seen: Sequence[int], *, pending: bool, moving: bool) -> None:  # fmt: skip
        """Note that *key* was judged by what was *seen*.

        It is *pending* while something holds that is no alarm yet.
        It is *moving* where that says other times at each moment, though nothing is seen.
        """
        now, looked = fleet.now, [one.of(key) for one in self._counting(key, ledgers)]
        is_well = all(s.verdict(now) is Verdict.OK for series in looked for s in series)
        _put(self._unwell, key, not is_well)
        _put(self._moving, key, moving)
        _put(self._unproven, key, key in fleet.unproven)
        if key in self._unproven:
            self._proven = self._proofs(fleet)
        if pending or self._is_stale(key, ledgers, now):
            self._open[key] = seen
        else:
            self._open.pop(key, None)
        self._expect(key, ledgers, now)

    def _reads(self, key: CheckKey) -> Sequence[CheckKey]:
        return (key, *self._beside[key]) if key in self._unwell else (key,)

    def _expect(self, key: CheckKey, ledgers: Mapping[str, Ledger], now: float) -> None:
        """Note when the next look of those that *key* reads becomes too old."""
        read = self._reads(key)
        counting = self._counting(key, ledgers)
        ends = (one.fresh_until(k, now) for one in counting for k in read)
        self._ends.put(key, min(ends, default=math.inf))

    def _stale(self, ledgers: Mapping[str, Ledger], now: float) -> Sequence[CheckKey]:
        """Return the checks of which a look has become too old; fresher looks put that off."""
        stale = []
        for key in self._ends.take(now):
            if self._is_stale(key, ledgers, now):
                stale.append(key)
            else:
                self._expect(key, ledgers, now)
        return stale

    def next(self, ledgers: Mapping[str, Ledger], now: float) -> float:
        """Return from when on a check may be judged otherwise, though nothing new is seen of it."""
        if self._moving:
            return now
        while first := self._ends.first():
            until, key = first
            self._expect(key, ledgers, min(now, until))  # by the looks that have come since
            if self._ends.first() == first:
                return until
        return math.inf

    def awaits(self, key: CheckKey) -> bool:
        """Whether any look at *key* may matter, and not only one that shows something new."""
        return key in self._open or (key in self._controls and bool(self._open or self._unproven))


def _put(keys: dict[CheckKey, None], key: CheckKey, is_in: bool) -> None:
    if is_in:
        keys[key] = None
    else:
        keys.pop(key, None)
