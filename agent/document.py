"""YAML with its line numbers kept, so that every complaint can name its place."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import yaml

Place = tuple[str | int, ...]

_DEEPEST = 50
"""How deep what libyaml composes may be nested; no config is half as deep."""


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


def load(text: str) -> Document:
    """Read *text* as one YAML document; faults of form go into its problems."""
    document = composed(text, _read)
    if document.data is None and not document.problems:
        document.problems.append(Problem(1, "the file is empty: it needs agent and services"))
    return document


def composed(text: str, read: Callable[[yaml.Node, Place, Document], object]) -> Document:
    """Return the document of *text*, whose data *read* makes of its root; never raises."""
    document = Document()
    try:
        node = _composed(text)
        if node is not None:
            document.data = read(node, (), document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        document.problems.append(Problem(line, f"not YAML: {error.problem}"))
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        # PyYAML's scanner lets the errors of int() and chr() through.
        document.problems.append(Problem(1, f"not YAML: {str(error).splitlines()[0]}"))
    return document


def _composed(text: str) -> yaml.Node | None:
    """Compose *text* by libyaml, which is several times as fast, where it is there and can.

    What it cannot read is for PyYAML itself to read, or to say what is wrong with it.
    """
    node: yaml.Node | None
    with suppress(AttributeError, yaml.YAMLError, ValueError):
        if _is_shallow(text):
            node = yaml.compose(text, Loader=yaml.CSafeLoader)
            return node
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return node


def _is_shallow(text: str) -> bool:
    """Whether nothing is nested so deep that composing it in C would overflow the stack."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            return False
    return True


def _read(node: yaml.Node, place: Place, document: Document) -> object:
    document.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return dict(_pairs(node, place, document))
    if isinstance(node, yaml.SequenceNode):
        return [_read(item, (*place, i), document) for i, item in enumerate(node.value)]
    return _scalar(node)


def _pairs(
    node: yaml.MappingNode, place: Place, document: Document
) -> Iterator[tuple[object, object]]:
    seen: dict[object, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = _scalar(key_node)
        if not isinstance(key, str | int):
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
    if node.tag == "tag:yaml.org,2002:timestamp":
        return node.value
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except (ValueError, LookupError, OverflowError) as error:
        kind = node.tag.rpartition(":")[2]
        raise yaml.MarkedYAMLError(
            problem=f"{node.value[:40]!r} is no {kind}", problem_mark=node.start_mark
        ) from error
    finally:
        loader.dispose()
