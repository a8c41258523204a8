"""CloudWatch's grammar: what each text means, and what is said of one that means nothing."""

import sys
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.agent.composite.rules import Tree, quoted, rules
from vedette.agent.alarms.alarm import State
from vedette.agent.composite.parse import LONGEST, parse
from vedette.agent.composite.rule import (
    And,
    AtLeast,
    Constant,
    InState,
    Not,
    Or,
    Position,
    Ref,
    Rule,
    RuleError,
    Step,
)

A, B, C = (InState(State.ALARM, Ref(name)) for name in "abc")


def several(number: int, percent: bool, negated: bool, state: State, *names: str) -> AtLeast:
    return AtLeast(number, percent, negated, state, tuple(map(Ref, names)))


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("TRUE", [Constant(True)]),
        ("FALSE", [Constant(False)]),
        ("ALARM(a)", [A]),
        ('ALARM("a")', [A]),
        (' ALARM (\n"a"\t) ', [A]),
        ("OK(x)", [InState(State.OK, Ref("x"))]),
        ("INSUFFICIENT_DATA(x)", [InState(State.INSUFFICIENT_DATA, Ref("x"))]),
        ("NOT ALARM(a)", [A, Not()]),
        ("NOT (NOT ALARM(a))", [A, Not(), Not()]),
        ("((ALARM(a)))", [A]),
        ("ALARM(a) AND ALARM(b) AND ALARM(c)", [A, B, C, And(3)]),
        ("ALARM(a) OR ALARM(b) OR ALARM(c)", [A, B, C, Or(3)]),
        ("ALARM(a)OR(ALARM(b)AND NOT(ALARM(c)))", [A, B, C, Not(), And(2), Or(2)]),
        ("ALARM(a) OR ALARM(b) AND ALARM(c)", [A, B, C, And(2), Or(2)]),
        ("ALARM(a) AND ALARM(b) OR ALARM(c)", [A, B, And(2), C, Or(2)]),
        ("(ALARM(a) OR ALARM(b)) AND ALARM(c)", [A, B, Or(2), C, And(2)]),
        ("NOT ALARM(a) AND ALARM(b)", [A, Not(), B, And(2)]),
        ("NOT (ALARM(a) AND ALARM(b))", [A, B, And(2), Not()]),
        ("AT_LEAST(2, ALARM, (a, b, c))", [several(2, False, False, State.ALARM, *"abc")]),
        ('AT_LEAST(50%,OK,("a",b))', [several(50, True, False, State.OK, *"ab")]),
        ("AT_LEAST(60%, NOT OK, (a, b))", [several(60, True, True, State.OK, *"ab")]),
        (
            "AT_LEAST(1, NOT INSUFFICIENT_DATA, (a))",
            [several(1, False, True, State.INSUFFICIENT_DATA, "a")],
        ),
        ("AT_LEAST(0000002, ALARM, (a, b))", [several(2, False, False, State.ALARM, *"ab")]),
        (
            '(((ALARM("a") OR ALARM("b")) AND (NOT (ALARM("c")))) OR FALSE)',
            [A, B, Or(2), C, Not(), And(2), Constant(False), Or(2)],
        ),
    ],
)
def test_text_means_rule(text: str, steps: list[Step]) -> None:
    """Each part of the grammar is read as CloudWatch's user guide defines it: NOT, AND, OR."""
    assert parse(text) == Rule(tuple(steps))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("web-1.cpu_high", "web-1.cpu_high"),
        ("arn:aws:cloudwatch:x:1:alarm:y", "arn:aws:cloudwatch:x:1:alarm:y"),
        ("https://shop.example/a?b=50%", "https://shop.example/a?b=50%"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("AND", "AND"),
        ("TRUE", "TRUE"),
        ("AT_LEAST", "AT_LEAST"),
        ("50%", "50%"),
        ("über", "über"),
        ('"shop.example A:nodata"', "shop.example A:nodata"),
        ('"a (b), c"', "a (b), c"),
        (r'"say \"hi\""', 'say "hi"'),
        (r'"back\\slash"', "back\\slash"),
        (r'"lone\back"', "lone\\back"),
        (r'"\\\""', '\\"'),
        ('" a "', " a "),
    ],
)  # fmt: skip
def test_names(written: str, name: str) -> None:
    """A bare name ends at a space, bracket or comma; a quoted one holds anything, by backslash."""
    assert [ref.name for ref in parse(f"OK({written})").refs] == [name]


@given(st.text(min_size=1).filter(lambda name: name.strip() and "\n" not in name))
def test_any_name_can_be_quoted(name: str) -> None:
    """Every name of one line can be written between quotes."""
    assert [ref.name for ref in parse(f"ALARM({quoted(name)})").refs] == [name]


@given(rules())
def test_printed_rule_is_the_same_rule(tree: Tree) -> None:
    """What a rule prints is read as that very rule."""
    rule = parse(str(tree))

    assert parse(str(rule)) == rule


@pytest.mark.parametrize(
    "text",
    [
        'ALARM("a") AND NOT (OK("b") OR TRUE)',
        'ALARM("a") OR OK("b") AND FALSE',
        'NOT (NOT ALARM("a"))',
        'AT_LEAST(50%, NOT OK, ("a", "b"))',
        'ALARM("a") AND (ALARM("b") AND ALARM("c"))',
    ],
)
def test_prints_no_needless_parentheses(text: str) -> None:
    """A rule prints as a person would write it."""
    assert str(parse(text)) == text


def test_names_keep_their_places() -> None:
    """Each name is known once, with the line and column where it stands first."""
    rule = parse("ALARM(a) OR\n  AT_LEAST(1, OK, (b, a))")

    assert [(ref.name, ref.at) for ref in rule.refs] == [
        ("a", Position(1, 7)),
        ("b", Position(2, 20)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'column 1: the rule is empty: write ALARM("name") or remove it'),
        (" \n ", 'column 1: the rule is empty: write ALARM("name") or remove it'),
        ("ALARMS(x)", "column 1: there is no function ALARMS: did you mean ALARM?"),
        ("alarm(x)", "column 1: there is no function alarm: did you mean ALARM?"),
        (
            "TRUE OR INSUFICIENT_DATA(x)",
            "column 9: there is no function INSUFICIENT_DATA: did you mean INSUFFICIENT_DATA?",
        ),
        (
            "foo(x)",
            "column 1: there is no function foo: "
            "there are ALARM, OK, INSUFFICIENT_DATA, AT_LEAST",
        ),
        ('ALARM("x)', 'column 7: this quote is never closed: add a " behind the name'),
        ('ALARM("x\n")', 'column 7: this quote is never closed: add a " behind the name'),
        (
            'ALARM("a) OR ALARM("b")',
            "column 7: this quote opens a name that is closed at column 20, where another seems to "
            "begin: add the quote that is missing between them",
        ),
        ('ALARM(a")', 'column 8: this quote is never closed: add a " behind the name'),
        ("ALARM(x", "column 6: this parenthesis is never closed: add a )"),
        ("(ALARM(x) OR OK(y)", "column 1: this parenthesis is never closed: add a )"),
        ('(ALARM(")")', "column 1: this parenthesis is never closed: add a )"),
        ("ALARM(x))", "column 9: this parenthesis closes nothing: remove it"),
        (")", "column 1: this parenthesis closes nothing: remove it"),
        ("ALARM()", 'column 7: no name stands here: write one, as in ALARM("name")'),
        ('ALARM(" ")', "column 7: these quotes hold no name: write one or remove the condition"),
        (
            "()",
            "column 2: nothing stands before this parenthesis: "
            'add a condition such as ALARM("name")',
        ),
        ("TRUE AND ", 'column 9: the rule ends too early: add a condition such as ALARM("name")'),
        ("ALARM", "column 6: the rule ends too early: add a ("),
        ("ALARM x", "column 7: add a ( before x"),
        (
            "AND TRUE",
            "column 1: AND joins two conditions: add the one that is missing before it",
        ),
        (
            "NOT NOT TRUE",
            "column 5: NOT stands twice: drop both, or put what the first negates into parentheses",
        ),
        (
            "ALARM(x)\nALARM(y)",
            "line 2, column 1: two conditions stand side by side: put AND or OR before ALARM",
        ),
        (
            "ALARM(x) and OK(y)",
            "column 10: and is not a word of the grammar: did you mean AND?",
        ),
        ("ALARM(x) || OK(y)", "column 10: || is not a word of the grammar: did you mean OR?"),
        ("TRUEAND FALSE", "column 1: TRUEAND is not a word of the grammar: did you mean TRUE?"),
        (
            "web",
            'column 1: web alone says nothing of a state: write it as in ALARM("name")',
        ),
        (
            '"web 1"',
            'column 1: this name alone says nothing of a state: write it as in ALARM("name")',
        ),
        (
            "ALARM(web 1)",
            "column 11: a comma or a parenthesis belongs before 1: a name that has a space, comma, "
            "quote or parenthesis in it needs double quotes around it",
        ),
        (
            "ALARM(a, b)",
            "column 8: one name fits here: put double quotes around a name with a comma, and count "
            "several names by AT_LEAST",
        ),
        ("ALARM((a))", "column 7: expected the name of an alarm or a check, not ("),
        ("TRUE, FALSE", "column 5: expected AND or OR, not ,"),
        (
            "AT_LEAST(x, ALARM, (a))",
            "column 10: expected how many AT_LEAST asks for, such as 2 or 50%, not x",
        ),
        (
            "AT_LEAST(0, OK, (a))",
            "column 10: AT_LEAST cannot ask for 0: ask for 1 to 1, as many as it names",
        ),
        (
            "AT_LEAST(3, OK, (a, b))",
            "column 10: AT_LEAST cannot ask for 3: ask for 1 to 2, as many as it names",
        ),
        ("AT_LEAST(0%, OK, (a))", "column 10: AT_LEAST cannot ask for 0%: ask for 1% to 100%"),
        ("AT_LEAST(101%, OK, (a))", "column 10: AT_LEAST cannot ask for 101%: ask for 1% to 100%"),
        (
            f"AT_LEAST({'9' * 5000}, OK, (a))",
            "column 10: AT_LEAST cannot ask for 9999999999...: ask for 1 to 1, as many as it names",
        ),
        ("AT_LEAST(2.5, OK, (a, b, c))", "column 11: add a comma before .5"),
        ("AT_LEAST(1, OK, a, b)", "column 17: add a ( before a"),
        (
            "AT_LEAST(1, OK, (a, b, a))",
            'column 24: "a" is in this list already, at column 18: name each once',
        ),
        ("AT_LEAST(1, OK, ())", 'column 18: no name stands here: write one, as in ALARM("name")'),
        (
            "AT_LEAST(1, ok, (a))",
            "column 13: expected a state for AT_LEAST to count: ALARM, OK or INSUFFICIENT_DATA, or "
            "NOT before one, not ok: did you mean OK?",
        ),
        ("AT_LEAST(1, NOT, (a))", "column 16: expected ALARM, OK or INSUFFICIENT_DATA, not ,"),
        (
            f"{'x' * 99}(a)",
            f"column 1: there is no function {'x' * 40}...: "
            "there are ALARM, OK, INSUFFICIENT_DATA, AT_LEAST",
        ),
    ],
)  # fmt: skip
def test_fault_is_pointed_at(text: str, message: str) -> None:
    """A text that is no rule is answered by one sentence: the place, the fault, the remedy."""
    with pytest.raises(RuleError) as caught:
        parse(text)

    assert str(caught.value) == message


def some_characters(count: int) -> str:
    """Return a rule of exactly *count* characters."""
    rule = "ALARM(a) OR OK(b)"
    return rule + " " * (count - len(rule) - 1) + "\n"


def test_rule_of_the_longest_text() -> None:
    """A rule may have 10,240 characters, and not one more."""
    assert len(parse(some_characters(LONGEST)).steps) == 3
    with pytest.raises(RuleError) as caught:
        parse(some_characters(LONGEST + 1))

    assert str(caught.value) == (
        "column 10241: the rule is 10,241 characters long and may be 10,240: "
        "make alarms of its parts and name those"
    )


@pytest.mark.parametrize(
    "fault",
    ["ALARMS(x)", 'ALARM("x', "ALARM(x", "ALARM(x))", "AT_LEAST(9, OK, (a))", "ALARM()"],
)
def test_fault_at_the_end_of_a_long_rule(fault: str) -> None:
    """In a rule of ten thousand characters the place is as exact as in a short one."""
    rule = " OR ".join(["ALARM(a)"] * 499)
    with pytest.raises(RuleError) as short:
        parse(fault)
    with pytest.raises(RuleError) as long:
        parse(f"{rule}{' ' * (10_100 - len(rule))} OR\n{fault}")

    assert (long.value.at.line, long.value.at.column) == (2, short.value.at.column)


@pytest.mark.parametrize(
    ("some", "column"),
    [
        (lambda n: " OR ".join(["TRUE"] * n), 4001),
        (lambda n: " OR ".join(["ALARM(a)"] * n), 6007),
        (lambda n: "(" * (n - 1) + "TRUE" + ")" * (n - 1), 501),
        (lambda n: "NOT (" * (n - 1) + "TRUE" + ")" * (n - 1), 2501),
    ],
    ids=["constants", "names", "parentheses", "negations"],
)
def test_elements_are_limited(some: Callable[[int], str], column: int) -> None:
    """A rule may have 500 names, constants and parentheses, however deep, and not one more."""
    rule = parse(some(500))

    assert parse(str(rule)) == rule
    with pytest.raises(RuleError) as caught:
        parse(some(501))

    assert caught.value.at == Position(1, column)
    assert "the rule has 501 elements" in str(caught.value)


def test_children_are_limited() -> None:
    """A rule may name 100 alarms, each as often as it likes, and not one more."""
    hundred = [f"ALARM(a{i})" for i in range(100)]

    assert len(parse(" OR ".join([*hundred, "OK(a0)"])).refs) == 100
    with pytest.raises(RuleError) as caught:
        parse(" OR ".join([*hundred, "OK(b)"]))

    assert str(caught.value) == (
        f"column {len(' OR '.join(hundred)) + 8}: the rule names 101 alarms and checks and may "
        "name 100: make alarms of its parts and name those"
    )


def calls(text: str) -> int:
    """Return how many functions are called to read *text*."""
    count = 0

    def called(*_: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        parse(text)
    finally:
        sys.setprofile(before)
    return count


def test_reading_is_linear() -> None:
    """Ten times the text takes no more than ten times the work."""
    parse("TRUE")
    few, many = (" OR ".join(["NOT (ALARM(a) AND TRUE)"] * n) for n in (16, 160))

    assert 0 < calls(many) <= 10 * calls(few)


_PIECES = [
    *("ALARM", "OK", "INSUFFICIENT_DATA", "AT_LEAST", "AND", "OR", "NOT", "TRUE", "FALSE"),
    *("(", ")", ",", " ", "\n", '"', "\\", "%", "2", "50%", "a", "&&", "é", "\x00", "\ud800"),
]


def read(text: str) -> Rule | RuleError:
    try:
        return parse(text)
    except RuleError as error:
        return error


def is_answered(text: str) -> bool:
    """Whether *text* is a rule that prints as itself, or an error that points into *text*."""
    answer = read(text)
    if isinstance(answer, Rule):
        return parse(str(answer)) == answer
    lines = [*text.split("\n"), ""]
    at = answer.at
    return 1 <= at.line <= len(lines) and 1 <= at.column <= len(lines[at.line - 1]) + 1


@given(st.lists(st.sampled_from(_PIECES)).map("".join) | st.text())
@example("9" * LONGEST)
@example("(" * LONGEST)
@example('"' * LONGEST)
@example("NOT " * 2500)
@example("AT_LEAST(" * 1000)
@example("\\" * 5000 + '"')
@example('"' + "\\" * 5001)
def test_garbage_is_a_rule_error(text: str) -> None:
    """Whatever the text, the answer is a rule, or a RuleError that points into the text."""
    assert is_answered(text)


@given(rules(), st.data())
def test_broken_rule_is_a_rule_error(tree: Tree, data: st.DataObject) -> None:
    """A rule with a piece cut out or put in is still a rule, or a RuleError."""
    text = str(tree)
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(begin + 5, len(text))))
    put_in = data.draw(st.sampled_from(["", *_PIECES]))

    assert is_answered(text[:begin] + put_in + text[end:])
