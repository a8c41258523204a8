"""Whether a rule holds by how its parts stand, in three values, and since when."""

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.composite.rules import Tree, rules
from vedette.agent.alarms.alarm import UNDECIDED, Evidence, Memory, State, step
from vedette.agent.composite.evaluate import all_of, any_of, evaluate
from vedette.agent.composite.parse import parse
from vedette.agent.composite.standing import Standing
from vedette.agent.diagnoses import votes

NAMES = ["a", "b", "c", "d", "e f", 'g"h\\', "OR", "i, (j)"]
states = st.fixed_dictionaries({name: st.sampled_from(State) for name in NAMES})
times = st.integers(0, 100).map(float)
standings = st.fixed_dictionaries(
    {
        name: st.builds(
            lambda state, since, for_: Standing(state, since, since + for_),
            st.sampled_from(State),
            times,
            times,
        )
        for name in NAMES
    }
)


def judged(
    text: str, standing: Mapping[str, Standing], since: float = 0, now: float = 1000
) -> Evidence:
    return evaluate(parse(text), lambda ref: standing[ref.name], since=since, now=now).evidence


def holds(tree: Tree, state: Mapping[str, State]) -> bool | None:
    return judged(str(tree), {name: Standing(s, 0, 0) for name, s in state.items()}).holds


def naive(tree: Tree, state: Mapping[str, State]) -> bool | None:
    """Judge *tree* as the tables of Kleene's strong logic have it: false < unknown < true."""
    parts = [naive(part, state) for part in tree.parts]
    as_number = [1 if part is None else 2 * part for part in parts]
    match tree.word:
        case "TRUE" | "FALSE":
            return tree.word == "TRUE"
        case "AND":
            value = min(as_number)
        case "OR":
            value = max(as_number)
        case "NOT":
            value = 2 - as_number[0]
        case "INSUFFICIENT_DATA":
            return state[tree.name] is State.INSUFFICIENT_DATA
        case "ALARM" | "OK":
            is_in = state[tree.name] is State(tree.word)
            return None if state[tree.name] is State.INSUFFICIENT_DATA else is_in
        case _:
            value = max(min(some) for some in itertools.combinations(as_number, tree.need))
    return None if value == 1 else value == 2


@given(rules(), states)
def test_as_the_truth_tables_say(tree: Tree, state: dict[str, State]) -> None:
    """Every rule is judged as a naive reading of the three-valued tables judges it."""
    assert holds(tree, state) is naive(tree, state)


@pytest.mark.parametrize(
    ("need", "names", "expected"),
    [
        ("1%", "faaa", True),
        ("50%", "ffaa", True),
        ("50%", "faaaa", False),
        ("50%", "ffaaa", False),
        ("50%", "fffaa", True),
        ("50%", "ffuaa", None),
        ("34%", "faa", False),
        ("33%", "faa", True),
        ("100%", "fff", True),
        ("100%", "ffu", None),
        ("100%", "fau", False),
        ("2", "fua", None),
        ("2", "uaa", False),
        ("2", "ffu", True),
    ],
)
def test_at_least(need: str, names: str, expected: bool | None) -> None:
    """A percentage is rounded up to whole alarms; the unknown count for neither side."""
    state = {"f": State.ALARM, "a": State.OK, "u": State.INSUFFICIENT_DATA}
    standing = {f"n{i}": Standing(state[letter], 0, 0) for i, letter in enumerate(names)}

    assert judged(f"AT_LEAST({need}, ALARM, ({', '.join(standing)}))", standing).holds is expected


STANDING = {
    "a": Standing(State.ALARM, 10, 30),
    "b": Standing(State.ALARM, 20, 50),
    "c": Standing(State.ALARM, 25, 25),
    "x": Standing(State.OK, 5, 60),
    "y": Standing(State.OK, 40, 45),
    "u": Standing(State.INSUFFICIENT_DATA, 7, 8),
}


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("ALARM(a)", Evidence(True, 10, 30)),
        ("OK(x)", Evidence(True, 5, 60)),
        ("NOT OK(a)", Evidence(True, 10, 30)),
        ("NOT ALARM(y)", Evidence(True, 40, 45)),
        ("INSUFFICIENT_DATA(u)", Evidence(True, 7, 8)),
        ("ALARM(a) AND ALARM(b)", Evidence(True, 20, 30)),
        ("ALARM(a) AND ALARM(c)", Evidence(True, 25, 25)),
        ("ALARM(a) AND OK(y)", Evidence(True, 40, 40)),
        ("ALARM(a) OR ALARM(b)", Evidence(True, 20, 50)),
        ("ALARM(a) OR ALARM(c)", Evidence(True, 10, 30)),
        ("ALARM(a) OR ALARM(x) OR ALARM(u)", Evidence(True, 10, 30)),
        ("NOT (OK(a) OR OK(b))", Evidence(True, 20, 30)),
        ("NOT (OK(a) AND OK(b))", Evidence(True, 20, 50)),
        ("AT_LEAST(2, ALARM, (a, b, c))", Evidence(True, 20, 30)),
        ("AT_LEAST(3, ALARM, (a, b, c))", Evidence(True, 25, 25)),
        ("AT_LEAST(1, NOT ALARM, (a, x, y))", Evidence(True, 5, 60)),
        ("NOT AT_LEAST(2, ALARM, (a, x, y))", Evidence(True, 40, 45)),
        ("TRUE", Evidence(True, 3, 1000)),
        ("NOT FALSE OR ALARM(a)", Evidence(True, 3, 1000)),
        ("TRUE AND ALARM(a)", Evidence(True, 10, 30)),
        ("ALARM(u)", UNDECIDED),
    ],
)
def test_since_when(text: str, evidence: Evidence) -> None:
    """AND holds since its last part, OR since its longest, and TRUE since the rule was read."""
    assert judged(text, STANDING, since=3) == evidence


@given(rules(), standings)
def test_times_are_in_order(tree: Tree, standing: dict[str, Standing]) -> None:
    """What is decided was first seen before it was last seen, and neither in the future."""
    evidence = judged(str(tree), standing, since=50)

    assert evidence.holds is None or 0 <= evidence.began_at <= evidence.seen_at <= 1000


def test_clock_set_back() -> None:
    """A rule read at a time that is yet to come holds for no time, rather than for less."""
    assert judged("TRUE", {}, since=2000, now=1000) == Evidence(True, 2000, 2000)


def test_one_bad_look_at_each_of_several_fills_no_hold() -> None:
    """Single bad looks at different checks at different times do not add up in OR."""
    standing = {name: Standing(State.ALARM, at, at) for name, at in (("a", 10), ("b", 90))}
    evidence = judged("ALARM(a) OR ALARM(b)", standing)

    assert step(Memory(), evidence, hold=0, clear=0, now=100).state is not State.ALARM


parts = st.lists(
    st.builds(
        lambda holds, began, for_: Evidence(holds, began, began + for_),
        st.sampled_from([True, None]),
        times,
        times,
    ),
    min_size=1,
    max_size=5,
)


@given(parts)
def test_adds_up_as_votes_do(some: list[Evidence]) -> None:
    """What AND and OR hold since is what the diagnoses say of all, and of one, of their parts."""
    all_, any_ = votes.both(*some), votes.either(*some)

    for ours, theirs in ((all_of(some, 1000, []), all_), (any_of(some, 1000, []), any_)):
        assert ours == theirs or (ours.holds, theirs.holds) == (None, None)


@given(st.permutations([*STANDING]), st.integers(1, 6))
def test_order_does_not_matter(names: list[str], need: int) -> None:
    """In whatever order a rule names its parts, it holds since the same time."""
    first = f"AT_LEAST({need}, ALARM, ({', '.join(STANDING)}))"
    other = f"AT_LEAST({need}, ALARM, ({', '.join(names)}))"

    assert judged(other, STANDING) == judged(first, STANDING)


def test_deepest_rule() -> None:
    """A rule as deep as the limits let it be is judged without recursion."""
    text = "NOT (ALARM(a) AND " * 249 + "TRUE" + ")" * 249

    assert judged(text, {"a": Standing(State.ALARM, 1, 2)}).holds is False
