"""What looks at a prefix mean.

Each voice is a feed: agents that read the same feed are one voice about routes. Half of the feeds
are enough, so that one's own routers are believed while the world has not heard yet. A feed whose
peers never had the prefix is none of them, nor is one that is silent for as long as a fault lasts.
Rule: pure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from vedette.agent.alarms.alarm import DENIED, UNDECIDED, Evidence, reached
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.diagnoses.view import Voice, unknown_since
from vedette.agent.diagnoses.votes import failing, most
from vedette.checks.bgp.judge import STRANGERS, TOO_FEW
from vedette.checks.bgp.reason import Reason
from vedette.checks.finding import Finding, Verdict

Judge = Callable[[Sequence[Voice]], Evidence]

REASONS: Mapping[Diagnosis, Reason] = {
    Diagnosis.PREFIX_WITHDRAWN: Reason.WITHDRAWN,
    Diagnosis.PREFIX_PARTIALLY_WITHDRAWN: Reason.PARTIALLY_WITHDRAWN,
    Diagnosis.ORIGIN_HIJACK: Reason.ORIGIN,
    Diagnosis.SUBPREFIX_HIJACK: Reason.MORE_SPECIFIC,
    Diagnosis.ROUTE_LEAK: Reason.PATH,
    Diagnosis.RPKI_INVALID: Reason.RPKI_INVALID,
}
"""What each diagnosis is the last word about."""

_LOST = (Reason.WITHDRAWN, Reason.PARTIALLY_WITHDRAWN)
_LONGER = 4.0


def hold_of(reason: Reason, hold: float) -> float:
    """Return for how long *reason* must hold where a withdrawal must for *hold* seconds.

    Half of the peers may lose a route for a minute or two while paths settle; all but a fifth of
    them seldom do.
    """
    return hold * _LONGER if reason is Reason.PARTIALLY_WITHDRAWN else hold


def given_by(reason: Reason) -> Judge:
    """Return the judge of whether *reason* holds at half of the feeds, or more."""

    def judge(voices: Sequence[Voice]) -> Evidence:
        able = judging(voices, reason) or voices
        said = [_says(voice, reason) for voice in able]
        holding = [one for one in said if one.holds]
        # Half of those that are heard: twice those, and the silent ones, are as many as all.
        weighed = [*holding, *holding, *_silent(able)]
        if holding and len(weighed) >= len(able):
            return reached(weighed, len(able))
        undecided = sum(one.holds is None for one in said)
        return UNDECIDED if 2 * (len(holding) + undecided) >= len(able) else DENIED

    return judge


def _silent(voices: Sequence[Voice]) -> Iterator[Evidence]:
    """Yield since when feeds are silent: one that is for long leaves it to the others."""
    for voice in voices:
        if voice.verdict is Verdict.UNKNOWN:
            since = unknown_since(voice)
            yield Evidence(True, since, max(since, voice.now))


def judging(voices: Sequence[Voice], *reasons: Reason) -> Sequence[Voice]:
    """Leave out the feeds that never had the prefix, unless they give one of *reasons*.

    To wait for what they say would be to wait for ever.
    """
    return [voice for voice in voices if not _is_beyond(voice.series.last.finding, reasons)]


def _is_beyond(finding: Finding, reasons: Sequence[Reason]) -> bool:
    given = (since_of(finding, reason) is not None for reason in reasons)
    return TOO_FEW in finding.facts and not any(given)


def are_taken(voices: Sequence[Voice]) -> bool:
    """Whether nearly all who lost a prefix have it by a stranger, at each feed that it is lost at.

    Then it is the stranger's doing, which has grown.
    """
    lost = [v.finding for v in voices if _is_lost(v.finding)]
    return bool(lost) and all(finding.facts.get("taken") for finding in lost)


def _is_lost(finding: Finding) -> bool:
    return any(since_of(finding, reason) is not None for reason in _LOST)


def feed_stale(voices: Sequence[Voice]) -> Evidence:
    """The feed itself is silent, or has not been seeded."""
    return most(voices, failing)


def _says(voice: Voice, reason: Reason) -> Evidence:
    """Return what a feed says of *reason*: it tells at once what changes, so it speaks of now."""
    if voice.verdict is Verdict.UNKNOWN:
        is_heard = voice.finding.reason is Reason.UNSEEDED and TOO_FEW in voice.finding.facts
        return Evidence(False) if is_heard and reason in STRANGERS else UNDECIDED
    since = since_of(voice.finding, reason)
    if since is not None:
        return Evidence(True, since, max(since, voice.now))
    undecided = voice.finding.facts.get("undecided")
    is_open = isinstance(undecided, Sequence) and str(reason) in undecided
    return UNDECIDED if is_open else Evidence(False)


def since_of(finding: Finding, reason: Reason) -> float | None:
    """Return since when *reason* holds, in epoch seconds; None where it does not."""
    since = finding.facts.get("since")
    return since.get(str(reason)) if isinstance(since, Mapping) else None
