"""The page of every key of a config, from the models that read it.

What a key means is the docstring below it; what a block means is its class's.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import IPvAnyNetwork
from pydantic.fields import FieldInfo

from vedette.agent.alarms.agreement import Quorum
from vedette.agent.composite.rule import Rule
from vedette.agent.config import Config, QuorumSettings
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.looking.timing import Timing, timing
from vedette.checks.finding import Kind
from vedette.checks.settings import CheckSettings, FailingSettings, Settings, written

Model = type[Settings]

HEAD = """\
# Every key of the config

Made from the code by `make docs`: change it there.

A config is one YAML file. An unknown key, a bad value or a name that leads nowhere is an error with
its line, and `vedette validate FILE` lists all at once. A *duration* is a number of seconds, or
`500ms`, `30s`, `10m`, `1h`, `1d`. Files are relative to the folder of the config. Secrets are in
files or in the environment, never in the YAML. The examples in [configs](../../configs) start as
they are.
"""
NOTHING = "-"
_PLAIN = {
    str: "text",
    bool: "`true` or `false`",
    int: "number",
    float: "number",
    IPvAnyNetwork: "network",
    Rule: "[rule](../alarms.md)",
    Diagnosis: "[diagnosis](../diagnoses.md)",
}
_VALIDATED = {"in_seconds": "duration", "_origin": "AS number"}
"""What a value is called that one of these functions reads."""
_BOUNDS = (("ge", "at least {}"), ("gt", "more than {}"), ("le", "at most {}"), ("lt", "below {}"))


def page() -> str:
    """Return the page."""
    places = _places()
    return "\n".join([HEAD, *(_section(model, places) for model in _ordered(Config, "", places))])


def keys(model: Model) -> Mapping[str, FieldInfo]:
    """Return the keys of *model* as a config writes them, without those that all checks share."""
    shared = CheckSettings.model_fields if _is_check(model) else {}
    fields = model.model_fields
    return {f.alias or name: f for name, f in fields.items() if name not in shared}


def _is_check(model: Model) -> bool:
    return issubclass(model, CheckSettings) and model is not CheckSettings


def meanings(model: Model) -> Mapping[str, str]:
    """Return what the keys of *model* mean; KeyError is for who asks for one that says nothing."""
    told: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, Settings) and one is not Settings:
            told |= _attribute_docstrings(one)
    return {f.alias or name: told[name] for name, f in model.model_fields.items() if name in told}


@cache
def _attribute_docstrings(model: Model) -> Mapping[str, str]:
    (block,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(block, ast.ClassDef)
    told = {}
    for field, after in zip(block.body, block.body[1:], strict=False):
        match field, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                told[name] = _text(text)
    return told


def _text(docstring: str) -> str:
    """Return *docstring* in one line of Markdown: what it emphasises are keys."""
    return re.sub(r"(?<![\w`*])\*([a-z_0-9]+)\*", r"`\1`", " ".join(docstring.split()))


def _places() -> Mapping[Model, str]:
    """Return where each block stands; one that stands in several places, at the uppermost."""
    places: dict[Model, str] = {Config: ""}
    waiting: list[Model] = [Config]
    for model in waiting:
        for key, field in keys(model).items():
            for block in _blocks(field.annotation):
                if block not in places:
                    places[block] = _below(places[model], key)
                    waiting.append(block)
    return places


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _ordered(model: Model, place: str, places: Mapping[Model, str]) -> Iterator[Model]:
    """Return the blocks as a config has them, each followed by those inside it."""
    if places[model] == place:
        yield model
        for key, field in keys(model).items():
            for block in _blocks(field.annotation):
                yield from _ordered(block, _below(place, key), places)


def _blocks(kind: object) -> Iterator[Model]:
    if isinstance(kind, type) and issubclass(kind, Settings):
        yield kind
    for part in get_args(kind):
        yield from _blocks(part)


def _section(model: Model, places: Mapping[Model, str]) -> str:
    place = places[model]
    lines = [f"## `{place}`" if place else "## The file", ""]
    lines += [_text(model.__doc__ or ""), "", "| key | is | default | means |", "|---|---|---|---|"]
    told = meanings(model)
    for key, field in keys(model).items():
        kind = _kind(field.annotation, field.metadata, places)
        cells = (f"`{key}`", kind, _default(model, key, field), told[key])
        lines.append(f"| {' | '.join(cells)} |")
    if _is_check(model):
        lines += ["", f"And [those of every check]({_anchor(places[CheckSettings])})."]
    return "\n".join([*lines, ""])


def _anchor(place: str) -> str:
    return f"#{place.replace('.', '')}"


def _kind(kind: object, limits: Iterable[object], places: Mapping[Model, str]) -> str:
    """Return what a value is, in words, with its *limits*."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _kind(parts[0], [*parts[1:], *limits], places)
    flat = [one for limit in limits for one in (limit, *getattr(limit, "metadata", ()))]
    validators = {getattr(getattr(one, "func", None), "__name__", "") for one in flat}
    if origin in (Union, UnionType):
        said = [_kind(part, flat, places) for part in parts if part is not type(None)]
        return " or ".join(dict.fromkeys(said))
    if origin in (list, tuple):
        what = _kind(parts[0], (), places)
        return f"{what}, or a list of it" if "_several" in validators else f"list: {what}"
    if origin is dict:
        return f"map: {_kind(parts[0], (), places)} to {_kind(parts[1], (), places)}"
    word = next((word for name, word in _VALIDATED.items() if name in validators), "")
    return _single(kind, word, places) + _limits(flat, is_duration=word == "duration")


def _single(kind: object, word: str, places: Mapping[Model, str]) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(f"`{one}`" for one in get_args(kind))
    assert isinstance(kind, type), kind
    if issubclass(kind, Settings):
        return f"[block]({_anchor(places[kind])})"
    if issubclass(kind, Enum) and kind not in _PLAIN:
        return ", ".join(f"`{one.value}`" for one in kind)
    return word or _PLAIN[kind]


def _limits(said: Sequence[object], *, is_duration: bool) -> str:
    found = [
        words.format(written(bound) if is_duration else f"{bound:,}".replace(",", " "))
        for name, words in _BOUNDS
        for one in said
        if (bound := getattr(one, name, None)) is not None
    ]
    return f", {', '.join(dict.fromkeys(found))}" if found else ""


def _default(model: Model, key: str, field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    if model is CheckSettings:
        return _of_checks(key)
    value = field.get_default(call_default_factory=True)
    if model is QuorumSettings:
        value = getattr(Quorum("", {}), key)
    is_duration = "duration" in _kind(field.annotation, field.metadata, _Anywhere())
    return _written(value, is_duration=is_duration)


class _Anywhere(dict[Model, str]):
    """Places of blocks that nobody will go to."""

    def __missing__(self, model: Model) -> str:
        return ""


def _of_checks(key: str) -> str:
    """Return what a check takes when nobody says anything, and a kind that differs."""
    by_kind = {kind: _of_timing(timing(kind), key) for kind in Kind}
    usual = by_kind[Kind.DNS]
    others = [f"{kind} {said}" for kind, said in by_kind.items() if said != usual]
    return f"{usual} ({', '.join(others)})" if others else usual


def _of_timing(times: Timing, key: str) -> str:
    return _written(getattr(times, key), is_duration=isinstance(getattr(times, key), float | int))


def _written(value: object, *, is_duration: bool) -> str:
    """Return *value* as YAML has it; a dash where there is none."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, Settings) and not isinstance(value, FailingSettings):
        return NOTHING
    return f"`{_yaml(value, is_duration=is_duration)}`"


def _yaml(value: object, *, is_duration: bool) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Settings):
        return _yaml(value.model_dump(), is_duration=False)
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{k}: {_yaml(v, is_duration=False)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, list | tuple):
        return f"[{', '.join(_yaml(one, is_duration=False) for one in value)}]"
    return written(value) if is_duration and isinstance(value, float | int) else str(value)
