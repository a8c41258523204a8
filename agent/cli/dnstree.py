"""A DNS check drawn for a person: the way down, who answers what, and why it matters."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from vedette.agent.cli.explain import COLOURS, took
from vedette.agent.clock import utc
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.referral import Step
from vedette.checks.dns.server import Place
from vedette.checks.dns.walk import Walk
from vedette.checks.finding import Fact, Finding, Observation, Verdict
from vedette.checks.words import some

_MATTERS = {
    Reason.NODATA: "to whoever asks here, the name has nothing: connections fail at once.",
    Reason.NXDOMAIN: "to whoever asks here, the name does not exist, and caches remember that.",
    Reason.SERVFAIL: "whoever asks here gets an error instead of an answer.",
    Reason.REFUSED: "whoever asks here is turned away.",
    Reason.FORMERR: "the server does not understand an ordinary question.",
    Reason.NOTIMP: "the server does not do what an ordinary question needs.",
    Reason.OTHER_RCODE: "whoever asks here gets an error instead of an answer.",
    Reason.LAME: "the delegation names a server that does not serve the zone: its share of the "
    "questions takes longer or fails.",
    Reason.TIMEOUT: "resolvers wait for this server before they try another; without another the "
    "name is gone.",
    Reason.UNREACHABLE: "resolvers have to do without this server.",
    Reason.TRUNCATED: "an answer that does not arrive whole over UDP or TCP is no answer.",
    Reason.MALFORMED: "resolvers discard what they cannot read.",
    Reason.MISMATCHED: "resolvers discard replies to other questions; somebody may forge them.",
    Reason.CNAME_LOOP: "the chain of aliases never reaches a record.",
    Reason.TOO_FEW: "less of the service can be reached than there should be.",
    Reason.TOO_MANY: "clients are sent to more places than there should be.",
    Reason.WRONG_ANSWER: "clients are sent where they should not go.",
    Reason.TTL: "caches hold the answer for longer, or shorter, than the service can bear.",
    Reason.DISAGREE: "which answer a client gets depends on the server that its resolver asks.",
    Reason.SERIAL_LAG: "this server answers from an old version of the zone.",
    Reason.DELEGATION: "the parent decides who is asked, whatever the zone says itself.",
    Reason.BOGUS: "resolvers that validate answer SERVFAIL: to their users the name is gone.",
    Reason.SIGNATURE_EXPIRING: "when it ends, resolvers that validate will answer SERVFAIL.",
}
"""What each reason means to those who use the name."""

_SHOWN = 8
"""How many records a line shows."""
_LONGEST = 60
"""How many characters of each."""

_TITLES = {
    Place.AUTHORITATIVE: "answered by",
    Place.PARENT: "the parent's servers",
    Place.RECURSIVE: "resolvers",
}


def draw(console: Console, walk: Walk | None, seen: Sequence[Observation]) -> None:
    """Print the walk, if there was one, what each server said, and what is wrong."""
    if walk is not None:
        console.print(_walked(walk, [one for one in seen if one.place != Place.RECURSIVE]))
    resolvers = [one for one in seen if walk is None or one.place == Place.RECURSIVE]
    if resolvers:
        console.print(_asked(Tree(_title(resolvers[0])), resolvers))
    for line in _wrong(seen):
        console.print(line)


def _title(one: Observation) -> str:
    return _TITLES.get(Place(one.place), one.place)


def _walked(walk: Walk, seen: Sequence[Observation]) -> Tree:
    root = at = Tree(Text(_zone(walk.steps[0].zone), "bold"), guide_style="dim")
    for step in walk.steps:
        at.add(_step(step))
        if step.child:
            names = ", ".join(step.names)
            at = at.add(Text.assemble((step.child, "bold"), (f"  delegated to {names}", "dim")))
    _asked(at, seen)
    return root


def _zone(name: str) -> str:
    return ". (the root)" if name == "." else name


def _step(step: Step) -> Text:
    if step.answered is None:
        who = f"none of {len(step.asked)} servers answers"
        return Text(who, "red")
    spent = next((a.seconds for a in step.asked if a.server == step.answered), 0.0)
    says = f"refers to {step.child}" if step.child else "answers for the name itself"
    silent = [a for a in step.asked if a.outcome not in ("referral", "answer", "nxdomain")]
    more = "".join(f"; {a.server.spoken}: {a.outcome}" for a in silent)
    return Text(f"{step.answered.spoken} {says}, {spent * 1000:.0f} ms{more}", "dim")


def _asked(tree: Tree, seen: Sequence[Observation]) -> Tree:
    """Add a line for each server, aligned, and then what is true of the zone as a whole."""
    width = max((len(one.subject) for one in seen), default=0)
    for one in seen:
        finding = one.finding
        shown = finding.verdict + (f" {finding.reason}" if finding.reason else "")
        tree.add(
            Text.assemble(
                one.subject.ljust(width + 2),
                (shown.ljust(18), COLOURS[finding.verdict]),
                f"{took(one):>7}  ",
                *_said(one),
            )
        )
    return tree


def _said(one: Observation) -> Iterator[str | tuple[str, str]]:
    facts = one.finding.facts
    if one.place not in _TITLES:
        yield one.finding.detail, "dim"
        ends = facts.get("signature_expires_at")
        yield (f"; the first signature ends {utc(ends)}", "dim") if isinstance(ends, int) else ""
        return
    answers = facts.get("answers")
    if isinstance(answers, Sequence) and answers:
        yield f"{_listed(answers)}  "
    yield ", ".join(_flags(one.finding)), "dim"


def _listed(answers: Sequence[str]) -> str:
    """Return the first records, cut short: a line for each server must stay one to read."""
    shown = [a if len(a) <= _LONGEST else f"{a[: _LONGEST - 1]}…" for a in answers]
    return some(shown, _SHOWN)


def _flags(finding: Finding) -> Iterator[str]:
    facts = finding.facts
    if (rcode := facts.get("rcode")) not in (None, "NOERROR"):
        yield str(rcode)
    if facts.get("aa"):
        yield "AA"
    if dnssec := facts.get("dnssec"):
        yield f"DNSSEC {dnssec}"
    if isinstance(ttl := facts.get("ttl"), int):
        yield f"TTL {ttl} s"
    if facts.get("transport") not in (None, "udp"):
        yield f"over {str(facts['transport']).upper()}"
    yield from _texts(facts.get("chain"))
    yield from (f"extended error {text}" for text in _texts(facts.get("ede")))
    if nsid := facts.get("nsid"):
        yield f"NSID {nsid}"
    if dropped := facts.get("dropped"):
        yield f"{dropped} forged or stray before it"


def _texts(fact: Fact) -> Sequence[str]:
    return fact if isinstance(fact, tuple) else ()


def _wrong(seen: Sequence[Observation]) -> Iterator[Text]:
    """Return what is wrong, reason by reason, and why each matters."""
    wrong: dict[str | None, list[Finding]] = {}
    for one in seen:
        if one.finding.verdict is not Verdict.OK:
            wrong.setdefault(one.finding.reason, []).append(one.finding)
    for reason, findings in wrong.items():
        yield Text()
        for finding in findings:
            yield Text.assemble(("✗ ", COLOURS[finding.verdict]), finding.detail)
        if isinstance(reason, Reason) and findings[0].verdict is Verdict.FAILING:
            yield Text(f"  why it matters: {_MATTERS[reason]}", "dim")
    yield Text()
