"""From a rule's text to the rule, within CloudWatch's limits.

Rule: whatever the text, the answer is a Rule or a RuleError. The parser is LALR(1) and every
terminal is read once, so that its time is proportional to the text.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from lark import Lark, Token, Tree, UnexpectedInput

from vedette.agent.alarms.alarm import State
from vedette.agent.composite.complaint import complaint, position
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

LONGEST = 10_240
"""Characters that a rule may have (CloudWatch, PutCompositeAlarm, as the two below)."""
MOST_ELEMENTS = 500
"""Names, constants and pairs of parentheses around a part of the rule."""
MOST_CHILDREN = 100
"""Different names."""

_ELEMENTS = frozenset({"BARE", "QUOTED", "TRUE", "FALSE", "LPAR"})

Node = Token | Tree[Token]


@cache
def _parser() -> Lark:
    """Return the parser; it is made for the first rule, since many agents have none."""
    return Lark.open("grammar.lark", rel_to=__file__, parser="lalr", lexer="contextual")


def parse(text: str) -> Rule:
    """Read *text* as a rule; raise RuleError at the place of its first fault.

    The grammar is that of CloudWatch's user guide, "Composite alarms", section "Syntax".
    """
    if len(text) > LONGEST:
        raise RuleError(
            position(text, LONGEST),
            f"the rule is {len(text):,} characters long and may be {LONGEST:,}: "
            "make alarms of its parts and name those",
        )
    if not text.strip():
        raise RuleError(Position(1, 1), 'the rule is empty: write ALARM("name") or remove it')
    try:
        nodes = list(_postfix(_parser().parse(text)))
    except UnexpectedInput as error:
        raise complaint(text, error) from None
    _check_elements(nodes)
    rule = Rule(tuple(step for node in nodes if isinstance(node, Tree) for step in _steps(node)))
    _check_children(rule)
    return rule


def _postfix(tree: Tree[Token]) -> Iterator[Node]:
    """Return the nodes of *tree*, each behind its children."""
    found: list[Node] = []
    todo: list[Node | None] = [tree]
    while todo:
        node = todo.pop()
        if node is not None:  # an optional word that is not there
            found.append(node)
        if isinstance(node, Tree):
            todo += node.children
    return reversed(found)


def _steps(node: Tree[Token]) -> Iterator[Step]:
    tokens = [child for child in node.children if not isinstance(child, Tree)]
    match str(node.data):
        case "constant":
            yield Constant(tokens[0].type == "TRUE")
        case "in_state":
            yield InState(State(tokens[0]), _ref(tokens[1]))
        case "at_least":
            yield _at_least(*tokens)
        case "negation":
            yield Not()
        case "conjunction":
            yield And(len(node.children))
        case "disjunction":
            yield Or(len(node.children))


def _at_least(number: Token, negation: Token | None, state: Token, *names: Token) -> AtLeast:
    refs = tuple(map(_ref, names))
    seen: dict[str, Ref] = {}
    for ref in refs:
        if ref.name in seen:
            first = seen[ref.name].at
            raise RuleError(ref.at, f"{ref} is in this list already, at {first}: name each once")
        seen[ref.name] = ref
    percent = number.endswith("%")
    return AtLeast(
        number=_count(number, 100 if percent else len(refs)),
        percent=percent,
        negated=negation is not None,
        state=State(state),
        refs=refs,
    )


def _count(token: Token, most: int) -> int:
    """Return the number that AT_LEAST asks for: from 1 to *most*."""
    digits = token.removesuffix("%").lstrip("0") or "0"
    number = int(digits) if len(digits) <= len(str(LONGEST)) else LONGEST
    if not 1 <= number <= most:
        shown = token if len(token) <= 10 else f"{token[:10]}..."
        what = "1% to 100%" if token.endswith("%") else f"1 to {most}, as many as it names"
        raise RuleError(_at(token), f"AT_LEAST cannot ask for {shown}: ask for {what}")
    return number


def _ref(token: Token) -> Ref:
    name = str(token)
    if token.type == "QUOTED":
        name = _unescaped(name[1:-1])
    if not name.strip():
        raise RuleError(_at(token), "these quotes hold no name: write one or remove the condition")
    return Ref(name, _at(token))


def _unescaped(text: str) -> str:
    r"""Return what a quoted name means: \" is a quote, \\ a backslash, another one itself."""
    return re.sub(r'\\(["\\])', r"\1", text)


def _at(token: Token) -> Position:
    return Position(token.line or 1, token.column or 1)


def _check_elements(nodes: Sequence[Node]) -> None:
    elements = [n for n in nodes if isinstance(n, Token) and n.type in _ELEMENTS]
    if len(elements) > MOST_ELEMENTS:
        first_too_many = sorted(elements, key=lambda token: token.start_pos or 0)[MOST_ELEMENTS]
        raise RuleError(
            _at(first_too_many),
            f"the rule has {len(elements)} elements (names, TRUE, FALSE and parentheses) and may "
            f"have {MOST_ELEMENTS}: make alarms of its parts and name those",
        )


def _check_children(rule: Rule) -> None:
    refs = list(rule.refs)
    if len(refs) > MOST_CHILDREN:
        raise RuleError(
            refs[MOST_CHILDREN].at,
            f"the rule names {len(refs)} alarms and checks and may name {MOST_CHILDREN}: "
            "make alarms of its parts and name those",
        )
