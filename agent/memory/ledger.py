"""What was seen: the last looks at each subject, and what they say about the present.

Rule: no I/O, no clock; time is passed in.
"""

import math
from bisect import insort
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple, TypeVar

from vedette.agent.alarms.alarm import Evidence
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.looks import Looks, Seen
from vedette.checks.finding import Finding, Kind, Observation, Verdict
from vedette.checks.stopwatch import DISTURBED
from vedette.exporters.metrics import Histogram

WINDOW = 900.0
"""Seconds over which failing looks at a page are counted, as far back as looks are kept."""
PACE = 5
"""How many of the newest looks tell how long an address takes."""
LONGER = 0.5
"""How many seconds longer than the others an address takes that is slow: one that takes less in all
is not."""
JUDGED = (
    "address",
    "broken_at",
    "broken_at_few",
    "certificate_expiring",
    "chain",
    "changed",
    "count",
    DISTURBED,
    "remembered",
    "since",
    "taken",
    "undecided",
    "zone",
)
"""The facts by which findings are judged beyond their reasons; the others only inform people."""
_UNTIMED = tuple(fact for fact in JUDGED if fact != DISTURBED)
_JUDGED_OF = {Kind.DNS: _UNTIMED, Kind.HTTP: JUDGED, Kind.BGP: _UNTIMED}
"""How long a look took is only judged of pages, so that a busy host makes nothing else new."""

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

    *failing_since* is the start of the first FAILING look after the last OK one, *troubled_since*
    after the last two OK ones in a row, *failed_at* and *ok_at* the start of the newest of each;
    UNKNOWN looks move none of them. *firsts* are the first looks since *failing_since* to fail for
    each reason: a long fault's are kept no longer. *failed_before* is the start of the newest
    FAILING look before *failing_since*. What was looked at up to *blind_at* may have failed for our
    own sake; before *unbroken_since* is a gap in which nobody looked, as while the machine slept.
    So many of the newest looks as *alike* says showed the same, since *alike_since*, and so many as
    *well* says were OK. *fresh_until* is when the newest look becomes too old to say anything about
    the present.
    """

    key: CheckKey
    subject: str
    place: str
    timing: Timing
    looks: Looks = field(init=False)
    seconds: Histogram = field(default_factory=Histogram)
    failing_since: float | None = None
    firsts: tuple[Seen, ...] = ()
    troubled_since: float | None = None
    failed_at: float | None = None
    ok_at: float | None = None
    blind_at: float = -math.inf
    unbroken_since: float = -math.inf
    failed_before: float | None = None
    alike: int = 0
    alike_since: float = math.inf
    well: int = 0
    fresh_until: float = -math.inf

    def __post_init__(self) -> None:
        self.looks = Looks(WINDOW if self.key.kind is Kind.HTTP else 0.0)

    def add(self, look: Observation) -> bool:
        """Take in one more look, and return whether it may be news to those who judge."""
        is_same = bool(self.looks) and self._shows_the_same(look)
        is_alike = is_same and look.started_at <= self.fresh_until
        is_news = not (is_alike and self.is_settled())
        self.alike = self.alike + 1 if is_alike else 1
        if self.alike == 1:
            self.alike_since = look.started_at
        self.looks.append(look, self._kept(look.finding, is_same=is_same))
        self.seconds.observe(look.seconds)
        if look.started_at > self.fresh_until:
            self.unbroken_since = look.started_at
        self.fresh_until = look.started_at + look.seconds + self.timing.fresh_for
        verdict = look.finding.verdict
        if verdict is Verdict.OK:
            if self.failing_since is None:
                self.troubled_since = None
            self.ok_at, self.failing_since, self.firsts = look.started_at, None, ()
            self.well += 1
            return is_news
        self.well = 0
        if verdict is Verdict.FAILING:
            if self.failing_since is None or self._long_ago(self.failed_at, look):
                self.failing_since, self.failed_before = look.started_at, self.failed_at
                self.firsts = ()
                is_anew = self._long_ago(self.failed_at, look) and self._long_ago(self.ok_at, look)
                if self.troubled_since is None or is_anew:
                    self.troubled_since = look.started_at
            self.failed_at = look.started_at
            if all(one.finding.reason != look.finding.reason for one in self.firsts):
                self.firsts += (Seen(look.finding, look.started_at, look.seconds),)
        return is_news

    def _kept(self, finding: Finding, *, is_same: bool) -> Finding:
        """Return what is kept of a *finding*: a newest one that is alike to those who judge."""
        # How a route's share went is shown to people, look by look.
        if self.key.kind is Kind.BGP:
            return finding
        judged = _JUDGED_OF[self.key.kind]
        for one in self.looks.newest_findings():
            if is_same or _are_alike(one, finding, judged):
                return one
        return finding

    def repeat(self, starts: Sequence[float]) -> None:
        """Take in one more look like the last at each of *starts*, while such looks are no news."""
        self.looks.repeat(starts)
        last = self.last
        self.seconds.observe(last.seconds, len(starts))
        self.alike += len(starts)
        self.fresh_until = last.started_at + last.seconds + self.timing.fresh_for
        if last.finding.verdict is Verdict.OK:
            self.ok_at, self.well = last.started_at, self.well + len(starts)
        elif last.finding.verdict is Verdict.FAILING:
            self.failed_at = last.started_at

    def since(self, at: float) -> Sequence[Seen]:
        """Return the looks from *at* on, but for those before blindness or a gap."""
        return self.looks.since(max(at, self.unbroken_since), after=self.blind_at)

    def _shows_the_same(self, look: Observation) -> bool:
        """Whether *look* shows the same as the last, and as fast as far as that is judged."""
        before, now = self.last.finding, look.finding
        if before is not now and not _are_alike(before, now, _JUDGED_OF[self.key.kind]):
            return False
        took = self.last.seconds, look.seconds
        return self.key.kind is not Kind.HTTP or took[0] == took[1] or max(took) < LONGER

    def is_settled(self) -> bool:
        """Whether one more look like the last ones would leave all that they say as it is.

        The looks before them must no longer count for anything. Only of pages is more than the
        newest few looks counted, but for the time that an outage has lasted.
        """
        is_page = self.key.kind is Kind.HTTP
        if self.well == self.alike == len(self.looks) and not is_page:
            return True  # it was never otherwise
        if not self.is_steady:
            return False
        if not is_page:
            return True
        now, failing_since = self.last.started_at, None
        failed_at = self.failed_at
        if self.last.finding.verdict is Verdict.FAILING:
            failed_at, failing_since = self.failed_before, self.failing_since
            if failing_since is None or now - failing_since < self.timing.hold:
                return False
        return failed_at is None or failed_at < max(now - WINDOW, self.looks[0].started_at)

    @property
    def is_steady(self) -> bool:
        """Whether the newest looks show the same for so long that nothing comes and goes."""
        return self.alike > max(self.timing.failing.of, PACE)

    def _long_ago(self, at: float | None, look: Observation) -> bool:
        """Whether a look of *at* had nothing to say any more when *look* was made."""
        return at is None or look.started_at - at > self.timing.fresh_for

    @property
    def last(self) -> Observation:
        """The newest look; a series is made with its first."""
        return self.looks.last

    def verdict(self, now: float) -> Verdict:
        """What the newest look says about *now*: nothing, once it is too old."""
        return Verdict.UNKNOWN if now > self.fresh_until else self.looks.last.finding.verdict

    def failed_for(self, *reasons: str) -> bool:
        """Whether the newest look failed for one of *reasons*."""
        finding = self.last.finding
        return finding.verdict is Verdict.FAILING and finding.reason in reasons


def _are_alike(one: Finding, other: Finding, judged: Sequence[str]) -> bool:
    """Whether two findings say the same to those who judge."""
    if one.verdict is not other.verdict or one.reason != other.reason:
        return False
    facts, others = one.facts, other.facts
    return facts == others or all(facts.get(fact) == others.get(fact) for fact in judged)


class _Recalled(NamedTuple):
    """What was made of some checks: by which counts of theirs, and until when."""

    counts: Sequence[int | None]
    until: float
    is_open: bool
    made: Any


class Ledger:
    """All series of all checks; a subject that a check no longer names is forgotten.

    A subject is one of its place: what is asked in two roles has two series.
    """

    def __init__(self, since: float = -math.inf) -> None:
        """*since* is when the vantage became known, before anything was heard from it.

        *newest_at* is when it last told of a look, or that it lives, *blind_at* when it last was
        not known to see. *is_blind* while what it looks at fails for its own sake.
        """
        self._series: dict[CheckKey, dict[tuple[str, str], Series]] = {}
        self._of_service: dict[str, list[CheckKey]] = {}
        self.newest_at = since
        self.blind_at = -math.inf
        self.version = 0
        self._news: dict[CheckKey, int] = {}
        self._looked: dict[CheckKey, int] = {}
        self._fresh_until: dict[CheckKey, float] = {}
        self._memory: dict[Hashable, _Recalled] = {}
        self.is_blind, self._disregarded = False, 0

    def add(self, key: CheckKey, timing: Timing, looks: Sequence[Observation]) -> None:
        """Take in one round: the looks at all present subjects of the check *key*."""
        before = self._series.get(key, {})
        round_: dict[tuple[str, str], Series] = {}
        is_news, fresh_until, fresh_for = self.is_blind, math.inf, timing.fresh_for
        for look in looks:
            of = look.place, look.subject
            series = before.get(of) or Series(key, look.subject, look.place, timing)
            if series.add(look):
                is_news = True
            round_[of] = series
            started_at, newest_at = look.started_at, self.newest_at
            if started_at - newest_at > fresh_for and newest_at > -math.inf:
                self.blind_at = max(self.blind_at, started_at)  # asleep, it heard nobody
            if started_at + look.seconds > newest_at:
                self.newest_at = started_at + look.seconds
            fresh_until = min(fresh_until, series.fresh_until)
        if is_news or len(round_) != len(before):
            self._tell(key)
        if key not in self._series:
            insort(self._of_service.setdefault(key.service, []), key)
        self._series[key] = round_
        self._fresh_until[key] = fresh_until
        self._looked[key] = self._looked.get(key, 0) + 1

    def is_settled(self, key: CheckKey) -> bool:
        """Whether one more round of *key* like the last, and in time, would be no news."""
        series = self._series.get(key, {})
        return bool(series) and not self.is_blind and all(s.is_settled() for s in series.values())

    def repeat(self, key: CheckKey, starts: Sequence[float]) -> None:
        """Take in one more round like the last at each of *starts*, while *key* is settled."""
        for series in self._series[key].values():
            series.repeat(starts)
            self.newest_at = max(self.newest_at, starts[-1] + series.last.seconds)
        self._fresh_until[key] = min(one.fresh_until for one in self._series[key].values())
        self._looked[key] += len(starts)

    def take_over(self, before: "Ledger", keys: Iterable[CheckKey]) -> None:
        """Go on with what *before* has seen of the checks *keys*."""
        for key in keys:
            if series := before.of(key):
                self._series[key] = {(one.place, one.subject): one for one in series}
                insort(self._of_service.setdefault(key.service, []), key)
                self._looked[key] = before.looked(key)
                self._fresh_until[key] = min(one.fresh_until for one in series)
                self._tell(key)
        self.newest_at, self.blind_at = before.newest_at, before.blind_at

    def _tell(self, key: CheckKey) -> None:
        """Note that there is something new to be judged of the check *key*."""
        self.version += 1
        self._news.pop(key, None)
        self._news[key] = self.version

    def news(self, since: int) -> Sequence[CheckKey]:
        """Return the checks of which something new was seen after the version *since*.

        One more look like many before is none, though it is the newest word on the present.
        """
        return [*takewhile(lambda key: self._news[key] > since, reversed(self._news))]

    def looked(self, key: CheckKey) -> int:
        """Return how many rounds of the check *key* were taken in."""
        return self._looked.get(key, 0)

    def fresh_until(self, key: CheckKey, now: float) -> float:
        """Return when next after *now* a look of *key* becomes too old to say anything."""
        first = self._fresh_until.get(key, math.inf)
        if first >= now:
            return first
        ends = (one.fresh_until for one in self._series[key].values())
        return min((end for end in ends if end >= now), default=math.inf)

    def is_stale(self, key: CheckKey, now: float) -> bool:
        """Whether the newest look at a subject of *key* is too old to say anything."""
        return self._fresh_until.get(key, math.inf) < now

    def recall(
        self,
        what: Hashable,
        keys: Sequence[CheckKey],
        now: float,
        make: Callable[..., T],
        *of: object,
        each_look: bool = False,
    ) -> T:
        """Return what *make* makes *of* the checks *keys*; made anew only when it may have changed.

        That is when one of them shows something new, when a look of theirs becomes too old to say
        anything, and with any look where one was too old or where the evidence holds, so that it
        was seen again, or where it goes by *each_look*. *what* is the name of what is made; nothing
        else may go into it but *now*, as far as it decides which looks are too old.
        """
        known = self._memory.get(what)
        if known is not None and now <= known.until:
            counts = self._looked if known.is_open else self._news
            if known.counts == (*map(counts.get, keys),):
                recalled: T = known.made
                return recalled
        made = make(*of)
        is_open = each_look or (isinstance(made, Evidence) and made.holds is True)
        is_open = is_open or any(self.is_stale(key, now) for key in keys)
        counts = self._looked if is_open else self._news
        until = min((self.fresh_until(key, now) for key in keys), default=math.inf)
        self._memory[what] = _Recalled((*map(counts.get, keys),), until, is_open, made)
        return made

    def disregard(self, controls: Collection[CheckKey]) -> None:
        """Begin to count anew how long anything but *controls* fails: what was seen was blindness.

        A look that failed before sight came back must never fill a hold together with a later one.
        """
        seen = self.news(self._disregarded) if self.is_blind else self._series
        for key in [key for key in seen if key not in controls]:
            self._tell(key)
            for series in self._series[key].values():
                series.failing_since, series.troubled_since, series.alike = None, None, 0
                series.firsts = ()
                series.blind_at = series.last.started_at
        self.is_blind, self._disregarded = True, self.version

    def regard(self) -> None:
        """Take what is seen from now on for what it is."""
        self.is_blind = False

    def runs(self, key: CheckKey) -> bool:
        """Whether the vantage has looked at the check *key*."""
        return bool(self._series.get(key))

    def of(self, key: CheckKey) -> Sequence[Series]:
        """Return the series of one check, in the order of its subjects."""
        return tuple(self._series.get(key, {}).values())

    def of_service(self, service: str, kind: Kind | None = None) -> Iterator[Series]:
        """Yield the series of a service's checks, of one *kind* or all, in their names' order."""
        for key in tuple(self._of_service.get(service, ())):
            if kind in (None, key.kind):
                yield from tuple(self._series[key].values())

    @property
    def is_empty(self) -> bool:
        """Whether nothing was heard yet."""
        return not self._series

    def __iter__(self) -> Iterator[Series]:
        for key in sorted(self._series):
            yield from self._series[key].values()
