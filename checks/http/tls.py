"""Whom we trust, what a certificate says, and what a failed handshake means.

Rule: no socket; TLS runs over memory buffers, the connection moves the bytes.

OpenSSL verifies, in the one handshake there is. It knows private authorities as they are, which the
web profile of `cryptography.x509.verification` does not (it wants SANs, key identifiers and key
usages that home-made certificates lack), and a second connection without verification could reach
another server behind the same address. Since OpenSSL 3.0 the server's chain is stored before it is
verified, so that its facts can be read from a handshake that failed; with an older library they are
missing after a failure, and nothing else changes.
"""

import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from cryptography import x509

from vedette.checks.finding import Fact
from vedette.checks.http.reason import Reason
from vedette.checks.net import NetworkFailure

_DER = 2  # _ssl.ENCODING_DER

# openssl/x509_vfy.h
_EXPIRED = 10
_NOT_YET_VALID = 9
_NAME = frozenset({62, 64})  # host name, address
_UNTRUSTED = frozenset({2, 7, 18, 19, 20, 21, 24, 27, 28})  # no way from the leaf to an anchor


@cache
def trust(ca_file: str | None) -> ssl.SSLContext:
    """Return the context that trusts *ca_file* alone, or else the system; or raise ValueError.

    Built once each: reading the system's store costs 20 ms of CPU.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
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


def facts(session: ssl.SSLObject) -> dict[str, Fact]:
    """Return what is known of a handshake, finished or failed."""
    known: dict[str, Fact] = {}
    version, cipher = session.version(), session.cipher()
    if version is not None and cipher is not None:
        known |= {"tls_version": version, "tls_cipher": cipher[0]}
    return known | _certificates(_chain(session))


def _chain(session: Any) -> tuple[bytes, ...]:  # noqa: ANN401 - typeshed lacks what we need
    """Return the chain as sent, in DER; public only from Python 3.13 on."""
    if hasattr(session, "get_unverified_chain"):
        return tuple(session.get_unverified_chain() or ())
    chain = session._sslobj.get_unverified_chain() or ()  # noqa: SLF001 - the only way before 3.13
    return tuple(certificate.public_bytes(_DER) for certificate in chain)


@lru_cache(maxsize=256)
def _certificates(chain: tuple[bytes, ...]) -> dict[str, Fact]:
    """Return the facts of a chain, leaf first; what cannot be parsed is left out."""
    try:
        parsed = [x509.load_der_x509_certificate(der) for der in chain]
        if not parsed:
            return {}
        leaf = parsed[0]
        return {
            "certificate_subject": leaf.subject.rfc4514_string(),
            "certificate_issuer": leaf.issuer.rfc4514_string(),
            "certificate_names": _names(leaf),
            "certificate_not_after": leaf.not_valid_after_utc.timestamp(),
            "chain_not_after": min(each.not_valid_after_utc.timestamp() for each in parsed),
        }
    except (
        ValueError,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    ):
        return {}


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    names: Iterable[str] = extension.value.get_values_for_type(x509.DNSName)
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return (*names, *map(str, addresses))


def failure(error: ssl.SSLError, server_name: str, known: dict[str, Fact]) -> NetworkFailure:
    """Say what a failed handshake means, with the certificate's own words from *known*."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return NetworkFailure(Reason.TLS_HANDSHAKE, f"TLS handshake failed: {words(error)}")
    code, until = error.verify_code, known.get("certificate_not_after")
    if code == _EXPIRED:
        return NetworkFailure(Reason.TLS_EXPIRED, _expired(until, known.get("chain_not_after")))
    if code == _NOT_YET_VALID:
        return NetworkFailure(Reason.TLS_EXPIRED, "a certificate is not valid yet")
    if code in _NAME:
        return NetworkFailure(
            Reason.TLS_NAME, f"the certificate is for {_owner(known)}, not for {server_name}"
        )
    if code in _UNTRUSTED:
        issuer = known.get("certificate_issuer", "its issuer")
        return NetworkFailure(
            Reason.TLS_UNTRUSTED,
            f"the certificate, issued by {issuer}, is not trusted: {error.verify_message}",
        )
    return NetworkFailure(
        Reason.TLS_HANDSHAKE, f"the certificate was refused: {error.verify_message}"
    )


def _expired(leaf: Fact, earliest: Fact) -> str:
    if not isinstance(leaf, float) or not isinstance(earliest, float):
        return "a certificate has expired"
    which = "the certificate" if leaf == earliest else "a certificate of the issuing chain"
    return f"{which} expired on {datetime.fromtimestamp(earliest, UTC):%Y-%m-%d %H:%M} UTC"


def _owner(known: dict[str, Fact]) -> str:
    names = known.get("certificate_names") or (known.get("certificate_subject") or "nobody",)
    assert isinstance(names, tuple)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(str, names[:3])) + more


def words(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason in plain words."""
    if error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}:
        return "the port does not speak TLS"
    return error.reason.lower().replace("_", " ") if error.reason else str(error)
