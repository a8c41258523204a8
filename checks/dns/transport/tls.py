"""Whom an encrypted transport trusts, and what a failed handshake means.

Rule: no socket.
"""

import ssl
from functools import cache, partial

from vedette.checks.dns.server import Transport
from vedette.checks.tls import Renewed, trust, trusted_paths
from vedette.checks.tls import chain as sent_chain

ALPN = {Transport.HTTPS: "h2", Transport.QUIC: "doq"}
"""What is spoken inside TLS; DNS over TLS itself negotiates nothing (RFC 7858)."""

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})


def client_context(transport: Transport, ca_file: str | None = None) -> ssl.SSLContext:
    """Return the context that trusts *ca_file* alone, or else the system; or raise ValueError.

    Built once each, and again when the file changes: reading the system's store costs milliseconds
    of CPU.
    """
    return _renewed(transport, ca_file).current()


@cache
def _renewed(transport: Transport, ca_file: str | None) -> Renewed[ssl.SSLContext]:
    return Renewed(partial(_context, transport, ca_file), trusted_paths(ca_file))


def _context(transport: Transport, ca_file: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if transport in ALPN:
        context.set_alpn_protocols([ALPN[transport]])
    trust(context, ca_file)
    return context


def refused(error: ssl.SSLError, session: ssl.SSLObject, host: str) -> str:
    """Return what a failed handshake says about a server that should have proved to be *host*."""
    if isinstance(error, ssl.SSLCertVerificationError):
        # Here, since what it reads certificates with takes 8 MB, and TCP alone needs none of it.
        from vedette.checks.dns.transport import distrust  # noqa: PLC0415

        fault = distrust.fault(error.verify_code)
        return distrust.distrusted(fault, sent_chain(session), host, error.verify_message)
    reason = error.reason or ""
    if reason in _NO_TLS:
        return "does not speak TLS on this port"
    if reason.endswith("NO_APPLICATION_PROTOCOL"):
        return "does not offer HTTP/2, over which it is asked"
    return f"fails in the TLS handshake: {words(error)}"


def words(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason in plain words."""
    return error.reason.lower().replace("_", " ") if error.reason else str(error)
