"""What looks at a page mean.

Rule: pure.

By name is what users do, so only that says down. Results by address say why, and alone give a
warning; an address that is only remembered may have been left on purpose, and gives none. How slow
is too slow for all is the check's own rule: a look that it calls slow fails. One address is slow by
what the others take.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from statistics import median

from vedette.agent.alarms.alarm import UNDECIDED, Evidence
from vedette.agent.diagnoses.view import Voice
from vedette.agent.diagnoses.votes import (
    Counts,
    at_least,
    either,
    failing,
    failing_for,
    fine,
    lately,
    most,
    ticks,
)
from vedette.agent.memory.ledger import LONGER, PACE, WINDOW
from vedette.agent.memory.looks import Seen
from vedette.checks.finding import Fact, Finding, Verdict
from vedette.checks.http.places import Place
from vedette.checks.http.reason import Reason
from vedette.checks.stopwatch import DISTURBED

Voices = Sequence[Voice]
"""Of one check."""

SHARE = 0.1
"""The share of them that is too many."""
LEAST = 3
"""How many it takes at least: two may be a coincidence."""
SLOWER = 3.0
"""How many times as long as the others an edge takes that is slow, and LONGER than they besides."""

is_uncertified = failing_for(Reason.TLS_EXPIRED, Reason.TLS_NAME, Reason.TLS_UNTRUSTED)


def at(place: Place, voices: Voices) -> Voices:
    """Return those of *voices* that are at *place* for its own sake, not to remember it."""
    return [v for v in voices if v.place == place and not is_remembered(v)]


def is_remembered(voice: Voice) -> bool:
    """Whether it is at an address that is only remembered, whatever its look is taken for."""
    return bool(voice.series.last.finding.facts.get("remembered"))


def service_down(voices: Voices) -> Evidence:
    """The page fails by name, and not just at the few bad addresses that its looks came to."""
    return _by_name(voices, failing)


def _by_name(voices: Voices, counts: Counts) -> Evidence:
    """Judge looks by name, but for those that came to one of a few bad addresses."""
    by_name, addresses = at(Place.NAME, voices), at(Place.ADDRESS, voices)
    if not (by_name and addresses):
        return most(by_name, counts)
    is_few = _few_bad(by_name, addresses)
    return most(by_name, lambda finding: counts(finding) and not is_few(finding))


def _few_bad(by_name: Voices, addresses: Voices) -> Counts:
    """Return whether a look by name came to a bad one of *addresses* of which most are well.

    While most have been well for as long as what comes and goes is counted, that is one that failed
    since, or that the name has no more: when it is well again, or gone, no outage is what it was.
    """
    since = min(lately(v.series) for v in by_name)
    failed = {a.series.subject for a in addresses if _failed_at(a) >= since}
    steady = [a for a in addresses if a.verdict is Verdict.OK and a.series.subject not in failed]
    present = {a.series.subject for a in addresses}
    bad, known = set[str](), set[str]()
    if 2 * len(steady) > len(addresses):
        bad = failed
        if any(_where(v.finding) in present for v in by_name):
            known = present
    elif most(addresses, fine).holds:
        bad = {a.series.subject for a in addresses if a.verdict is Verdict.FAILING}

    def is_few(finding: Finding) -> bool:
        where = _where(finding)
        return where in bad or (bool(where and known) and where not in known)

    return is_few


def _failed_at(voice: Voice) -> float:
    return -math.inf if voice.series.failed_at is None else voice.series.failed_at


def _where(finding: Finding) -> Fact:
    return finding.facts.get("address")


def service_degraded(voices: Voices, hold: float) -> Evidence:
    """Some addresses, or too many looks, fail of a service that is not down as a whole.

    *hold* is how long an outage lasts at least: what failed for that long was one, not a part.
    """
    parts = [intermittent(v, hold) for v in (*at(Place.NAME, voices), *single(voices))]
    dead = [at_least(1, [v], failing) for v in single(voices)]
    return either(*parts, *dead, *(_slow(v) for v, _ in slow_edges(voices)))


def slow_edges(voices: Voices) -> Sequence[tuple[Voice, float]]:
    """Return the addresses that answer well, and much later than most others do, with seconds."""
    answering = [v for v in at(Place.ADDRESS, voices) if v.verdict is Verdict.OK]
    paces = [(v, _pace(v)) for v in answering if len(_newest(v)) == PACE]
    if len(paces) < LEAST:
        return []
    usual = median(seconds for _, seconds in paces)
    return [(v, s) for v, s in paces if s > max(SLOWER * usual, usual + LONGER)]


def _pace(voice: Voice) -> float:
    """Return the seconds that the newest looks at an address took."""
    return median(look.seconds for look in _newest(voice))


def _newest(voice: Voice) -> Sequence[Seen]:
    """Return the newest looks of which it is known how long they took."""
    known = (look for look in reversed(voice.series.looks) if DISTURBED not in look.finding.facts)
    return list(islice(known, PACE))[::-1]


def _slow(voice: Voice) -> Evidence:
    newest = _newest(voice)
    return Evidence(True, newest[0].started_at, newest[-1].started_at)


def single(voices: Voices) -> Voices:
    """Return those at single addresses, and at a failover target."""
    return [*at(Place.ADDRESS, voices), *at(Place.STANDBY, voices)]


def intermittent(
    voice: Voice, hold: float, *, least: int = LEAST, share: float = SHARE
) -> Evidence:
    """A tenth of the looks of a quarter of an hour have failed, outages left out."""
    if voice.verdict is Verdict.UNKNOWN:
        return UNDECIDED
    bad, known = scattered(voice, hold)
    if len(bad) < least or len(bad) < share * known:
        return Evidence(False)
    return Evidence(True, bad[0].started_at, bad[-1].started_at)


def service_stirred(voices: Voices, hold: float) -> Evidence:
    """Looks have failed now and then, and half as many as make it degraded: it is not all well."""
    parts = (*at(Place.NAME, voices), *single(voices))
    return either(*(intermittent(v, hold, least=2, share=SHARE / 2) for v in parts))


def scattered(voice: Voice, hold: float) -> tuple[Sequence[Seen], int]:
    """Return the failing looks of the window, and of how many; outages of *hold* are left out.

    Of those that follow a failing one each second one counts a tick: the rest say how long it
    lasted, and not how often it comes.
    """
    # From the newest look back, and not from now: only a look can make it worse.
    since = max(voice.series.last.started_at - WINDOW, voice.series.blind_at)
    recent = voice.series.looks.since(-math.inf, after=since)
    every = voice.series.timing.every
    runs = (run for run in _runs(recent) if not _is_outage(run, hold))
    bad = [tick[0] for run in runs for tick in ticks(run, every)]
    return bad, len(bad) + sum(fine(look.finding) for look in recent)


def _is_outage(run: Sequence[Seen], hold: float) -> bool:
    return len(run) > 1 and run[-1].started_at - run[0].started_at >= hold


def _runs(looks: Sequence[Seen]) -> Iterator[list[Seen]]:
    """Return the failing looks by the outages they are of: no look between them is OK."""
    run: list[Seen] = []
    for look in looks:
        if failing(look.finding):
            run.append(look)
        elif fine(look.finding) and run:
            yield run
            run = []
    if run:
        yield run


def certificate_invalid(voices: Voices) -> Evidence:
    """The certificate is refused, or will be soon, which is told of a failover target too."""
    looks = [*at(Place.NAME, voices), *single(voices)]
    return either(*_refusals(voices), at_least(1, looks, is_expiring))


def certificate_refused(voices: Voices) -> Evidence:
    """The certificate is expired, of another name or untrusted by name, or at most addresses."""
    return either(*_refusals(voices))


def _refusals(voices: Voices) -> Iterator[Evidence]:
    if at(Place.NAME, voices):
        yield _by_name(voices, is_uncertified)
    if addresses := at(Place.ADDRESS, voices):
        yield most(addresses, is_uncertified)


def is_certificate_refused(voices: Voices) -> bool:
    """Whether it is refused now, and not only soon."""
    return certificate_refused(voices).holds is True


def is_expiring(finding: Finding) -> bool:
    """Whether a certificate that is still good ends soon."""
    return finding.facts.get("certificate_expiring") is True
