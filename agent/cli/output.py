"""Where commands write, and how they complain."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REFUSING = ("strict", "surrogateescape")
"""How standard output takes letters that its encoding lacks, the second in the C locale: not."""


class UnwritableError(OSError):
    """Standard output takes no more; the message says why."""


class _Standard(io.TextIOWrapper):
    """Standard output, whose faults are told from those of all else that is written or read."""

    def write(self, text: str) -> int:
        with _told():
            return super().write(text)

    def flush(self) -> None:
        with _told():
            super().flush()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (BrokenPipeError, UnwritableError):
        raise
    except OSError as error:
        raise UnwritableError(error.strerror or str(error)) from error


def prepare() -> None:
    """Have both standard streams take all that is written to them, or say that they do not.

    One that was closed takes what nobody reads; a letter that its encoding lacks is escaped.
    """
    if sys.stderr is None:
        sys.stderr = _nowhere()
    if sys.stdout is None:
        sys.stdout = _nowhere()
    elif type(sys.stdout) is io.TextIOWrapper:
        sys.stdout = _Standard(
            sys.stdout.buffer,
            sys.stdout.encoding,
            "backslashreplace" if sys.stdout.errors in _REFUSING else sys.stdout.errors,
            line_buffering=sys.stdout.line_buffering,
            write_through=sys.stdout.write_through,
        )


def _nowhere() -> io.TextIOWrapper:
    return Path(os.devnull).open("w", encoding="utf-8")


def give_up() -> None:
    """Let go nowhere what standard output still holds, which Python would try to write at its end.

    Source: Python's signal module, "Note on SIGPIPE".
    """
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def complain(*lines: str) -> int:
    """Write *lines* to standard error and return the exit status of wrong usage or config."""
    try:
        for line in lines:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        # Only the exit status is left to tell it, and Python's last flush would change that.
        sys.stderr = _nowhere()
    return 2
