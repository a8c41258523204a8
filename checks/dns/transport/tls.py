"""Whom an encrypted transport trusts, and what a certificate that was refused is told to be.

Rule: no socket.
"""

import ssl
from collections.abc import Sequence
from enum import Enum, auto
from functools import cache
from typing import Any

from cryptography import x509

from vedette.checks.dns.server import Transport

ALPN = {Transport.HTTPS: "h2", Transport.QUIC: "doq"}
"""What is spoken inside TLS; DNS over TLS itself negotiates nothing (RFC 7858)."""

_DER = 2  # _ssl.ENCODING_DER

_UNREADABLE = (
    ValueError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_DATE = "%Y-%m-%d %H:%M"
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})


@cache
def client_context(transport: Transport, ca_file: str | None = None) -> ssl.SSLContext:
    """Return the context that trusts *ca_file* alone, or else the system; or raise ValueError.

    Built once each: reading the system's store costs milliseconds of CPU.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if transport in ALPN:
        context.set_alpn_protocols([ALPN[transport]])
    if ca_file is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # ssl.SSLError is one: a file without certificates
        raise ValueError(f"cannot read certificates from {ca_file}: {error.strerror}") from error
    # What the user names is trusted, be it a root, an intermediate or the server's own certificate.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
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
        return distrusted(fault, _chain(session), host, error.verify_message)
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
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        what = _explained(fault, certificates, host, why)
    except _UNREADABLE:
        what = f"its certificate is refused: {why}"
    return f"cannot be trusted: {what}"


def _explained(fault: Fault, chain: Sequence[x509.Certificate], host: str, why: str) -> str:
    if not chain:
        return why
    if fault is Fault.NAME:
        return f"its certificate is for {_owner(chain[0])}, not for {host}"
    if fault is Fault.DATES:
        since = max(each.not_valid_before_utc for each in chain)
        until = min(each.not_valid_after_utc for each in chain)
        return f"its certificates are valid from {since:{_DATE}} until {until:{_DATE}} UTC"
    return f"its certificate, issued by {chain[0].issuer.rfc4514_string()}, is refused: {why}"


def _owner(leaf: x509.Certificate) -> str:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "nobody"
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    every = (*names.get_values_for_type(x509.DNSName), *addresses)
    more = f" and {len(every) - 3} more" if len(every) > 3 else ""
    return ", ".join(every[:3]) + more


def words(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason in plain words."""
    return error.reason.lower().replace("_", " ") if error.reason else str(error)


def _chain(session: Any) -> Sequence[bytes]:  # noqa: ANN401 - typeshed lacks what we need
    """Return the chain as sent, also after a failure, in DER; public only from Python 3.13 on."""
    if hasattr(session, "get_unverified_chain"):
        return tuple(session.get_unverified_chain() or ())
    chain = session._sslobj.get_unverified_chain() or ()  # noqa: SLF001 - the only way before 3.13
    return tuple(certificate.public_bytes(_DER) for certificate in chain)
