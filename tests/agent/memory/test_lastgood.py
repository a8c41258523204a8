"""What a name answered when all was well: what ripens, what never does, and what comes back."""

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.memory.lastgood import (
    GENERATIONS,
    Generation,
    LastKnownGood,
    Learned,
)
from vedette.agent.memory.rounds import Round
from vedette.checks.finding import Verdict

OK, FAILING, UNKNOWN = Verdict
AFTER, EVERY = 600.0, 30.0
RIPE = int(AFTER / EVERY)
"""Rounds that ten minutes take."""
BAD = Round({}, None)
A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def shows(*servers: str | Iterable[str]) -> Round:
    """Return the good round in which each server shows one answer, or several."""
    sets = [frozenset([one] if isinstance(one, str) else one) for one in servers]
    shown = {f"ns{i}": answers for i, answers in enumerate(sets)}
    return Round(shown, shown)


def played(
    rounds: Iterable[Round], good: LastKnownGood | None = None, start: float = 0.0
) -> list[tuple[float, Learned]]:
    """Return what each round taught, with its time, EVERY seconds apart."""
    good = good or LastKnownGood()
    times = ((start + i * EVERY, seen) for i, seen in enumerate(rounds))
    return [(at, good.see("n", "A", seen, at)) for at, seen in times]


def promoted(learned: Sequence[tuple[float, Learned]]) -> list[tuple[float, tuple[str, ...]]]:
    """Return when which set was promoted."""
    return [(at, one.promoted.answers) for at, one in learned if one.promoted]


def returned(learned: Sequence[tuple[float, Learned]]) -> list[tuple[float, str]]:
    """Return when which server came back to an old set."""
    return [(at, back.server) for at, one in learned for back in one.returned]


def generation(
    name: str, type_: str, *answers: str, at: float = 0.0, whole: bool = True
) -> Generation:
    return Generation(name, type_, answers, at, at, whole)


def test_a_set_is_good_after_ten_minutes() -> None:
    """A set becomes the good one when it was seen for ten minutes, dated by its first sight."""
    good = LastKnownGood()
    learned = played([shows(A, A)] * (RIPE + 5), good)

    assert promoted(learned) == [(AFTER, (A,))]
    assert good.of("n", "A") == Generation("n", "A", (A,), 0.0, AFTER, whole=True)


def test_a_short_wait_is_as_good_as_configured() -> None:
    """What ten minutes are is the config's to say; a single look never suffices."""
    good = LastKnownGood(after=1.0)

    assert not good.see("n", "A", shows(A), 0).promoted
    assert good.see("n", "A", shows(A), 1.0).promoted


def test_a_bad_round_ripens_anew() -> None:
    """One failing or disputed round costs all that had ripened so far."""
    good = LastKnownGood()
    rounds = [*[shows(A)] * RIPE, BAD, *[shows(A)] * (RIPE + 1)]

    again = (RIPE + 1) * EVERY
    assert promoted(played(rounds, good)) == [(again + AFTER, (A,))]
    assert good.of("n", "A").since == again


def test_a_blip_is_never_promoted() -> None:
    """An answer that was there for a while, and went, is no good one later."""
    blip = [*[shows(A)] * 30, *[shows(B)] * (RIPE // 2), *[shows(A)] * 60]

    assert promoted(played(blip)) == [(AFTER, (A,))]


@given(before=st.integers(RIPE + 1, 60), delays=st.lists(st.integers(0, RIPE + 1), min_size=1))
def test_a_planned_change_promotes_the_new_set_alone(before: int, delays: list[int]) -> None:
    """From A to B, one server after another: B ten minutes after the last, and never both."""
    change = [
        shows(*(B if i >= delay else A for delay in delays)) for i in range(max(delays) + RIPE + 5)
    ]
    learned = played([*[shows(*[A] * len(delays))] * before, *change])

    changed = (before + max(delays)) * EVERY
    assert promoted(learned) == [(AFTER, (A,)), (changed + AFTER, (B,))]


@given(before=st.integers(RIPE + 1, 60), outage=st.integers(1, 100), share=st.booleans())
def test_a_change_in_an_outage_promotes_the_new_set_alone(
    before: int, outage: int, share: bool
) -> None:
    """What comes after an outage is good ten minutes later, without what went in it."""
    after = frozenset({A, C} if share else {C})
    rounds = [*[shows({A, B})] * before, *[BAD] * outage, *[shows(after)] * (RIPE + 5)]

    last = promoted(played(rounds))[-1]
    assert last[1] == tuple(sorted(after))
    # Where A stays, B has to be missed for ten minutes before the set without it is due.
    assert last[0] - (before + outage) * EVERY in (AFTER, AFTER + EVERY)


def test_a_change_taken_back_is_not_promoted() -> None:
    """What one server showed for ten minutes, while the other did not, is gone with it."""
    try_ = [*[shows(A, B)] * (RIPE + 1), *[shows(A, A)] * (RIPE + 5)]
    also = [*[shows(A, C)] * (RIPE + 1), *[shows(A, A)] * (RIPE + 5)]

    assert promoted(played([*[shows(A, A)] * 30, *try_, *also])) == [(AFTER, (A,))]


def test_a_set_shown_whole_is_due_when_it_was_for_ten_minutes() -> None:
    """Parts that had ripened apart do not make the whole older than it is."""
    good = LastKnownGood()
    apart = [*[shows(A, A)] * 30, *[shows(A, B)] * (RIPE - 1)]
    learned = played([*apart, *[shows({A, B}, {A, B})] * (RIPE + 5)], good)

    together = len(apart) * EVERY
    assert promoted(learned) == [(AFTER, (A,)), (together + AFTER, (A, B))]
    assert good.of("n", "A") == Generation("n", "A", (A, B), together, together + AFTER, whole=True)


def test_a_pool_is_as_old_as_its_youngest_member() -> None:
    """Where servers show different answers, the set began when the last of them was first seen."""
    good = LastKnownGood()
    learned = played([*[shows(A, B)] * 5, *[shows(A, B, C)] * 3 * RIPE], good)

    ((at, answers),) = promoted(learned)
    assert answers == (A, B, C)
    assert good.of("n", "A") == Generation("n", "A", (A, B, C), 5 * EVERY, at, whole=False)


def test_three_generations_are_kept() -> None:
    """The fourth is dropped, and the others are in order, the newest first."""
    good = LastKnownGood()
    words = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]
    played([shows(word) for word in words for _ in range(RIPE + 1)], good)

    assert [one.answers for one in good.generations("n", "A")] == [(w,) for w in words[:0:-1]]


@given(
    st.lists(st.sets(st.sampled_from([A, B, C])) | st.none(), max_size=200),
    st.sampled_from([7.0, 30.0, 240.0, 900.0]),
)
def test_nothing_is_promoted_unripe(rounds: list[set[str] | None], every: float) -> None:
    """Each new answer of a good set was seen over ten minutes of good rounds and nothing else."""
    good, kept = LastKnownGood(), 0
    row: list[tuple[float, set[str]]] = []
    for i, answers in enumerate(rounds):
        now = i * every
        before = good.of("n", "A")
        row = [] if answers is None else [*row, (now, answers)]
        learned = good.see("n", "A", BAD if answers is None else shows(answers), now)
        if new := learned.promoted:
            kept += 1
            assert good.of("n", "A") == new
            assert new.since <= now == new.promoted_at
            assert before is None or now - before.promoted_at >= AFTER
            for answer in set(new.answers) - set(before.answers if before else ()):
                times = [at for at, some in row if answer in some]
                assert times[-1] - times[0] >= AFTER
                assert times[-1] == now or now - times[-1] <= AFTER
        else:
            assert good.of("n", "A") == before
        assert len(good.generations("n", "A")) == min(kept, GENERATIONS)


@given(st.lists(st.sampled_from([BAD, shows(), Round({"ns0": frozenset({C})}, None)])))
def test_trouble_leaves_the_set(rounds: list[Round]) -> None:
    """However long and in whatever way a record is empty, bogus or disputed, the good set stays."""
    kept = [generation("n", "A", A), generation("n", "A", B)]
    good = LastKnownGood(kept)
    learned = played(rounds, good, start=1e6)

    assert promoted(learned) == []
    assert good.generations("n", "A") == tuple(kept)


@given(
    seed=st.integers(0, 10**6),
    size=st.integers(2, 12),
    part=st.floats(0.05, 0.9),
    servers=st.integers(1, 4),
)
def test_a_rotating_pool_is_gathered(seed: int, size: int, part: float, servers: int) -> None:
    """Where each look shows another part of a pool, the pool becomes the good set: no event."""
    draw = random.Random(seed)
    pool = [f"192.0.2.{i}" for i in range(size)]
    shown = max(1, min(size - 1, round(size * part)))
    good = LastKnownGood()
    rounds = [shows(*(draw.sample(pool, shown) for _ in range(servers))) for _ in range(10 * RIPE)]
    learned = played(rounds, good)

    gathered = {answer for _, answers in promoted(learned) for answer in answers}
    assert gathered <= set(pool)
    assert len(gathered) > shown
    assert returned(learned) == []
    if servers * shown > size:  # so many that none is missed for ten minutes
        assert promoted(learned)[0][0] <= 2 * AFTER + 10 * EVERY
        assert set(good.of("n", "A").answers) == set(pool)


def test_a_restart_does_not_shrink_a_pool() -> None:
    """After a restart the pool's members are not forgotten for having been seen apart."""
    pool = [A, B, C]
    kept = generation("n", "A", *pool, whole=False)
    good = LastKnownGood([kept])
    learned = played([shows(pool[i % 3]) for i in range(5 * RIPE)], good, start=1e6)

    assert promoted(learned) == []


def test_a_member_that_left_a_pool_leaves_the_set() -> None:
    """What a pool has not shown for ten minutes is not good any longer."""
    good = LastKnownGood([generation("n", "A", A, B, C, whole=False)])
    played([shows([A, B][i % 2]) for i in range(3 * RIPE)], good, start=1e6)

    assert good.of("n", "A").answers == (A, B)
    assert good.of("n", "A").since == 0.0  # the rest has been good all the while


@pytest.mark.parametrize(
    "between",
    [[], [BAD] * 3, [Round({"ns1": frozenset({B})}, None)]],
    ids=["at once", "empty", "B"],
)
def test_a_late_writer_is_seen_once(between: list[Round]) -> None:
    """An old set that comes back is an event once, at the server that shows it, each time."""
    back = Round({"ns0": frozenset({A}), "ns1": frozenset({B})}, None)
    settled = [*[shows(A, A)] * 30, *[shows(B, B)] * 30]
    learned = played([*settled, *between, *[back] * 9, BAD, back, shows(B, B), *[back] * 9])

    first = (60 + len(between)) * EVERY
    assert returned(learned) == [(first, "ns0"), (first + 12 * EVERY, "ns0")]
    event = next(one for _, one in learned if one.returned).returned[0]
    assert (event.answers, event.newest) == ((A,), (B,))


def test_the_third_generation_returns_too() -> None:
    """Older sets are known as such for as long as they are kept."""
    kept = [generation("n", "A", one) for one in (C, B, A)]
    learned = played([shows(A)] * 3, LastKnownGood(kept), start=1e6)

    assert returned(learned) == [(1e6, "ns0")]


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ([generation("n", "A", A)], B),
        ([generation("n", "A", B), generation("n", "A", A)], B),
        ([generation("n", "A", B), generation("n", "A", B), generation("n", "A", A)], B),
        ([generation("n", "A", B, C, whole=False), generation("n", "A", B)], B),
        ([generation("n", "A", C), generation("n", "A", B, whole=False)], B),
        ([generation("n", "A", A), generation("n", "A", B, C)], B),
        ([], A),
    ],
    ids=[
        "new",
        "newest",
        "both",
        "part of a pool",
        "of an old pool",
        "of an old set",
        "nothing known",
    ],
)
def test_what_is_no_return(kept: list[Generation], shown: str) -> None:
    """Only exactly an older set, and not the newest, replaced for good, is a return."""
    assert returned(played([shows(shown)] * 3, LastKnownGood(kept), start=1e6)) == []


def test_a_clock_that_was_ahead_stops_nothing() -> None:
    """A set dated in the future, by a clock that was wrong then, does not block its successors."""
    good = LastKnownGood([generation("n", "A", A, at=1e9)])

    # A round later than usual: A is missed from the first round on.
    assert promoted(played([shows(B)] * (RIPE + 2), good)) == [(AFTER + EVERY, (B,))]


def test_addresses_are_ipv4_first_and_of_that_host() -> None:
    """A host's addresses are its newest A and then AAAA sets, and nobody else's."""
    good = LastKnownGood(
        [
            generation("n", "AAAA", "2001:db8::1"),
            generation("n", "A", A),
            generation("n", "A", B),
            generation("n", "MX", "10 mail.n"),
            generation("other", "A", C),
        ]
    )

    assert good.addresses("n") == (A, "2001:db8::1")
    assert good.addresses("unknown") == ()
    assert {(one.name, one.type) for one in good} == {
        ("n", "AAAA"), ("n", "A"), ("n", "MX"), ("other", "A"),
    }  # fmt: skip
