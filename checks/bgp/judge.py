"""From how a prefix stands to a finding.

Facts: `share` (0 to 1; None of too few, or while most are unknown), `holding` and `of` (peers),
`unknown` (peers whose session is down), `origins` and `neighbours` (AS number to peers, foreign
ones included),
`collectors`, `feed`, `since` (reason to epoch seconds: all that is wrong, not only what leads),
`undecided` (reasons that neither hold nor are over), `taken` (whether nearly all who lost the
prefix follow a stranger), and `foreign_origins`, `more_specifics`,
`foreign_neighbours` (who should not be there, to peer ASes); with a validator also `rpki` (the
state of the own route, None while unknown), `rpki_valid` and `rpki_invalid` (which of the foreign
routes are that), and `roa_expires_at` (epoch seconds). Where nothing can be said there is only
`feed`; `too_few` (peers) is there where it never could. How long a fault must last is the alarm's.
Rule: no I/O, no clock.
"""

from collections.abc import Mapping

from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.fall import SETTLES
from vedette.checks.bgp.rib.standing import RECOVERED, Standing
from vedette.checks.bgp.rpki.payloads import Validity
from vedette.checks.bgp.rpki.validation import Validation, named
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Fact, Finding, Verdict

JUDGED = (
    Reason.WITHDRAWN,
    Reason.PARTIALLY_WITHDRAWN,
    Reason.ORIGIN,
    Reason.MORE_SPECIFIC,
    Reason.PATH,
    Reason.RPKI_INVALID,
)
"""What can be wrong with a prefix."""
STRANGERS = (Reason.ORIGIN, Reason.MORE_SPECIFIC, Reason.PATH)
"""What is wrong by what is there, and not by what is gone."""
_TAKEN = 0.9
TOO_FEW = "too_few"
"""The fact that so few peers of a feed ever had a prefix that it cannot tell what is gone."""


def judge(
    watch: Watch,
    standing: Standing | None,
    *,
    feed: str,
    silence: str | None = None,
    validation: Validation | None = None,
    invalid_since: float | None = None,
) -> Finding:
    """Judge how *watch* is kept; *invalid_since* is since when its own route is RPKI-invalid.

    Without a validator there is no *validation*.
    """
    prefix = watch.prefix
    known = _known(standing, feed)
    if silence is not None:
        return _unknown(Reason.FEED_STALE, f"nothing is known about {prefix}: {silence}", known)
    if standing is None:
        detail = f"nothing is known about {prefix}: {feed} has not been seeded"
        return _unknown(Reason.UNSEEDED, detail, known)
    since = {r: at for r, at in standing.conditions.items() if holds(r, standing)}
    # Strangers are there whoever had it before, and whoever else is not heard now.
    if not standing.enough and not since:
        detail = f"too few peers ever had {prefix} to judge by: {standing.of + standing.unknown}"
        return _unknown(Reason.UNSEEDED, detail, known)
    if standing.enough and not standing.known and not since:
        return _unknown(Reason.FEED_STALE, _unheard(prefix, standing), known)
    if invalid_since is not None and standing.known:
        since[Reason.RPKI_INVALID] = invalid_since
    return Finding(
        verdict=Verdict.FAILING if since else Verdict.OK,
        reason=leading(since),
        detail=_detail(watch, standing, validation),
        facts=known | _facts(standing, since) | _rpki(standing, validation),
    )


def holds(reason: Reason, standing: Standing) -> bool | None:
    """Whether *reason* is a cause now; None where it neither is one, nor is over.

    A prefix has recovered when four fifths of its peers have it again. A foreign origin that shows
    as the own routes begin to go, or later, is seen because they are gone: no cause until then, nor
    while it may turn out so.
    What was said by sessions that are lost is not over either.
    """
    present = reason in standing.conditions
    match reason:
        case Reason.WITHDRAWN | Reason.PARTIALLY_WITHDRAWN:
            is_open = standing.share < RECOVERED or (standing.enough and not standing.known)
            return present or (None if is_open else False)
        case Reason.ORIGIN if present and _has_collapsed_first(standing):
            return None
    return present or (None if reason in standing.in_doubt else False)


def leading(since: Mapping[Reason, float]) -> Reason | None:
    """Return what came first; among what came at once, what the closed list has first."""
    return min(since, key=lambda reason: (since[reason], JUDGED.index(reason)), default=None)


def _has_collapsed_first(standing: Standing) -> bool:
    fell_at = standing.fell_at
    if fell_at is None or not (standing.collapsed or standing.drains):
        return False
    # It shows first at the few that are the first to lose us: that is no cause of what they lose.
    return fell_at - SETTLES < standing.conditions[Reason.ORIGIN]


def _unknown(reason: Reason, detail: str, known: dict[str, Fact]) -> Finding:
    return Finding(verdict=Verdict.UNKNOWN, reason=reason, detail=detail, facts=known)


def _known(standing: Standing | None, feed: str) -> dict[str, Fact]:
    """Return the facts that are known though nothing can be said."""
    few = None if standing is None or standing.enough else standing.of + standing.unknown
    return {"feed": feed} if few is None else {"feed": feed, TOO_FEW: few}


def _facts(standing: Standing, since: Mapping[Reason, float]) -> dict[str, Fact]:
    return {
        "share": round(standing.share, 4) if standing.known else None,
        "holding": standing.holding,
        "of": standing.of,
        "unknown": standing.unknown,
        "origins": _by_asn(standing.origins),
        "neighbours": _by_asn(standing.neighbours),
        "collectors": standing.collectors,
        "since": {str(reason): at for reason, at in since.items()},
        "undecided": _undecided(standing),
        "taken": _is_taken(standing),
        "foreign_origins": _named(standing, Reason.ORIGIN),
        "more_specifics": _named(standing, Reason.MORE_SPECIFIC),
        "foreign_neighbours": _named(standing, Reason.PATH),
    }


def _is_taken(standing: Standing) -> bool:
    """Whether nearly all who lost the prefix have it by a stranger, so that nobody withdrew it."""
    strangers = {row.asn for row in standing.foreign if row.reason is Reason.ORIGIN}
    taken = sum(peers for asn, peers in standing.origins.items() if asn in strangers)
    return 0 < _TAKEN * (standing.of - standing.holding) <= taken


def _by_asn(counts: Mapping[int, int]) -> dict[str, float]:
    return {str(asn): float(peers) for asn, peers in counts.items()}


def _named(standing: Standing, reason: Reason) -> dict[str, float]:
    return {named(row): float(row.asns) for row in standing.foreign if row.reason is reason}


def _undecided(standing: Standing) -> list[str]:
    return [str(reason) for reason in JUDGED if holds(reason, standing) is None]


def _rpki(standing: Standing, validation: Validation | None) -> dict[str, Fact]:
    if validation is None:
        return {}
    is_told = standing.known and validation.own is not None
    unknown = [] if is_told else [str(Reason.RPKI_INVALID)]

    def those(state: Validity) -> list[str]:
        return [name for name, one in validation.foreign.items() if one is state]

    return {
        "rpki": None if validation.own is None else str(validation.own),
        "rpki_valid": those(Validity.VALID),
        "rpki_invalid": those(Validity.INVALID),
        "roa_expires_at": validation.expires_at,
        "undecided": [*_undecided(standing), *unknown],
    }


def _detail(watch: Watch, standing: Standing, validation: Validation | None) -> str:
    names = " or ".join(f"AS{asn}" for asn in sorted(watch.origins))
    if standing.enough and not standing.known:
        clauses = [_unheard(watch.prefix, standing)]
    elif not standing.of:
        clauses = [f"{watch.prefix} by {names} is seen by no peer"]
    else:
        clauses = [
            f"{watch.prefix} by {names} is seen by {standing.holding} of {standing.of} peers "
            f"({100 * standing.share:.0f} %)"
        ]
    # A foreign origin that surfaces beside a withdrawal is named, but is not its cause.
    clauses += _strangers(standing, Reason.ORIGIN, "it by")
    clauses += _strangers(standing, Reason.MORE_SPECIFIC, "{part} by")
    clauses += _strangers(standing, Reason.PATH, "it passed on by")
    if validation is not None and validation.own is Validity.INVALID:
        clauses.append("it is RPKI-invalid, so networks that validate drop it")
    return "; ".join(clauses)


def _unheard(prefix: str, standing: Standing) -> str:
    total = standing.of + standing.unknown
    return f"the sessions of {standing.unknown} of {total} peers with {prefix} are down"


def _strangers(standing: Standing, reason: Reason, what: str) -> list[str]:
    rows = [row for row in standing.foreign if row.reason is reason]
    if not rows:
        return []
    most = rows[0]
    others = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    who = "1 peer sees" if most.peers == 1 else f"{most.peers} peers see"
    return [f"{who} {what.format(part=most.prefix)} AS{most.asn}{others}"]
