"""What was seen: the last looks at each subject, and what they say about the present.

Rule: no I/O, no clock; time is passed in.
"""

import math
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from vedette.agent.config import Timing
from vedette.checks.dns.server import Place
from vedette.checks.finding import Kind, Observation, Verdict
from vedette.exporters.metrics import Histogram

KEPT = 60


@dataclass(frozen=True, slots=True, order=True)
class CheckKey:
    """Which check of which service; controls belong to the service `controls`."""

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

    def verdict(self, now: float) -> Verdict:
        """What the newest look says about *now*: nothing, once it is too old."""
        age = now - self.last.started_at - self.last.seconds
        return Verdict.UNKNOWN if age > self.timing.fresh_for else self.last.finding.verdict

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

    def disregard(self, controls: Collection[CheckKey]) -> None:
        """Begin to count anew how long anything but *controls* fails: what was seen was blindness.

        A look that failed before sight came back must never fill a hold together with a later one.
        """
        for key, subjects in self._series.items():
            if key not in controls:
                for series in subjects.values():
                    series.failing_since = None
                    series.blind_at = series.last.started_at

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
