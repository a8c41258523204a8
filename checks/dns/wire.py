"""Where the TTLs of a message stand, so that a reply which only counts down is not read again.

Rule: no I/O; what this reader finds is what dnspython finds, and where it finds nothing the reply
is simply read in full.
"""

from dataclasses import dataclass

_OPT = 41


@dataclass(frozen=True, slots=True)
class Form:
    """The offsets of a message's TTLs (RFC 1035 section 4.1.3), those of the answer section first.

    An OPT record has flags in that place (RFC 6891 section 6.1.3) and is left out.
    """

    ttls: tuple[int, ...]
    answers: int
    """How many of them are of the answer section."""


def form(wire: bytes) -> Form | None:
    """Return where the TTLs of *wire* stand, or None where it cannot be walked."""
    ttls, answers = list[int](), 0
    try:
        questions, records, others, more = (int.from_bytes(wire[i : i + 2]) for i in (4, 6, 8, 10))
        at = 12
        for _ in range(questions):
            at = _after_name(wire, at) + 4
        for record in range(records + others + more):
            at = _after_name(wire, at)
            if int.from_bytes(wire[at : at + 2]) != _OPT:
                ttls.append(at + 4)
                answers += record < records
            at += 10 + int.from_bytes(wire[at + 8 : at + 10])
    except IndexError:
        return None
    return Form(tuple(ttls), answers) if at <= len(wire) else None


def _after_name(wire: bytes, at: int) -> int:
    """Return the offset after the name at *at*, which a pointer may end (section 4.1.4)."""
    while length := wire[at]:
        if length >= 0xC0:
            return at + 2
        at += length + 1
    return at + 1


def same(wire: bytes, other: bytes, shape: Form) -> bool:
    """Whether *wire* equals *other*, whose form is *shape*, but for its id and its TTLs."""
    if len(wire) != len(other):
        return False
    start = 2
    for ttl in shape.ttls:
        if wire[start:ttl] != other[start:ttl]:
            return False
        start = ttl + 4
    return wire[start:] == other[start:]


def least_ttl(wire: bytes, shape: Form) -> int | None:
    """Return the least TTL of the answer section of *wire* in seconds; None where it is empty.

    One with the highest bit set counts as 0 (RFC 2181 section 8).
    """
    ttls = [int.from_bytes(wire[at : at + 4]) for at in shape.ttls[: shape.answers]]
    return min((0 if ttl > 0x7FFFFFFF else ttl for ttl in ttls), default=None)
