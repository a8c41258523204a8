"""How voices add up to evidence: majorities in three values, and since when they hold.

Rule: pure. UNKNOWN is no vote: what the unknown could still turn is undecided.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile

from vedette.agent.alarms.alarm import DENIED, UNDECIDED, Evidence, reached
from vedette.agent.diagnoses.view import Voice, taken
from vedette.agent.memory.ledger import Series
from vedette.agent.memory.looks import Seen
from vedette.checks.finding import Finding, Verdict
from vedette.checks.settings import Missing

PUNCTUAL = 0.75
"""The part of a cadence after which a look is the next one that was due: one may begin late."""

Counts = Callable[[Finding], bool]
"""Whether a finding is a vote for something."""


def fine(finding: Finding) -> bool:
    """Whether it is OK."""
    return finding.verdict is Verdict.OK


def failing(finding: Finding) -> bool:
    """Whether it is FAILING, for whatever reason."""
    return finding.verdict is Verdict.FAILING


def failing_for(*reasons: str) -> Counts:
    """Return whether a finding is FAILING for one of *reasons*."""
    wanted = frozenset(reasons)
    return lambda finding: finding.verdict is Verdict.FAILING and finding.reason in wanted


def voting(voices: Sequence[Voice], counts: Counts) -> list[Voice]:
    """Return those of *voices* that are known and count, at their newest look or at most others.

    So many of the newest looks must fail, as the check says, where the newest of all did not, or
    where others between them were well.
    """
    known = (v for v in voices if v.verdict is not Verdict.UNKNOWN)
    return [v for v in known if counts(v.finding) or _coming_and_going(v, counts)]


def _coming_and_going(voice: Voice, counts: Counts) -> Sequence[Seen]:
    """Return the looks that failed lately where they are as many as the check says, else none."""
    few, series = voice.series.timing.failing, voice.series
    never_failed = series.failed_at is None and series.timing.missing is not Missing.BREACHING
    if series.well >= few.of or never_failed:
        return ()  # so it is nearly always, and none need be read
    return failed_lately(voice, counts)


def failed_lately(voice: Voice, counts: Counts) -> Sequence[Seen]:
    """Return those of the newest looks that failed and count: what comes and goes is a fault.

    So many must have, and so large a share, as the check says: of all looks since two in a row
    were well, or of the newest ticks, whichever shows it longer. Of each tick it is the first: the
    extra looks that a bad one asks for say that it lasts, and not that it comes again.
    """
    series, few = voice.series, voice.series.timing.failing
    since = series.last.started_at - 2 * (few.of + 1) * series.timing.every  # some may be missing
    troubled_since = math.inf if series.troubled_since is None else series.troubled_since
    oldest = min(since, troubled_since)
    looks = [*takewhile(lambda look: look.started_at >= oldest, _unbroken(series, math.inf))][::-1]
    spell = [[look] for look in looks if look.started_at >= troubled_since]
    recent = ticks((look for look in looks if look.started_at > since), series.timing.every)
    found = (_enough(series, spell, counts), _enough(series, [*recent][-few.of :], counts))
    return min(filter(None, found), key=lambda bad: bad[0].started_at, default=())


def _enough(series: Series, groups: Sequence[Sequence[Seen]], counts: Counts) -> Sequence[Seen]:
    """Return the first bad look of each of *groups* that has one, if enough have; else none."""
    few = series.timing.failing
    bad = [failed for group in groups if (failed := _failed(series, group, counts))]
    share = sum(map(len, bad)) / max(1, sum(map(len, groups)))
    is_enough = len(bad) >= few.looks and share >= few.looks / few.of
    return [failed[0] for failed in bad] if is_enough else ()


def _failed(series: Series, looks: Sequence[Seen], counts: Counts) -> list[Seen]:
    return [look for look in looks if failing(finding := taken(series, look)) and counts(finding)]


def ticks(looks: Iterable[Seen], every: float) -> Iterator[list[Seen]]:
    """Yield *looks*, which are in order of time, by ticks of *every* seconds or so."""
    tick: list[Seen] = []
    for look in looks:
        if tick and look.started_at >= tick[0].started_at + PUNCTUAL * every:
            yield tick
            tick = []
        tick.append(look)
    if tick:
        yield tick


def _unbroken(series: Series, now: float) -> Iterator[Seen]:
    """Yield the newest looks, the last one first, back to blindness, or to a gap before *now*.

    In a gap nobody looked, as while the machine slept; what was before it fills no hold.
    """
    after = now
    for look in reversed(series.looks):
        ended_at = look.started_at + look.seconds
        is_gap = after < math.inf and after - ended_at > series.timing.fresh_for
        if is_gap or look.started_at <= series.blind_at:
            return
        yield look
        after = look.started_at


def most(voices: Sequence[Voice], counts: Counts) -> Evidence:
    """Judge a majority of *voices*."""
    return at_least(len(voices) // 2 + 1, voices, counts)


def half(voices: Sequence[Voice], counts: Counts) -> Evidence:
    """Judge a half of *voices*, or more."""
    return at_least(math.ceil(len(voices) / 2), voices, counts)


def at_least(need: int, voices: Sequence[Voice], counts: Counts) -> Evidence:
    """Judge *need* votes: True with them, False where even the unknown ones could not make them.

    With nobody asked it is undecided. Each vote holds since its own fault began, and the whole
    since the last one needed; it was last seen when the oldest one needed was.
    """
    if not voices:
        return UNDECIDED
    votes = voting(voices, counts)
    if len(votes) >= need:
        return reached([_evidence(v, counts) for v in votes], need)
    unknown = sum(v.verdict is Verdict.UNKNOWN for v in voices)
    return DENIED if len(votes) + unknown < need else UNDECIDED


def _evidence(voice: Voice, counts: Counts) -> Evidence:
    """Return since when what counts holds, for the present run of looks or a few, and till when."""
    few = _coming_and_going(voice, counts)
    if not counts(voice.finding):
        return Evidence(True, few[0].started_at, few[-1].started_at)
    runs_since = _run_began_at(voice, counts)
    began_at = min(runs_since, few[0].started_at) if few else runs_since
    return Evidence(True, began_at, voice.series.last.started_at)


def _run_began_at(voice: Voice, counts: Counts) -> float:
    """Return the start of the first look that counts, in the present run of OK or FAILING ones.

    A fault whose reason changes to and fro is one fault; it counts for a reason from the first
    look that gave it.
    """
    series = voice.series
    if voice.verdict is Verdict.FAILING:
        if series.timing.missing is Missing.BREACHING:
            return _unseen_began_at(voice, counts)
        if series.failing_since is None:
            return voice.now
        run = (look for look in series.looks if look.started_at >= series.failing_since)
    else:
        after = -math.inf if series.failed_at is None else series.failed_at
        run = (look for look in series.looks if look.started_at > after)
    first = next((look for look in run if counts(taken(series, look))), series.last)
    return first.started_at


def _unseen_began_at(voice: Voice, counts: Counts) -> float:
    """Return the start of the run of looks that failed, or could not be made, without a gap.

    That nobody looked at all spans no time.
    """
    looks = _unbroken(voice.series, voice.now)
    run = takewhile(lambda look: failing(taken(voice.series, look)), looks)
    counting = (look.started_at for look in run if counts(taken(voice.series, look)))
    return min(counting, default=voice.now)


def both(*parts: Evidence) -> Evidence:
    """Return whether all *parts* hold: since the last of them began, seen while all were."""
    if any(part.holds is False for part in parts):
        return DENIED
    if any(part.holds is None for part in parts):
        return UNDECIDED
    began_at = max(part.began_at for part in parts)
    return Evidence(True, began_at, max(began_at, min(part.seen_at for part in parts)))


def either(*parts: Evidence) -> Evidence:
    """Return the one of *parts* that has held longest; undecided where one still may, or of none.

    It is one of them, not their sum: single bad looks at different things fill no hold together.
    """
    holding = [part for part in parts if part.holds]
    if holding:
        return max(holding, key=lambda part: (part.seen_at - part.began_at, -part.began_at))
    if not parts or any(part.holds is None for part in parts):
        return UNDECIDED
    return DENIED
