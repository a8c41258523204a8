"""The ledger at one moment: what each newest look says about it is worked out once.

Rule: no I/O, no clock; time is passed in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vedette.agent.memory.ledger import CheckKey, Ledger, Series, T
from vedette.checks.bgp.reason import Reason as BgpReason
from vedette.checks.dns.reason import Reason as DnsReason
from vedette.checks.finding import Finding, Kind, Verdict
from vedette.checks.http.reason import Reason as HttpReason
from vedette.checks.settings import Missing

_UNSEEN = "nobody could look, which `missing: breaching` takes for failing"
_AS_BAD = {
    Kind.DNS: Finding(verdict=Verdict.FAILING, reason=DnsReason.TIMEOUT, detail=_UNSEEN),
    Kind.HTTP: Finding(verdict=Verdict.FAILING, reason=HttpReason.TIMEOUT, detail=_UNSEEN),
    # A feed that says nothing says nothing of any route, only that the check fails.
    Kind.BGP: Finding(
        verdict=Verdict.FAILING,
        reason=BgpReason.FEED_STALE,
        detail=_UNSEEN,
        facts={"undecided": tuple(BgpReason)},
    ),
}
_AS_GOOD = Finding(verdict=Verdict.OK)


@dataclass(frozen=True, slots=True)
class Voice:
    """What a series says about the moment *now*; UNKNOWN where its newest look is too old.

    A check that takes what nobody could see for bad, or for good, says that instead.
    """

    series: Series
    place: str
    verdict: Verdict
    finding: Finding
    """Of the newest look, however old."""
    now: float


def voice(series: Series, now: float) -> Voice:
    """Return what *series* says about *now*."""
    verdict, finding = series.verdict(now), series.last.finding
    if verdict is Verdict.UNKNOWN and (instead := _unseen(series)):
        verdict, finding = instead.verdict, instead
    return Voice(series, series.place, verdict, finding, now)


def unknown_since(voice: Voice) -> float:
    """Return since when one that is UNKNOWN is: no look could be made, or the last is too old."""
    series = voice.series
    is_untold = series.last.finding.verdict is Verdict.UNKNOWN
    return min(series.fresh_until, series.alike_since) if is_untold else series.fresh_until


def taken(series: Series, finding: Finding) -> Finding:
    """Return what a *finding* of *series* is taken for: another one where nobody could look."""
    if finding.verdict is not Verdict.UNKNOWN:
        return finding
    return _unseen(series) or finding


def _unseen(series: Series) -> Finding | None:
    """Return what is made of what nobody could see; None where it stays unknown.

    As if nobody had answered in time, since that is how it would look.
    """
    match series.timing.missing:
        case Missing.BREACHING:
            return _AS_BAD[series.key.kind]
        case Missing.NOT_BREACHING:
            return _AS_GOOD
    return None


class View:
    """The voices of all checks at the moment *now*."""

    def __init__(self, ledger: Ledger, now: float) -> None:
        self.now = now
        self._ledger = ledger
        self._voices: dict[CheckKey, Sequence[Voice]] = {}

    def look_again(self) -> None:
        """Have voices say what has been seen by now."""
        self._voices.clear()

    def recall(self, judge: "Callable[[View], T]", keys: Sequence[CheckKey]) -> T:
        """Return what *judge*, which goes by the checks *keys* alone, said last or says now."""
        return self._ledger.recall(judge, keys, self.now, judge, self)

    def of(self, key: CheckKey) -> Sequence[Voice]:
        """Return the voices of one check, in the order of its subjects."""
        if key not in self._voices:
            self._voices[key] = [voice(series, self.now) for series in self._ledger.of(key)]
        return self._voices[key]
