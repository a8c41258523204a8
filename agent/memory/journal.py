"""The store with patience: when the disk takes nothing, the agent goes on from memory."""

import logging
from collections.abc import Sequence

from vedette.agent.memory.statements import KEEP_BASELINE, Statement
from vedette.agent.memory.store import Store, StoreError

log = logging.getLogger(__name__)

AT_ONCE = 200
"""How many statements that are owed are written without waiting for more."""


class Journal:
    """Writes to the store at once, and what the disk refuses again with the next write.

    A page is worth more than its record: nothing waits for a full disk, and nothing is dropped.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owed: list[Statement] = []
        self.failing = store.frozen

    def owe(self, statements: Sequence[Statement]) -> None:
        """Keep *statements* with the next write: what thousands of looks learn is no hurry.

        But to write thousands at once would hold everybody up.
        """
        self._take(statements)
        if len(self._owed) >= AT_ONCE and not self.failing:
            self.write(())

    def write(self, statements: Sequence[Statement]) -> None:
        """Keep *statements* in one transaction with all that is still owed."""
        self._take(statements)
        if not self._owed:
            return
        try:
            self._store.write(self._owed)
        except StoreError as error:
            if not self.failing:
                log.error("%s: going on from memory, make room on the disk", error)  # noqa: TRY400
            self.failing = True
            return
        if self.failing:
            log.warning("%s can be written again; nothing was lost", self._store.path)
        self.failing = False
        self._owed.clear()

    def _take(self, statements: Sequence[Statement]) -> None:
        """Owe *statements* too; a baseline in place of the one before, which may be megabytes."""
        newer = {values[0] for sql, values in statements if sql == KEEP_BASELINE}
        if newer:
            self._owed = [
                (sql, values)
                for sql, values in self._owed
                if sql != KEEP_BASELINE or values[0] not in newer
            ]
        self._owed.extend(statements)
