"""Last-known-good sets: what a name answered while all was well, in three generations.

Rule: pure; no I/O, no clock; time is passed in.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from vedette.agent.memory.ledger import Series
from vedette.agent.memory.rounds import Answers, Round, answers_of, deciding, delegations_of, texts
from vedette.checks.finding import Verdict

GENERATIONS = 3
DELEGATION = "DELEGATION"
"""The type under which the NS set that parent and child agree on is kept, by its zone."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A set that a name had while all was well; *answers* are sorted, times epoch seconds.

    *since* is when it began to be seen, *promoted_at* when it had been good for long enough.
    *whole* says that every server showed exactly this set; otherwise it was gathered from answers
    that rotate through a pool.
    """

    name: str
    type: str
    answers: tuple[str, ...]
    since: float
    promoted_at: float
    whole: bool


@dataclass(frozen=True, slots=True)
class Configuration:
    """The text of a config file that the agent worked well with; times as of Generation."""

    text: str
    since: float
    promoted_at: float


Kept = TypeVar("Kept")


def newest_first(new: Kept, before: Sequence[Kept]) -> tuple[Kept, ...]:
    """Return the generations there are once *new* is the newest; one too old is dropped."""
    return (new, *before)[:GENERATIONS]


@dataclass(frozen=True, slots=True)
class Returned:
    """A server came back to a set that *newest* had replaced: the sign of a late writer."""

    server: str
    answers: tuple[str, ...]
    newest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """What a round changed: a set that became the last-known-good one, and old sets come back."""

    name: str
    type: str
    promoted: Generation | None = None
    returned: Sequence[Returned] = ()


class LastKnownGood:
    """The last three good sets of each name and type.

    An answer ripens: it is taken once good rounds, and nothing else, have shown it over *after*
    seconds, and leaves when good rounds have not shown it for as long. A failing, bogus or disputed
    round takes nothing, and all that is not yet promoted ripens anew.
    """

    def __init__(self, kept: Iterable[Generation] = (), *, after: float = 600.0) -> None:
        self._after = after
        self._pasts: dict[tuple[str, str], _Past] = {}
        for good in kept:  # the newest of a name first
            past = self._past(good.name, good.type)
            past.generations = (*past.generations, good)

    def _past(self, name: str, type_: str) -> "_Past":
        past = self._pasts.get((name, type_))
        if past is None:
            past = self._pasts[name, type_] = _Past(name, type_, self._after)
        return past

    def learn(self, check: str, series: Sequence[Series], now: float) -> Sequence[Learned]:
        """Take in the newest round of the DNS check `NAME TYPE`, and of its zone's delegation.

        Returns what it changed.
        """
        name, _, type_ = check.rpartition(" ")
        if self._repeats(name, type_, series, now):
            return ()
        learned = [
            self.see(name, type_, answers_of(series, now), now),
            *(self.see(zone, DELEGATION, seen, now) for zone, seen in delegations_of(series, now)),
        ]
        return [one for one in learned if one.promoted or one.returned]

    def _repeats(self, name: str, type_: str, series: Sequence[Series], now: float) -> bool:
        """Whether all is well and the settled sets are still there; that is all there is to note.

        Nearly every round is like this, so it is told without reading the whole of it.
        """
        past = self._past(name, type_)
        if past.settled is None or any(one.verdict(now) is not Verdict.OK for one in series):
            return False
        if {texts(one, "answers") for one in deciding(series)} != {past.settled}:
            return False
        for zone, seen in delegations_of(series, now):
            delegation = self._past(zone, DELEGATION)
            if seen.good is None or set(seen.good.values()) != {delegation.settled}:
                return False
            delegation.seen_at = now
        past.seen_at = now
        return True

    def is_settled(self, check: str, series: Sequence[Series], now: float) -> bool:
        """Whether more rounds like the newest one of a check would teach nothing new."""
        name, _, type_ = check.rpartition(" ")
        return self._repeats(name, type_, series, now) or answers_of(series, now).good is None

    def see(self, name: str, type_: str, seen: Round, now: float) -> Learned:
        """Take in one round."""
        return self._past(name, type_).see(seen, now)

    def generations(self, name: str, type_: str) -> Sequence[Generation]:
        """Return the good sets of one name and type, the newest first."""
        past = self._pasts.get((name, type_))
        return past.generations if past else ()

    def of(self, name: str, type_: str) -> Generation | None:
        """Return the newest good set of one name and type."""
        return next(iter(self.generations(name, type_)), None)

    def addresses(self, host: str) -> Sequence[str]:
        """Return the addresses that *host* had when all was well, IPv4 first."""
        sets = (self.of(host, type_) for type_ in ("A", "AAAA"))
        return tuple(address for good in sets if good for address in good.answers)

    def delegation(self, zone: str) -> Sequence[str] | None:
        """Return the delegation of *zone* on which parent and child last agreed, if any is kept."""
        good = self.of(zone, DELEGATION)
        return good.answers if good else None

    def __iter__(self) -> Iterator[Generation]:
        """Return the newest good set of every name and type."""
        return (past.generations[0] for past in self._pasts.values() if past.generations)


@dataclass(slots=True)
class _Sighting:
    """When an answer was first and last seen in an unbroken row of good rounds."""

    first: float
    last: float


@dataclass(slots=True)
class _Past:
    """What is known of one name and type."""

    name: str
    type: str
    after: float
    generations: tuple[Generation, ...] = ()
    _sightings: dict[str, _Sighting] = field(default_factory=dict)
    _shared: tuple[Answers | None, float] = (None, 0.0)
    """The set that every server shows, exactly, and since when."""
    _differs_since: float | None = None
    """Since when the ripe answers are not the newest generation."""
    _returned: dict[str, Answers] = field(default_factory=dict)
    """Old sets that servers came back to and have not left since."""
    settled: Answers | None = None
    """The newest answers, where nothing is left but to see them again; else None."""
    seen_at: float = 0.0
    """When settled answers were last seen."""

    @property
    def newest(self) -> Answers:
        """The answers of the newest generation."""
        return frozenset(self.generations[0].answers if self.generations else ())

    def see(self, seen: Round, now: float) -> Learned:
        """Take in one round."""
        if self.settled is not None:
            # The rounds since the last one taken in have shown exactly these answers.
            for sighting in self._sightings.values():
                sighting.last = self.seen_at
        returned, promoted = self._returns(seen.shown), None
        if seen.good is None:
            self._begin(now)
        else:
            promoted = self._take(set(seen.good.values()), now)
        self.settled = self._shared[0] if self._is_settled() else None
        self.seen_at = now
        return Learned(self.name, self.type, promoted, returned)

    def _is_settled(self) -> bool:
        """Whether a round in which everybody shows the newest answers would change nothing."""
        newest = self.newest
        return (
            bool(newest)
            and newest == self._shared[0] == self._sightings.keys()
            and self._differs_since is None
            and all(old == newest for old in self._returned.values())
        )

    def _begin(self, now: float) -> None:
        """Ripen anew; what is promoted stays, and its absence counts from *now*."""
        self._shared = (None, 0.0)
        self._sightings = {
            answer: _Sighting(good.since, now)
            for good in self.generations[:1]
            for answer in good.answers
        }

    def _take(self, sets: set[Answers], now: float) -> Generation | None:
        """Take in the *sets* that servers showed in a good round; return one that is promoted."""
        if not self._sightings:
            self._begin(now)
        self._sight(sets, now)
        ripe = self._ripe()
        if not ripe or ripe == self.newest:
            self._differs_since = None
            return None
        if self._differs_since is None:
            self._differs_since = now
        shared, since = self._shared
        whole = shared == ripe and now - since >= self.after
        if not self._due(now, whole=whole):
            return None
        if not whole:
            since = max(self._sightings[answer].first for answer in ripe)
        good = Generation(self.name, self.type, _sorted(ripe), since, now, whole)
        self.generations = newest_first(good, self.generations)
        return good

    def _sight(self, sets: set[Answers], now: float) -> None:
        for answer in Answers().union(*sets):
            self._sightings.setdefault(answer, _Sighting(now, now)).last = now
        for answer in [a for a, s in self._sightings.items() if now - s.last > self.after]:
            del self._sightings[answer]
        shared = next(iter(sets)) if len(sets) == 1 else None
        if shared != self._shared[0]:
            self._shared = (shared, now)

    def _ripe(self) -> Answers:
        newest = self.newest
        return frozenset(
            answer
            for answer, sighting in self._sightings.items()
            if answer in newest or sighting.last - sighting.first >= self.after
        )

    def _due(self, now: float, *, whole: bool) -> bool:
        """Whether the ripe answers may be promoted: once in *after* seconds.

        While servers show different sets, a planned change may be on its way from one to the next,
        and the old answers have yet to leave. A pool goes on like this, and is due after a second
        wait.
        """
        if self.generations and 0 <= now - self.generations[0].promoted_at < self.after:
            return False
        assert self._differs_since is not None
        return whole or now - self._differs_since > self.after

    def _returns(self, shown: Mapping[str, Answers]) -> Sequence[Returned]:
        """Return the servers that now show an older generation and did not in the round before."""
        found = []
        for server, answers in shown.items():
            if self._returned.get(server) == answers:
                continue
            self._returned.pop(server, None)
            if self._is_old(answers):
                self._returned[server] = answers
                found.append(Returned(server, _sorted(answers), self.generations[0].answers))
        return found

    def _is_old(self, answers: Answers) -> bool:
        """Whether *answers* were replaced; a pool's gathered sets replace nothing."""
        if not self.generations or not self.generations[0].whole or answers == self.newest:
            return False
        return any(old.whole and answers == set(old.answers) for old in self.generations[1:])


def _sorted(answers: Answers) -> tuple[str, ...]:
    return tuple(sorted(answers))
