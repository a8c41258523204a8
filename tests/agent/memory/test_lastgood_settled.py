"""Rounds in which nothing changed, which are told at a glance: nothing less is learnt."""

from collections.abc import Callable, Iterable
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.agent.observations import seen, series
from vedette.agent.memory.lastgood import DELEGATION, LastKnownGood, Learned
from vedette.agent.memory.ledger import Series
from vedette.agent.memory.rounds import answers_of, delegations_of
from vedette.checks.finding import Observation, Verdict

OK, UNKNOWN = Verdict.OK, Verdict.UNKNOWN
A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
LookAt = Callable[[float], Observation]
Stretch = tuple[list[LookAt], list[LookAt], float, float, bool]
"""Looks and trouble, for how many seconds and each how many, and whether after a restart."""
ZONE = "shop.example"


def at_server(*answers: str, word: Verdict | str = OK, subject: str = "192.0.2.53") -> LookAt:
    return partial(seen, verdict=word, subject=subject, answers=answers)


def at_resolver(*answers: str, word: Verdict | str = OK) -> LookAt:
    return partial(seen, verdict=word, place="recursive", subject="9.9.9.9", answers=answers)


def at_parent(*names: str, word: Verdict | str = OK, agrees: bool = True) -> LookAt:
    facts = {"zone": ZONE, "agrees": agrees, "changed": not agrees, "delegation": names}
    return partial(seen, verdict=word, place="delegation", subject="delegation", **facts)


def at_all(place: str, word: Verdict | str = OK) -> LookAt:
    return partial(seen, verdict=word, place=place, subject="all of them")


def long_ago(look: LookAt) -> LookAt:
    return lambda at: look(at - 1e6)


def zone(*answers: str) -> list[LookAt]:
    """Return the looks of a check while all is well and every server shows *answers*."""
    return [
        at_server(*answers),
        at_server(*answers, subject="192.0.2.54"),
        at_resolver(*answers),
        at_all("agreement"),
        at_parent("ns1", "ns2"),
        at_all("dnssec"),
    ]


WELL = [zone(A), zone(A, B), zone(B)]
ELSEWHERE: list[list[LookAt]] = [[at_resolver(A)], [at_resolver(B)], []]
"""Rounds of another service's check of the same name, and one of nothing."""
OLD = at_server(B, word="wrong_answer")
MOVED = [at_parent("ns1", "ns3"), at_parent("ns1", "ns4")]
TROUBLE = [
    OLD,
    *MOVED,
    at_server(B),
    at_server(),
    at_server(A, word=UNKNOWN),
    long_ago(at_server(A)),
    at_resolver(word="timeout"),
    at_all("agreement", "disagree"),
    at_all("dnssec", "bogus"),
    at_parent("ns1", "ns2", agrees=False),
    at_parent("ns1", "ns2", word="delegation", agrees=False),
    at_parent("ns3", word="delegation"),
    long_ago(at_parent("ns1", "ns2")),
]
"""Looks that take the place of those that are well."""


def looked(at: float, looks: Iterable[LookAt]) -> list[Series]:
    """Return a round of *looks*; of those at the same subject the last one counts."""
    made = {(one.place, one.subject): one for one in (look(at) for look in looks)}
    return [series(one) for one in made.values()]


def in_full(good: LastKnownGood, check: str, round_: list[Series], now: float) -> list[Learned]:
    """Have *good* take in all of a round, also where it is like the ones before."""
    name, _, type_ = check.rpartition(" ")
    learned = [good.see(name, type_, answers_of(round_, now), now)]
    learned += [good.see(zone, DELEGATION, one, now) for zone, one in delegations_of(round_, now)]
    return [one for one in learned if one.promoted or one.returned]


def restarted(good: LastKnownGood) -> LastKnownGood:
    """Return what is left of *good* after a restart."""
    kept = [one for newest in good for one in good.generations(newest.name, newest.type)]
    return LastKnownGood(kept, after=10)


def lasting(looks: list[LookAt], seconds: float, *trouble: LookAt) -> Stretch:
    """Return the stretch in which a check makes *looks* each second."""
    return looks, list(trouble), seconds, 1.0, False


BLIP = [lasting(zone(A), 25), lasting(zone(B), 5), lasting(zone(A), 25), lasting(zone(B), 25)]
MEMBER_LEAVES = [lasting(zone(A, C), 45), lasting(zone(A), 25, at_server(B))]
DELEGATION_WAVERS = [lasting(zone(A), 45), *[lasting(zone(A), 5, one) for one in MOVED * 5]]
LATE_WRITER = [
    lasting(zone(B), 25),
    lasting(zone(A), 25),
    lasting(zone(A), 0, OLD),
    lasting([at_resolver(A)], 5),
    lasting(zone(A), 5),
    lasting(zone(A), 0, OLD),
]
STRETCHES = st.tuples(
    st.sampled_from([*WELL, *WELL, *ELSEWHERE]),
    st.just([]) | st.just([]) | st.lists(st.sampled_from(TROUBLE), min_size=1, max_size=2),
    st.sampled_from([0.0, 5.0, 11.0, 25.0]),
    st.sampled_from([1.0, 4.0, 11.0]),
    st.sampled_from([False] * 15 + [True]),
)


@given(st.lists(STRETCHES, min_size=10, max_size=40))
@example(BLIP)
@example(MEMBER_LEAVES)
@example(DELEGATION_WAVERS)
@example(LATE_WRITER)
def test_a_round_like_those_before_teaches_no_less(stretches: list[Stretch]) -> None:
    """Noting that all is still there, and taking in every round in full, learn the same."""
    brief, full, now = LastKnownGood(after=10), LastKnownGood(after=10), 1e6
    for looks, trouble, seconds, every, restarts in stretches:
        if restarts:
            brief, full = restarted(brief), restarted(full)
        for _ in range(int(seconds / every) + 1):
            now += every
            round_ = looked(now, [*looks, *trouble])
            learned = brief.learn("api.shop.example A", round_, now)
            assert list(learned) == in_full(full, "api.shop.example A", round_, now)
        for of in (("api.shop.example", "A"), (ZONE, DELEGATION)):
            assert brief.generations(*of) == full.generations(*of)


def settled() -> LastKnownGood:
    """Return what is learnt of a zone in which all has been well for long."""
    good = LastKnownGood(after=10)
    for now in (0.0, 10.0, 20.0):
        good.learn("api.shop.example A", looked(now, zone(A)), now)
    return good


def test_a_round_like_those_before_is_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """While all is well and the good sets stay, only the time is noted: nearly every round."""
    good = settled()
    monkeypatch.delattr(LastKnownGood, "see")

    assert not good.learn("api.shop.example A", looked(1e6, zone(A)), 1e6)


@pytest.mark.parametrize("looks", [[], zone(B), *([*zone(A), one] for one in TROUBLE)])
def test_any_other_round_is_taken_in(monkeypatch: pytest.MonkeyPatch, looks: list[LookAt]) -> None:
    """A round with trouble, with other answers or with none at all is not taken for such a one."""
    good = settled()
    monkeypatch.delattr(LastKnownGood, "see")

    with pytest.raises(AttributeError):
        good.learn("api.shop.example A", looked(1e6, looks), 1e6)
