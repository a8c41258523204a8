"""What a certificate says of itself, however odd it is.

Rule: no I/O. Apart from `vedette.checks.tls`, since who looks at no certificate need not keep
`cryptography` in memory: 8 MB.
"""

import contextlib
import warnings
from collections.abc import Iterator

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

UNREADABLE = (
    TypeError,
    ValueError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What reading a certificate that a stranger made may raise."""


def read(der: bytes) -> x509.Certificate:
    """Read a certificate in DER, however odd; raise one of UNREADABLE for what is none."""
    with _unwarned():
        return x509.load_der_x509_certificate(der)


def serial(certificate: x509.Certificate) -> str:
    """Return the serial number in hexadecimal, without a sign (RFC 5280 section 4.1.2.2)."""
    with _unwarned():
        number = abs(certificate.serial_number)
    return number.to_bytes((number.bit_length() + 7) // 8).hex()


@contextlib.contextmanager
def _unwarned() -> Iterator[None]:
    """Let nobody be warned of a serial number that a stranger made, and nobody here can mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        yield


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the alternative names: host names, then addresses."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return (*extension.value.get_values_for_type(x509.DNSName), *map(str, addresses))
