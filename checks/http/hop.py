"""One request of a fetch: where it went, what came back and how long each phase took."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vedette.checks.finding import Fact
from vedette.checks.http.response import Headers
from vedette.checks.stopwatch import reading


@dataclass(slots=True, kw_only=True)
class Hop:
    """What one request showed so far; it stays readable when the request fails.

    *phases* are in seconds: `resolve`, `connect`, `tls`, `processing` until the first octet of the
    answer, `transfer` until its last; each is there once it has ended, and what was not needed is
    not. *phase* is the one it is in, or ended in. *version* is "" before an answer. The names of
    *headers* are in lower case.
    """

    url: str
    address: str = ""
    phases: dict[str, float] = field(default_factory=dict)
    version: str = ""
    status: int | None = None
    headers: Headers = ()
    tls: Mapping[str, Fact] = field(default_factory=dict)
    phase: str = ""
    _since: float = 0.0

    def begin(self, phase: str) -> None:
        """Enter *phase*, which ends the one before."""
        now = reading()
        if self.phase:
            self.phases[self.phase] = now - self._since
        self.phase, self._since = phase, now

    def end(self) -> None:
        """End the last phase."""
        self.phases[self.phase] = reading() - self._since
