"""Regular expressions that no answer can make slow.

Rule: no I/O. RE2 takes time in proportion to the text, whatever the pattern: a hostile body cannot
hold up other probes. It has no look-around and no back-references; `$` is the end of the text.
"""

from functools import lru_cache
from typing import Protocol


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


def checked(text: str) -> str:
    """Return *text*, which is a pattern; raise ValueError where it is none."""
    compiled(text)
    return text
