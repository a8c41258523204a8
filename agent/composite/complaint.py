"""What is wrong with a rule's text where the parser stopped, and what to do about it."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import get_close_matches

from lark import UnexpectedInput, UnexpectedToken

from vedette.agent.composite.rule import Position, RuleError

_FUNCTIONS = ("ALARM", "OK", "INSUFFICIENT_DATA", "AT_LEAST")
_WORDS = (*_FUNCTIONS, "AND", "OR", "NOT", "TRUE", "FALSE")
_OPERATORS = {"&&": "AND", "&": "AND", "||": "OR", "|": "OR", "!": "NOT"}
_QUOTES = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|"')
_PARENTHESES = re.compile(rf"{_QUOTES.pattern}|[()]")


def position(text: str, offset: int) -> Position:
    """Return where the character at *offset* of *text* stands."""
    return Position(text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1)


def complaint(text: str, error: UnexpectedInput) -> RuleError:
    """Return what to tell a person about *error*, at which reading *text* ended."""
    place = _Place(text, _offset(text, error), _expected(error))
    for fault in (_quotes, _end, _parenthesis, _name, _word):
        if found := fault(place):
            offset, message = found
            return RuleError(position(text, offset), message)
    sign = place.wanted in _SIGNS
    message = f"add {place.wanted} before" if sign else f"expected {place.wanted}, not"
    return RuleError(position(text, place.offset), f"{message} {place.shown}")


def _offset(text: str, error: UnexpectedInput) -> int:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return len(text.rstrip())
    return error.pos_in_stream or 0


def _expected(error: UnexpectedInput) -> Collection[str]:
    """Return the terminals that could have gone on from here."""
    return getattr(error, "allowed", None) or getattr(error, "expected", None) or ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where reading *text* ended, and which terminals were *expected* there."""

    text: str
    offset: int
    expected: Collection[str]

    @property
    def word(self) -> str:
        """What begins here, up to a space, comma, quote or parenthesis."""
        found = re.compile(r'[^\s(),"]+').match(self.text, self.offset)
        return found[0] if found else ""

    @property
    def shown(self) -> str:
        """The word, or the sign that is no word, short enough for a message."""
        shown = self.word or self.text[self.offset : self.offset + 1]
        return shown if len(shown) <= 40 else f"{shown[:40]}..."

    @property
    def calls(self) -> bool:
        """Whether a parenthesis follows the word."""
        return self.text[self.offset + len(self.word) :].lstrip().startswith("(")

    @property
    def wanted(self) -> str:
        """What was expected, in words."""
        return next((words for terminal, words in _WANTED.items() if terminal in self.expected), "")


_WANTED = {
    "TRUE": 'a condition such as ALARM("name")',
    "_AND": "AND or OR",
    "NUMBER": "how many AT_LEAST asks for, such as 2 or 50%",
    "NOT": "a state for AT_LEAST to count: ALARM, OK or INSUFFICIENT_DATA, or NOT before one",
    "STATE": "ALARM, OK or INSUFFICIENT_DATA",
    "BARE": "the name of an alarm or a check",
    "COMMA": "a comma",
    "LPAR": "a (",
    "RPAR": "a )",
}
_SIGNS = ("a comma", "a (", "a )")

Fault = tuple[int, str]


def _quotes(place: _Place) -> Fault | None:
    """Find a quote without its other."""
    quotes = list(_QUOTES.finditer(place.text))
    lone = next((quote.start() for quote in quotes if quote[0] == '"'), None)
    if lone is None:
        return None
    before = [quote for quote in quotes if quote.end() <= place.offset]
    if before and place.text[before[-1].end() : place.offset].strip() == "" and place.word:
        column = position(place.text, before[-1].end() - 1)
        return before[-1].start(), (
            f"this quote opens a name that is closed at {column}, where another seems to begin: "
            "add the quote that is missing between them"
        )
    return lone, 'this quote is never closed: add a " behind the name'


def _end(place: _Place) -> Fault | None:
    """Find what a rule that ends too early lacks."""
    if place.offset < len(place.text.rstrip()):
        return None
    if "RPAR" in place.expected and (unclosed := _unclosed(place.text)):
        return unclosed[-1], "this parenthesis is never closed: add a )"
    return place.offset, f"the rule ends too early: add {place.wanted}"


def _unclosed(text: str) -> list[int]:
    """Return where the parentheses stand that nothing closes."""
    unclosed: list[int] = []
    for sign in _PARENTHESES.finditer(text):
        if sign[0] == "(":
            unclosed.append(sign.start())
        elif sign[0] == ")" and unclosed:
            unclosed.pop()
    return unclosed


def _parenthesis(place: _Place) -> Fault | None:
    """Find a parenthesis too many, or nothing in a pair of them."""
    if place.shown != ")":
        return None
    if not _unclosed(place.text[: place.offset]):
        return place.offset, "this parenthesis closes nothing: remove it"
    if "BARE" in place.expected:
        return place.offset, 'no name stands here: write one, as in ALARM("name")'
    if "TRUE" in place.expected:
        return place.offset, f"nothing stands before this parenthesis: add {place.wanted}"
    return None


def _name(place: _Place) -> Fault | None:
    """Find a name that goes on where it should have ended, or a second one."""
    if set(place.expected) == {"COMMA", "RPAR"}:
        return place.offset, (
            f"a comma or a parenthesis belongs before {place.shown}: a name that has a space, "
            "comma, quote or parenthesis in it needs double quotes around it"
        )
    if set(place.expected) == {"RPAR"} and place.shown == ",":
        return place.offset, (
            "one name fits here: put double quotes around a name with a comma, and count several "
            "names by AT_LEAST"
        )
    return None


def _word(place: _Place) -> Fault | None:
    """Find a word that is unknown, or known and not at its place."""
    says: dict[str, Callable[[_Place], str]] = {
        "TRUE": _no_condition,
        "_AND": _no_operator,
        "NOT": _no_state,
        "STATE": _no_state,
    }
    for terminal, say in says.items():
        if terminal in place.expected and place.shown != ",":
            return place.offset, say(place)
    return None


def _no_condition(place: _Place) -> str:
    shown = place.shown
    if place.word in {"AND", "OR"}:
        return f"{shown} joins two conditions: add the one that is missing before it"
    if place.word == "NOT":
        return "NOT stands twice: drop both, or put what the first negates into parentheses"
    if place.word in _OPERATORS or (not place.calls and _meant(place.word)):
        return f"{shown} is not a word of the grammar: did you mean {_meant(place.word)}?"
    if place.calls and place.word:
        meant = _meant(place.word)
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(_FUNCTIONS)}"
        return f"there is no function {shown}: {hint}"
    if place.word or shown == '"':
        name = "this name" if shown == '"' else shown
        return f'{name} alone says nothing of a state: write it as in ALARM("name")'
    return f"expected {place.wanted}, not {shown}"


def _no_operator(place: _Place) -> str:
    meant = _meant(place.word)
    if meant in {"AND", "OR"}:
        return f"{place.shown} is not a word of the grammar: did you mean {meant}?"
    return f"two conditions stand side by side: put AND or OR before {place.shown}"


def _no_state(place: _Place) -> str:
    meant = _meant(place.word)
    hint = f": did you mean {meant}?" if meant else ""
    return f"expected {place.wanted}, not {place.shown}{hint}"


def _meant(word: str) -> str:
    """Return the word of the grammar that *word* is nearest to, or nothing."""
    near = get_close_matches(word.upper()[:40], _WORDS, n=1, cutoff=0.7)
    return _OPERATORS.get(word) or (near[0] if near else "")
