"""One question to an agent over HTTP, and in words why there is no answer."""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from vedette.agent.config import PeerSettings, beside
from vedette.agent.peers.wire import LARGEST, Refusal, RefusedError
from vedette.checks.http.tls import TlsSettings, context, words
from vedette.exporters.reach import Reach

OBSERVATIONS = "/api/v1/observations"
PEERS = "/api/v1/peers"
WAIT = 5.0
"""Seconds that a peer keeps a question without news; its empty answer is a sign of life."""
ANSWERED = 5.0
"""Seconds that an answer may take beyond that, with the connection."""

_REMEDIES: Mapping[int, str] = {
    401: "it does not know our credential: token_file must hold the same token at both agents",
    403: "it does not take us for a peer: it must name this agent in its peers",
    404: "it follows no peers: it must name this agent in its peers",
    429: "it was shown a wrong credential too often from here: it listens again in a minute",
}


class UnansweredError(Exception):
    """There is no answer; the message says why, and what to do."""


class UnreachedError(UnansweredError):
    """Not even a refusal came: perhaps nobody is at that address any more."""


def session(agent: str, token: str | None, reach: Reach) -> aiohttp.ClientSession:
    """Return a session in which *agent* asks whom *reach* finds, by *token* where it has one."""
    headers = {"User-Agent": f"vedette ({agent})"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    timeout = aiohttp.ClientTimeout(total=WAIT + ANSWERED, connect=ANSWERED)
    connector = reach.connector(is_kept=True)
    return aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout)


def tls_of(peer: PeerSettings, folder: Path) -> ssl.SSLContext | None:
    """Return whom to trust at *peer* and who we are, by the files as they are; raise ValueError.

    File names are as seen from *folder*. None where the peer is asked in the clear.
    """
    if not peer.is_encrypted:
        return None
    settings = TlsSettings(
        ca_file=beside(folder, peer.ca_file),
        cert_file=beside(folder, peer.client_cert),
        key_file=beside(folder, peer.client_key),
    )
    return context(settings, ("http/1.1",))


async def answer(
    asking: aiohttp.ClientSession,
    url: str,
    tls: ssl.SSLContext | None,
    query: Mapping[str, str] | None = None,
) -> bytes:
    """Return the body that is answered at *url*; raise UnansweredError or RefusedError."""
    try:
        async with asking.get(
            url, params=query, allow_redirects=False, ssl=tls or True
        ) as response:
            if response.content_type == "text/html":
                raise UnansweredError(
                    f"it answers {response.status} with a page for people: no agent is there, or "
                    "what stands before it answers in its place"
                )
            if response.status != 200:
                raise UnansweredError(f"it answers {response.status}: {_remedy(response)}")
            return await _body(response)
    except TimeoutError:
        raise UnreachedError(f"no answer within {WAIT + ANSWERED:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise UnreachedError(_words(error)) from None


def _remedy(response: aiohttp.ClientResponse) -> str:
    """Say what to do about a status; a path that is wrong has the status of a stranger's."""
    remedy = _REMEDIES.get(response.status, "expected 200")
    before, _, _ = response.url.path.partition("/api/")
    if before and response.status in _REMEDIES:
        return (
            f"if nothing but an agent is there, leave {before[:100]} out of the url; else {remedy}"
        )
    return remedy


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > LARGEST:
            raise RefusedError(Refusal.TOO_LARGE, f"its answer is larger than {LARGEST} octets")
    return bytes(body)


def _words(error: Exception) -> str:
    """Say what is wrong with a connection in words that name no secret."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", None)
            return f"its certificate is not accepted: {why or error.certificate_error}"
        case aiohttp.ClientConnectorSSLError():
            failed = error.os_error
            return f"TLS fails: {words(failed) if isinstance(failed, ssl.SSLError) else failed}"
        case aiohttp.ClientConnectorDNSError():
            return f"its name does not resolve: {error.os_error.strerror or error.os_error}"
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno  # asyncio's own words repeat the address
            return f"it cannot be reached: {os.strerror(number) if number else error.os_error}"
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection without an answer"
    return str(error) or type(error).__name__
