"""Regular expressions that no answer can make slow.

Rule: no I/O. RE2 takes time in proportion to the text, whatever the pattern: a hostile body cannot
hold up other probes. It has no look-around and no back-references; `$` is the end of the text.
"""

import codecs
from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

_PIECE = 16 * 1024


class Pattern(Protocol):
    """A compiled regular expression."""

    def search(
        self, text: str | bytes | bytearray, pos: int | None = None, endpos: int | None = None
    ) -> object | None:
        """Return a match anywhere in *text*, which as bytes is read as UTF-8, or None.

        It lies from *pos* up to *endpos*; that the text goes on there counts for `$` and the like.
        """


@lru_cache(maxsize=1024)
def compiled(text: str) -> Pattern:
    """Return the pattern *text*; raise ValueError with RE2's reason."""
    import re2  # noqa: PLC0415 - with its library 2 MB, and few configs have a pattern

    options = re2.Options()
    options.log_errors = False  # it would write to stderr
    try:
        pattern: Pattern = re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace")[:200]
        raise ValueError(f"not a regular expression of RE2: {reason}") from None
    return pattern


def searchable(body: bytes | bytearray) -> bytes | bytearray:
    """Return *body*, in which each octet that is no UTF-8 has become a question mark.

    No pattern matches such an octet, not even a dot: pages in Latin-1 would not be found.
    """
    if body.isascii() or _is_utf8(body):
        return body
    return b"".join(text.encode(errors="replace") for text in _decoded(body, "surrogateescape"))


def _is_utf8(body: bytes | bytearray) -> bool:
    try:
        return all(True for _ in _decoded(body, "strict"))
    except UnicodeDecodeError:
        return False


def _decoded(body: bytes | bytearray, errors: str) -> Iterator[str]:
    """Yield *body* as text in pieces, since a string may take four times its room."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    for start in range(0, len(body), _PIECE):
        end = start + _PIECE
        yield decoder.decode(bytes(body[start:end]), final=end >= len(body))


def checked(text: str) -> str:
    """Return *text*, which is a pattern; raise ValueError where it is none."""
    compiled(text)
    return text
