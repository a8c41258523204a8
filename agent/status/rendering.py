"""From what a page says to HTML: the templates, and the words for times and numbers in them.

Rule: every value is escaped by the template engine, and none is ever marked as safe.
"""

import asyncio
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from vedette.agent.clock import utc
from vedette.agent.status.look import Row

if TYPE_CHECKING:
    from jinja2 import Environment

PIECES = 400
"""Pieces of a template that are made in one turn of the loop: a few milliseconds at most."""

_FOLDER = Path(__file__).parent / "templates"


def iso(at: float) -> str:
    """Return epoch seconds as HTML's `datetime` wants them."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def clock(at: float) -> str:
    """Return the time of day of epoch seconds, UTC."""
    return time.strftime("%H:%M:%S", time.gmtime(at))


def span(seconds: float) -> str:
    """Return a length of time as `45 s`, `12 min`, `5 h` or `3 d`."""
    seconds = max(0.0, seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def took(seconds: float) -> str:
    """Return how long a look took."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{math.ceil(seconds * 1000)} ms"


def quoted(name: str) -> str:
    """Return *name* as one segment of a path."""
    return quote(name, safe="", errors="replace")


def by_check(rows: Iterable[Row]) -> Sequence[Sequence[Row]]:
    """Return *rows* by the check they are of, in the order of the first one of each."""
    checks: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        checks.setdefault((row.kind, row.check), []).append(row)
    return list(checks.values())


def environment() -> "Environment":
    """Return the environment of the templates; a name that is not known is a bug, and raises."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - see below

    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "utc": utc, "iso": iso, "clock": clock, "span": span, "took": took, "quoted": quoted,
        "by_check": by_check,
    }  # fmt: skip
    return made


def _compiled() -> "Environment":
    """Return the environment with every template compiled: 0.2 s of work, and 5 MB."""
    made = environment()
    for name in made.list_templates():
        made.get_template(name)
    return made


class Rendering:
    """Makes documents, a piece at a time; the engine is loaded for the first, in a thread.

    Most agents are looked at through Grafana, and nobody asks them for a page.
    """

    def __init__(self) -> None:
        self._loading: asyncio.Future[Environment] | None = None

    async def _templates(self) -> "Environment":
        if self._loading is None or _has_failed(self._loading):
            self._loading = asyncio.ensure_future(asyncio.to_thread(_compiled))
        return await asyncio.shield(self._loading)

    async def document(self, template: str, /, **said: object) -> bytes:
        """Return the document of *template* with what it says, in UTF-8."""
        pieces = (await self._templates()).get_template(template).generate(**said)
        made: list[bytes] = []
        while some := _some(pieces):
            made.append(some)
            await asyncio.sleep(0)
        return b"".join(made)


def _has_failed(loading: "asyncio.Future[Environment]") -> bool:
    """Whether it came to nothing, as where no file could be opened: it may do so by now."""
    return loading.done() and (loading.cancelled() or loading.exception() is not None)


def _some(pieces: Iterator[str]) -> bytes:
    # A name that a file system or a peer gave us may hold what UTF-8 cannot say.
    return "".join(islice(pieces, PIECES)).encode(errors="replace")
