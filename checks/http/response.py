"""What a web server answered.

Rule: types only, no I/O.
"""

from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]
"""Names and values, in the order in which they are sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The answer that a fetch ended with.

    *size* counts the body's octets as they were sent, *inflated_size* after inflating, both also
    where *body* was not kept, or not all of it. *complete* is False when reading stopped because
    the inflated body outgrew the limit. *redirects* counts those that were followed; *unfollowed*
    says that this answer is one more redirect, which was not. *headers* have names in lower case.
    """

    status: int
    headers: Headers = ()
    body: bytes | bytearray = b""
    size: int = 0
    inflated_size: int = 0
    complete: bool = True
    version: str = "1.1"
    redirects: int = 0
    unfollowed: bool = False

    def header(self, name: str) -> str | None:
        """Return the first value of the header *name*, which is given in lower case."""
        return next((value for key, value in self.headers if key == name), None)
