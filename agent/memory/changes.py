"""What changed: answers, delegations, serials, certificates and routes, each change told once.

What a server holds is compared with what it was last told to hold, also over a restart. Two things
keep that from being noise. A value that stands for too few looks is one of many that rotate (round
robin, geo DNS), and so is what a server returns that has changed too often of late: neither is told
before it stands. And where several servers come to hold the same, the first is told, the others
follow.

Rule: pure; no I/O, no clock; a change is dated by the start of the look that saw it first.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vedette.agent.memory.aspects import Aspect, Value, aspects, shown
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.ledger import CheckKey, Series

CALM = 5
"""For how many looks in a row a value stands that is none of many."""
RESTLESS = 6
"""A server that has changed so often within the hour is not told of until it changes less."""
AT_MOST = 6
"""How many events a subject has in an hour; what is more is counted."""
_HOUR = 3600.0
_FOLLOWED = 8
"""How many changes of a subject are remembered, for servers to follow."""
_HOLDERS = 64
"""How many servers of a subject are remembered."""
_REFRESHED = 86400.0
"""Seconds after which what is kept of an unchanged subject is kept anew, so that it is no relic."""


@dataclass(slots=True)
class Held:
    """What one server (address, feed) holds; times in epoch seconds.

    *told* is what it was last told to hold, and *told_at* when that was first told of anyone;
    *value* is what it showed last, since *since*, in so many *looks* in a row (counted up to CALM);
    *changes* are its latest.
    """

    place: str
    told: Value
    told_at: float
    value: Value
    since: float
    looks: int = 0
    changes: tuple[float, ...] = ()

    def take(self, value: Value, at: float, *, at_once: bool) -> bool:
        """Take in one look; return whether it makes what is held news."""
        was_calm = at_once or self.looks == CALM
        if value == self.value:
            self.looks = min(self.looks + 1, CALM)
            return self.looks == CALM and value != self.told and not self._is_restless(at)
        self.changes = (*self.changes, at)[-RESTLESS:]
        self.value, self.since, self.looks = value, at, 1
        return was_calm and value != self.told and not self._is_restless(at)

    @property
    def is_settled(self) -> bool:
        """Whether it stands, and was told."""
        return self.looks == CALM and self.value == self.told

    def _is_restless(self, at: float) -> bool:
        return len(self.changes) == RESTLESS and at - _HOUR < self.changes[0] <= at


@dataclass(slots=True)
class Past:
    """What is known of one subject of a service: who holds what, and what was told of it.

    *followed* are the latest values told, with their times; *recent* the times of the last hour's
    events; *more* counts changes that the rate forbade to tell.
    """

    service: str
    name: EventName
    subject: str
    held: dict[str, Held] = field(default_factory=dict)
    followed: tuple[tuple[float, Value], ...] = ()
    recent: tuple[float, ...] = ()
    more: int = 0
    seen_at: float = 0.0
    kept_at: float | None = None
    """The *seen_at* with which it was kept last; None: it has changed since."""

    def see(self, aspect: Aspect, check: str) -> Iterator[Event]:
        """Take in one round; return what is to be told."""
        at, known = aspect.at, self._of(aspect.place)
        self.seen_at = at
        if self.more and self._has_room(at):
            yield self._told(aspect, check, at, {"more": str(self.more)})
            self.more = 0
        for where, value in aspect.values.items():
            held = self.held.get(where)
            if held is None:
                held = self._meet(where, value, aspect, known)
            elif held.is_settled and held.value == value:
                continue
            self.kept_at = None
            if held.take(value, at, at_once=aspect.unseen is not None):
                yield from self._news(where, held, aspect, check)

    @property
    def is_settled(self) -> bool:
        """Whether everybody holds what was told, and to see that again would change nothing."""
        return not self.more and all(held.is_settled for held in self.held.values())

    def _of(self, place: str) -> Mapping[str, Held]:
        return {where: held for where, held in self.held.items() if held.place == place}

    def _meet(self, where: str, value: Value, aspect: Aspect, known: Mapping[str, Held]) -> Held:
        """Return a new holder: it is told of where it holds what none did that it replaces."""
        told = value
        if aspect.unseen is not None:
            told = aspect.unseen
        elif aspect.heirs and known and known.keys().isdisjoint(aspect.values):
            (told, _), *_ = Counter(held.told for held in known.values()).most_common(1)
        if len(self.held) >= _HOLDERS:
            del self.held[min(self.held, key=lambda one: self.held[one].since)]
        held = self.held[where] = Held(aspect.place, told, aspect.at, told, aspect.at)
        return held

    def _news(self, where: str, held: Held, aspect: Aspect, check: str) -> Iterator[Event]:
        at, before = aspect.at, held.told
        for told_at, value in self.followed:
            if value == held.value and told_at >= held.told_at:
                held.told, held.told_at = value, told_at
                return
        held.told, held.told_at = held.value, at
        self.followed = (*self.followed, (at, held.value))[-_FOLLOWED:]
        if not self._has_room(at):
            self.more += 1
            return
        yield self._told(aspect, check, held.since, aspect.detail(where, before, held.value))

    def _has_room(self, at: float) -> bool:
        self.recent = tuple(one for one in self.recent if at - _HOUR < one <= at)
        return len(self.recent) < AT_MOST

    def _told(
        self, aspect: Aspect, check: str, at: float, detail: Mapping[str, str | Sequence[str]]
    ) -> Event:
        self.recent = (*self.recent, aspect.at)
        return Event(at, self.service, check, self.name, self.subject, detail)


class Changes:
    """Follows what the checks show; *kept* is what was known before the start."""

    def __init__(self, kept: Iterable[Past] = ()) -> None:
        self._pasts = {(past.service, past.name, past.subject): past for past in kept}
        self._settled: dict[CheckKey, tuple[object, float]] = {}
        """What each check showed when that was nothing new, and when that was found out."""

    def see(
        self, key: CheckKey, series: Sequence[Series]
    ) -> tuple[Sequence[Event], Sequence[Past]]:
        """Take in the newest round of the check *key*.

        Returns the changes in it and the pasts to be kept with them.
        """
        now, at = shown(key, series), series[0].last.started_at if series else 0.0
        before, found_at = self._settled.get(key, (None, 0.0))
        if now == before and 0 <= at - found_at < _HOUR:
            return (), ()  # nearly every round is like this
        events, told, is_settled = [], [], True
        for aspect in aspects(key, series):
            of = key.service, aspect.name, aspect.subject
            past = self._pasts.get(of)
            if past is None:
                past = self._pasts[of] = Past(*of)
            if news := list(past.see(aspect, key.check)):
                events += news
                told.append(past)
            is_settled = is_settled and past.is_settled
        if is_settled:
            self._settled[key] = now, at
        return events, told

    def due(self) -> Iterator[Past]:
        """Yield the pasts that differ from what was kept of them; one that is taken does no more.

        Who stops half-way leaves the others due.
        """
        due = [
            past
            for past in self._pasts.values()
            if past.kept_at is None or past.seen_at - past.kept_at > _REFRESHED
        ]
        for past in due:
            past.kept_at = past.seen_at
            yield past
