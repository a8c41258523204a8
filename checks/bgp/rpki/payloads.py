"""What the RPKI says of a route: validated ROA payloads (VRPs) and origin validation (RFC 6811).

Rule: no I/O, no clock; time is passed in, in epoch seconds.
"""

import ipaddress
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import NamedTuple

from vedette.checks.bgp.watch import Watch
from vedette.checks.words import some

EXPIRING = 2 * 3600.0
"""Validators give as the end of a VRP that of the shortest-lived object above it, often a CRL of
which the next is due within hours: earlier warnings would be false."""


class Validity(StrEnum):
    """The states of RFC 6811 section 2."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_FOUND = "not_found"


class Vrp(NamedTuple):
    """AS *asn* may announce *prefix*, and what is inside it down to *max_length*.

    *ta* is the trust anchor; *expires* is None where the validator does not say it.
    """

    prefix: str
    asn: int
    max_length: int
    ta: str = ""
    expires: float | None = None

    def __str__(self) -> str:
        return f"{self.prefix}-{self.max_length} AS{self.asn}"


Bits = tuple[int, int, int]
"""A prefix as IP version, length, and its leading bits as a number."""


def read_bits(prefix: str) -> Bits:
    """Read a prefix; raise ValueError where it is none, or has host bits set."""
    address, _, digits = prefix.partition("/")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 3):
        raise ValueError(f"{prefix[:60]!r} is not a prefix")
    version, width = (6, 128) if ":" in address else (4, 32)
    try:
        octets = socket.inet_pton(socket.AF_INET6 if version == 6 else socket.AF_INET, address)
    except (OSError, ValueError):  # the latter for a NUL and for lone surrogates
        raise ValueError(f"{prefix[:60]!r} is not a prefix") from None
    length, number = int(digits), int.from_bytes(octets)
    host = width - length
    if host < 0 or number & ((1 << host) - 1):
        raise ValueError(f"{prefix[:60]!r} is not a prefix")
    return version, length, number >> host


def spell(bits: Bits) -> str:
    """Return the canonical text of a prefix."""
    version, length, number = bits
    if version == 4:
        return str(ipaddress.IPv4Network((number << (32 - length), length)))
    return str(ipaddress.IPv6Network((number << (128 - length), length)))


class Scope:
    """Some prefixes and all that lies inside them: the part of the RPKI that is of interest."""

    def __init__(self, prefixes: Iterable[str]) -> None:
        self._prefixes = {read_bits(prefix) for prefix in prefixes}
        self._above = {
            (version, shorter, number >> (length - shorter))
            for version, length, number in self._prefixes
            for shorter in range(length)
        }
        self._lengths = {
            version: sorted({length for v, length, _ in self._prefixes if v == version})
            for version in (4, 6)
        }

    def __contains__(self, bits: Bits) -> bool:
        """Whether it is one of the prefixes or inside one."""
        version, length, number = bits
        for shorter in self._lengths[version]:
            if shorter > length:
                break
            if (version, shorter, number >> (length - shorter)) in self._prefixes:
                return True
        return False

    def needs(self, bits: Bits) -> bool:
        """Whether a VRP of this prefix can bear on a route in scope: by covering or by equality."""
        return bits in self._above or bits in self


class Vrps:
    """The VRPs that bear on the routes in *scope*, as one validator run left them; immutable.

    About routes out of scope it knows nothing, so asking about one raises ValueError.
    """

    def __init__(self, vrps: Iterable[Vrp], scope: Scope) -> None:
        by_prefix: dict[Bits, list[Vrp]] = {}
        for vrp in dict.fromkeys(vrps):
            by_prefix.setdefault(read_bits(vrp.prefix), []).append(vrp)
        self._scope = scope
        self._by_prefix = by_prefix
        self._first_end = min((v.expires for v in self if v.expires is not None), default=None)

    def __iter__(self) -> Iterator[Vrp]:
        return (vrp for vrps in self._by_prefix.values() for vrp in vrps)

    def at(self, now: float) -> "Vrps":
        """Return those that have not ended."""
        if self._first_end is None or now < self._first_end:
            return self
        return Vrps((v for v in self if v.expires is None or now < v.expires), self._scope)

    def covering(self, prefix: str) -> tuple[Vrp, ...]:
        """Return the VRPs whose prefix is *prefix* or contains it, the widest first."""
        bits = version, length, number = read_bits(prefix)
        if bits not in self._scope:
            raise ValueError(f"{prefix} is in no watched prefix, so its VRPs were not kept")
        above = ((version, short, number >> (length - short)) for short in range(length + 1))
        return tuple(vrp for key in above for vrp in self._by_prefix.get(key, ()))

    def matching(self, prefix: str, origin: int) -> tuple[Vrp, ...]:
        """Return the VRPs that make the route valid; AS0 matches none (RFC 6483 section 4)."""
        length = read_bits(prefix)[1]
        return tuple(
            vrp
            for vrp in self.covering(prefix)
            if vrp.asn == origin != 0 and length <= vrp.max_length
        )

    def state(self, prefix: str, origin: int) -> Validity:
        """Validate a route; *origin* 0 is that of a path that ends in an AS_SET: never valid."""
        if self.matching(prefix, origin):
            return Validity.VALID
        return Validity.INVALID if self.covering(prefix) else Validity.NOT_FOUND

    def expires(self, prefix: str, origin: int) -> float | None:
        """Return when the last VRP that makes the route valid ends; None where nobody says."""
        ends = [vrp.expires for vrp in self.matching(prefix, origin)]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None


class RoaReason(StrEnum):
    """What can be wrong with one's own ROAs: a closed list, since it becomes a metric label."""

    MISSING = "roa_missing"
    EXPIRING = "roa_expiring"


@dataclass(frozen=True, slots=True)
class RoaFault:
    """What is wrong with the ROAs of one's own route, in one sentence."""

    reason: RoaReason
    prefix: str
    origin: int
    detail: str


def roa_faults(
    watch: Watch, vrps: Vrps, now: float, within: float = EXPIRING
) -> tuple[RoaFault, ...]:
    """Return what is wrong for each expected origin of a watched prefix, by AS number.

    A ROA is expiring when it ends in *within* seconds and no other takes over. The more-specifics
    of a watch need none: a ROA for what is not announced now helps forgers (RFC 9319).
    """
    live = vrps.at(now)
    found = (_fault(watch.prefix, origin, live, now, within) for origin in sorted(watch.origins))
    return tuple(fault for fault in found if fault is not None)


def _fault(prefix: str, origin: int, vrps: Vrps, now: float, within: float) -> RoaFault | None:
    if vrps.state(prefix, origin) is not Validity.VALID:
        others = vrps.covering(prefix)
        detail = f"no ROA lets AS{origin} announce {prefix}"
        if others:
            detail += f", and it is invalid by {_listed(others)}"
        return RoaFault(RoaReason.MISSING, prefix, origin, f"{detail}: create one at the registry")
    end = vrps.expires(prefix, origin)
    if end is None or end - now > within:
        return None
    detail = (
        f"what lets AS{origin} announce {prefix} ends in {(end - now) / 60:.0f} min "
        f"(ROA {_listed(vrps.matching(prefix, origin))}): see that its registry renews it"
    )
    return RoaFault(RoaReason.EXPIRING, prefix, origin, detail)


def _listed(vrps: tuple[Vrp, ...]) -> str:
    return some([*map(str, vrps)])


@dataclass(frozen=True, slots=True)
class RoaChange:
    """A VRP came (no *before*), went (no *after*), or changed its length or trust anchor."""

    before: Vrp | None
    after: Vrp | None

    @property
    def detail(self) -> str:
        """It in one sentence."""
        if self.before and self.after:
            return f"ROA {_anchored(self.before)} changed to {_anchored(self.after)}"
        if self.after:
            return f"ROA {_anchored(self.after)} was added"
        assert self.before
        return f"ROA {_anchored(self.before)} was removed"


def _anchored(vrp: Vrp) -> str:
    return f"{vrp} ({vrp.ta})" if vrp.ta else str(vrp)


def changes(before: Vrps, after: Vrps) -> tuple[RoaChange, ...]:
    """Return what differs between two snapshots of one scope, by prefix and AS number.

    A new end is no change: validators move it at every run.
    """
    old, new = _lasting(before), _lasting(after)
    pairs: dict[tuple[str, int], tuple[list[Vrp], list[Vrp]]] = {}
    for side, vrps in enumerate((old - new, new - old)):
        for vrp in sorted(vrps):
            pairs.setdefault((vrp.prefix, vrp.asn), ([], []))[side].append(vrp)
    return tuple(
        RoaChange(gone, come) for key in sorted(pairs) for gone, come in zip_longest(*pairs[key])
    )


def _lasting(vrps: Vrps) -> set[Vrp]:
    return {vrp._replace(expires=None) for vrp in vrps}
