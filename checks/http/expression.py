"""What must be true of a JSON document, in the Common Expression Language.

Rule: no I/O. The library is loaded by the first expression: most checks have none, and it is large.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol


class Program(Protocol):
    """A compiled expression."""

    def execute(self, context: dict[str, object]) -> object:
        """Return its value where the variables are those of *context*."""

    def variables(self) -> list[str]:
        """Return the names that it uses."""


@lru_cache(maxsize=1024)
def compiled(text: str) -> Program:
    """Return the expression *text* about the variable `body`; raise ValueError with the reason."""
    import cel  # noqa: PLC0415 - see above

    try:
        compile_: Callable[[str], Program] = cel.compile
        program = compile_(text)
    except ValueError as error:
        raise ValueError(f"not a CEL expression: {_reason(error)}") from None
    _names_are_known(program, text)
    return program


def checked(text: str) -> str:
    """Return *text*, which is an expression; raise ValueError where it is none."""
    compiled(text)
    return text


def _names_are_known(program: Program, text: str) -> None:
    """Refuse what no document can make true; that one lacks what is asked for is no such thing."""
    names = program.variables()
    if "body" not in names:
        raise ValueError(f"{text!r} says nothing about `body`, the parsed document")
    for name in names:
        # Macros such as all(x, ...) bind names of their own.
        if name != "body" and not re.search(rf"\(\s*{re.escape(name)}\s*,", text):
            raise ValueError(f"{name!r} is not known: the document is called `body`")
    try:
        program.execute({"body": {}})
    except RuntimeError as error:  # a function that there is not
        raise ValueError(f"not a CEL expression: {_reason(error)}") from None
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return


def _reason(error: Exception) -> str:
    """Return the first sentence of what the library says, without what it repeats before it."""
    line = str(error).strip().partition("\n")[0].rpartition("ERROR: <input>:")[2]
    return line.partition(". ")[0][:200]


def parse(body: bytes | bytearray) -> object:
    """Read a JSON document (RFC 8259); raise ValueError with the reason."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no JSON")


def failure(program: Program, document: object) -> str | None:
    """Say why *program* is not true of *document*; None where it is."""
    try:
        value = program.execute({"body": document})
    except KeyError as error:
        return f"there is no {error}"
    except Exception as error:  # noqa: BLE001 - documents of strangers make the library raise anything
        return _reason(error)
    if value is True:
        return None
    return "it is false" if value is False else f"it gives a {type(value).__name__}"
