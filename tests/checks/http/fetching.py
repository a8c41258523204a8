"""How the tests of the engine fetch: one fetch, with every name at 127.0.0.1."""

import asyncio
from collections.abc import Sequence

from tests.checks.http.looking import resolver
from vedette.checks.http.fetch import Fetch, Permit, anywhere
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.http.response import Response
from vedette.checks.http.target import parse_url
from vedette.checks.net import NetworkFailure, Resolve

HTTP1 = ("http/1.1",)


def asked(
    url: str,
    *,
    timeout: float = 2,
    address: str | None = None,
    permit: Permit = anywhere,
    resolve: Resolve | None = None,
    **rest: object,
) -> Fetch:
    """Return a fetch of *url* that is still to run; *rest* is of the request."""
    return Fetch(
        Request(target=parse_url(url), **rest),
        resolve=resolve or resolver("127.0.0.1"),
        permit=permit,
        address=address,
        until=asyncio.get_running_loop().time() + timeout,
        timeout=timeout,
    )


async def fetched(url: str, **options: object) -> tuple[Response, Fetch]:
    """Fetch *url* and return the answer, with its body, and the fetch."""
    fetch = asked(url, **{"keep_body": True, **options})
    return await fetch.run(), fetch


async def failed(url: str, **options: object) -> tuple[Reason, str, Fetch]:
    """Fetch *url*, which must fail, and return why, in a word and in a sentence, and the fetch."""
    fetch = asked(url, **options)
    try:
        response = await fetch.run()
    except NetworkFailure as failure:
        return Reason(failure.reason), failure.detail, fetch
    raise AssertionError(f"it answered {response}")


def addresses(fetch: Fetch) -> Sequence[str]:
    """Return where each hop went."""
    return [hop.address for hop in fetch.hops]
