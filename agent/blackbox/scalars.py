"""The single values of a blackbox.yml: Go's durations, sizes, secrets, RE2 and CEL.

Rule: no I/O. Each is read once, when the file is.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr

from vedette.checks.http import expression, patterns

MASK = "<secret>"

_UNITS: Mapping[str, float] = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_SIZE = re.compile(r"(\d+(?:\.\d*)?)(?:([KMGTPE])i?)?B")
_POWERS = " KMGTPE"


def seconds(text: str) -> float:
    """Read a duration of Go such as `1m30s`; of bare numbers that is 0 alone; or ValueError."""
    if text == "0":
        return 0.0
    sign, rest = (-1.0, text[1:]) if text.startswith("-") else (1.0, text.removeprefix("+"))
    if not rest or not re.fullmatch(rf"(?:{_PART.pattern})+", rest):
        raise ValueError(f"time: invalid duration {text!r}: write 500ms, 5s or 1m30s")
    return sign * sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(rest))


def in_words(duration: float) -> str:
    """Return seconds as Go writes a duration."""
    if duration and abs(duration) < 1:
        return f"{duration * 1000:g}ms"
    minutes, rest = divmod(duration, 60)
    hours, minutes = divmod(int(minutes), 60)
    words = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{words}{rest:g}s"


def octets(text: str) -> int:
    """Read a size in powers of 1024 such as `10MB` or `10MiB` (units.Base2Bytes); or ValueError."""
    match = _SIZE.fullmatch("0B" if text == "0" else text)
    if match is None:
        raise ValueError(f"{text!r} is not a size: write 128B, 64KB or 10MB")
    return math.floor(float(match[1]) * 1024.0 ** _POWERS.index(match[2] or " "))


def regexp(text: str) -> patterns.Pattern:
    """Compile *text* as Go does; raise ValueError."""
    try:
        return patterns.compiled(text)
    except ValueError as error:
        raise ValueError(
            f'"Could not compile regular expression" regexp="{text}": {error}'
        ) from None


def program(text: str) -> expression.Program:
    """Compile *text* as CEL over the one variable `body`; raise ValueError."""
    try:
        return expression.compiled(text)
    except ValueError as error:
        raise ValueError(f'"Could not compile CEL program" expression="{text}": {error}') from None


def _duration(value: object) -> float:
    return value if isinstance(value, float) else seconds(str(value))


def _size(value: object) -> int:
    return value if isinstance(value, int) else octets(str(value))


def _regexp(text: str) -> str:
    regexp(text)
    return text


def _program(text: str) -> str:
    program(text)
    return text


def _masked(_: SecretStr) -> str:
    return MASK


def _size_in_words(size: int) -> str:
    return f"{size}B" if size else ""


_SENSITIVE = {"authorization", "cookie", "proxy-authorization"}


def _without_secrets(headers: dict[str, str]) -> dict[str, str]:
    return {k: MASK if k.lower() in _SENSITIVE else v for k, v in headers.items()}


def _without_password(url: str) -> str:
    return re.sub(r"://([^/@:]*):[^/@]*@", rf"://\1:{MASK}@", url)


Duration = Annotated[float, BeforeValidator(_duration), PlainSerializer(in_words)]
"""Seconds."""
Size = Annotated[int, BeforeValidator(_size), PlainSerializer(_size_in_words)]
"""Octets."""
Regexp = Annotated[str, AfterValidator(_regexp)]
Cel = Annotated[str, AfterValidator(_program)]
Headers = Annotated[dict[str, str], PlainSerializer(_without_secrets), Field(repr=False)]
Url = Annotated[str, PlainSerializer(_without_password), Field(repr=False)]
Secret = Annotated[SecretStr, PlainSerializer(_masked)]
"""What `/config` and the logs show as `<secret>`."""
