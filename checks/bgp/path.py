"""AS paths as the feeds write them, and the origins they end in."""

import re

Path = tuple[int | tuple[int, ...], ...]
"""AS numbers, nearest first; an AS_SET (RFC 4271 section 4.3) is a tuple of its members."""

MAX_ASN = 4294967295  # RFC 6793


def read_asn(value: object) -> int:
    """Read 13335, "13335" or "AS13335"; raise ValueError."""
    if isinstance(value, str) and re.fullmatch(r"(?i:as)?[0-9]{1,10}", value):
        value = int(value.upper().removeprefix("AS"))
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_ASN:
        raise ValueError(f"{value!r} is not an AS number")
    return value


def read_path(value: object) -> Path:
    """Read a JSON list of AS numbers in which an AS_SET is a list or `{1,2}`; raise ValueError."""
    if not isinstance(value, list):
        raise ValueError("the AS path is not a list")  # noqa: TRY004 - as json.loads raises
    return tuple(_read_hop(hop) for hop in value)


def _read_hop(hop: object) -> int | tuple[int, ...]:
    if isinstance(hop, str) and hop.startswith("{") and hop.endswith("}"):
        hop = re.split(r"[ ,]+", hop[1:-1].strip())
    if isinstance(hop, list):
        return tuple(read_asn(member) for member in hop)
    return read_asn(hop)


def origins_of(path: Path) -> tuple[int, ...]:
    """Return who originates the route: one AS, or each member of a closing AS_SET."""
    if not path:
        return ()
    last = path[-1]
    return (last,) if isinstance(last, int) else tuple(dict.fromkeys(last))


def neighbour_of(path: Path) -> int | None:
    """Return who passes the route on for its origin; None where nobody does, or an AS_SET ends it.

    An origin that stands there several times made the path longer on purpose (prepending).
    """
    if not path or not isinstance(path[-1], int):
        return None
    before = next((hop for hop in reversed(path) if hop != path[-1]), None)
    return before if isinstance(before, int) else None
