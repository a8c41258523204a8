"""Whom an encrypted transport trusts, and what a certificate that was refused is told to be.

Rule: no socket.
"""

import ssl
from collections.abc import Sequence
from enum import Enum, auto
from functools import cache, partial

from cryptography import x509

from vedette.checks.dns.server import Transport
from vedette.checks.tls import UNREADABLE, Renewed, names, read, some, trust, trusted_paths
from vedette.checks.tls import chain as sent_chain

ALPN = {Transport.HTTPS: "h2", Transport.QUIC: "doq"}
"""What is spoken inside TLS; DNS over TLS itself negotiates nothing (RFC 7858)."""

_DATE = "%Y-%m-%d %H:%M"
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


class Fault(Enum):
    """What can be wrong with a certificate."""

    NAME = auto()
    DATES = auto()
    TRUST = auto()


# By the numbers of openssl/x509_vfy.h: host name, address; not valid yet, expired.
_FAULTS = {62: Fault.NAME, 64: Fault.NAME, 9: Fault.DATES, 10: Fault.DATES}


def refused(error: ssl.SSLError, session: ssl.SSLObject, host: str) -> str:
    """Return what a failed handshake says about a server that should have proved to be *host*."""
    if isinstance(error, ssl.SSLCertVerificationError):
        fault = _FAULTS.get(error.verify_code, Fault.TRUST)
        return distrusted(fault, sent_chain(session), host, error.verify_message)
    reason = error.reason or ""
    if reason in _NO_TLS:
        return "does not speak TLS on this port"
    if reason.endswith("NO_APPLICATION_PROTOCOL"):
        return "does not offer HTTP/2, over which it is asked"
    return f"fails in the TLS handshake: {words(error)}"


def distrusted(fault: Fault, chain: Sequence[bytes], host: str, why: str) -> str:
    """Return how *chain*, leaf first in DER, fails to prove *host*; *why* in the library's words.

    Parts of a certificate are parsed only when they are read; what cannot be is left out.
    """
    try:
        certificates = [read(der) for der in chain]
        what = _explained(fault, certificates, host, why)
    except UNREADABLE:
        what = f"its certificate is refused: {why}"
    return f"cannot be trusted: {what}"


def _explained(fault: Fault, chain: Sequence[x509.Certificate], host: str, why: str) -> str:
    if not chain:
        return why
    if fault is Fault.NAME:
        return f"its certificate is for {some(names(chain[0])) or 'nobody'}, not for {host}"
    if fault is Fault.DATES:
        since = max(each.not_valid_before_utc for each in chain)
        until = min(each.not_valid_after_utc for each in chain)
        return f"its certificates are valid from {since:{_DATE}} until {until:{_DATE}} UTC"
    return f"its certificate, issued by {chain[0].issuer.rfc4514_string()}, is refused: {why}"


def words(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason in plain words."""
    return error.reason.lower().replace("_", " ") if error.reason else str(error)
