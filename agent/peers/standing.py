"""How it stands with a peer: whether it is heard, and what is wrong, in words.

Rule: no I/O, no clock; time is passed in.
"""

from collections import Counter
from dataclasses import dataclass, field

from vedette.agent.config import PeerSettings
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.peers.wire import Refusal, Told, told
from vedette.checks.words import some

_NAMED = 3


@dataclass(slots=True)
class Standing:
    """What is known of a *peer*; times are in epoch seconds of our own clock.

    *error* is empty while it answers. *heard_at* is when it last did, *asked_at* when it last asked
    us, *offset* how far its clock is ahead of ours. *strangers* are checks of its that we lack.
    """

    peer: PeerSettings
    error: str = "not asked yet"
    heard_at: float | None = None
    asked_at: float | None = None
    offset: float | None = None
    says: Told | None = None
    documents: int = 0
    refused: Counter[Refusal] = field(default_factory=Counter)
    strangers: set[CheckKey] = field(default_factory=set)

    @property
    def is_up(self) -> bool:
        """Whether it answered when it was last asked."""
        return not self.error

    @property
    def notes(self) -> list[str]:
        """What a person should mend, though the peer is heard."""
        notes = []
        counted = told(self.peer.domain)
        if self.says is not None and _same(self.says) != _same(counted):
            notes.append(f"it says that it is at {_place(self.says)}; {_place(counted)} counts")
        if self.strangers:
            names = sorted(map(str, self.strangers))
            notes.append(f"this agent does not look at {some(names, _NAMED)}")
        if self.offset is not None and abs(self.offset) > 60:
            side = "ahead" if self.offset > 0 else "behind"
            notes.append(f"its clock is {abs(self.offset):.0f} s {side}")
        return notes


def _same(domain: Told) -> tuple[str | None, ...]:
    """Return what two domains have in common that are one: they differ in case alone."""
    parts = (domain.provider, domain.account, domain.region, domain.asn)
    return tuple(None if part is None else str(part).lower() for part in parts)


def _place(domain: Told) -> str:
    asn = None if domain.asn is None else f"AS{domain.asn}"
    parts = (domain.provider, domain.account, domain.region, asn)
    return "/".join(part for part in parts if part)
