"""Standard streams that take nothing, or not every letter: one sentence, and no traceback."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.agent.daemon import VEDETTE

CONFIG = str(Path(__file__).parents[2] / "configs" / "alarms.yaml")
DNS = ("check", "dns", "x.example", "--server", "127.0.0.1:1")
PRINTING = [
    ("validate", CONFIG),
    ("rules", "--config", CONFIG),
    ("check", "http", "http://127.0.0.1:1/"),
    DNS,
    (*DNS, "--json"),
    ("--help",),
]


def ran(command: str, *arguments: str, **environment: str) -> tuple[int, bytes, str]:
    """Return exit status, output and complaints of `vedette` in the shell line *command*."""
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        ["/bin/bash", "-c", command, VEDETTE, *arguments],
        check=False,
        capture_output=True,
        env={**buffered, **environment},
    )
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_full_disk_is_one_sentence(arguments: tuple[str, ...]) -> None:
    """What cannot be written is told with its reason, once, and exits 2."""
    status, _, told = ran('"$0" "$@" > /dev/full', *arguments)
    assert told == "vedette: standard output cannot be written: No space left on device\n"
    assert status == 2


def test_a_full_disk_is_one_sentence_without_buffers() -> None:
    """Each piece that is written may be the one that fails."""
    for arguments in PRINTING[:-1]:
        status, _, told = ran('"$0" "$@" > /dev/full', *arguments, PYTHONUNBUFFERED="1")
        assert told == "vedette: standard output cannot be written: No space left on device\n"
        assert status == 2


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_what_is_closed_takes_everything(arguments: tuple[str, ...]) -> None:
    """Closed standard output is no fault: the exit status is what it is with a reader."""
    status, _, told = ran('"$0" "$@" >&-', *arguments)
    assert (status, told) == (ran('"$0" "$@" > /dev/null', *arguments)[0], "")


@pytest.mark.parametrize("arguments", PRINTING[:-1], ids=" ".join)
def test_a_reader_that_goes_is_no_fault(arguments: tuple[str, ...]) -> None:
    """With `| head -0` a command ends quietly."""
    status, _, told = ran('"$0" "$@" | (exec true); exit ${PIPESTATUS[0]}', *arguments)
    assert (status, told) == (1, "")


@pytest.mark.parametrize(
    "locale",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["latin-1", "ascii"],
)
def test_letters_that_an_encoding_lacks_are_escaped(locale: Mapping[str, str]) -> None:
    """A terminal of Latin-1, or of nothing but ASCII, is told all that it can show."""
    status, out, told = ran('"$0" "$@"', *DNS, **locale)
    assert (status, told) == (1, "")
    assert rb"\u2717 127.0.0.1:1 cannot be reached" in out


@pytest.mark.parametrize("where", ["/dev/full", "&-"])
def test_complaints_that_nobody_hears_keep_their_status(where: str) -> None:
    """A fault of the config exits 2 though standard error is full or closed."""
    assert ran(f'"$0" "$@" 2>{where}', "validate", "/no/such/file") == (2, b"", "")
