"""What a web server answered.

Rule: types only, no I/O.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer to one request; *size* counts the body's bytes even where *body* was not kept.

    *complete* is False when reading stopped because the body outgrew the limit.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    size: int = 0
    complete: bool = True

    def header(self, name: str) -> str | None:
        """Return the first value of the header *name*, which is given in lower case."""
        return next((value for key, value in self.headers if key == name), None)
