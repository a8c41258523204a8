"""Do the servers of a zone say the same? Pure: what each of them says in, a finding out.

Rule: what differs counts only once it has had the time to settle, and a server that cannot be
compared is left out: its own finding tells why.

Facts of both findings: `zone`. Of the answers: `compared` (how many servers) and `dissenting`
(the labels of those that differ from most). Of the serials: `serials` (of each server, by label),
`newest`, and `lag` (by how much the last server is behind).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import dns.flags
import dns.message

from vedette.checks.dns.message import Question
from vedette.checks.dns.rcode import require_answer
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server
from vedette.checks.finding import Fact, Finding, Verdict
from vedette.checks.net import NetworkFailure
from vedette.checks.words import some

_RESTLESS = 3
"""A server that has changed so often within _WINDOW settling times gives answers that rotate."""
_WINDOW = 10
_SHOWN = 4
"""How many servers or records a sentence names."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one server answers, and when it came to answer that."""

    chain: tuple[str, ...]
    """Its CNAMEs."""
    answers: tuple[str, ...]
    changes: tuple[float, ...]
    """The latest changes, oldest first, in epoch seconds; being seen first is one."""

    def settled(self, now: float, settle: float) -> bool:
        """Whether the answer has stood for *settle* seconds, and not by luck in a rotation."""
        restless = len(self.changes) == _RESTLESS and self.changes[0] > now - _WINDOW * settle
        return not restless and self.changes[-1] <= now - settle


@dataclass(frozen=True, slots=True)
class Bounded:
    """What the check's settings bound: within that, answers may differ by region or by plan."""

    addresses: bool = False
    cnames: bool = False


def hold(
    before: Mapping[Server, Held], findings: Mapping[Server, Finding], now: float
) -> dict[Server, Held]:
    """Return what each server answers after a round; who fails in it holds what it held."""
    held = dict(before)
    for server, finding in findings.items():
        if finding.verdict is not Verdict.OK:
            continue
        chain, answers = _texts(finding, "chain"), tuple(sorted(_texts(finding, "answers")))
        known = held.get(server)
        if known is None or (known.chain, known.answers) != (chain, answers):
            changes = (*known.changes, now) if known else (now,)
            held[server] = Held(chain, answers, changes[-_RESTLESS:])
    return held


def compare_answers(
    zone: str,
    findings: Mapping[Server, Finding],
    held: Mapping[Server, Held],
    *,
    now: float,
    settle: float,
    bounded: Bounded,
) -> Finding:
    """Hold the answers of a zone's servers in one round against each other.

    *findings* has one of every server, *held* is what hold() made of them.
    """
    well = sorted(server for server, one in findings.items() if one.verdict is Verdict.OK)
    facts: dict[str, Fact] = {"zone": zone}
    if len(well) < 2:
        return _alone(zone, [one.reason for one in findings.values()], facts)
    settled = [server for server in well if held[server].settled(now, settle)]
    facts["compared"] = len(settled)
    groups = _groups(settled, held)
    free = bounded.addresses or (bounded.cnames and _is_bare(well, held))
    if len(groups) < 2 or free:
        differ = len(_groups(well, held)) > 1
        return _fine(_no_dissent(zone, len(well), len(settled), differ=differ, free=free), facts)
    (most, majority), *others = groups
    facts["dissenting"] = tuple(server.label for _, servers in others for server in servers)
    dissent = ", and ".join(
        f"{_names(servers)} {_verb('answer', servers)} {_list(says)}" for says, servers in others
    )
    detail = f"{dissent} where {_others(majority)} {_verb('answer', majority)} {_list(most)}"
    return Finding(verdict=Verdict.FAILING, reason=Reason.DISAGREE, detail=detail, facts=facts)


def _is_bare(servers: Iterable[Server], held: Mapping[Server, Held]) -> bool:
    """Whether some server stops at a CNAME: an authority follows it only into zones of its own."""
    return any(held[server].chain and not held[server].answers for server in servers)


def _groups(
    servers: Sequence[Server], held: Mapping[Server, Held]
) -> list[tuple[tuple[str, ...], list[Server]]]:
    """Return who answers what, most servers first; the first CNAME if not all follow it."""
    bare = _is_bare(servers, held)
    groups: dict[tuple[str, ...], list[Server]] = {}
    for server in servers:
        chain, answers = held[server].chain, held[server].answers
        groups.setdefault(chain[:1] if bare and chain else chain + answers, []).append(server)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def _no_dissent(zone: str, well: int, settled: int, *, differ: bool, free: bool) -> str:
    if not differ:
        return f"{well} servers of {zone} give the same answer"
    if free:
        return f"{well} servers of {zone} give different answers, each an allowed one"
    what = "none" if not settled else "only one" if settled == 1 else f"only {settled}"
    return f"{well} servers of {zone} give different answers, {what} of them for long enough"


@dataclass(frozen=True, slots=True)
class Issue:
    """A serial that was the newest of a zone, and when it was first seen, in epoch seconds."""

    serial: int
    at: float


def ahead(one: int, other: int) -> bool:
    """Whether serial *one* is greater than *other* (RFC 1982 section 3.2).

    Of two that are 2**31 apart neither is.
    """
    return 0 < (one - other) % 2**32 < 2**31


def serial_of(message: dns.message.Message, question: Question, called: str) -> int:
    """Return the serial that a server tells as an authority, or raise NetworkFailure.

    *question* is for the zone's SOA, *called* the server in a sentence.
    """
    require_answer(message, question, called)
    for rrset in message.answer if message.flags & dns.flags.AA else ():
        if rrset.rdtype == question.rdtype and rrset.name == question.name:
            return int(rrset[0].serial)
    raise NetworkFailure(Reason.LAME, f"{called} does not answer {question} as an authority")


def remember(
    issues: Sequence[Issue], serials: Collection[int], *, now: float, settle: float
) -> tuple[Issue, ...]:
    """Return the zone's issues after a round in which its servers told *serials*.

    Of those that are older than *settle* seconds only the first that a server lacks are kept, so
    that their number does not grow.
    """
    if not serials:
        return tuple(issues)
    newest = _newest(serials)
    this = next((issue for issue in issues if issue.serial == newest), Issue(newest, now))
    below = [issue for issue in issues if ahead(newest, issue.serial)]
    lacked = {_lacked(serial, below) for serial in serials}
    kept = [issue for issue in below if issue.at > now - settle or issue in lacked]
    # A server that has a newer one may only be silent in this round.
    above = [i for i in issues if ahead(i.serial, newest) and i.at > now - _WINDOW * settle]
    return (*kept, this, *above)


def compare_serials(
    zone: str,
    told: Mapping[Server, int | NetworkFailure],
    issues: Sequence[Issue],
    *,
    now: float,
    settle: float,
) -> Finding:
    """Hold the serials of a zone's servers in one round against each other.

    *told* has every server, *issues* is what remember() made of it. A server is late when it has
    lacked an issue for *settle* seconds; one that is always a little behind a busy zone is not.
    """
    serials = {server: one for server, one in sorted(told.items()) if isinstance(one, int)}
    facts: dict[str, Fact] = {
        "zone": zone,
        "serials": {server.label: float(serial) for server, serial in serials.items()},
    }
    if len(serials) < 2:
        failed = [one.reason for one in told.values() if isinstance(one, NetworkFailure)]
        return _alone(zone, [*failed, *(None for _ in serials)], facts)
    newest = _newest(serials.values())
    facts["newest"] = newest
    facts["lag"] = max((newest - serial) % 2**32 for serial in serials.values())
    due = [issue for issue in issues if issue.serial == newest or ahead(newest, issue.serial)]
    lacked = {server: _lacked(serial, due) for server, serial in serials.items()}
    waits = {server: now - issue.at for server, issue in lacked.items() if issue}
    if not waits:
        return _fine(f"{len(serials)} servers of {zone} have serial {newest}", facts)
    late = {server: wait for server, wait in waits.items() if wait >= settle}
    detail = _lateness(serials, newest, late or waits)
    if not late:
        return _fine(f"{detail}, which counts after {_spell(settle)}", facts)
    return Finding(verdict=Verdict.FAILING, reason=Reason.SERIAL_LAG, detail=detail, facts=facts)


def _newest(serials: Collection[int]) -> int:
    """Return the serial that is ahead of the most others; RFC 1982 does not order all of them."""
    return max(serials, key=lambda one: (sum(ahead(one, other) for other in serials), one))


def _lacked(serial: int, issues: Iterable[Issue]) -> Issue | None:
    """Return the earliest issue that a server with *serial* does not have."""
    lacked = [i for i in issues if i.serial != serial and not ahead(serial, i.serial)]
    return min(lacked, key=lambda issue: issue.at, default=None)


def _lateness(serials: Mapping[Server, int], newest: int, waits: Mapping[Server, float]) -> str:
    first = [server for server, serial in serials.items() if serial == newest]
    has = "has" if len(first) == 1 else "have"
    those = [_behind(server, serials[server], newest) for server in waits][:_SHOWN]
    if len(waits) > _SHOWN:
        those.append(f"{len(waits) - _SHOWN} more are behind")
    wait = _spell(max(waits.values()))
    return f"{', and '.join(those)} where {_others(first)} {has} {newest}, for {wait}"


def _behind(server: Server, serial: int, newest: int) -> str:
    if ahead(newest, serial):
        return f"{server.spoken} is {(newest - serial) % 2**32} behind: {serial}"
    return f"{server.spoken} has a serial that is neither older nor newer: {serial}"


def _alone(zone: str, reasons: Sequence[StrEnum | None], facts: Mapping[str, Fact]) -> Finding:
    """Return the finding where fewer than two servers can be compared; *reasons* are of all."""
    if len(reasons) <= 1:
        return _fine(f"{zone} has one server, so there is nothing to compare", facts)
    counts = Counter(reason for reason in reasons if reason)
    commonest = max(counts, key=lambda reason: (counts[reason], reason))
    told = f"{len(reasons) - counts.total()} of the {len(reasons)} servers of {zone}"
    detail = f"{told} can be compared; the others fail ({commonest})"
    return Finding(verdict=Verdict.UNKNOWN, reason=commonest, detail=detail, facts=facts)


def _fine(detail: str, facts: Mapping[str, Fact]) -> Finding:
    return Finding(verdict=Verdict.OK, detail=detail, facts=facts)


def _texts(finding: Finding, fact: str) -> tuple[str, ...]:
    value = finding.facts.get(fact)
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _names(servers: Sequence[Server]) -> str:
    names = [server.spoken for server in servers[:_SHOWN]]
    if len(servers) > _SHOWN:
        names.append(f"{len(servers) - _SHOWN} more")
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _others(servers: Sequence[Server]) -> str:
    return servers[0].spoken if len(servers) == 1 else f"{len(servers)} others"


def _verb(stem: str, servers: Sequence[Server]) -> str:
    return stem if len(servers) > 1 else f"{stem}s"


def _list(texts: Sequence[str]) -> str:
    return some(texts, _SHOWN) if texts else "nothing"


def _spell(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} minutes" if seconds < 7200 else f"{seconds // 3600:.0f} hours"
