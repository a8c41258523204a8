"""What the RPKI says of the routes that are seen: one's own, and those of strangers.

It decides how grave a foreign route is, and never whether a withdrawal counts. Rule: pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.foreign import Foreign
from vedette.checks.bgp.rib.standing import Standing
from vedette.checks.bgp.rpki.payloads import Validity, Vrps
from vedette.checks.bgp.watch import Watch


@dataclass(frozen=True, slots=True)
class Validation:
    """The states by RFC 6811: *own* that of the own routes, the worst of them; None is unknown.

    Where none is announced, *own* is the best of what could be: that is not what is wrong.
    *foreign* maps foreign routes, as `named` names them, to theirs. *expires_at* is when the last
    ROA of an own route ends, in epoch seconds; None where nobody says.
    """

    own: Validity | None
    foreign: Mapping[str, Validity]
    expires_at: float | None = None


UNKNOWN = Validation(None, {})
"""That of a validator that has nothing to say, or nothing new."""

_WORST = (Validity.INVALID, Validity.NOT_FOUND, Validity.VALID)


def named(row: Foreign) -> str:
    """Return what a foreign route is called: by its AS, and by its prefix where that differs."""
    return f"{row.prefix} AS{row.asn}" if row.reason is Reason.MORE_SPECIFIC else str(row.asn)


def validate(watch: Watch, standing: Standing | None, vrps: Vrps | None) -> Validation:
    """Validate what is announced of *watch*; where nobody sees it, what could be."""
    if vrps is None:
        return UNKNOWN
    seen = standing.announced if standing else frozenset[int]()
    states = {origin: vrps.state(watch.prefix, origin) for origin in seen or watch.origins}
    ends = [vrps.expires(watch.prefix, origin) for origin in states]
    rows = [row for row in standing.foreign if row.reason is not Reason.PATH] if standing else []
    return Validation(
        own=(min if seen else max)(states.values(), key=_WORST.index),
        foreign={named(row): vrps.state(row.prefix, row.asn) for row in rows},
        expires_at=min((end for end in ends if end is not None), default=None),
    )
