"""What a page says: the cause in the first line, then what a person needs at three in the morning.

Rule: pure; no I/O, no clock; time is passed in.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vedette.agent.alarms.agreement import Vantage
from vedette.agent.alarms.alarm import Evidence
from vedette.agent.alarms.fleet import SILENT_AFTER
from vedette.agent.alarms.incidents import Change, Incident, headed, title_of
from vedette.agent.clock import utc
from vedette.agent.composite import telling
from vedette.agent.composite.alarm import Alarm, CompositeAlarm
from vedette.agent.diagnoses.bgp import REASONS
from vedette.agent.diagnoses.http import service_down
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.diagnoses.view import View
from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.memory.ledger import CheckKey, Ledger, Series
from vedette.agent.paging.headline import blindness, cause, failing_controls, likewise
from vedette.agent.paging.workaround import serving
from vedette.checks.bgp.check import FEED
from vedette.checks.dns.server import Place
from vedette.checks.finding import Fact, Kind, Verdict
from vedette.checks.http.places import Place as HttpPlace
from vedette.checks.words import some
from vedette.exporters.page import Action, Page

_SHOWN = 5
"""How many ASes, or vantages, a line names."""
_LISTED = 20
"""How many prefixes a page lists: thousands may fail together."""
_MOST = 50
"""How many lines a list of a page has: a service may have hundreds of checks."""


@dataclass(frozen=True, slots=True)
class Witness:
    """All that a page may quote: who looks, what was seen, and what was good."""

    vantage: str
    vantages: Mapping[str, Vantage]
    status_url: str
    ledgers: Mapping[str, Ledger]
    good: LastKnownGood
    rules: Mapping[str, Alarm]
    failing: Mapping[str, float]
    """Rules that hold now, alarm or not yet, and since when."""
    standings: telling.Standings = field(default_factory=dict)
    """How everything stands that the rules of composite alarms name."""
    changes: Sequence[str] = ()
    """What changed before the incident and since, the newest first."""
    shortage: str = ""
    """By how much the vantages that see are too few to agree."""
    unsighted: Collection[str] = ()
    """The vantages that are not known to see the internet."""
    runbook: str = ""
    """Where it says what to do; empty for nowhere."""

    @property
    def ledger(self) -> Ledger:
        """What this agent saw itself."""
        return self.ledgers[self.vantage]

    def telling(self, rule: Alarm | None, now: float) -> Ledger:
        """Return what the vantage saw that tells most of *rule*: this one, unless others do.

        One that sees the very fault tells more than one for which the check fails otherwise, and
        any that sees more than one that is cut off.
        """
        if not isinstance(rule, Rule):
            return self.ledger
        if rule.key is None:  # is about a vantage itself
            return self.ledgers.get(rule.subject, self.ledger)
        names = sorted(
            self.ledgers, key=lambda name: (name in self.unsighted, name != self.vantage)
        )
        fails = [self.ledgers[name] for name in names if _fails(self.ledgers[name], rule.key)]
        seeing = (self.ledgers[name] for name in names if name not in self.unsighted)
        alone = rule.alone
        telling = (one for one in seeing if alone is not None and alone(View(one, now)).holds)
        return next(telling, fails[0] if fails else self.ledger)

    def serving(
        self,
        service: str,
        teller: Ledger,
        now: float,
        *,
        since: float,
        about: CheckKey | None = None,
    ) -> str:
        """Say whether the last-known-good addresses serve, unless the *teller* sees nothing."""
        if any(self.ledgers.get(name) is teller for name in self.unsighted):
            return ""
        return serving(service, self.good, teller, now, since=since, about=about)


def _fails(ledger: Ledger, key: CheckKey) -> bool:
    return any(one.last.finding.verdict is Verdict.FAILING for one in ledger.of(key))


def _end(rule: Alarm | None, subject: str, witness: Witness, now: float) -> str:
    """Say why *rule* of *subject* is over, which the config may have no longer, and what is not."""
    if rule is None:
        return "the config has it no longer"
    if isinstance(rule, CompositeAlarm):
        return "its rule holds no longer"
    rest = " and ".join(_going_on(rule, witness, now))
    return f"{subject} is left with {rest}" if rest else f"{subject} is well again"


def _going_on(ended: Rule, witness: Witness, now: float) -> Iterator[str]:
    """Yield what else is wrong with the same check, and has been for its hold."""
    for id_, began_at in witness.failing.items():
        rule = witness.rules[id_]
        is_other = isinstance(rule, Rule) and ended.key is not None and id_ != ended.id
        if is_other and rule.key == ended.key and now - began_at >= rule.hold:
            yield rule.diagnosis


def _outlasting(incident: Incident, witness: Witness) -> str:
    """Name what held a page open to its end, where that is not its headline."""
    last = incident.burning
    if not last or incident.headline in last:
        return ""
    return f"; {some(sorted(title_of(id_, witness.rules) for id_ in last), 2)} went on till now"


def page(incident: Incident, change: Change, witness: Witness, now: float) -> Page:
    """Write the page for *change* of *incident*."""
    rule = witness.rules.get(incident.headline)
    diagnosis, subject = headed(incident, witness.rules)
    began_at = incident.members.get(incident.headline, incident.opened_at)
    if change is Change.RESOLVED:
        end = _end(rule, subject, witness, now)
        summary = f"resolved: {diagnosis}: {end}, failing since {utc(began_at)}"
        summary += _outlasting(incident, witness)
    else:
        summary = told(rule, incident, witness, now) if rule else f"{diagnosis}: {subject}"
        summary += f"; {witness.shortage}" if witness.shortage else ""
    return Page(
        key=incident.key,
        action=Action.RESOLVE if change is Change.RESOLVED else Action.TRIGGER,
        severity=incident.severity,
        summary=summary,
        service=incident.service,
        diagnosis=diagnosis,
        subject=subject,
        source=witness.vantage,
        began_at=began_at,
        details=dict(_details(incident, rule, witness, began_at, now)),
    )


def told(rule: Alarm, incident: Incident, witness: Witness, now: float) -> str:
    """Return the first line of a page: the cause, since when, and the way around it, if any."""
    since = utc(incident.members[rule.id])[11:]
    if isinstance(rule, CompositeAlarm):
        return f"{rule.id}: {telling.holding(rule, witness.standings, now)} since {since}"
    ledger = witness.telling(rule, now)
    if rule.diagnosis is Diagnosis.VANTAGE_BLIND:
        return f"{rule.diagnosis}: {_blindness(rule, since, witness, now)}"
    what = cause(rule, View(ledger, now))
    began_at = incident.members[rule.id]
    whence = _whence(rule, ledger, witness, began_at, now)
    line = f"{rule.diagnosis}: {what} since {since}{f', {whence}' if whence else ''}"
    line += likewise(rule, witness.rules, witness.failing, now)
    if rule.diagnosis in _NO_NAME:
        return line
    extra = witness.serving(incident.service, ledger, now, since=began_at, about=rule.key)
    return f"{line}; {'there, ' if whence else ''}{extra}" if extra else line


def _whence(rule: Rule, teller: Ledger, witness: Witness, since: float, now: float) -> str:
    """Say from where it is so what the *teller* tells, where it is not so from elsewhere.

    Of what fails for some looks it says nothing: they may come from anywhere. Nor does it count who
    has not looked *since* it began, or saw something fail. A delegation is followed by each in its
    own time, minutes apart: who still has it as it was may find it changed.
    """
    key, alone = rule.key, rule.alone
    if key is None or alone is None or key.kind is Kind.BGP:
        return ""
    if rule.diagnosis is Diagnosis.DELEGATION_CHANGED:
        return ""
    judge = _is_down(key) if rule.diagnosis is Diagnosis.SERVICE_DEGRADED else alone
    seeing = [name for name in witness.ledgers if name not in witness.unsighted]
    votes = {name: judge(View(witness.ledgers[name], now)).holds for name in seeing}
    bad = sorted(name for name, holds in votes.items() if holds)
    well = sum(
        holds is False and _is_well(witness.ledgers[name].of(key), since)
        for name, holds in votes.items()
    )
    if not well or all(witness.ledgers[name] is not teller for name in bad):
        return ""
    regions = {witness.vantages[name].region for name in bad}
    region = regions.pop() if len(regions) == 1 else None
    who = some(bad, _SHOWN)
    who = f"{region} ({who})" if region else who
    return f"from {who} and not from {well} other{'' if well == 1 else 's'}"


def _is_well(looks: Sequence[Series], since: float) -> bool:
    """Whether somebody has looked since then, and nothing failed."""
    failed_at = max(
        (one.failed_at for one in looks if one.failed_at is not None), default=-math.inf
    )
    return failed_at < since <= max((one.last.started_at for one in looks), default=-math.inf)


def _is_down(key: CheckKey) -> Callable[[View], Evidence]:
    return lambda view: service_down(view.of(key))


def _blindness(rule: Rule, since: str, witness: Witness, now: float) -> str:
    ledger, name = witness.telling(rule, now), rule.subject
    if name != witness.vantage and now - ledger.newest_at > SILENT_AFTER:
        return f"{name} has not been heard of since {utc(ledger.newest_at)[11:]}"
    return f"{blindness(rule, ledger, now)} since {since}"


# Where the addresses themselves are cut off, the ones of old are no way around.
_NO_NAME = (*REASONS, Diagnosis.FEED_STALE)


def _details(
    incident: Incident, rule: Alarm | None, witness: Witness, began_at: float, now: float
) -> Iterator[tuple[str, object]]:
    ledger = witness.telling(rule, now)
    yield "diagnosis", headed(incident, witness.rules)[0]
    yield "since", utc(began_at)
    if witness.runbook:
        yield "runbook", witness.runbook
    yield "seen_from", list(_vantages(rule, witness, now))
    if witness.shortage:
        yield "quorum", witness.shortage
    if isinstance(rule, CompositeAlarm):
        yield from _rule(rule, witness, now)
    elif rule and (rule.key or rule.controls):
        yield "seen", _some(list(_seen(rule, ledger, now)))
    yield "changes", list(witness.changes) or "no change was seen before it, or since"
    yield from _good(incident.service, witness, ledger, began_at, now)
    yield "bgp", list(_bgp(incident.service, witness, now)) or "no prefix of it is watched"
    if feeds := list(_feeds(witness, now)):
        yield "feeds", feeds
    order = _order(incident, witness)
    lines = {id_: f"{utc(at)} {title_of(id_, witness.rules)}" for at, id_ in order}
    yield "symptoms", _some([line for id_, line in lines.items() if id_ != incident.headline])
    yield "not_broken", _some(list(_fine(incident.service, witness, now)))
    yield "order", _some(list(lines.values()))
    yield "status_page", witness.status_url


def _some(lines: Sequence[str]) -> Sequence[str]:
    """Return the first of *lines*, and how many more there are."""
    more = [f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return [*lines[:_MOST], *more]


def _vantages(rule: Alarm | None, witness: Witness, now: float) -> Iterator[str]:
    """Yield each vantage with how many of its looks fail, this one first."""
    for name in (witness.vantage, *(n for n in witness.ledgers if n != witness.vantage)):
        domain = witness.vantages[name]
        where = (
            f"{name} (provider {domain.provider}{f', {domain.region}' if domain.region else ''})"
        )
        series = witness.ledgers[name].of(rule.key) if rule and rule.key else ()
        bad = sum(one.verdict(now) is Verdict.FAILING for one in series)
        known = sum(one.verdict(now) is not Verdict.UNKNOWN for one in series)
        yield f"{where}: {bad} of {known} looks fail" if known else where


def _rule(alarm: CompositeAlarm, witness: Witness, now: float) -> Iterator[tuple[str, object]]:
    if alarm.settings.description:
        yield "description", alarm.settings.description
    yield "rule", str(alarm.settings.rule)
    yield "seen", list(telling.standings(alarm, witness.standings, now))


def _order(incident: Incident, witness: Witness) -> Sequence[tuple[float, str]]:
    """Everything that fails of the service, first fault first, alarms and what is not one yet."""
    also = {
        id_: at
        for id_, at in witness.failing.items()
        if witness.rules[id_].service == incident.service
    }
    return sorted((at, id_) for id_, at in {**also, **incident.members}.items())


def _line(series: Series, now: float) -> str:
    verdict = series.verdict(now)
    reason = series.last.finding.reason
    shown = f"{verdict} {reason}" if reason else str(verdict)
    detail = series.last.finding.detail
    return f"{shown}: {detail}" if detail else f"{shown}: {series.subject}"


def _seen(rule: Rule, ledger: Ledger, now: float) -> Iterator[str]:
    """Every look that the rule judges, the failing ones first, and the controls that fail too."""
    looks = ledger.of(rule.key) if rule.key else ()
    for one in sorted(looks, key=lambda one: one.verdict(now) is not Verdict.FAILING):
        yield _line(one, now)
    for one in failing_controls(rule, ledger, now):
        yield f"control {one.key.check}: {_line(one, now)}"


def _good(
    service: str, witness: Witness, ledger: Ledger, began_at: float, now: float
) -> Iterator[tuple[str, object]]:
    sets = {}
    for series in witness.ledger.of_service(service):
        if series.key.kind is Kind.DNS:
            name, _, type_ = series.key.check.rpartition(" ")
            if good := witness.good.of(name, type_):
                since = f"(since {utc(good.since)})"
                sets[series.key.check] = f"{', '.join(good.answers)} {since}"
    yield "last_known_good", sets
    serves = witness.serving(service, ledger, now, since=began_at)
    yield "last_known_good_serves", serves or "not known"


def _bgp(service: str, witness: Witness, now: float) -> Iterator[str]:
    """Each prefix of a service, or of a feed, as each feed sees it; those that fail come first."""
    seen = [
        series
        for series in witness.ledger
        if series.key.kind is Kind.BGP
        and series.place != FEED
        and service in (series.key.service, series.place)
    ]
    order = (Verdict.FAILING, Verdict.UNKNOWN, Verdict.OK)
    seen.sort(key=lambda series: order.index(series.verdict(now)))
    for series in seen[:_LISTED]:
        facts = series.last.finding.facts
        clauses = [_line(series, now), *_since(facts), *_ases(facts), *_rpki(facts)]
        yield f"{series.place}: {'; '.join(clauses)}"
    if len(seen) > _LISTED:
        yield f"and {len(seen) - _LISTED} more"


def _since(facts: Mapping[str, Fact]) -> Iterator[str]:
    since = facts.get("since")
    for reason, at in since.items() if isinstance(since, Mapping) else ():
        yield f"{reason} since {utc(at)}"


def _ases(facts: Mapping[str, Fact]) -> Iterator[str]:
    """Say by which origins, and by way of whom, how many peers have the route."""
    for fact, words in (("origins", "by origin"), ("neighbours", "by way of")):
        counts = facts.get(fact)
        if isinstance(counts, Mapping) and counts:
            rows = counts.items()  # those of the most peers first
            yield f"{words}: {some([f'AS{asn} {peers:.0f}' for asn, peers in rows], _SHOWN)}"


def _rpki(facts: Mapping[str, Fact]) -> Iterator[str]:
    if "rpki" in facts:
        yield f"RPKI {facts['rpki'] or 'unknown'}"
    for fact, state in (("rpki_valid", "valid"), ("rpki_invalid", "invalid")):
        names = facts.get(fact)
        if isinstance(names, Sequence) and names:
            yield f"RPKI {state} for {', '.join(map(_named, names))}"


def _named(route: str) -> str:
    return f"AS{route}" if route.isdigit() else route


def _feeds(witness: Witness, now: float) -> Iterator[str]:
    """How many feeds speak, and why the others do not."""
    feeds = [s for s in witness.ledger if s.key.kind is Kind.BGP and s.place == FEED]
    speaking = [series.subject for series in feeds if series.verdict(now) is Verdict.OK]
    if feeds:
        who = f" ({', '.join(speaking)})" if speaking else ""
        yield f"{len(speaking)} of {len(feeds)} speak{who}"
    for series in feeds:
        if series.subject not in speaking:
            yield series.last.finding.detail or f"{series.subject} is not heard"


def _fine(service: str, witness: Witness, now: float) -> Iterator[str]:
    """Everything that is well; zones are compared by each check of theirs, and said once."""
    well = (s for s in witness.ledger.of_service(service) if s.verdict(now) is Verdict.OK)
    yield from dict.fromkeys(map(_titled, well))


def _titled(series: Series) -> str:
    check, subject = series.key.check, series.subject
    match series.place:
        case Place.AGREEMENT | Place.DELEGATION | Place.DNSSEC:
            return subject
        case Place.RECURSIVE | Place.PARENT:
            return f"{check} at {subject} ({series.place})"
    if series.key.kind is Kind.BGP:
        return f"{check} ({series.place})"
    if series.place == HttpPlace.NAME:
        return f"{check} {subject}"
    return check if subject == check else f"{check} at {subject}"
