"""What was seen: the last looks at each subject, and what they say about the present.

Rule: no I/O, no clock; time is passed in.
"""

import math
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from vedette.agent.timing import Timing
from vedette.checks.dns.server import Place
from vedette.checks.finding import Kind, Observation, Verdict
from vedette.exporters.metrics import Histogram

KEPT = 60

T = TypeVar("T")


class CheckKey(NamedTuple):
    """Which check of which service; controls belong to the service `controls`.

    A tuple, because it is looked up many times for each look.
    """

    service: str
    kind: Kind
    check: str

    def __str__(self) -> str:
        return f"{self.service}/{self.kind}/{self.check}"


@dataclass(slots=True)
class Series:
    """The looks at one subject of one check from one vantage, newest last.

    *failing_since* is the start of the first FAILING look after the last OK one, *failed_at* and
    *ok_at* the start of the newest of each; UNKNOWN looks move none of them. What was looked at up
    to *blind_at* may have failed for our own sake.
    """

    key: CheckKey
    subject: str
    place: str
    timing: Timing
    looks: deque[Observation] = field(default_factory=lambda: deque(maxlen=KEPT))
    seconds: Histogram = field(default_factory=Histogram)
    failing_since: float | None = None
    failed_at: float | None = None
    ok_at: float | None = None
    blind_at: float = -math.inf

    def add(self, look: Observation) -> None:
        """Take in one more look."""
        self.looks.append(look)
        self.seconds.observe(look.seconds)
        match look.finding.verdict:
            case Verdict.OK:
                self.ok_at, self.failing_since = look.started_at, None
            case Verdict.FAILING:
                if self.failing_since is None or self._long_ago(self.failed_at, look):
                    self.failing_since = look.started_at
                self.failed_at = look.started_at

    def _long_ago(self, at: float | None, look: Observation) -> bool:
        """Whether a look of *at* had nothing to say any more when *look* was made."""
        return at is None or look.started_at - at > self.timing.fresh_for

    @property
    def last(self) -> Observation:
        """The newest look; a series is made with its first."""
        return self.looks[-1]

    @property
    def fresh_until(self) -> float:
        """When the newest look becomes too old to say anything about the present."""
        return self.last.started_at + self.last.seconds + self.timing.fresh_for

    def verdict(self, now: float) -> Verdict:
        """What the newest look says about *now*: nothing, once it is too old."""
        return Verdict.UNKNOWN if now > self.fresh_until else self.last.finding.verdict

    @property
    def expiring(self) -> bool:
        """Whether the newest look saw a certificate that ends soon."""
        return self.last.finding.facts.get("certificate_expiring") is True

    def failed_for(self, *reasons: str) -> bool:
        """Whether the newest look failed for one of *reasons*."""
        finding = self.last.finding
        return finding.verdict is Verdict.FAILING and finding.reason in reasons


def deciding(series: Sequence[Series]) -> Sequence[Series]:
    """Return those whose word counts about a record: its authorities, else resolvers, else all."""
    for place in (Place.AUTHORITATIVE, Place.RECURSIVE):
        if asked := [s for s in series if s.place == place]:
            return asked
    return series


class Ledger:
    """All series of all checks; a subject that a check no longer names is forgotten.

    A subject is one of its place: what is asked in two roles has two series.
    """

    def __init__(self, since: float = -math.inf) -> None:
        """*since* is when the vantage became known, before anything was heard from it.

        *newest_at* is when it last told of a look, *blind_at* when it last was not known to see.
        """
        self._series: dict[CheckKey, dict[tuple[str, str], Series]] = {}
        self.newest_at = since
        self.blind_at = -math.inf
        self._versions: dict[CheckKey, int] = {}
        self._memory: dict[Hashable, tuple[Sequence[int], float, Any]] = {}

    def add(self, key: CheckKey, timing: Timing, looks: Sequence[Observation]) -> None:
        """Take in one round: the looks at all present subjects of the check *key*."""
        before = self._series.get(key, {})
        round_: dict[tuple[str, str], Series] = {}
        for look in looks:
            of = look.place, look.subject
            series = before.get(of) or Series(key, look.subject, look.place, timing)
            series.add(look)
            round_[of] = series
            self.newest_at = max(self.newest_at, look.started_at + look.seconds)
        self._series[key] = round_
        self._versions[key] = self._versions.get(key, 0) + 1

    def recall(
        self, what: Hashable, keys: Sequence[CheckKey], now: float, make: Callable[[], T]
    ) -> T:
        """Return what *make* makes of the checks *keys*; made anew only when it may have changed.

        That is when one of them was looked at again, or a look of theirs becomes too old to say
        anything. *what* is the name of what is made; nothing else may go into it but *now*, as far
        as it decides which looks are too old.
        """
        versions = [self._versions.get(key, 0) for key in keys]
        known = self._memory.get(what)
        if known is not None and known[0] == versions and now <= known[1]:
            made: T = known[2]
            return made
        made = make()
        ends = (series.fresh_until for key in keys for series in self._series.get(key, {}).values())
        until = min((end for end in ends if end >= now), default=math.inf)
        self._memory[what] = versions, until, made
        return made

    def disregard(self, controls: Collection[CheckKey]) -> None:
        """Begin to count anew how long anything but *controls* fails: what was seen was blindness.

        A look that failed before sight came back must never fill a hold together with a later one.
        """
        for key, subjects in self._series.items():
            if key not in controls:
                self._versions[key] += 1
                for series in subjects.values():
                    series.failing_since = None
                    series.blind_at = series.last.started_at

    def runs(self, key: CheckKey) -> bool:
        """Whether the vantage has looked at the check *key*."""
        return bool(self._series.get(key))

    def of(self, key: CheckKey) -> Sequence[Series]:
        """Return the series of one check, in the order of its subjects."""
        return tuple(self._series.get(key, {}).values())

    @property
    def is_empty(self) -> bool:
        """Whether nothing was heard yet."""
        return not self._series

    def __iter__(self) -> Iterator[Series]:
        for key in sorted(self._series):
            yield from self._series[key].values()
