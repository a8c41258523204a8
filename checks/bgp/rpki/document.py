"""A validator's JSON document of VRPs, read row by row by a program of its own.

The VRPs of the world are 60 to 150 MB of JSON. Read in the agent's own process, they would hold up
its probes for seconds and leave it large; here they take the memory of a few rows. The documents
are Routinator's `/json` and rpki-client's `json`, plain or gzip.

The program gets one line of JSON on its standard input, a Request, and after it the document if the
request names no file. It prints a line of JSON per VRP that is wanted, and at last a Summary.
"""

import codecs
import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from io import BufferedReader
from typing import Any

from vedette.checks.bgp.path import read_asn
from vedette.checks.bgp.rpki.payloads import Bits, Scope, Vrp, read_bits, spell
from vedette.checks.dates import of_iso

MAX_BYTES = 512 * 1024 * 1024
MAX_KEPT = 200_000  # of about a million that there are
_CHUNK = 1024 * 1024
_ROOM = 64 * 1024  # what is at hand before a value is read, so that few are cut off
_LONGEST = 16 * _CHUNK  # of one value: a row has 100 characters, metadata some thousand
_SPACE = re.compile(r"[ \t\r\n]*")


class DocumentError(Exception):
    """The document is of no use; the message is a clause that says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """Which prefixes are watched, and the file to read; None is the standard input."""

    watched: Sequence[str]
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """How many rows could be read and could not; or why the document is of no use.

    *built_at* is the document's own build time in epoch seconds, where it says one.
    """

    count: int = 0
    skipped: int = 0
    built_at: float | None = None
    error: str | None = None


def main() -> None:
    """Answer the request on the standard input."""
    os.nice(10)  # probes go first
    given = open(0, "rb")  # noqa: SIM115 - the standard input, to the end of the program
    request = Request(**json.loads(given.readline()))
    summary = Summary()
    try:
        summary = _answer(request, given)
    except OSError as error:
        summary = Summary(error=f"cannot be read: {error.strerror or error}")
    except DocumentError as error:
        summary = Summary(error=str(error))
    print(json.dumps(asdict(summary)))


def _answer(request: Request, given: BufferedReader) -> Summary:
    with open(request.file, "rb") if request.file else given as stream:  # noqa: PTH123 - as text
        vrps, summary = read(stream, Scope(request.watched))
    for vrp in vrps:
        print(json.dumps(vrp))
    return summary


def read(
    stream: BufferedReader, scope: Scope, most: int = MAX_BYTES
) -> tuple[Sequence[Vrp], Summary]:
    """Return the VRPs that *scope* needs, of a document of *most* bytes when inflated, at most.

    Raises DocumentError, and OSError from *stream*.
    """
    vrps: list[Vrp] = []
    count = skipped = 0
    built_at = None
    for key, value in _members(_Text(_decoded(stream, most))):
        if key == "metadata":
            built_at = _built_at(value)
        if key != "roas":
            continue
        try:
            bits, vrp = _read_row(value)
        except (AttributeError, KeyError, TypeError, ValueError):
            skipped += 1
            continue
        count += 1
        if scope.needs(bits):
            vrps.append(vrp._replace(prefix=spell(bits)))
        if len(vrps) > MAX_KEPT:
            raise DocumentError(f"has more than {MAX_KEPT} VRPs about the watched prefixes")
    if not count:
        raise DocumentError(
            f"has no VRP and {skipped} unreadable rows" if skipped else "has no VRP"
        )
    return vrps, Summary(count, skipped, built_at)


def _read_row(row: Any) -> tuple[Bits, Vrp]:  # noqa: ANN401 - whatever JSON holds
    """Read a row, but leave its prefix as it is written; raise what comes of wrong types or values.

    The AS number is 64496 (rpki-client) or "AS64496" (Routinator); only rpki-client says the end.
    """
    longest, ta, expires = row["maxLength"], row.get("ta", ""), row.get("expires")
    if type(longest) is not int or not isinstance(ta, str):
        raise TypeError
    bits = read_bits(row["prefix"])
    if not bits[1] <= longest <= (32 if bits[0] == 4 else 128):
        raise ValueError(longest)
    end = None if expires is None else _epoch(expires)
    return bits, Vrp(row["prefix"], read_asn(row["asn"]), longest, ta[:100], end)


def _epoch(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e11:
        raise ValueError(f"{value!r} is not a time")
    return float(value)


def _built_at(metadata: object) -> float | None:
    """Return when rpki-client wrote (`buildtime`) or Routinator validated (`generatedTime`)."""
    said = metadata if isinstance(metadata, Mapping) else {}
    text = said.get("buildtime", said.get("generatedTime"))
    try:
        if text is None:
            return _epoch(said.get("generated"))
        return of_iso(text)
    except (TypeError, ValueError, OverflowError):
        return None


def _decoded(stream: BufferedReader, most: int) -> Iterator[str]:
    """Return the text of a document in pieces, whether it is gzip or plain."""
    is_packed = stream.peek(2)[:2] == b"\x1f\x8b"
    plain = gzip.GzipFile(fileobj=stream) if is_packed else stream
    size = 0
    try:
        for text in codecs.iterdecode(iter(partial(plain.read, _CHUNK), b""), "utf-8"):
            size += len(text)
            if size > most:
                raise DocumentError(f"is larger than {most >> 20} MB")
            yield text
    except EOFError:
        raise DocumentError("is gzip that is cut off") from None
    except (gzip.BadGzipFile, zlib.error):
        raise DocumentError("is garbled gzip") from None
    except UnicodeDecodeError:
        raise DocumentError("is not JSON") from None


class _Text:
    """A window that moves over a text too long to be held, from one JSON value to the next."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._held = ""
        self._at = 0
        self._ended = False
        self._decode = json.JSONDecoder().raw_decode

    def next(self) -> str:
        """Return the next character that is no white space, without taking it; "" at the end."""
        while True:
            match = _SPACE.match(self._held, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._read_on():
                return ""

    def take(self, choice: str) -> str:
        """Take one of the characters of *choice*; raise DocumentError where another comes next."""
        found = self.next()
        if not found or found not in choice:
            raise DocumentError("is not JSON" if found else "is JSON that is cut off")
        self._at += 1
        return found

    def value(self) -> object:
        """Take a JSON value; raise DocumentError where there is none, or one too large."""
        self.next()
        if len(self._held) - self._at < _ROOM:
            self._read_on()
        while True:
            try:
                value, end = self._decode(self._held, self._at)
                # A number may go on: of 1.5e+7 all up to the 7 may be held, and 1.5 be read.
                if self._ended or end + 2 < len(self._held):
                    self._at = end
                    return value
            except (ValueError, RecursionError):
                if self._ended or len(self._held) - self._at > _LONGEST:
                    raise DocumentError("is JSON that is cut off or garbled") from None
            self._read_on()

    def _read_on(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            self._ended = True
            return False
        self._held = self._held[self._at :] + piece
        self._at = 0
        return True


def _members(text: _Text) -> Iterator[tuple[object, object]]:
    """Return the members of the top-level object, and for an array each element with its key."""
    text.take("{")
    if text.next() == "}":
        text.take("}")
        return
    more = True
    while more:
        key = text.value()
        text.take(":")
        if text.next() == "[":
            for value in _elements(text):
                yield key, value
        else:
            yield key, text.value()
        more = text.take(",}") == ","
    if text.next():
        raise DocumentError("is not JSON")


def _elements(text: _Text) -> Iterator[object]:
    text.take("[")
    if text.next() == "]":
        text.take("]")
        return
    yield text.value()
    while text.take(",]") == ",":
        yield text.value()


if __name__ == "__main__":
    main()
