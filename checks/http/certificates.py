"""What is known of a TLS handshake, finished or failed: the facts of a look.

Rule: no socket.
"""

import ssl
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from vedette.checks.certificate import UNREADABLE, names, read, serial
from vedette.checks.finding import Fact
from vedette.checks.tls import Renewed, chain


def facts(session: ssl.SSLObject) -> dict[str, Fact]:
    """Return what is known of a handshake, finished or failed.

    `chain_not_after` is of the certificates as sent, `verified_not_after` of those that lead from
    the leaf to what we trust, as far as a way was found; it is there only where one was wanted.
    """
    known: dict[str, Fact] = {}
    version, cipher = session.version(), session.cipher()
    if version is not None and cipher is not None:
        known |= {"tls_version": version, "tls_cipher": cipher[0]}
    if session.context.verify_mode is not ssl.CERT_NONE:
        verified = certificates(chain(session, "verified"))
        known["verified_not_after"] = verified.get("chain_not_after")
    return known | certificates(chain(session))


@lru_cache(maxsize=256)
def certificates(sent: tuple[bytes, ...]) -> dict[str, Fact]:
    """Return the facts of a chain, leaf first; what cannot be parsed is left out."""
    try:
        parsed = [read(der) for der in sent]
        if not parsed:
            return {}
        leaf = parsed[0]
        return {
            "certificate_subject": leaf.subject.rfc4514_string(),
            "certificate_issuer": leaf.issuer.rfc4514_string(),
            "certificate_names": names(leaf),
            "certificate_sha256": leaf.fingerprint(SHA256()).hex(),
            "certificate_serial": serial(leaf),
            "certificate_not_after": leaf.not_valid_after_utc.timestamp(),
            "chain_not_after": min(each.not_valid_after_utc.timestamp() for each in parsed),
            "certificates_not_before": {
                each.subject.rfc4514_string(): each.not_valid_before_utc.timestamp()
                for each in parsed
            },
            "certificates_not_after": {
                each.subject.rfc4514_string(): each.not_valid_after_utc.timestamp()
                for each in parsed
            },
        }
    except UNREADABLE:
        return {}


def own(cert_file: str) -> Mapping[str, Fact]:
    """Return when the certificate that we show begins and ends, by its file as it is now."""
    try:
        return _own(cert_file).current()
    except ValueError:  # who makes a connection says so
        return {}


@lru_cache(maxsize=4096)
def _own(cert_file: str) -> Renewed[Mapping[str, Fact]]:
    return Renewed(partial(_times, cert_file), (cert_file,))


def _times(cert_file: str) -> Mapping[str, Fact]:
    try:
        shown = x509.load_pem_x509_certificate(Path(cert_file).read_bytes())
    except OSError as error:
        raise ValueError(f"{cert_file} cannot be read: {error.strerror}") from error
    return {
        "own_certificate_not_before": shown.not_valid_before_utc.timestamp(),
        "own_certificate_not_after": shown.not_valid_after_utc.timestamp(),
    }
