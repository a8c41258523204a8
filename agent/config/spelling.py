"""Keys that nobody knows: what was meant by them.

Rule: pure.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from vedette.agent.document import Document, Place


def meant(root: type[BaseModel], place: Place, document: Document) -> str:
    """Return what to do about the key at *place* of a document that *root* should be."""
    *block, key = place
    known, key = _keys(root, block), str(key)
    written = document.written(*block)
    if isinstance(written, Mapping):
        for other in known:
            if other in written and written[other] is None and key in _keys(root, [*block, other]):
                return f"is a key of {other}, which has none: indent it further than {other}"
    if f"{key}_file" in known:
        return f"unknown key: a secret is never in the YAML: name its file in {key}_file"
    near = get_close_matches(key, known, 1)
    return (
        f"unknown key: {f'did you mean {near[0]}?' if near else 'remove it or mend its spelling'}"
    )


def _keys(root: type[BaseModel], place: Sequence[str | int]) -> Collection[str]:
    """Return the keys that the block at *place* may have, none where there is no block."""
    models: Sequence[type[BaseModel]] = [root]
    for key in place:
        if isinstance(key, str):
            found = [_fields(model).get(key) for model in models]
            models = [model for one in found if one for model in _blocks(one.annotation)]
    return [key for model in models for key in _fields(model)]


def _fields(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {one.alias or name: one for name, one in model.model_fields.items()}


def _blocks(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the blocks that a value of this type is, or has."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _blocks(part)
