"""What nothing is seen of, though it is looked at: it pages nobody, so that the log says so."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from vedette.agent.looking.cadence import keep
from vedette.agent.looking.runner import RunnerReason
from vedette.agent.memory.ledger import CheckKey, Ledger, Series
from vedette.agent.memory.looks import Seen
from vedette.agent.plan import Planned
from vedette.checks.finding import Finding, Kind, Observation, Verdict

log = logging.getLogger(__name__)

TOLD_EVERY = 15.0
_AT_ONCE = 100
"""How many checks are gone through at a stretch: of many thousands that would hold up looks."""


def unseen(
    checks: Iterable[Planned], ledger: Ledger, started_at: float, now: float
) -> Sequence[CheckKey]:
    """Return of which *checks* nothing was seen for longer than a look says anything.

    A look that a bug of ours has ended was none, nor was one that this host could not make. Of a
    feed that says nothing an alarm of its own tells.
    """
    return [
        one.key
        for one in checks
        if now
        > max(
            (_seen_at(series, one.key.kind, started_at) for series in ledger.of(one.key)),
            default=started_at,
        )
        + one.timing.fresh_for
    ]


def _seen_at(series: Series, kind: Kind, started_at: float) -> float:
    """Return when the newest look ended that saw anything, or when the agent *started_at*."""
    looks: Iterator[Observation | Seen] = chain([series.last], reversed(series.looks))
    saw = (look.started_at + look.seconds for look in looks if _saw(look.finding, kind))
    return next(saw, started_at)


def _saw(finding: Finding, kind: Kind) -> bool:
    if kind is Kind.BGP:
        return not isinstance(finding.reason, RunnerReason)
    return finding.verdict is not Verdict.UNKNOWN


@dataclass(slots=True)
class Unseen:
    """Tells the log once of what nothing is seen any more, and once when it is seen again."""

    _told: set[CheckKey] = field(default_factory=set)

    def tell(self, keys: Iterable[CheckKey], ledger: Ledger) -> None:
        """Tell what has changed since the last time, now that nothing is seen of *keys*.

        What cannot be seen for the same reason is one line: without a route that is everything.
        """
        found = set(keys)
        by_reason: dict[str, list[tuple[CheckKey, str]]] = {}
        for key in sorted(found - self._told):
            reason, why = _why(ledger.of(key))
            by_reason.setdefault(reason, []).append((key, why))
        for several in by_reason.values():
            key, why = several[0]
            log.warning("nothing is seen of %s: %s", _named(key, len(several)), why)
        if back := sorted(self._told - found):
            log.warning("something is seen again of %s", _named(back[0], len(back)))
        self._told = found


def _why(series: Sequence[Series]) -> tuple[str, str]:
    """Return why nothing is seen, in a word and in a sentence."""
    last = [one.last.finding for one in series if one.last.finding.verdict is Verdict.UNKNOWN]
    return (str(last[0].reason), last[0].detail) if last else ("", "there was no look in time")


def _named(key: CheckKey, many: int) -> str:
    """Return one of *many* checks in words, and how many more there are."""
    more = f" and {many - 1} more check{'s' * (many > 2)}" if many > 1 else ""
    return f"{key.check} of {key.service}{more}"


async def keep_telling(
    checks: Sequence[Planned], ledger: Ledger, started_at: float, now: Callable[[], float]
) -> None:
    """Tell the log of which *checks* nothing is seen, for ever."""
    told = Unseen()

    async def once() -> None:
        at, found = now(), list[CheckKey]()
        for begin in range(0, len(checks), _AT_ONCE):
            found += unseen(checks[begin : begin + _AT_ONCE], ledger, started_at, at)
            await asyncio.sleep(0)
        told.tell(found, ledger)

    await keep(TOLD_EVERY, once)
