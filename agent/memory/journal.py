"""The store with patience: when the disk takes nothing, the agent goes on from memory."""

import logging
from collections.abc import Hashable, Sequence

from vedette.agent.memory.statements import Statement, place
from vedette.agent.memory.store import Store, StoreError

log = logging.getLogger(__name__)

AT_ONCE = 200
"""How many statements that are owed are written without waiting for more."""
TRIED = 1000
"""After how many a transaction is closed: a disk that takes nothing is tried at every write, and
what is owed after days would hold everybody up each time."""


class Journal:
    """Writes to the store at once, and what the disk refuses again with the next write.

    A page is worth more than its record: nothing waits for a full disk, and nothing is dropped but
    what a later statement replaces.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writes = 0
        self._owed: dict[int, dict[Hashable, Statement]] = {}
        """By the number of the write, whose statements are kept together, and by what they keep."""
        self._write_of: dict[Hashable, int] = {}
        self.failing = store.frozen

    def owe(self, statements: Sequence[Statement]) -> None:
        """Keep *statements* with the next write: what thousands of looks learn is no hurry.

        But to write thousands at once would hold everybody up.
        """
        self._take(statements)
        if not self.failing and sum(map(len, self._owed.values())) >= AT_ONCE:
            self.write(())

    def write(self, statements: Sequence[Statement]) -> None:
        """Keep *statements*, in one transaction, after all that is still owed."""
        self._take(statements)
        while self._owed:
            try:
                self._write_first()
            except StoreError as error:
                if not self.failing:
                    log.error("%s: going on from memory, make room on the disk", error)  # noqa: TRY400
                self.failing = True
                return
            if self.failing and not self._owed:
                log.warning("%s can be written again; nothing was lost", self._store.path)
                self.failing = False

    def _write_first(self) -> None:
        """Keep the oldest that is owed, of so many whole writes as one transaction has."""
        numbers, some = list[int](), list[Statement]()
        for number, owed in self._owed.items():
            if len(some) >= TRIED:
                break
            numbers.append(number)
            some += owed.values()
        self._store.write(some)
        for number in numbers:
            for kept in self._owed.pop(number):
                del self._write_of[kept]

    def _take(self, statements: Sequence[Statement]) -> None:
        """Owe *statements* too, each in place of the one before that it makes useless."""
        if not statements:
            return
        self._writes += 1
        taken = self._owed[self._writes] = {}
        for number, statement in enumerate(statements):
            kept = place(statement) or (self._writes, number)
            before = self._write_of.get(kept)
            if before is not None:
                del self._owed[before][kept]
                if not self._owed[before] and before != self._writes:
                    del self._owed[before]
            taken[kept] = statement
            self._write_of[kept] = self._writes
