"""Where an HTTP check connects to."""

import math
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from vedette.checks.http.settings import BY_NAME, EVERY, LAST_KNOWN_GOOD, HttpSettings
from vedette.checks.net import Endpoint, NetworkFailure, Resolve, has_route, is_address

LastKnownGood = Callable[[], Sequence[str]]
"""The addresses a service's name last had when all was well, none before it was ever seen well."""

_FRESH = 60.0
"""Seconds until a name is resolved again after that went well."""
_FAILED = 5.0
"""The same where it did not."""
_NEVER = math.inf


class Place(StrEnum):
    """What sort of subject a look is at."""

    NAME = "name"
    ADDRESS = "address"
    STANDBY = "standby"


class Addresses:
    """The addresses of one check: pinned ones, each that the name has, and each it had when well.

    Those that the name has are kept while it cannot be resolved: it is then that they tell whether
    the name is gone, or the service.
    """

    def __init__(
        self, settings: HttpSettings, resolve: Resolve, last_known_good: LastKnownGood | None
    ) -> None:
        self._places = settings.at or (BY_NAME, LAST_KNOWN_GOOD)
        self._target = settings.target
        self._resolve = resolve
        self._last_known_good = last_known_good
        self._every: Sequence[str] = ()
        self.failure: NetworkFailure | None = None
        """Why the name was not resolved the last time, if it was not."""

    @property
    def by_name(self) -> bool:
        """Whether to look by name as well."""
        return BY_NAME in self._places

    @property
    def present(self) -> Sequence[str]:
        """The pinned addresses and those that the name has, each once."""
        return tuple(dict.fromkeys(self._present()))

    def _present(self) -> Iterator[str]:
        for place in self._places:
            if place == EVERY:
                yield from self._every
            elif place not in {BY_NAME, LAST_KNOWN_GOOD}:
                yield place

    @property
    def remembered(self) -> Sequence[str]:
        """The addresses that are looked at only because they were last known good, each once."""
        if LAST_KNOWN_GOOD not in self._places or self._last_known_good is None:
            return ()
        present = self.present
        return [at for at in dict.fromkeys(self._last_known_good()) if at not in present]

    @property
    def source(self) -> str:
        """Where addresses are to come from that there are none of yet."""
        return EVERY if EVERY in self._places else LAST_KNOWN_GOOD

    @property
    def awaited(self) -> str:
        """What has to happen before there is one."""
        return "resolved" if EVERY in self._places else "remembered"

    async def refresh(self) -> float:
        """Resolve the name where that is wanted; return the seconds until it should be again."""
        if EVERY not in self._places:
            return _NEVER
        try:
            found = await self._resolve(self._target.server_name)
        except NetworkFailure as failure:
            self.failure = failure
            return _FAILED
        if not found:
            return _FAILED
        self.failure = None
        self._every = self._visible(found)
        return _NEVER if is_address(self._target.host) else _FRESH

    def _visible(self, found: Sequence[str]) -> Sequence[str]:
        """Leave out the family that this host has no route for: it would stay unknown for ever."""
        routed = [at for at in found if has_route(Endpoint(at, self._target.port))]
        return routed or found
