"""AS paths, each kept once: thousands of prefixes are reached by the same few paths.

Rule: no I/O, no clock.
"""

from vedette.checks.bgp.path import Path, neighbour_of, origins_of

NONE = 0
"""The number of no path at all."""
_SAME = 10_000


class Paths:
    """Numbers for the paths that somebody holds, and what is asked of each over and over."""

    def __init__(self) -> None:
        self.origins: list[tuple[int, ...]] = [()]
        self.neighbours: list[int | None] = [None]
        self._paths: list[Path] = [()]
        self._holders = [0]
        self._numbers: dict[Path, int] = {}
        self._free: list[int] = []
        self._same: dict[tuple[int, ...], tuple[int, ...]] = {}

    def __getitem__(self, number: int) -> Path:
        """Return the path of a *number* that is held."""
        return self._paths[number]

    def hold(self, path: Path) -> int:
        """Return the number of *path*, for one more holder."""
        number = self._numbers.get(path)
        if number is None:
            number = self._numbers[path] = self._add(path)
        self._holders[number] += 1
        return number

    def release(self, number: int) -> None:
        """Note that one of its holders is gone; a path that nobody holds is forgotten."""
        self._holders[number] -= 1
        if number != NONE and not self._holders[number]:
            del self._numbers[self._paths[number]]
            self._free.append(number)

    def _add(self, path: Path) -> int:
        if self._free:
            number = self._free.pop()
            self._paths[number] = path
            self.origins[number] = self._origins(path)
            self.neighbours[number] = neighbour_of(path)
            return number
        self._paths.append(path)
        self.origins.append(self._origins(path))
        self.neighbours.append(neighbour_of(path))
        self._holders.append(0)
        return len(self._paths) - 1

    def _origins(self, path: Path) -> tuple[int, ...]:
        """Return the origins of *path*; thousands of paths have the same, which is kept once."""
        if len(self._same) > _SAME:
            self._same.clear()
        origins = origins_of(path)
        return self._same.setdefault(origins, origins)
