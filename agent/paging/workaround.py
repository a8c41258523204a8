"""The way around a fault: the addresses that were good last, and whether they still serve.

Rule: pure; no I/O, no clock; time is passed in.
"""

from collections import defaultdict
from itertools import dropwhile
from urllib.parse import urlsplit

from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.memory.ledger import CheckKey, Ledger, Series
from vedette.checks.finding import Kind, Verdict

_LATELY = 300.0
"""Seconds of looks by which an address is judged."""


def host_of(key: CheckKey | None) -> str | None:
    """Return the name that a check is about; None where it is about none."""
    if key is None or key.kind is Kind.BGP:
        return None
    return urlsplit(key.check).hostname if key.kind is Kind.HTTP else key.check.split(" ")[0]


def serving(
    service: str,
    good: LastKnownGood,
    ledger: Ledger,
    now: float,
    *,
    since: float,
    about: CheckKey | None = None,
) -> str:
    """Say whether the remembered addresses still serve; empty when nobody looks at them.

    They do at the vantage of *ledger*, and have since the fault began at *since*. Of one that comes
    and goes, or that serves one page and not another, nothing is said; the others are then a part.
    Where the fault is *about* a page, only looks at that page count, and of a name those at its
    pages: what serves another one of the service is no way around.
    """
    answers = {answer for one in good for answer in one.answers}
    looks = defaultdict[str, list[Series]](list)
    for series in ledger.of_service(service, Kind.HTTP):
        if series.place == "address" and series.subject in answers and _is_of(series.key, about):
            looks[series.subject].append(series)
    alive = [at for at, asked in looks.items() if all(_serves(one, since, now) for one in asked)]
    dead = [at for at, asked in looks.items() if all(_is_dead(one, now) for one in asked)]
    known = [at for at, asked in looks.items() if any(_is_known(one, now) for one in asked)]
    if alive == known != []:
        return f"the last-known-good addresses still serve ({', '.join(alive)})"
    if dead == known != []:
        return f"the last-known-good addresses do not serve either ({', '.join(dead)})"
    parts = [(alive, "still serves", "still serve"), (dead, "does not", "do not")]
    said = [f"{', '.join(a)} {one if len(a) == 1 else more}" for a, one, more in parts if a]
    return f"of the last-known-good addresses {', '.join(said)}" if said else ""


def _is_of(page: CheckKey, about: CheckKey | None) -> bool:
    if about is None or about.kind is Kind.HTTP:
        return about in (None, page)
    return host_of(page) == host_of(about)


def _is_known(series: Series, now: float) -> bool:
    return series.verdict(now) is not Verdict.UNKNOWN


def _serves(series: Series, since: float, now: float) -> bool:
    """Whether it is well, and was at every look of late since then, of which there is one."""
    began_at = max(since, now - _LATELY)
    of_late = [look.finding.verdict for look in series.looks if look.started_at >= began_at]
    return series.verdict(now) is Verdict.OK and bool(of_late) and Verdict.FAILING not in of_late


def _is_dead(series: Series, now: float) -> bool:
    """Whether it fails of late, was not well since it began to, and not by one look of many."""
    if series.verdict(now) is not Verdict.FAILING:
        return False
    verdicts = [look.finding.verdict for look in series.looks if look.started_at >= now - _LATELY]
    run = [*dropwhile(lambda verdict: verdict is not Verdict.FAILING, verdicts)]
    return Verdict.OK not in run and (len(run) > 1 or len(verdicts) <= 1)
