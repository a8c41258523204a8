"""What a page's details become on the way out: plain JSON, within the receiver's limits."""

import json
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from itertools import islice

from vedette.exporters.post import cut, utf8

# Strings are cut to the first number of characters, lists and objects to the second of entries.
_SHORTER = ((4000, 400), (1000, 100), (200, 20), (100, 5))


def serialize(value: object) -> bytes:
    """Return *value* as the bytes that are sent, which are those that size limits count."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def iso(at: float) -> str:
    """Return *at* as receivers read a time (RFC 3339)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def fit(details: Mapping[str, object], room: int, receiver: str) -> object:
    """Return *details* in at most *room* bytes: whole, shortened ever more, or a note in place."""
    whole = plain(details)
    size = len(serialize(whole))
    if size <= room:
        return whole
    for length, entries in _SHORTER:
        shorter = _shorten(whole, length, entries)
        if len(serialize(shorter)) <= room:
            return shorter
    return {"note": f"The details are left out: {receiver} does not take their {size} bytes."}


def plain(value: object) -> object:
    """Return *value* as what JSON can say; a page is never lost for a value of another type."""
    if isinstance(value, str):
        return utf8(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {utf8(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return utf8(str(value))


def lines(value: object) -> list[str]:
    """Return a plain *value* as a person reads it: an entry a line, and `none` of no entry."""
    if isinstance(value, dict):
        return [f"{name}: {_line(item)}" for name, item in value.items()] or ["none"]
    if isinstance(value, list):
        return [_line(item) for item in value] or ["none"]
    return [_line(value)]


def _line(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shorten(value: object, length: int, entries: int) -> object:
    """Cut every string of *value* to *length* characters, every list and object to *entries*."""
    if isinstance(value, str):
        return cut(value, length)
    if isinstance(value, dict):
        kept = {k: _shorten(v, length, entries) for k, v in islice(value.items(), entries)}
        return kept | ({"…": f"{len(value) - entries} more"} if len(value) > entries else {})
    if isinstance(value, list):
        items = [_shorten(item, length, entries) for item in value[:entries]]
        return items + ([f"… {len(value) - entries} more"] if len(value) > entries else [])
    return value
