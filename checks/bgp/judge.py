"""From a prefix's visibility to a finding.

Facts: `share` (0 to 1), `holding` and `of` (peers), `unknown` (peers whose session is down),
`origins` (AS number to peers, foreign ones included), `collectors` and `feed`. Where nothing can
be said there is only `feed`. Rule: no I/O, no clock; how long a share must last is the alarm's.
"""

from collections.abc import Collection

from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.routes import Visibility
from vedette.checks.finding import Fact, Finding, Verdict

WITHDRAWN = 0.20  # zombies and late convergence keep up to a tenth of the peers on a dead route
PARTIALLY_WITHDRAWN = 0.50


def judge(
    prefix: str,
    origins: Collection[int],
    visibility: Visibility | None,
    *,
    feed: str,
    silence: str | None = None,
) -> Finding:
    """Judge how much of the baseline still reaches *prefix* by one of *origins*."""
    if silence is not None:
        return _unknown(Reason.FEED_STALE, f"nothing is known about {prefix}: {silence}", feed)
    if visibility is None:
        detail = f"nothing is known about {prefix}: {feed} has not been seeded"
        return _unknown(Reason.UNSEEDED, detail, feed)
    if not visibility.known:
        total = visibility.of + visibility.unknown
        detail = f"the sessions of {visibility.unknown} of {total} peers with {prefix} are down"
        return _unknown(Reason.FEED_STALE, detail, feed)
    reason = _reason(visibility.share)
    return Finding(
        verdict=Verdict.FAILING if reason else Verdict.OK,
        reason=reason,
        detail=_detail(prefix, origins, visibility),
        facts=_facts(visibility, feed),
    )


def _reason(share: float) -> Reason | None:
    if share <= WITHDRAWN:
        return Reason.WITHDRAWN
    return Reason.PARTIALLY_WITHDRAWN if share <= PARTIALLY_WITHDRAWN else None


def _unknown(reason: Reason, detail: str, feed: str) -> Finding:
    return Finding(verdict=Verdict.UNKNOWN, reason=reason, detail=detail, facts={"feed": feed})


def _facts(visibility: Visibility, feed: str) -> dict[str, Fact]:
    return {
        "share": round(visibility.share, 4),
        "holding": visibility.holding,
        "of": visibility.of,
        "unknown": visibility.unknown,
        "origins": {str(asn): float(peers) for asn, peers in visibility.origins.items()},
        "collectors": visibility.collectors,
        "feed": feed,
    }


def _detail(prefix: str, origins: Collection[int], visibility: Visibility) -> str:
    names = " or ".join(f"AS{asn}" for asn in origins)
    if not visibility.of:
        return f"{prefix} by {names} is seen by no peer"
    seen = (
        f"{prefix} by {names} is seen by {visibility.holding} of {visibility.of} peers "
        f"({100 * visibility.share:.0f} %)"
    )
    foreign = {asn: n for asn, n in visibility.origins.items() if asn not in origins}
    if not foreign:
        return seen
    # A foreign origin that surfaces beside a withdrawal is named, but is not its cause.
    asn, peers = max(foreign.items(), key=lambda item: item[1])
    others = f" and {len(foreign) - 1} more origins" if len(foreign) > 1 else ""
    return f"{seen}; {peers} see it by AS{asn}{others}"
