"""YAML with its line numbers kept, so that every complaint can name its place."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

import yaml
from yaml.reader import ReaderError

Place = tuple[str | int, ...]


class Mark(Protocol):
    """Where something is, as both PyYAML and libyaml say it."""

    line: int


_DEEPEST = 50
"""How deep values may be nested; no config is half as deep. C would overflow the stack."""
_MOST = 1_000_000
"""How many values there may be, each as often as aliases repeat it; no config has a tenth."""
_MERGE = "tag:yaml.org,2002:merge"
_INTEGER = "tag:yaml.org,2002:int"
_MISREAD = re.compile(r"[-+]?(0[0-7_]+|[1-9][0-9_]*(:[0-5]?[0-9])+)")
"""Integers that YAML 1.1 takes for octal, as 010, or for sixties, as 1:30."""
_NOWHERE = re.compile("[\0\ud800-\udfff]")
"""What escapes can write, and no name of a file or host, no header and no output can have."""
_MISPLACED = "the character U+{:04X} cannot stand here: remove it"
_REMEDIES = (
    (
        r"found character '\\t' that .*",
        "a tab stands where only spaces may indent: put spaces there",
    ),
    (r"found character '(.)' that .*", r"no text begins with \1: put it into quotes"),
    (
        r"mapping values are not allowed .*",
        "a colon stands where none can: the line before lacks its colon, or the space after it, or "
        "this text is to be put into quotes",
    ),
    (
        r"found undefined alias .*|expected alphabetic or numeric character, but found .*",
        "no text begins with * or &: put it into quotes",
    ),
    (r"but found another document", "a second document begins here: a file has one"),
    (r"expected <block end>, but found .*", "this is not indented as what belongs with it"),
)
"""What PyYAML says, and what that means to people."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault of a config file: where it is and one sentence that says what to do."""

    line: int
    message: str


@dataclass(slots=True)
class Document:
    """The data of a YAML file, the line of each of its values, and what is wrong with its form."""

    data: object = None
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, place: Sequence[str | int]) -> int:
        """Return the line of *place*, or of the nearest thing around it."""
        for end in range(len(place), -1, -1):
            if tuple(place[:end]) in self.lines:
                return self.lines[tuple(place[:end])]
        return 1

    def problem(self, place: Place, message: object) -> Problem:
        """Return what is wrong at *place*, which the message begins with."""
        return Problem(self.line(place), f"{'.'.join(map(str, place))}: {message}")

    def written(self, *place: str | int) -> object:
        """Return what is written at *place*, however wrong; None where nothing is."""
        found = self.data
        for key in place:
            if isinstance(found, Mapping):
                found = found.get(key)
            elif isinstance(found, list) and isinstance(key, int):
                found = found[key]
            else:
                return None
        return found

    def items(self, *place: str | int) -> Sequence[object]:
        """Return the items of the list at *place*; what is no list has none."""
        found = self.written(*place)
        return found if isinstance(found, list) else []

    def blocks(self, *place: str | int) -> Iterator[tuple[Place, Mapping[str, object]]]:
        """Return those items of the list at *place* that have keys, each with its own place."""
        for i, item in enumerate(self.items(*place)):
            if isinstance(item, Mapping):
                yield (*place, i), item

    def names(self, *place: str | int) -> Sequence[str | None]:
        """Return the name of each item of the list at *place*, None where one has none."""
        names = [
            one.get("name") if isinstance(one, Mapping) else None for one in self.items(*place)
        ]
        return [None if name is None else str(name) for name in names]


def load(text: str, needs: str = "agent and services") -> Document:
    """Read *text* as one YAML document, which *needs* keys; faults of form go into its problems."""
    document = composed(text, _read)
    if document.data is None and not document.problems:
        document.problems.append(Problem(1, f"the file is empty: it needs {needs}"))
    return document


def composed(text: str, read: Callable[[yaml.Node, Place, Document], object]) -> Document:
    """Return the document of *text*, whose data *read* makes of its root; never raises."""
    document = Document()
    try:
        node = _composed(text)
        if node is not None:
            _measure(node, {}, 0)
            document.data = read(node, (), document)
    except _ExcessError as error:
        document.problems.append(Problem(error.line, str(error)))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        letter = _MISPLACED.format(ord(text[error.position]))
        document.problems.append(Problem(line, f"not YAML: {letter}"))
    except yaml.MarkedYAMLError as error:
        document.problems.append(_explained(error))
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        # PyYAML's scanner lets the errors of int() and chr() through.
        document.problems.append(Problem(1, f"not YAML: {str(error).splitlines()[0]}"))
    return document


class _ExcessError(Exception):
    """What is YAML, but more of it than anybody writes; *mark* is where that begins."""

    def __init__(self, what: str, mark: Mark | None) -> None:
        super().__init__(what)
        self.line = mark.line + 1 if mark else 1


def _explained(error: yaml.MarkedYAMLError) -> Problem:
    """Return what PyYAML says as people say it, and where that began which went wrong."""
    mark, begun = error.problem_mark or error.context_mark, error.context_mark
    line, said = mark.line + 1 if mark else 1, error.problem or ""
    for pattern, meant in _REMEDIES:
        if found := re.fullmatch(pattern, said):
            return Problem(line, f"not YAML: {found.expand(meant)}")
    if error.context and begun and begun.line + 1 < line:
        said = f"{said}, {error.context} that begins in line {begun.line + 1}"
    return Problem(line, f"not YAML: {said}")


def _composed(text: str) -> yaml.Node | None:
    """Compose *text* by libyaml, which is several times as fast, where it is there and can.

    What it cannot read is for PyYAML itself to read, or to say what is wrong with it.
    """
    node: yaml.Node | None
    with suppress(AttributeError, yaml.YAMLError, ValueError):
        _limit_depth(text)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        return node
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return node


def _limit_depth(text: str) -> None:
    """Raise _ExcessError where something is nested so deep that C might overflow its stack."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise _deep(event.start_mark)


def _deep(mark: Mark | None) -> _ExcessError:
    return _ExcessError(
        f"this is nested more than {_DEEPEST} deep: nothing that is read here is", mark
    )


def _measure(node: yaml.Node, known: dict[int, tuple[int, int]], depth: int) -> tuple[int, int]:
    """Return how many values *node* has and how deep they are nested, aliases followed.

    Raise _ExcessError where a few aliases of aliases, or of themselves, stand for far too many.
    """
    if depth > _DEEPEST:
        raise _deep(node.start_mark)
    if isinstance(node, yaml.ScalarNode):
        return 1, 0
    if id(node) not in known:
        parts = chain(*node.value) if isinstance(node, yaml.MappingNode) else node.value
        measures = [_measure(part, known, depth + 1) for part in parts]
        values = 1 + sum(values for values, _ in measures)
        known[id(node)] = values, 1 + max((height for _, height in measures), default=0)
        if values > _MOST:
            raise _ExcessError(
                f"these are more than {_MOST:,} values, as each alias repeats all of its own: "
                "write fewer",
                node.start_mark,
            )
    values, height = known[id(node)]
    if depth + height > _DEEPEST:
        raise _deep(node.start_mark)
    return values, height


def _read(node: yaml.Node, place: Place, document: Document) -> object:
    document.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return dict(_pairs(node, place, document))
    if isinstance(node, yaml.SequenceNode):
        return [_read(item, (*place, i), document) for i, item in enumerate(node.value)]
    value = _scalar(node)
    if node.tag == _INTEGER and _MISREAD.fullmatch(node.value):
        message = (
            f"YAML takes {node.value} for {value}: write the number meant, or put it in quotes"
        )
        document.problems.append(Problem(node.start_mark.line + 1, message))
    return value


def _pairs(
    node: yaml.MappingNode, place: Place, document: Document
) -> Iterator[tuple[object, object]]:
    seen: dict[object, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if key_node.tag == _MERGE:
            message = "<< merges nothing here: write out what is meant, or set it in defaults"
            document.problems.append(Problem(line, message))
            continue
        key = _scalar(key_node)
        # True would be the same key as 1.
        if not isinstance(key, str | int) or isinstance(key, bool):
            document.problems.append(Problem(line, "a key must be a plain word"))
            continue
        if key in seen:
            document.problems.append(
                Problem(line, f"{key} is given twice (first in line {seen[key]}): remove one")
            )
            continue
        seen[key] = line
        document.lines[(*place, key)] = line
        yield key, _read(value_node, (*place, key), document)


def _scalar(node: yaml.Node) -> object:
    """Read a scalar as YAML's safe types, but keep dates as the text that was written."""
    if not isinstance(node, yaml.ScalarNode):
        return None
    if found := _NOWHERE.search(node.value):
        raise yaml.MarkedYAMLError(
            problem=_MISPLACED.format(ord(found[0])), problem_mark=node.start_mark
        )
    if node.tag == "tag:yaml.org,2002:timestamp":
        return node.value
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (ValueError, LookupError, OverflowError) as error:
        kind = node.tag.rpartition(":")[2]
        raise yaml.MarkedYAMLError(
            problem=f"{node.value[:40]!r} is no {kind}", problem_mark=node.start_mark
        ) from error
