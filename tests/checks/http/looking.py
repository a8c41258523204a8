"""How the tests of this folder look: one look, and a resolver that knows what it is told."""

from collections.abc import Callable, Sequence

from vedette.checks.finding import Finding
from vedette.checks.http.authentication import Secrets
from vedette.checks.http.check import HttpCheck
from vedette.checks.http.settings import HttpSettings
from vedette.checks.net import NetworkFailure, Resolve

NOW = 1_790_000_000.0
"""In September 2026."""


def resolver(*addresses: str, failure: NetworkFailure | None = None) -> Resolve:
    """Return a resolver that has one answer to everything."""

    async def resolve(_host: str) -> Sequence[str]:
        if failure is not None:
            raise failure
        return addresses

    return resolve


def checking(
    url: str,
    *,
    resolve: Resolve | None = None,
    timeout: float = 2,
    remembered: Callable[[], Sequence[str]] | None = None,
    now: float = NOW,
    secrets: Secrets | None = None,
    **rules: object,
) -> HttpCheck:
    """Return a check of *url* whose every name is 127.0.0.1 unless *resolve* knows better."""
    return HttpCheck(
        HttpSettings(url=url, **rules),
        timeout=timeout,
        resolve=resolve or resolver("127.0.0.1"),
        now=lambda: now,
        secrets=secrets or Secrets(),
        last_known_good=remembered,
    )


async def look(url: str, **options) -> Finding:
    """Look once at the first subject."""
    return await checking(url, **options).looks()[0].once()
