"""The last looks at a subject read as the list that they are, though little of them is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import seen
from vedette.agent.memory.looks import KEPT, MOST, Looks, Seen
from vedette.checks.finding import Observation, Verdict

FAR = KEPT + 5
looks_at_one = st.lists(
    st.builds(
        seen,
        st.floats(0, 1e9),
        st.sampled_from([*Verdict, "nodata", "timeout"]),
        seconds=st.floats(0, 60),
        detail=st.sampled_from(["", "of 3"]),
        answers=st.sampled_from([(), ("192.0.2.1",), ("192.0.2.1", "192.0.2.2")]),
    ),
    max_size=2 * KEPT,
)


def as_seen(looks: list[Observation]) -> list[Seen]:
    """Return the newest of *looks* as a list."""
    return [Seen(one.finding, one.started_at, one.seconds) for one in looks[-KEPT:]]


def kept(looks: list[Observation]) -> Looks:
    """Return *looks* as they are kept."""
    made = Looks()
    for look in looks:
        made.append(look)
    return made


@given(looks_at_one)
def test_reads_as_a_list_of_the_newest(looks: list[Observation]) -> None:
    """In both directions, and in length, the newest looks are there just as they were made."""
    made, newest = kept(looks), as_seen(looks)

    assert list(made) == newest
    assert list(reversed(made)) == newest[::-1]
    assert len(made) == len(newest)
    assert made.is_full is (len(looks) >= KEPT)
    assert not looks or made.last == looks[-1]


@given(looks_at_one, st.integers(-FAR, FAR))
def test_any_index_is_a_lists(looks: list[Observation], at: int) -> None:
    """Each look is found from either end, and none beyond them."""
    made, newest = kept(looks), as_seen(looks)
    if -len(newest) <= at < len(newest):
        assert made[at] == newest[at]
    else:
        with pytest.raises(IndexError):
            made[at]


@given(looks_at_one, st.slices(FAR))
def test_any_slice_is_a_lists(looks: list[Observation], part: slice) -> None:
    """A part of them, in steps and backwards too, is that part of the list."""
    assert kept(looks)[part] == as_seen(looks)[part]


@given(looks_at_one.filter(bool), st.lists(st.floats(0, 1e9), min_size=1, max_size=2 * KEPT))
def test_a_repeated_look_is_as_many_looks(looks: list[Observation], starts: list[float]) -> None:
    """Looks like the last one, taken in together, are those taken in one by one."""
    made = kept(looks)
    again = [looks[-1]._replace(started_at=at) for at in starts]
    made.repeat(starts)

    assert list(made) == as_seen([*looks, *again])
    assert made.last == again[-1]


def test_what_stays_the_same_is_kept_once() -> None:
    """Of looks that say the same there is one finding, and another as soon as one differs."""
    said = [Verdict.OK, Verdict.OK, "nodata", "nodata", Verdict.OK]
    made = kept([seen(at, verdict) for at, verdict in enumerate(said)])
    findings = [id(look.finding) for look in made]

    assert [findings[0], findings[2]] == [findings[1], findings[3]]
    assert len(set(findings)) == 3


def test_the_last_is_whole_whatever_is_kept_of_it() -> None:
    """What is kept of a look beside others is the finding that was given; the last is its own."""
    made = Looks()
    looks = [seen(at, answers=(f"192.0.2.{at}",)) for at in range(2)]
    for look in looks:
        made.append(look, looks[0].finding)

    assert [look.finding for look in made] == [looks[0].finding] * 2
    assert made.last == looks[1]


def test_room_is_made_by_the_oldest() -> None:
    """One look too many drops the oldest alone."""
    made = kept([seen(at) for at in range(KEPT)])
    assert [look.started_at for look in made] == list(range(KEPT))

    made.append(seen(KEPT))
    assert [look.started_at for look in made] == list(range(1, KEPT + 1))


@pytest.mark.parametrize(("every", "many"), [(30, KEPT), (10, 90), (1, MOST), (0.5, MOST)])
@pytest.mark.parametrize("is_repeated", [False, True])
def test_a_quarter_of_an_hour_is_kept_however_often_somebody_looks(
    every: float, many: int, is_repeated: bool
) -> None:
    """Where looks are counted over a time they are kept for it, up to one a second."""
    made = Looks(900)
    starts = [every * i for i in range(5 * MOST)]
    if is_repeated:
        made.append(seen(starts[0]))
        made.repeat(starts[1:])
    else:
        for at in starts:
            made.append(seen(at))

    assert [look.started_at for look in made] == starts[-many:]
    assert made.is_full
