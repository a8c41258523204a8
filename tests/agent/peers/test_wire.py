"""What agents tell each other: nothing is lost on the way, and nothing odd breaks who reads it."""

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import seen
from vedette.agent.config import Domain
from vedette.agent.looking.runner import RunnerReason
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.peers import wire
from vedette.agent.peers.wire import Refusal, RefusedError
from vedette.checks.bgp.reason import Reason as BgpReason
from vedette.checks.dns.reason import Reason as DnsReason
from vedette.checks.finding import Finding, Kind, Observation, Verdict
from vedette.checks.http.reason import Reason as HttpReason

NOW = 1_764_000_000.0
REASONS: dict[Kind, list[StrEnum]] = {
    Kind.DNS: [*DnsReason, *RunnerReason],
    Kind.HTTP: [*HttpReason, *RunnerReason],
    Kind.BGP: [*BgpReason, *RunnerReason],
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
ACCEPTANCE = {"pager": "oncall", "key": "vedette/shop", "age": 2.5}
FACT = st.one_of(
    TEXT,
    st.integers(-(2**63), 2**64 - 1),
    NUMBER,
    st.booleans(),
    st.none(),
    st.lists(TEXT, max_size=3).map(tuple),
    st.dictionaries(TEXT, NUMBER, max_size=3),
)


@st.composite
def findings(draw: st.DrawFn, kind: Kind) -> Finding:
    """Make any finding that a check of *kind* may have."""
    verdict = draw(st.sampled_from(Verdict))
    reason = None if verdict is Verdict.OK else draw(st.sampled_from(REASONS[kind]))
    facts = draw(st.dictionaries(TEXT, FACT, max_size=4))
    return Finding(verdict=verdict, reason=reason, detail=draw(TEXT), facts=facts)


@st.composite
def rounds(draw: st.DrawFn) -> list[Observation]:
    """Make any round of a check."""
    kind = draw(st.sampled_from(Kind))
    service, check = draw(NAME), draw(NAME)
    return [
        Observation(
            service=service,
            check=check,
            kind=kind,
            vantage="nyc-1",
            subject=draw(TEXT),
            place=draw(TEXT),
            finding=draw(findings(kind)),
            started_at=NOW - draw(st.floats(1, 1e6)),
            seconds=draw(st.floats(0, 1)),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]


def document(**changes: Any) -> dict[str, Any]:
    """Return a document as a peer may write it."""
    return {
        "version": 1,
        "agent": "nyc-1",
        "deployment": "vedette",
        "domain": {"provider": "digitalocean"},
        "clock": NOW,
        "held": 0.5,
        "cursor": "5f0c-1",
        "rounds": [],
        "accepted": [],
        **changes,
    }


def round_(**changes: Any) -> dict[str, Any]:
    """Return a round with one look, with *changes* of that look."""
    look = {"subject": "s", "place": "name", "verdict": "OK", "age": 1, "seconds": 0.1}
    return {"service": "shop", "kind": "dns", "check": "a A", "looks": [{**look, **changes}]}


@given(rounds())
def test_nothing_is_lost(looks):
    """Every observation comes out as it went in, facts and their types too, but for its clock."""
    raw = wire.encode_round(looks, NOW)
    read = wire.observations(wire.decode_round(raw), "nyc-1")
    assert len(read) == len(looks)
    for before, after in zip(looks, read, strict=True):
        for name in ("service", "check", "kind", "vantage", "subject", "place", "seconds"):
            assert getattr(after, name) == getattr(before, name)
        assert after.finding == before.finding
        assert type(after.finding.reason) is type(before.finding.reason)
        types = {name: type(fact) for name, fact in before.finding.facts.items()}
        assert {name: type(fact) for name, fact in after.finding.facts.items()} == types
        ended = NOW + after.started_at + after.seconds
        assert ended == pytest.approx(before.started_at + before.seconds, abs=1e-6)


def test_what_is_dated_is_told_with_all_else_that_is_known_of_a_route() -> None:
    """Only since when a route is at fault is told by our clock, and by no time that is to come."""
    facts = {"share": 0.1, "undecided": ("origin",), "feed": "ris-live"}
    key = CheckKey("shop", Kind.BGP, "192.0.2.0/24")
    look = seen(NOW, "withdrawn", key=key, since={"withdrawn": NOW - 40, "path": NOW}, **facts)
    raw = wire.encode_round([look], NOW)
    (read,) = wire.observations(wire.decode_round(raw), "nyc-1", ahead=3600.0, until=NOW - 3620)
    assert read.finding.facts == {
        **facts,
        "since": {"withdrawn": NOW - 3640, "path": NOW - 3620},
    }


def understood(raw: bytes) -> Sequence[Observation]:
    """Read a round as a follower does."""
    return wire.observations(wire.decode_round(raw), "nyc-1")


def refusal(read: Callable[[], object]) -> Refusal | None:
    """Return why it is refused; nothing else may be raised."""
    try:
        read()
    except RefusedError as error:
        return error.why
    return None


@given(st.binary(max_size=200))
def test_garbage_is_refused(body):
    """Whatever octets a peer answers, they are refused, and nothing else is raised."""
    assert refusal(lambda: wire.decode(body)) in {Refusal.MALFORMED, Refusal.VERSION}


@given(
    st.recursive(st.none() | st.integers() | TEXT, lambda x: st.lists(x) | st.dictionaries(TEXT, x))
)
def test_an_odd_value_anywhere_is_refused(odd):
    """A value of another type in any place costs a document, or a round, and no more."""
    for key in document():
        body = json.dumps(document(**{key: odd})).encode()
        assert refusal(partial(wire.decode, body)) in {None, Refusal.MALFORMED, Refusal.VERSION}
    for key in round_()["looks"][0]:
        raw = json.dumps(round_(**{key: odd})).encode()
        assert refusal(partial(understood, raw)) in {None, Refusal.MALFORMED}
    for key in ACCEPTANCE:
        raw = json.dumps([ACCEPTANCE | {key: odd}]).encode()
        assert refusal(partial(wire.decode_accepted, raw)) in {None, Refusal.MALFORMED}


@pytest.mark.parametrize(
    ("changes", "why", "words"),
    [
        ({"version": 2}, Refusal.VERSION, "speaks version 2 of the peers' protocol and this agent"),
        ({"version": 2, "agent": None}, Refusal.VERSION, "let both run the same release"),
        ({"version": "1"}, Refusal.MALFORMED, "not understood: Expected `int`"),
        ({"held": -1}, Refusal.MALFORMED, "`$.held`"),
        ({"rounds": {}}, Refusal.MALFORMED, "`$.rounds`"),
        ({"cursor": "x" * 101}, Refusal.MALFORMED, "`$.cursor`"),
        ({"clock": 10**400}, Refusal.MALFORMED, "Number out of range"),
    ],
)
def test_why_a_document_is_refused(changes, why, words):
    """A document that is not understood says where, and of another version what to do."""
    with pytest.raises(RefusedError) as refused:
        wire.decode(json.dumps(document(**changes)).encode())
    assert refused.value.why is why
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": "FAILING"}, "contradicts itself"),
        ({"reason": "nodata"}, "contradicts itself"),
        ({"verdict": "FAILING", "reason": "status"}, "'status' is no reason of a dns check"),
        ({"age": -1}, "`$.looks[0].age`"),
        ({"age": 1e10}, "`$.looks[0].age`"),
        ({"verdict": "FINE"}, "'FINE'"),
    ],
)
def test_why_a_round_is_refused(changes, words):
    """A round that contradicts itself, or comes out of the future, is not believed."""
    with pytest.raises(RefusedError) as refused:
        wire.observations(wire.decode_round(json.dumps(round_(**changes)).encode()), "x")
    assert words in str(refused.value)


@given(st.lists(st.builds(wire.Acceptance, NAME, NAME, st.floats(0, 1e9)), max_size=5))
def test_what_was_accepted_is_read_as_it_was_written(accepted):
    """Which triggers pagers took comes out as it went in, also as part of a document."""
    raw = wire.encode_accepted(accepted)
    assert [*wire.decode_accepted(raw)] == accepted
    read = wire.decode(json.dumps(document(accepted=json.loads(bytes(raw)))).encode())
    assert [*wire.decode_accepted(read.accepted)] == accepted


def test_an_older_agent_says_nothing_of_what_was_accepted():
    """A document without the field is whole."""
    written = document()
    del written["accepted"]
    assert [*wire.decode_accepted(wire.decode(json.dumps(written).encode()).accepted)] == []


@pytest.mark.parametrize(
    ("accepted", "words"),
    [
        ({}, "Expected `array`"),
        ([{"pager": "oncall"}], "missing required field `key`"),
        ([ACCEPTANCE | {"age": -1}], "`$[0].age`"),
        ([ACCEPTANCE | {"key": ""}], "`$[0].key`"),
        ([ACCEPTANCE | {"key": "x" * 5000}], "`$[0].key`"),
        ([ACCEPTANCE] * (wire.MOST_ACCEPTED + 1), "length <= 1000"),
    ],
)
def test_why_what_was_accepted_is_refused(accepted, words):
    """What is of another form, out of the future or too much is not believed."""
    with pytest.raises(RefusedError, match="what its pagers accepted is not understood") as refused:
        wire.decode_accepted(json.dumps(accepted).encode())
    assert refused.value.why is Refusal.MALFORMED
    assert words in str(refused.value)


@given(st.binary(max_size=200))
def test_garbage_was_not_accepted(body):
    """Whatever stands there, it is refused, and nothing else is raised."""
    assert refusal(lambda: wire.decode_accepted(body)) in {Refusal.MALFORMED, None}


def test_what_a_newer_agent_adds_is_left_out():
    """Keys that this version does not know cost nothing."""
    written = document(rounds=[round_(colour="blue") | {"shape": 1}], size=3)
    read = wire.decode(json.dumps(written).encode())
    (look,) = wire.observations(wire.decode_round(read.rounds[0]), "nyc-1")
    assert look.started_at == pytest.approx(-1.1)


def test_half_a_character_is_told_as_a_question_mark():
    """What is no text, out of somebody's answer, stops nobody."""
    finding = Finding(verdict=Verdict.OK, detail="x\udc80", facts={"a\udc80": ("\udcff",)})
    look = Observation(
        service="shop", check="a A", kind=Kind.DNS, vantage="v", subject="s\udc80", place="name",
        finding=finding, started_at=NOW - 1, seconds=0.5,
    )  # fmt: skip
    (read,) = wire.observations(wire.decode_round(wire.encode_round([look], NOW)), "v")
    assert (read.subject, read.finding.detail, read.finding.facts) == ("s?", "x?", {"a?": ("?",)})


def test_a_round_that_is_too_large_is_not_told():
    """A round of more than a mebibyte is refused where it is made, by its name."""
    finding = Finding(verdict=Verdict.OK, facts={"answers": ("x" * 1000,) * 1100})
    look = Observation(
        service="shop", check="a A", kind=Kind.DNS, vantage="v", subject="s", place="name",
        finding=finding, started_at=NOW - 1, seconds=0.5,
    )  # fmt: skip
    with pytest.raises(RefusedError, match=r"a A of shop saw is 110\d{4} octets"):
        wire.encode_round([look], NOW)


def test_a_round_that_is_too_large_is_not_heard():
    """Nor is one read, whoever sends it; and of words that have no end, the beginning is kept."""

    def round_of(length):
        look = wire.Look("s", "name", Verdict.FAILING, 0.0, 0.5, "timeout", "x" * length)
        return msgspec.Raw(msgspec.json.encode(wire.Round("shop", Kind.DNS, "a A", (look,))))

    with pytest.raises(RefusedError, match=r"a round has 1048\d{3} octets") as refused:
        wire.decode_round(round_of(wire.LARGEST_ROUND))
    assert refused.value.why is Refusal.TOO_LARGE
    (look,) = wire.observations(wire.decode_round(round_of(1_000_000)), "v")
    assert look.finding.detail == "x" * wire.LONGEST_DETAIL


def test_a_round_of_too_many_subjects_is_neither_told_nor_heard():
    """A peer that names ever more of them fills no memory, and holds up no probe."""
    finding = Finding(verdict=Verdict.OK)
    looks = [
        Observation(
            service="shop", check="a A", kind=Kind.DNS, vantage="v", subject=f"s{i}", place="name",
            finding=finding, started_at=NOW - 1, seconds=0.5,
        )
        for i in range(wire.MOST_LOOKS + 1)
    ]  # fmt: skip
    assert len(wire.decode_round(wire.encode_round(looks[1:], NOW)).looks) == wire.MOST_LOOKS
    with pytest.raises(RefusedError, match="a A of shop has 1001 subjects"):
        wire.encode_round(looks, NOW)
    written = json.dumps(round_() | {"looks": round_()["looks"] * len(looks)}).encode()
    with pytest.raises(RefusedError, match=r"length <= 1000 - at `\$.looks`"):
        wire.decode_round(msgspec.Raw(written))


def test_a_document_comes_out_as_it_went_in():
    """Everything that stands around the rounds is read as it was written."""
    made = wire.Document(
        agent="fra-1",
        deployment="vedette",
        domain=wire.told(Domain(provider="hetzner", asn=24940)),
        clock=NOW,
        held=0.25,
        cursor="5f0c-812",
        more=True,
    )
    assert wire.decode(wire.encode(made)) == made
