"""What is expected of a prefix.

Rule: pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Watch:
    """A prefix, who may originate it, what else of it is announced on purpose, and by way of whom.

    *prefix* and *more_specifics* are canonical. Without *neighbours*, those of the seed are taken
    for the right ones.
    """

    prefix: str
    origins: frozenset[int]
    more_specifics: frozenset[str] = frozenset()
    neighbours: frozenset[int] = frozenset()


def merged(watches: Iterable[Watch]) -> dict[str, Watch]:
    """Return one watch for each prefix, which expects what any of the checks that watch it does."""
    by_prefix: dict[str, Watch] = {}
    for watch in watches:
        known = by_prefix.setdefault(watch.prefix, watch)
        by_prefix[watch.prefix] = replace(
            known,
            origins=known.origins | watch.origins,
            more_specifics=known.more_specifics | watch.more_specifics,
            # To learn the neighbours is to expect more than any list of them.
            neighbours=(
                known.neighbours | watch.neighbours
                if known.neighbours and watch.neighbours
                else frozenset()
            ),
        )
    return by_prefix
