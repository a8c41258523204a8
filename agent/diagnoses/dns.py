"""What looks at a name mean.

Rule: pure.

Three things are seen, shown and measured, and are no diagnosis. A signature that expires soon
breaks nothing yet. Servers that differ, or lag behind with their serials, each serve something
that may be right. A TTL out of its range is the right data, kept too long or too short.
"""

from collections.abc import Callable, Sequence

from vedette.agent.alarms.alarm import UNDECIDED, Evidence
from vedette.agent.diagnoses.view import Voice
from vedette.agent.diagnoses.votes import (
    at_least,
    both,
    either,
    failing_for,
    fine,
    half,
    most,
    voting,
)
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Place
from vedette.checks.finding import Finding, Verdict

Voices = Sequence[Voice]
"""Of one check."""
Controls = Sequence[Voices]
"""Of every control that is a name."""

_ASKED = (Place.AUTHORITATIVE, Place.PARENT, Place.RECURSIVE)
"""What answers itself: the rest is what servers show, held against each other."""
EMPTY = (Reason.NODATA, Reason.NXDOMAIN, Reason.TOO_FEW)
DOWN = (
    Reason.TIMEOUT,
    Reason.UNREACHABLE,
    Reason.REFUSED,
    Reason.SERVFAIL,
    Reason.FORMERR,
    Reason.NOTIMP,
    Reason.OTHER_RCODE,
    Reason.LAME,
    Reason.MALFORMED,
    Reason.MISMATCHED,
    Reason.TRUNCATED,
)
# Records beyond the most there may be are records that nobody allowed. A chain of CNAMEs that leads
# back to itself is there and was written so: it must be corrected, not restored like an empty name.
WRONG = (Reason.WRONG_ANSWER, Reason.TOO_MANY, Reason.CNAME_LOOP)

is_empty = failing_for(*EMPTY)
is_down = failing_for(*DOWN)
is_wrong = failing_for(*WRONG)
is_bogus = failing_for(Reason.BOGUS)
_is_foreign = failing_for(Reason.WRONG_ANSWER)
is_undelegated = failing_for(*EMPTY, *WRONG)
is_empty_or_down = failing_for(*EMPTY, *DOWN)
is_unserved = failing_for(*EMPTY, *DOWN, *WRONG)
_is_delegation = failing_for(Reason.DELEGATION)
_is_mistimed = failing_for(Reason.TTL)


def at(place: Place, voices: Voices) -> Voices:
    """Return those of *voices* that are at *place*."""
    return [v for v in voices if v.place == place]


def answering(voices: Voices) -> Voices:
    """Return the servers whose word counts about a record: its authorities, else resolvers.

    Authorities that say only that the name is an alias leave the record to the zone it leads to.
    """
    servers, resolvers = at(Place.AUTHORITATIVE, voices), at(Place.RECURSIVE, voices)
    return resolvers if resolvers and leads_away(voices) else servers or resolvers


def is_sound(finding: Finding) -> bool:
    """Whether it is the right data, be it kept too long or too short."""
    return fine(finding) or _is_mistimed(finding)


def leads_away(voices: Voices) -> bool:
    """Whether most authorities that are known answer with a CNAME out of their zones, alone."""
    known = [v for v in at(Place.AUTHORITATIVE, voices) if v.verdict is not Verdict.UNKNOWN]
    return bool(most(known, is_bare_alias).holds)


def is_bare_alias(finding: Finding) -> bool:
    """Whether an answer is complete in a CNAME."""
    return is_sound(finding) and bool(finding.facts.get("chain")) and not finding.facts.get("count")


def record_emptied(voices: Voices) -> Evidence:
    """Most authoritative servers answer, and answer nothing; without them, most resolvers.

    Where most authoritative servers are empty or down, and neither are most, none is of use, and
    those that answer are empty.
    """
    asked = answering(voices)
    empty = most(asked, is_empty)
    return empty if empty.holds or not at(Place.AUTHORITATIVE, asked) else _of_no_use(asked)


def _of_no_use(servers: Voices) -> Evidence:
    """Whether most *servers* are empty or down and some are empty, while not most are down."""
    down, failed = most(servers, is_down), most(servers, is_empty_or_down)
    if down.holds:
        return Evidence(False)
    emptied = both(at_least(1, servers, is_empty), failed)
    if emptied.holds:
        return failed if down.holds is False else UNDECIDED
    return emptied


def authoritative_down(voices: Voices, controls: Controls) -> Evidence:
    """Most authoritative servers are silent, refuse, fail, or do not know that they are that.

    Those that an alias leads to, out of the zones that we ask, are down where most resolvers fail
    for it that find the controls. So are those of a name that only resolvers are asked for.
    """
    resolvers = at(Place.RECURSIVE, voices)
    if resolvers and len(resolvers) == sum(v.place in _ASKED for v in voices):
        return _down_behind_resolvers(resolvers, controls)
    down = most(at(Place.AUTHORITATIVE, voices), is_down)
    return either(down, _down_behind_alias(voices, controls)) if down.holds is False else down


def _down_behind_resolvers(resolvers: Voices, controls: Controls) -> Evidence:
    """Most resolvers fail that do not fail for the controls too; one alone must be known to not."""
    able = [v for v in resolvers if not fails_controls(v, controls).holds]
    is_known = len(able) > 1 or any(of_controls(v, controls) for v in able)
    is_seen = any(v.verdict is not Verdict.UNKNOWN for v in able) or not able
    return most(able, is_down) if is_known or not is_seen else Evidence(False)


def _down_behind_alias(voices: Voices, controls: Controls) -> Evidence:
    resolvers = at(Place.RECURSIVE, voices)
    if all(is_sound(v.finding) for v in resolvers) or not leads_away(voices):
        return Evidence(False)
    able = [v for v in resolvers if most(of_controls(v, controls), fine).holds]
    return most(able, is_down) if able else Evidence(False)


def wrong_answer(voices: Voices) -> Evidence:
    """One server or resolver answers what is not allowed, or most have too many records or a loop.

    One is enough for a stranger's address: whoever asks there is led astray, and a cache that was
    poisoned begins so. A parent that names other servers has changed the delegation.
    """
    places = at(Place.AUTHORITATIVE, voices), at(Place.RECURSIVE, voices)
    parts = ((at_least(1, asked, _is_foreign), most(asked, is_wrong)) for asked in places if asked)
    return either(*(evidence for part in parts for evidence in part))


def delegation_changed(voices: Voices) -> Evidence:
    """The delegation is no longer the last good one, or most parent's servers say a wrong one.

    Parent and child that have differed from the first look on page nobody. A parent that is
    silent says nothing about the delegation. The servers of a stub zone are given: nobody delegates
    to them.
    """
    if voices and all(v.place not in (Place.DELEGATION, Place.PARENT) for v in voices):
        return most(at(Place.AUTHORITATIVE, voices), is_changed)
    looks = (
        (at(Place.DELEGATION, voices), is_changed),
        (at(Place.PARENT, voices), is_undelegated),
    )
    return either(*(most(asked, counts) for asked, counts in looks if asked))


def is_changed(finding: Finding) -> bool:
    """Whether a delegation differs from the last good one."""
    return _is_delegation(finding) and finding.facts.get("changed") is True


def resolver_fault(voices: Voices, controls: Controls) -> Evidence:
    """A resolver fails although the authoritative servers are right, or fails for controls too.

    Where these only say that the name is an alias, half of the resolvers must find the record, or
    none of those that fail finds the controls.
    """
    counts, resolvers = is_faulty(voices), at(Place.RECURSIVE, voices)
    right = is_right(voices)
    is_beyond = bool(_down_behind_alias(voices, controls).holds)

    def judged(resolver: Voice) -> Evidence:
        failing = at_least(1, [resolver], counts)
        if failing.holds is False:
            return failing
        elsewhere = right
        if is_beyond or (leads_away(voices) and is_empty(resolver.finding)):
            elsewhere = both(right, half(resolvers, is_sound))
        return both(failing, either(elsewhere, fails_controls(resolver, controls)))

    return either(*map(judged, resolvers))


def is_right(voices: Voices) -> Evidence:
    """Whether most authoritative servers are right; without them, half of the resolvers."""
    servers = at(Place.AUTHORITATIVE, voices)
    return most(servers, is_sound) if servers else half(at(Place.RECURSIVE, voices), is_sound)


def is_faulty(voices: Voices) -> Callable[[Finding], bool]:
    """Return whether a resolver's finding is its own fault, if the answer is right elsewhere.

    A validator that says bogus does its work, and where a wrong answer is given, that is the
    finding.
    """
    return is_empty_or_down if wrong_answer(voices).holds else is_unserved


def fails_controls(resolver: Voice, controls: Controls) -> Evidence:
    """Whether a resolver fails for most controls that it is asked for; False if for none."""
    same = of_controls(resolver, controls)
    return most(same, is_unserved) if same else Evidence(False)


def of_controls(resolver: Voice, controls: Controls) -> Voices:
    """Return what a resolver says of the controls that it is asked for."""
    asked = [v for control in controls for v in at(Place.RECURSIVE, control)]
    return [v for v in asked if v.series.subject == resolver.series.subject]


def dnssec_bogus(voices: Voices, controls: Controls) -> Evidence:
    """Validation fails, and nothing shows that it is broken above the zone."""
    failing = bogus(voices)
    if failing.holds and broken_above(voices, controls).holds:
        return Evidence(False)
    return failing


def parent_dnssec_bogus(voices: Voices, controls: Controls) -> Evidence:
    """Validation fails, and is broken above the zone."""
    failing = bogus(voices)
    return both(failing, broken_above(voices, controls)) if failing.holds else failing


def bogus(voices: Voices) -> Evidence:
    """The chain of trust is broken, or a resolver says so, or most authoritative servers' data.

    One resolver is enough: it may be the one that has kept an old key, and is then as right as
    the rest. How many there are decides how grave it is.
    """
    chain, resolvers = at(Place.DNSSEC, voices), at(Place.RECURSIVE, voices)
    servers = at(Place.AUTHORITATIVE, voices)
    parts = [at_least(1, asked, is_bogus) for asked in (chain, resolvers) if asked]
    return either(*parts, *([most(servers, is_bogus)] if servers else []))


def widely_bogus(voices: Voices) -> bool:
    """Whether half of the zone's servers break the chain of trust, or half of those asked say so.

    Where fewer break it, resolvers that validate find the others.
    """
    places = (Place.DNSSEC, Place.RECURSIVE, Place.AUTHORITATIVE)
    return any(half(at(place, voices), _is_widely_bogus).holds for place in places)


def _is_widely_bogus(finding: Finding) -> bool:
    return is_bogus(finding) and finding.facts.get("broken_at_few") is not True


def broken_above(voices: Voices, controls: Controls) -> Evidence:
    """Whether the chain breaks above the zone, or a control under the same parent is bogus too.

    A chain that we found broken ourselves says where; resolvers alone do not.
    """
    chain = at(Place.DNSSEC, voices)
    if voting(chain, is_bogus):
        return at_least(1, chain, is_bogus_above)
    return either(*(bogus(control) for control in siblings(voices, controls)))


def is_bogus_above(finding: Finding) -> bool:
    """Whether a chain of trust breaks at a zone strictly above the one it leads to."""
    zone, broken_at = finding.facts.get("zone"), finding.facts.get("broken_at")
    if not (is_bogus(finding) and isinstance(zone, str) and isinstance(broken_at, str)):
        return False
    return zone != broken_at and _is_under(zone, broken_at)


def siblings(voices: Voices, controls: Controls) -> Controls:
    """Return the controls whose names lie under the parent of the name's zone, and outside it.

    Where nobody has found the zone, the last label of the name stands for its parent.
    """
    if not voices:
        return ()
    name, zone = _name(voices), _zone(voices)
    parent = name.rpartition(".")[2] if zone is None else zone.partition(".")[2] or "."
    return [
        control
        for control in controls
        if control
        and _is_under(_name(control), parent)
        and not _is_under(_name(control), zone or name)
    ]


def _zone(voices: Voices) -> str | None:
    """Return the zone of the name, where somebody has found it."""
    for v in (*at(Place.DNSSEC, voices), *at(Place.DELEGATION, voices)):
        zone = v.finding.facts.get("zone")
        if isinstance(zone, str):
            return zone
    return None


def _name(voices: Voices) -> str:
    return voices[0].series.key.check.rpartition(" ")[0]


def _is_under(name: str, zone: str) -> bool:
    return zone in (".", name) or name.endswith(f".{zone}")
