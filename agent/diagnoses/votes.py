"""How voices add up to evidence: majorities in three values, and since when they hold.

Rule: pure. UNKNOWN is no vote: what the unknown could still turn is undecided.
"""

import math
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
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
    if series.is_steady and not counts(taken(series, series.last.finding)):
        return ()  # it has given way to something else
    return failed_lately(voice, counts)


def failed_lately(voice: Voice, counts: Counts) -> Sequence[Seen]:
    """Return those of the newest looks that failed and count: what comes and goes is a fault.

    So many must have, and so large a share, as the check says: of all looks since two in a row
    were well, or of the newest ticks, whichever shows it longer. Of each tick it is the first: the
    extra looks that a bad one asks for say that it lasts, and not that it comes again.
    """
    series = voice.series
    bad = {id(one) for one in series.looks.findings() if _fails(series, counts, one)}
    if not bad:
        return ()
    spell = _failed_of([[look] for look in series.since(_troubled_since(series))], bad, series)
    ticking_since = _ticking_since(series)
    if spell and spell[0].started_at <= ticking_since:
        return spell
    newest = (look for look in series.since(ticking_since) if look.started_at > ticking_since)
    recent = [*ticks(newest, series.timing.every)][-series.timing.failing.of :]
    found = (spell, _failed_of(recent, bad, series))
    return min(filter(None, found), key=lambda bad: bad[0].started_at, default=())


def _failed_of(
    ticks: Sequence[Sequence[Seen]], bad: Container[int], series: Series
) -> Sequence[Seen]:
    """Return the first *bad* look of each of *ticks* that has one, if enough have; else none."""
    few = series.timing.failing
    failed = [hits for looks in ticks if (hits := [k for k in looks if id(k.finding) in bad])]
    share = sum(map(len, failed)) / max(1, sum(map(len, ticks)))
    is_enough = len(failed) >= few.looks and share >= few.looks / few.of
    return [hits[0] for hits in failed] if is_enough else ()


def _fails(series: Series, counts: Counts, finding: Finding) -> bool:
    return failing(finding := taken(series, finding)) and counts(finding)


def lately(series: Series) -> float:
    """Return when the first look may have begun of those that are counted."""
    return min(_ticking_since(series), _troubled_since(series))


def _ticking_since(series: Series) -> float:
    """Return after when the newest ticks were: some may be missing."""
    return series.last.started_at - 2 * (series.timing.failing.of + 1) * series.timing.every


def _troubled_since(series: Series) -> float:
    return math.inf if series.troubled_since is None else series.troubled_since


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
    votes = [vote for v in voices if (vote := _vote(v, counts))]
    if len(votes) >= need:
        return reached(votes, need)
    unknown = sum(v.verdict is Verdict.UNKNOWN for v in voices)
    return DENIED if len(votes) + unknown < need else UNDECIDED


def _vote(voice: Voice, counts: Counts) -> Evidence | None:
    """Return since when what counts holds, for the present run of looks or a few, and till when.

    None is no vote. The few are not sought where the run began before any of them could have.
    """
    if voice.verdict is Verdict.UNKNOWN:
        return None
    if not counts(voice.finding):
        few = _coming_and_going(voice, counts)
        return Evidence(True, few[0].started_at, few[-1].started_at) if few else None
    began_at = _run_began_at(voice, counts)
    if began_at > lately(voice.series) and (few := _coming_and_going(voice, counts)):
        began_at = min(began_at, few[0].started_at)
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
        since, firsts = series.failing_since, series.firsts
        kept = series.looks.since(since)
    else:
        since, firsts = -math.inf if series.failed_at is None else series.failed_at, ()
        kept = series.looks.since(since, after=since)
    # Of a long run the newest looks are kept, and besides it is known since when it is alike.
    began_at = max(since, series.alike_since)
    for looks in (firsts, kept):
        counting = (look.started_at for look in looks if counts(taken(series, look.finding)))
        began_at = min(began_at, next(counting, math.inf))
    return began_at


def _unseen_began_at(voice: Voice, counts: Counts) -> float:
    """Return the start of the run of looks that failed, or could not be made, without a gap.

    That nobody looked at all spans no time.
    """
    series = voice.series
    looks = [] if voice.now > series.fresh_until else series.since(-math.inf)[::-1]
    run = takewhile(lambda look: failing(taken(series, look.finding)), looks)
    counting = (look.started_at for look in run if counts(taken(series, look.finding)))
    return min((series.alike_since, *counting)) if looks else voice.now


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
