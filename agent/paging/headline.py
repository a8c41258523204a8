"""The cause of a page in one line: what fails, where, and by how much.

Rule: pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from vedette.agent.composite.alarm import Alarm
from vedette.agent.diagnoses.bgp import REASONS, judging, since_of
from vedette.agent.diagnoses.dns import (
    EMPTY,
    WRONG,
    answering,
    at,
    is_bare_alias,
    is_bogus,
    is_changed,
    is_down,
    is_empty,
    is_faulty,
    is_right,
    is_sound,
    is_undelegated,
    is_wrong,
    leads_away,
    siblings,
)
from vedette.agent.diagnoses.http import at as http_at
from vedette.agent.diagnoses.http import (
    intermittent,
    is_expiring,
    is_uncertified,
    scattered,
    service_down,
    single,
    slow_edges,
)
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.diagnoses.view import View, Voice, taken
from vedette.agent.diagnoses.votes import Counts, failed_lately, failing, most, voting
from vedette.agent.memory.ledger import Ledger, Series
from vedette.agent.memory.looks import Seen
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Place
from vedette.checks.finding import Finding, Verdict
from vedette.checks.http.places import Place as HttpPlace
from vedette.checks.http.reason import Reason as HttpReason
from vedette.checks.net import is_address
from vedette.checks.words import some

_LONGEST = 700
"""How many characters it may have: what comes after it must still fit on a pager."""


_ANYTHING = "{} is not as it should be"
_WITHOUT_FIGURES: Mapping[str, str] = {
    Diagnosis.RECORD_EMPTIED: "{} is empty",
    Diagnosis.AUTHORITATIVE_DOWN: "the authoritative servers of {} fail",
    Diagnosis.RESOLVER_FAULT: "resolvers fail for {}",
    Diagnosis.WRONG_ANSWER: "{} is answered wrongly",
    Diagnosis.DELEGATION_CHANGED: "the delegation of {} has changed",
    Diagnosis.CERTIFICATE_INVALID: "the certificate of {} is refused or ends soon",
    Diagnosis.SERVICE_DOWN: "{} is down",
    Diagnosis.REGIONAL_FAILURE: "{} is in trouble in one region",
    Diagnosis.SERVICE_DEGRADED: "{} is in trouble for some",
}
"""What is said where no look of the one that tells shows it any more."""


def cause(rule: Rule, view: View) -> str:
    """Return what *rule* found, to be followed by since when."""
    voices = view.of(rule.key) if rule.key else ()
    text = _text(rule, voices, view) if voices else ""
    text = text or _WITHOUT_FIGURES.get(rule.diagnosis, _ANYTHING).format(rule.subject)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def likewise(
    rule: Rule, rules: Mapping[str, Alarm], failing: Mapping[str, float], now: float
) -> str:
    """Name what else of the service fails in the same way, and has for its hold.

    A page is headed by one of them, and is about all. A changed delegation is told by its zone,
    and is that of every name in it.
    """
    if rule.diagnosis is Diagnosis.DELEGATION_CHANGED:
        return ""
    others = ((rules[id_], at) for id_, at in sorted(failing.items(), key=lambda one: one[1]))
    same = [
        other.subject
        for other, at in others
        if isinstance(other, Rule)
        and (other.service, other.diagnosis) == (rule.service, rule.diagnosis)
        and other.id != rule.id
        and now - at >= other.hold
    ]
    return f"; likewise {some(same)}" if same else ""


def failing_controls(rule: Rule, ledger: Ledger, now: float) -> Sequence[Series]:
    """Return the looks at controls that fail beside *rule*.

    Of a vantage that is blind those are among them that it could not make.
    """
    bad = (Verdict.FAILING,) if rule.key else (Verdict.FAILING, Verdict.UNKNOWN)
    looks = (series for control in rule.controls for series in ledger.of(control))
    return [one for one in looks if now <= one.fresh_until and one.verdict(now) in bad]


def blindness(rule: Rule, ledger: Ledger, now: float) -> str:
    """Return why the vantage is blind that *rule* is about, to be followed by since when."""
    seen = {one.key: str(one.last.finding.reason) for one in failing_controls(rule, ledger, now)}
    why = f" ({_commonest(seen.values())})" if seen else ""
    return f"{rule.subject} sees none of the internet it checks itself by{why}"


def _text(rule: Rule, voices: Sequence[Voice], view: View) -> str:
    match rule.diagnosis:
        case Diagnosis.RECORD_EMPTIED:
            return _emptied(rule.subject, voices)
        case Diagnosis.AUTHORITATIVE_DOWN:
            return _down(rule.subject, voices)
        case Diagnosis.WRONG_ANSWER:
            return _wrong(rule.subject, voices)
        case Diagnosis.RESOLVER_FAULT:
            return _resolver_fault(rule.subject, voices)
        case Diagnosis.DNSSEC_BOGUS | Diagnosis.PARENT_DNSSEC_BOGUS:
            return _bogus(rule, voices, view)
        case Diagnosis.DELEGATION_CHANGED:
            parents = at(Place.PARENT, voices)
            return _first(voices, is_changed) or _first(parents, is_undelegated)
        case Diagnosis.CERTIFICATE_INVALID:
            return _first(voices, is_uncertified) or _first(voices, is_expiring)
        case diagnosis if diagnosis in REASONS:
            return _route(rule, voices)
    return _page(rule, voices)


def _route(rule: Rule, voices: Sequence[Voice]) -> str:
    """Return what the first feed says that speaks up, and how many feeds do."""
    reason = REASONS[rule.diagnosis]
    saying = [v for v in voices if since_of(v.finding, reason) is not None]
    if not saying:
        return ""
    finding = saying[0].finding
    what = finding.detail
    if rule.diagnosis in _STRANGERS:
        what = _strangers(rule, finding) or what
    asked = len(judging(voices, reason))
    feeds = f" at {len(saying)} of {asked} feeds" if asked > 1 else ""
    return f"{what}{feeds},"


_STRANGERS: Mapping[Diagnosis, tuple[str, str]] = {
    Diagnosis.ORIGIN_HIJACK: ("foreign_origins", "is originated by"),
    Diagnosis.SUBPREFIX_HIJACK: ("more_specifics", "contains"),
    Diagnosis.ROUTE_LEAK: ("foreign_neighbours", "is passed on by"),
}


def _strangers(rule: Rule, finding: Finding) -> str:
    """Return who does what they should not, at how many ASes, and how many still do without."""
    fact, verb = _STRANGERS[rule.diagnosis]
    who, facts = finding.facts.get(fact), finding.facts
    if not isinstance(who, Mapping) or not who:
        return ""
    rows = sorted(who.items(), key=lambda row: -row[1])
    strangers = some([f"{_stranger(name, finding)} at {_ases(asns)}" for name, asns in rows])
    share, left = facts.get("share"), ""
    if isinstance(share, float):
        peers = f"{facts.get('holding')} of {facts.get('of')} peers ({100 * share:.0f} %)"
        # What is in the part goes where that leads, also from who has the whole (RFC 4632, 5.1).
        rest = " for the rest of it" if rule.diagnosis is Diagnosis.SUBPREFIX_HIJACK else ""
        left = f"; {peers} still reach its own origin{rest}"
    return f"{rule.subject} {verb} {strangers}{left}"


def _stranger(name: str, finding: Finding) -> str:
    """Return what a foreign route is called, and its state in the RPKI where that is known."""
    states = [
        word
        for word in ("valid", "invalid")
        if isinstance(names := finding.facts.get(f"rpki_{word}"), Sequence) and name in names
    ]
    told = f" (RPKI {states[0]})" if states else ""
    return f"{f'AS{name}' if name.isdigit() else name.replace(' ', ' by ')}{told}"


def _ases(count: float) -> str:
    return "1 peer AS" if count == 1 else f"{count:.0f} peer ASes"


def _emptied(subject: str, voices: Sequence[Voice]) -> str:
    asked = answering(voices)
    empty = voting(asked, is_empty)
    if not empty:
        return ""
    few = {str(_counting(v, is_empty).reason) for v in empty} == {Reason.TOO_FEW}
    what = f"{subject} {_alias(voices)}{'has too few records' if few else 'is empty'} at"
    down = voting(asked, is_down)
    if not down or 2 * len(empty) > len(asked):
        return f"{what} {_share(empty, asked)}"
    # Only together are they most of them.
    return f"{what} {len(empty)} and fails at {_share(down, asked)} ({_tally(down, is_down)})"


def _down(subject: str, voices: Sequence[Voice]) -> str:
    asked = answering(voices)
    down = voting(asked, is_down)
    if not down:
        return ""
    fails = f"fails at {_share(down, asked)} ({_tally(down, is_down)})"
    return f"{subject} {_alias(voices)}{fails}"


def _alias(voices: Sequence[Voice]) -> str:
    """Return where a name leads of which its own servers know no more."""
    aliases = voting(at(Place.AUTHORITATIVE, voices), is_bare_alias) if leads_away(voices) else ()
    chain = aliases[0].finding.facts.get("chain") if aliases else None
    if not isinstance(chain, Sequence) or not chain:
        return ""
    return f"is an alias of {str(chain[-1]).rpartition(' ')[2]} and "


def _wrong(subject: str, voices: Sequence[Voice]) -> str:
    authorities, resolvers = at(Place.AUTHORITATIVE, voices), at(Place.RECURSIVE, voices)
    asked = authorities if voting(authorities, is_wrong) else resolvers
    wrong = voting(asked, is_wrong)
    if not wrong:
        return ""
    return f"{subject} is wrong at {_share(wrong, asked)} ({_counting(wrong[0], is_wrong).detail})"


def _resolver_fault(subject: str, voices: Sequence[Voice]) -> str:
    resolvers = at(Place.RECURSIVE, voices)
    asked = at(Place.AUTHORITATIVE, voices) or resolvers
    counts = is_faulty(voices)
    faulty = voting(resolvers, counts)
    if not faulty:
        return ""
    said = {v.series.subject: _counting(v, counts).reason for v in faulty}
    reasons = {*said.values()}
    verb = "is empty" if reasons <= set(EMPTY) else "is wrong" if reasons <= set(WRONG) else "fails"
    who = some([f"{subject}: {reason}" for subject, reason in said.items()])
    right = f"while {_share(voting(asked, is_sound), asked)} answer"
    says = right if is_right(voices).holds else "and so do controls there"
    return f"{subject} {verb} at {_share(faulty, resolvers)} ({who}), {says},"


def _bogus(rule: Rule, voices: Sequence[Voice], view: View) -> str:
    resolvers = at(Place.RECURSIVE, voices)
    saying = voting(resolvers, is_bogus)
    at_whom = f" at {_share(saying, resolvers)} ({some([v.series.subject for v in saying])})"
    chains = voting(at(Place.DNSSEC, voices), is_bogus)
    # Where our own chain holds it is the zone behind the alias that is broken.
    alias = "" if chains else _alias(voices)
    clauses = [f"{rule.subject} {alias}is bogus{at_whom if saying else ''}"]
    for v in chains:
        finding = _counting(v, is_bogus)
        broken_at, says = finding.facts.get("broken_at"), finding.detail
        clauses.append(f"the chain of trust breaks at {broken_at} ({says})" if broken_at else says)
    beside = siblings(voices, [view.of(control) for control in rule.controls])
    too = [control[0].series.key.check for control in beside if voting(control, is_bogus)]
    if too and rule.diagnosis is Diagnosis.PARENT_DNSSEC_BOGUS:
        clauses.append(f"and so is {some(too)} under the same parent")
    return f"{', '.join(clauses)},"


def _page(rule: Rule, voices: Sequence[Voice]) -> str:
    """Return how the newest look by name failed, or else what else there is."""
    down, is_part = service_down(voices), rule.diagnosis is Diagnosis.SERVICE_DEGRADED
    # Of what is degraded a bad look or two tells less than how many there were.
    is_down = down.holds and not (is_part and down.seen_at - down.began_at < rule.hold)
    if failing(voices[0].finding) and (is_down or not is_part):
        return f"{voices[0].finding.detail},"
    if is_down:
        since = most(voices[:1], failing).began_at
        newest = [look for look in voices[0].series.looks if look.started_at >= since]
        bad = [look for look in newest if failing(look.finding)]
        return _now_and_then(rule, bad, len(newest))
    return _degraded(rule, voices)


def _degraded(rule: Rule, voices: Sequence[Voice]) -> str:
    """Return the addresses that fail, or else who fails now and then."""
    asked = single(voices)
    dead = voting(asked, failing)
    if dead:
        who = some([f"{v.series.subject}: {_reason(_counting(v, failing))}" for v in dead])
        standby = " as a standby" if dead[0].place == HttpPlace.STANDBY else ""
        return f"{rule.subject} fails{standby} at {len(dead)} of {len(asked)} addresses ({who}),"
    if slow := slow_edges(voices):
        who = some([f"{v.series.subject}: {seconds:.1f} s" for v, seconds in slow])
        return f"{rule.subject} is slow at {len(slow)} of {len(asked)} addresses ({who}),"
    judged = [*http_at(HttpPlace.NAME, voices), *asked]
    # What comes and goes everywhere is no single address's fault: by name is what users do.
    waving = judged[:1] if all(intermittent(v, rule.hold).holds for v in judged) else judged
    rows = [(v.series.subject, *scattered(v, rule.hold)) for v in waving]
    where, bad, known = max(rows, key=lambda row: len(row[1]), default=("", [], 0))
    return _now_and_then(rule, bad, known, f" {_at(where)}") if bad else ""


def _now_and_then(rule: Rule, bad: Sequence[Seen], known: int, where: str = "") -> str:
    reasons = _commonest(str(look.finding.reason) for look in bad)
    # Of answers in a row that failed alike the first is kept whole: how often is not known of each.
    codes = dict.fromkeys(filter(None, (_status(look.finding) for look in bad)))
    reasons += f", such as {some([*codes])}" if codes else ""
    return f"{rule.subject} fails in {len(bad)} of the last {known} looks{where} ({reasons}),"


def _reason(finding: Finding) -> str:
    """Return why a look at a page failed."""
    return f"{finding.reason} {_status(finding)}".rstrip()


def _status(finding: Finding) -> str:
    """Return the status of an answer that failed for it; nothing of any other."""
    return str(finding.facts.get("status", "")) if finding.reason == HttpReason.STATUS else ""


def _at(subject: str) -> str:
    return f"at {subject}" if is_address(subject) else subject


def _share(some: Sequence[Voice], asked: Sequence[Voice]) -> str:
    """Return how many of how many there are, and what they are."""
    authoritative = any(v.place == Place.AUTHORITATIVE for v in asked)
    return (
        f"{len(some)} of {len(asked)} {'authoritative servers' if authoritative else 'resolvers'}"
    )


def _tally(voices: Sequence[Voice], counts: Counts) -> str:
    """Return how many fail for which reason, the commonest first."""
    return _commonest(str(_counting(v, counts).reason) for v in voices)


def _first(voices: Sequence[Voice], counts: Counts) -> str:
    """Return what the first one says that counts; nothing if none does."""
    saying = voting(voices, counts)
    return f"{_counting(saying[0], counts).detail}," if saying else ""


def _counting(voice: Voice, counts: Counts) -> Finding:
    """Return the newest finding that counts of one that votes: what comes and goes may be well."""
    if counts(voice.finding):
        return voice.finding
    return taken(voice.series, failed_lately(voice, counts)[-1].finding)


def _commonest(reasons: Iterable[str]) -> str:
    counts = Counter(reasons)
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
