"""What agents tell each other: versioned JSON, read with suspicion.

```
{"version": 1, "agent": "fra-1", "deployment": "vedette", "domain": {"provider": "hetzner", …},
 "clock": 1764000000.2, "held": 3.1, "cursor": "5f0c-812-3", "more": false, "rounds": [ROUND, …],
 "accepted": [{"pager": "oncall", "key": "vedette/shop", "age": 2.1}, …], "resolved": […]}
ROUND = {"service": "shop", "kind": "dns", "check": "api.shop.example A", "looks": [LOOK, …]}
LOOK = {"subject": "192.0.2.1:53", "place": "authoritative", "verdict": "FAILING",
        "reason": "nodata", "detail": "…", "facts": {…}, "age": 0.4, "seconds": 0.02}
```

A look's *age* is in seconds since it ended, as the sender counts them when it writes: its wall
clock may be wrong by minutes. *clock* is what it shows then: by it is read what a fact dates, as
since when a route is at fault. A round is all present subjects of one check.
*accepted* are the sender's own triggers that a pager has taken, each told once as a round is, and
*resolved* likewise its resolves.
What a newer agent adds is left out by an older one; a round that is not understood costs itself.
Rule: no I/O, no clock.
"""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from vedette.agent.config import Domain
from vedette.agent.looking.runner import RunnerReason
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.bgp.reason import Reason as BgpReason
from vedette.checks.dns.reason import Reason as DnsReason
from vedette.checks.finding import Finding, Kind, Observation, Verdict
from vedette.checks.http.reason import Reason as HttpReason

VERSION = 1
LARGEST = 8 << 20
"""Octets of the largest document that is read, when it is unpacked."""
LARGEST_ROUND = 1 << 20
"""Octets of the largest round that is told, and heard."""
MOST_LOOKS = 1000
"""Subjects of the largest round: each is remembered with its looks, for every check and peer."""
LONGEST_DETAIL = 4096
"""Characters of what a look says in words; a check keeps many looks."""
LONGEST_CURSOR = 100
MOST_ACCEPTED = 1000
"""Accepted pages that one document tells."""

_REASONS: Mapping[Kind, Sequence[type[StrEnum]]] = {
    Kind.DNS: (DnsReason, RunnerReason),
    Kind.HTTP: (HttpReason, RunnerReason),
    Kind.BGP: (BgpReason, RunnerReason),
}

_Name = Annotated[str, Meta(min_length=1, max_length=4096)]
_Seconds = Annotated[float, Meta(ge=0, le=1e9)]
_Fact = str | int | float | bool | None | tuple[str, ...] | dict[str, float]


class Refusal(StrEnum):
    """Why a document, or a round of it, is not taken: a metric label, so none is renamed."""

    VERSION = "version"
    MALFORMED = "malformed"
    STRANGER = "stranger"  # it is of another agent or deployment than the config says
    TOO_LARGE = "too_large"
    UNKNOWN_CHECK = "unknown_check"  # this agent has no such check


class RefusedError(Exception):
    """A document, or a round of it, that is not taken; *why*, and in words what to do."""

    def __init__(self, why: Refusal, words: str) -> None:
        super().__init__(words)
        self.why = why


class Look(Struct, frozen=True, gc=False):
    """One observation without what its round and its sender say of it."""

    subject: Annotated[str, Meta(max_length=4096)]
    place: Annotated[str, Meta(max_length=256)]
    verdict: Verdict
    age: _Seconds
    seconds: _Seconds
    reason: str | None = None
    detail: str = ""
    facts: dict[str, _Fact] = {}


class Round(Struct, frozen=True):
    """The looks of one check, of all its subjects, at one time."""

    service: _Name
    kind: Kind
    check: _Name
    looks: Annotated[tuple[Look, ...], Meta(min_length=1, max_length=MOST_LOOKS)]

    @property
    def key(self) -> CheckKey:
        """Which check it is of."""
        return CheckKey(self.service, self.kind, self.check)


class Acceptance(Struct, frozen=True, gc=False):
    """That *pager* has accepted a page of *key* from the sender, *age* seconds ago."""

    pager: _Name
    key: _Name
    age: _Seconds


class Told(Struct, frozen=True, omit_defaults=True):
    """The failure domains that a sender says it has; the config's count."""

    provider: str
    account: str | None = None
    region: str | None = None
    asn: int | None = None


class Document(Struct, frozen=True):
    """One answer of a peer; *held* is for how many seconds it kept the question."""

    agent: str
    deployment: str
    domain: Told
    clock: float
    held: _Seconds
    cursor: Annotated[str, Meta(max_length=LONGEST_CURSOR)]
    more: bool = False
    rounds: tuple[Raw, ...] = ()
    accepted: Raw = Raw(b"[]")
    resolved: Raw = Raw(b"[]")
    version: int = VERSION


class _Versioned(Struct):
    version: int


_encode = msgspec.json.Encoder().encode
_version = msgspec.json.Decoder(_Versioned)
_document = msgspec.json.Decoder(Document)
_round = msgspec.json.Decoder(Round)
_accepted = msgspec.json.Decoder(Annotated[tuple[Acceptance, ...], Meta(max_length=MOST_ACCEPTED)])


def told(domain: Domain) -> Told:
    """Return what is told of one's own failure domains."""
    return Told(domain.provider, domain.account, domain.region, domain.asn)


def encode_round(looks: Sequence[Observation], now: float) -> Raw:
    """Write one round, at *now* of the clock by which it was looked; raise RefusedError."""
    first = looks[0]
    if len(looks) > MOST_LOOKS:
        raise RefusedError(
            Refusal.TOO_LARGE,
            f"{first.check} of {first.service} has {len(looks)} subjects, and peers are told of at "
            f"most {MOST_LOOKS}: they see nothing of it",
        )
    made = Round(first.service, first.kind, first.check, tuple(_look(one, now) for one in looks))
    try:
        body = _encode(made)
    except UnicodeEncodeError:  # half a surrogate pair, out of somebody's answer
        body = _encode(msgspec.convert(_sound(msgspec.to_builtins(made)), Round))
    if len(body) > LARGEST_ROUND:
        raise RefusedError(
            Refusal.TOO_LARGE,
            f"what {first.check} of {first.service} saw is {len(body)} octets, and peers are told "
            f"at most {LARGEST_ROUND}: they see nothing of it",
        )
    return Raw(body)


def _look(one: Observation, now: float) -> Look:
    finding = one.finding
    return Look(
        subject=one.subject,
        place=one.place,
        verdict=finding.verdict,
        age=max(0.0, now - one.started_at - one.seconds),
        seconds=one.seconds,
        reason=None if finding.reason is None else str(finding.reason),
        detail=finding.detail,
        facts=dict(finding.facts),  # type: ignore[arg-type]
    )


def _sound(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_sound(key): _sound(one) for key, one in value.items()}
    return [_sound(one) for one in value] if isinstance(value, list | tuple) else value


def encode_accepted(accepted: Sequence[Acceptance]) -> Raw:
    """Write what was accepted."""
    return Raw(_encode(accepted))


def encode(document: Document) -> bytes:
    """Write a document."""
    return _encode(document)


def decode(body: bytes) -> Document:
    """Read a document, and neither its rounds nor what was accepted; raise RefusedError."""
    try:
        version = _version.decode(body).version
        if version != VERSION:
            raise RefusedError(
                Refusal.VERSION,
                f"it speaks version {version} of the peers' protocol and this agent version "
                f"{VERSION}: let both run the same release",
            )
        return _document.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(Refusal.MALFORMED, f"its answer is not understood: {error}") from None


def decode_round(raw: Raw) -> Round:
    """Read a round; raise RefusedError."""
    if len(raw) > LARGEST_ROUND:
        raise RefusedError(
            Refusal.TOO_LARGE, f"a round has {len(raw)} octets, more than {LARGEST_ROUND}"
        )
    try:
        return _round.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(Refusal.MALFORMED, f"a round is not understood: {error}") from None


def decode_accepted(raw: Raw) -> Sequence[Acceptance]:
    """Read what was accepted; raise RefusedError."""
    try:
        accepted: Sequence[Acceptance] = _accepted.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(
            Refusal.MALFORMED, f"what its pagers accepted is not understood: {error}"
        ) from None
    return accepted


def observations(
    round_: Round, vantage: str, *, ahead: float = 0.0, until: float = math.inf
) -> Sequence[Observation]:
    """Return the looks of *round_*, by *vantage*, with 0 as the time at which it was written.

    What their facts date is told by our clock, which the sender's is *ahead* of, and was *until*
    now at the latest. Raise RefusedError where a reason is none that this agent knows of.
    """
    return [
        Observation(
            service=round_.service,
            check=round_.check,
            kind=round_.kind,
            vantage=vantage,
            subject=look.subject,
            place=look.place,
            finding=_finding(look, round_.kind, ahead, until),
            started_at=-look.age - look.seconds,
            seconds=look.seconds,
        )
        for look in round_.looks
    ]


def _finding(look: Look, kind: Kind, ahead: float, until: float) -> Finding:
    if (look.reason is None) != (look.verdict is Verdict.OK):
        raise RefusedError(
            Refusal.MALFORMED, f"{look.verdict} with reason {look.reason} contradicts itself"
        )
    return Finding(
        verdict=look.verdict,
        reason=None if look.reason is None else _reason(look.reason, kind),
        detail=look.detail[:LONGEST_DETAIL],
        facts=_dated(look.facts, ahead, until),
    )


def _dated(facts: dict[str, _Fact], ahead: float, until: float) -> dict[str, _Fact]:
    since = facts.get("since")
    if not isinstance(since, Mapping):
        return facts
    return {
        **facts,
        "since": {what: max(0.0, min(at - ahead, until)) for what, at in since.items()},
    }


def _reason(text: str, kind: Kind) -> StrEnum:
    for known in _REASONS[kind]:
        if text in known.__members__.values():
            return known(text)
    raise RefusedError(
        Refusal.MALFORMED,
        f"{text[:40]!r} is no reason of a {kind} check that this agent knows: let both run the "
        "same release",
    )
