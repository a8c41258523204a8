"""Whether servers say the same: answers, serials, and the time that either has to settle."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from random import Random

import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.dns.messages import SOA, query, reply_to
from vedette.checks.dns.agreement import (
    Bounded,
    Held,
    Issue,
    ahead,
    compare_answers,
    compare_serials,
    hold,
    remember,
    serial_of,
)
from vedette.checks.dns.message import ask
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server
from vedette.checks.finding import Finding, Verdict
from vedette.checks.net import Endpoint, NetworkFailure

SETTLE = 60.0
NS = [Server(f"ns{n}.example.net", Endpoint(f"192.0.2.{n}", 53)) for n in range(1, 7)]

Said = Sequence[str] | Reason
"""What a server answers, or why it fails."""


def found(said: Said) -> Finding:
    """Return what an authoritative look shows; a text with an arrow is a CNAME."""
    if isinstance(said, StrEnum):
        return Finding(verdict=Verdict.FAILING, reason=said)
    chain = tuple(text for text in said if "->" in text)
    answers = tuple(text for text in said if "->" not in text)
    return Finding(verdict=Verdict.OK, facts={"chain": chain, "answers": answers})


def answers(
    *rounds: Mapping[Server, Said], every: float = 30.0, bounded: Bounded | None = None
) -> Finding:
    """Return what is found in the last of some rounds, each *every* seconds after the other."""
    held: Mapping[Server, Held] = {}
    finding = None
    for number, said in enumerate(rounds):
        findings, now = {server: found(one) for server, one in said.items()}, number * every
        held = hold(held, findings, now)
        finding = compare_answers(
            "example.com", findings, held, now=now, settle=SETTLE, bounded=bounded or Bounded()
        )
    assert finding is not None
    return finding


def said(*each: Said) -> dict[Server, Said]:
    """Return what ns1, ns2, … say."""
    return dict(zip(NS, each, strict=False))


OLD, NEW, OTHER = ("192.0.2.1",), ("192.0.2.9",), ("192.0.2.7",)
APART = said(OLD, OLD, NEW, OLD)


def test_disagreement_names_who_says_what() -> None:
    """The server that differs is named with its answer, and how many say otherwise."""
    finding = answers(*[APART] * 3)
    assert (finding.verdict, finding.reason) == (Verdict.FAILING, Reason.DISAGREE)
    assert finding.detail == (
        "ns3.example.net (192.0.2.3) answers 192.0.2.9 where 3 others answer 192.0.2.1"
    )
    assert finding.facts == {
        "zone": "example.com",
        "compared": 4,
        "dissenting": ("ns3.example.net 192.0.2.3",),
    }


def test_every_dissent_is_told() -> None:
    """Several servers that differ are told apart, the least odd first."""
    finding = answers(*[said(OLD, NEW, NEW, OLD, (), OLD)] * 3)
    assert finding.detail == (
        "ns2.example.net (192.0.2.2) and ns3.example.net (192.0.2.3) answer 192.0.2.9, "
        "and ns5.example.net (192.0.2.5) answers nothing where 3 others answer 192.0.2.1"
    )


@pytest.mark.parametrize(
    ("rounds", "verdict"),
    [
        ([APART], Verdict.OK),
        ([APART] * 2, Verdict.OK),
        ([APART] * 3, Verdict.FAILING),
        ([said(OLD, OLD)] * 9 + [said(OLD, NEW)] * 2, Verdict.OK),
        ([said(OLD, OLD)] * 9 + [said(OLD, NEW)] * 3, Verdict.FAILING),
        ([said(OLD, OLD)] * 9 + [said(OLD, NEW)] * 2 + [said(NEW, NEW)], Verdict.OK),
    ],
    ids=["first look", "not yet", "settled", "on its way", "late", "arrived"],
)
def test_settling(rounds: Sequence[Mapping[Server, Said]], verdict: Verdict) -> None:
    """A difference counts once each side has stood for the settling time, also at the start."""
    assert answers(*rounds).verdict is verdict


@pytest.mark.parametrize(
    "turns",
    [
        [OLD, NEW],
        [OLD, OLD, OLD, NEW, NEW, NEW],
        [OLD, OLD, OLD, OLD, NEW, NEW, OTHER, OTHER, OTHER],
    ],
    ids=["every look", "every third look", "a pool of three"],
)
def test_rotation_is_no_disagreement(turns: Sequence[Said]) -> None:
    """A server whose answers rotate is not compared, even while one stands for a moment."""
    rounds = [said(OLD, turns[n % len(turns)]) for n in range(60)]
    after_two_turns = range(2 * len(turns), 60)
    assert {answers(*rounds[: n + 1]).verdict for n in after_two_turns} == {Verdict.OK}


def test_rotation_ends() -> None:
    """A server that has stopped to rotate is compared again after ten settling times."""
    # The last three changes are at rounds 8, 9 and 10; ten settling times are 20 rounds.
    rounds = [said(OLD, NEW), said(OLD, OLD)] * 5 + [said(OLD, NEW)] * 19
    assert answers(*rounds[:28]).verdict is Verdict.OK
    assert answers(*rounds[:29]).verdict is Verdict.FAILING


def test_allowed_answers_may_differ() -> None:
    """Where the settings bound the addresses, servers that differ are geo-DNS or a change."""
    finding = answers(*[APART] * 9, bounded=Bounded(addresses=True))
    assert finding.verdict is Verdict.OK
    assert finding.detail == "4 servers of example.com give different answers, each an allowed one"


EDGE = "www.example.com -> edge.example.net"
OTHER_EDGE = "www.example.com -> edge.example.org"


@pytest.mark.parametrize(
    ("sides", "bounded", "verdict"),
    [
        (((EDGE,), (EDGE,)), Bounded(), Verdict.OK),
        (((EDGE,), (EDGE, *OLD)), Bounded(), Verdict.OK),
        (((EDGE,), (OTHER_EDGE,)), Bounded(), Verdict.FAILING),
        (((EDGE,), (OTHER_EDGE, *OLD)), Bounded(), Verdict.FAILING),
        (((EDGE,), OLD), Bounded(), Verdict.FAILING),
        (((EDGE, *OLD), (EDGE, *NEW)), Bounded(), Verdict.FAILING),
        (((EDGE,), (OTHER_EDGE,)), Bounded(cnames=True), Verdict.OK),
        (((EDGE, *OLD), (EDGE, *NEW)), Bounded(cnames=True), Verdict.FAILING),
    ],
)
def test_aliases(sides: Sequence[Said], bounded: Bounded, verdict: Verdict) -> None:
    """A CNAME that only some servers can follow is compared by where it leads, no further."""
    assert answers(*[said(*sides)] * 3, bounded=bounded).verdict is verdict


@pytest.mark.parametrize(
    ("each", "verdict", "reason"),
    [
        ([OLD], Verdict.OK, None),
        ([Reason.TIMEOUT], Verdict.OK, None),
        ([OLD, Reason.TIMEOUT], Verdict.UNKNOWN, Reason.TIMEOUT),
        ([Reason.NODATA, Reason.TIMEOUT, Reason.NODATA], Verdict.UNKNOWN, Reason.NODATA),
        ([OLD, OLD, Reason.NODATA], Verdict.OK, None),
        ([OLD, NEW, Reason.NODATA], Verdict.FAILING, Reason.DISAGREE),
    ],
)
def test_too_few_to_compare(each: Sequence[Said], verdict: Verdict, reason: Reason | None) -> None:
    """Of several servers two must answer well; one server alone cannot disagree."""
    finding = answers(*[said(*each)] * 3)
    assert (finding.verdict, finding.reason) == (verdict, reason)


def test_failing_server_keeps_its_age() -> None:
    """A server that fails for a round and comes back with the same answer need not settle again."""
    gap = said(OLD, OLD, Reason.TIMEOUT, OLD)
    assert answers(APART, APART, gap, APART).verdict is Verdict.FAILING


SAID = st.one_of(
    st.sampled_from([Reason.TIMEOUT, Reason.NODATA]),
    st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2", EDGE, OTHER_EDGE]), unique=True),
)
ROUNDS = st.integers(2, 5).flatmap(
    lambda count: st.lists(st.lists(SAID, min_size=count, max_size=count), min_size=1, max_size=8)
)


@given(ROUNDS, st.randoms())
def test_order_of_servers_is_nothing(rounds: list[list[Said]], shuffle: Random) -> None:
    """The order in which servers stand or answer changes neither verdict nor words."""
    straight = [said(*each) for each in rounds]
    mixed = []
    for one in straight:
        pairs = list(one.items())
        shuffle.shuffle(pairs)
        mixed.append(dict(pairs))
    assert answers(*straight) == answers(*mixed)


@given(st.lists(SAID, min_size=2, max_size=5), st.integers(1, 6))
def test_agreement_is_never_failing(first: list[Said], count: int) -> None:
    """Servers that say the same are never in disagreement, whatever they said long before."""
    now = [OLD] * len(first)
    finding = answers(said(*first), *[said(*now)] * count)
    assert finding.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("one", "other", "is_ahead"),
    [
        (2, 1, True),
        (1, 2, False),
        (1, 1, False),
        (0, 2**32 - 1, True),
        (2**31 - 1, 0, True),
        (2**31, 0, False),
        (0, 2**31, False),
    ],
)
def test_serial_arithmetic(one: int, other: int, is_ahead: bool) -> None:
    """Serials are compared on a circle; half of it apart neither is ahead."""
    assert ahead(one, other) is is_ahead


SERIAL = st.integers(0, 2**32 - 1)


@given(SERIAL, st.integers(1, 2**31 - 1))
def test_serials_wrap(serial: int, step: int) -> None:
    """A serial is behind what is added to it, wherever on the circle that is."""
    later = (serial + step) % 2**32
    assert ahead(later, serial)
    assert not ahead(serial, later)


def serials(
    *rounds: Sequence[int | Reason], every: float = 30.0, settle: float = SETTLE
) -> Finding:
    """Return what is found in the last of some rounds of serials."""
    issues: Sequence[Issue] = ()
    finding = None
    for number, each in enumerate(rounds):
        now, told = number * every, dict[Server, int | NetworkFailure]()
        for server, one in zip(NS, each, strict=False):
            told[server] = NetworkFailure(one, "") if isinstance(one, StrEnum) else one
        known = [one for one in told.values() if isinstance(one, int)]
        issues = remember(issues, known, now=now, settle=settle)
        finding = compare_serials("example.com", told, issues, now=now, settle=settle)
    assert finding is not None
    return finding


def test_lag_names_who_is_behind() -> None:
    """The late server is named with its serial, the newest, and for how long."""
    finding = serials(*[(2026112104, 2026112101)] * 5)
    assert (finding.verdict, finding.reason) == (Verdict.FAILING, Reason.SERIAL_LAG)
    assert finding.detail == (
        "ns2.example.net (192.0.2.2) is 3 behind: 2026112101 "
        "where ns1.example.net (192.0.2.1) has 2026112104, for 2 minutes"
    )
    assert finding.facts == {
        "zone": "example.com",
        "serials": {
            "ns1.example.net 192.0.2.1": 2026112104.0,
            "ns2.example.net 192.0.2.2": 2026112101.0,
        },
        "newest": 2026112104,
        "lag": 3,
    }


@pytest.mark.parametrize(
    ("rounds", "verdict"),
    [
        ([(7, 7)], Verdict.OK),
        ([(7, 6)] * 2, Verdict.OK),
        ([(7, 6)] * 3, Verdict.FAILING),
        ([(7, 7), (8, 7), (8, 7), (8, 8)], Verdict.OK),
        ([(0, 2**32 - 1)] * 3, Verdict.FAILING),
        ([(2**31, 0)] * 2, Verdict.OK),
        ([(2**31, 0)] * 3, Verdict.FAILING),
        ([(9, 9), (2, 2), (2, 2), (2, 2)], Verdict.OK),
        ([(8, 7), (Reason.TIMEOUT, 7, 7), (8, 7), (8, 7)], Verdict.FAILING),
        ([(8, 7), (8, 7), (Reason.TIMEOUT, 7, 7)], Verdict.OK),
    ],
    ids=[
        "in step", "settling", "late", "caught up", "wrapped", "no order yet", "no order",
        "set back together", "newest silent once", "newest silent",
    ],
)  # fmt: skip
def test_lag(rounds: Sequence[Sequence[int | Reason]], verdict: Verdict) -> None:
    """Who lacks an issue for the settling time is late; who is silent is left out."""
    assert serials(*rounds).verdict is verdict


def test_busy_zone() -> None:
    """A server that is one issue behind in every look, but never the same, follows well enough."""
    rounds = [(n + 1, n) for n in range(50)]
    assert {serials(*rounds[: n + 1]).verdict for n in range(50)} == {Verdict.OK}
    assert serials(*[(n + 10, n) for n in range(50)]).verdict is Verdict.FAILING


def test_lag_is_as_old_as_the_first_issue_missed() -> None:
    """A server that takes nothing of a busy zone is late since the first issue that it missed."""
    finding = serials((1, 1), *[(n, 1) for n in range(2, 51)])
    assert finding.detail.endswith(
        "is 49 behind: 1 where ns1.example.net (192.0.2.1) has 50, for 24 minutes"
    )


@pytest.mark.parametrize(
    ("each", "verdict", "reason"),
    [
        ([1], Verdict.OK, None),
        ([Reason.TIMEOUT], Verdict.OK, None),
        ([1, Reason.REFUSED], Verdict.UNKNOWN, Reason.REFUSED),
        ([Reason.REFUSED] * 3, Verdict.UNKNOWN, Reason.REFUSED),
    ],
)
def test_too_few_serials(
    each: Sequence[int | Reason], verdict: Verdict, reason: Reason | None
) -> None:
    """Of several servers two must tell their serial; one server alone is in step."""
    finding = serials(each)
    assert (finding.verdict, finding.reason) == (verdict, reason)


@given(st.lists(SERIAL, min_size=2, max_size=5), st.permutations(range(5)))
def test_order_of_serials_is_nothing(told: list[int], order: list[int]) -> None:
    """The order of the servers does not change what is found, even of serials without order."""
    one = dict(zip(NS, told, strict=False))
    other = {NS[n]: told[n] for n in order if n < len(told)}
    issues = remember((), told, now=0.0, settle=SETTLE)
    assert issues == remember((), list(other.values()), now=0.0, settle=SETTLE)
    for now in (0.0, SETTLE):
        findings = [
            compare_serials("example.com", each, issues, now=now, settle=SETTLE)
            for each in (one, other)
        ]
        assert findings[0] == findings[1]


@given(st.lists(st.lists(SERIAL, min_size=2, max_size=4), max_size=60), st.floats(0, 100))
def test_memory_stays_small(rounds: list[list[int]], settle: float) -> None:
    """Whatever servers tell, what is remembered does not grow with the number of rounds."""
    issues: Sequence[Issue] = ()
    for number, told in enumerate(rounds):
        issues = remember(issues, told, now=number * 10.0, settle=settle)
        assert len(issues) <= 10 * settle / 10 + len(told) + 2
        compare_serials(
            "example.com",
            dict(zip(NS, told, strict=False)),
            issues,
            now=number * 10.0,
            settle=settle,
        )


@given(SERIAL, st.lists(st.integers(1, 1000), min_size=3, max_size=20))
def test_servers_in_step_are_never_late(start: int, steps: list[int]) -> None:
    """Servers that all have the same serial are in step, whatever it was before."""
    rounds, serial = [], start
    for step in steps:
        serial = (serial + step) % 2**32
        rounds.append((serial, serial, serial))
    assert {serials(*rounds[: n + 1]).verdict for n in range(len(rounds))} == {Verdict.OK}


SOA_OF = ask("example.com", "SOA", recursive=False, dnssec_ok=True)


def test_serial_of_a_reply() -> None:
    """Only an authority's answer for the zone itself tells its serial."""
    own = (SOA.format("example.com."),)

    def read(*, aa: bool = True, rcode: int = 0, answer: tuple[str, ...] = own) -> int:
        reply = reply_to(query(SOA_OF), answer, aa=aa, rcode=dns.rcode.Rcode.make(rcode))
        return serial_of(dns.message.from_wire(reply), SOA_OF, "ns1")

    assert read() == 1
    for reply, reason in (
        ({"aa": False}, Reason.LAME),
        ({"answer": ()}, Reason.LAME),
        ({"answer": (SOA.format("com."),)}, Reason.LAME),
        ({"rcode": 5}, Reason.REFUSED),
        ({"rcode": 9}, Reason.OTHER_RCODE),
    ):
        with pytest.raises(NetworkFailure) as caught:
            read(**reply)
        assert caught.value.reason is reason
