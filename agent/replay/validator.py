"""What relying parties hold to be valid, by the scenario's word."""

import asyncio
from collections.abc import Callable, Iterable
from typing import NoReturn

from vedette.agent.replay.routes import RouteWorld
from vedette.checks.bgp.rpki.payloads import Scope, Validity, Vrp, Vrps
from vedette.checks.bgp.rpki.source import VrpSource
from vedette.checks.bgp.settings import RpkiSettings

_WORDS = {
    "valid": Validity.VALID,
    "invalid": Validity.INVALID,
    "notfound": Validity.NOT_FOUND,
}


class Said(Vrps):
    """VRPs that make valid what is said to be, and take the scenario's word for the rest."""

    def __init__(self, said: dict[tuple[str, int], str], scope: Scope) -> None:
        rows = [
            Vrp(prefix, origin, int(prefix.partition("/")[2]))
            for (prefix, origin), word in said.items()
            if word == "valid"
        ]
        super().__init__(rows, scope)
        self._said = said

    def state(self, prefix: str, origin: int) -> Validity:
        """Return what is said of a route, or else what follows from the VRPs."""
        word = self._said.get((prefix, origin))
        return super().state(prefix, origin) if word is None else _WORDS[word]


class SaidSource(VrpSource):
    """A validator that is always up to date."""

    def __init__(
        self,
        settings: RpkiSettings,
        watched: Iterable[str],
        now: Callable[[], float],
        world: RouteWorld,
        world_now: Callable[[], float],
    ) -> None:
        watched = list(watched)
        super().__init__(settings, watched, now)
        self._world = world
        self._world_now = world_now
        self._watched_scope = Scope(watched)
        self._latest: tuple[dict[tuple[str, int], str], Said] | None = None

    async def run(self) -> NoReturn:
        """Read nothing, for ever."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    def current(self, now: float) -> Vrps | None:  # noqa: ARG002 - by the world's time
        """Return the VRPs that hold."""
        said = dict(self._world.validity(self._world_now()))
        if self._latest is None or self._latest[0] != said:
            self._latest = said, Said(said, self._watched_scope)
        return self._latest[1]
