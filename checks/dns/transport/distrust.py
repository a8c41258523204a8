"""What a certificate that was refused is told to be.

Rule: no socket.
"""

from collections.abc import Sequence
from enum import Enum, auto

from cryptography import x509

from vedette.checks.certificate import UNREADABLE, names, read
from vedette.checks.words import some

_DATE = "%Y-%m-%d %H:%M"


class Fault(Enum):
    """What can be wrong with a certificate."""

    NAME = auto()
    DATES = auto()
    TRUST = auto()


# By the numbers of openssl/x509_vfy.h: host name, address; not valid yet, expired.
_FAULTS = {62: Fault.NAME, 64: Fault.NAME, 9: Fault.DATES, 10: Fault.DATES}


def fault(code: int) -> Fault:
    """Return what OpenSSL's *code* finds wrong."""
    return _FAULTS.get(code, Fault.TRUST)


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
