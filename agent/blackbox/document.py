"""A blackbox.yml as text and lines: YAML in which every scalar stays what was written.

Rule: no I/O. A field that is text takes `yes` and `1.10` as they stand, one that is a number or a
truth reads them; so does Go. Merge keys (`<<`) are resolved.
"""

import yaml
from pydantic import BaseModel, ValidationError

from vedette.agent.blackbox.modules import Modules
from vedette.agent.document import Document, Place, Problem, composed

_NULL = "tag:yaml.org,2002:null"


class ModulesError(Exception):
    """A blackbox.yml that cannot be used; its text names every fault by its line."""


def parse(text: str, name: str) -> Modules:
    """Read *text*, which is that of the file *name*; raise ModulesError."""
    document = composed(text, _read)
    problems, modules = list(document.problems), Modules()
    if not problems:
        try:
            modules = Modules.model_validate(document.data or {})
        except ValidationError as error:
            problems = [_explained(fault, document) for fault in error.errors(include_url=False)]
    if problems:
        faults = "; ".join(f"{name}:{each.line}: {each.message}" for each in sorted(set(problems)))
        raise ModulesError(f"error parsing config file: {faults}")
    return modules


def dump(settings: BaseModel) -> str:
    """Return *settings* as YAML, without what is not set, secrets masked."""
    return yaml.safe_dump(
        _pruned(settings.model_dump(mode="json")), sort_keys=False, allow_unicode=True
    )


def _pruned(data: object) -> object:
    if isinstance(data, dict):
        pruned = {key: _pruned(value) for key, value in data.items()}
        return {k: v for k, v in pruned.items() if v not in (None, "", [], {}) and v is not False}
    return [_pruned(each) for each in data] if isinstance(data, list) else data


def _explained(fault: object, document: Document) -> Problem:
    assert isinstance(fault, dict)
    place = fault["loc"]
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        message = "unknown field: remove it or mend its spelling"
    where = ".".join(map(str, place))
    return Problem(document.line(place), f"{where}: {message}" if where else message)


def _read(node: yaml.Node, place: Place, document: Document) -> object:
    document.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, document)
    if isinstance(node, yaml.SequenceNode):
        return [_read(each, (*place, i), document) for i, each in enumerate(node.value)]
    return None if node.tag == _NULL else str(node.value)


def _mapping(node: yaml.MappingNode, place: Place, document: Document) -> dict[str, object]:
    own = [key.value for key, _ in node.value if isinstance(key.value, str)]
    for name in {name for name in own if own.count(name) > 1 and name != "<<"}:
        line = node.start_mark.line + 1
        document.problems.append(Problem(line, f"{name} is given twice: remove one"))
    loader = yaml.SafeLoader("")
    loader.flatten_mapping(node)
    loader.dispose()
    read = {}
    for key, value in node.value:
        document.lines[(*place, str(key.value))] = key.start_mark.line + 1
        found = _read(value, (*place, str(key.value)), document)
        if found is not None:  # a field without a value keeps its default
            read[str(key.value)] = found
    return read
