"""What TLS is to every kind: whom a context trusts, and what a certificate says of itself.

Rule: no socket.
"""

import ssl
from collections.abc import Sequence
from typing import Any

from cryptography import x509

_DER = 2  # _ssl.ENCODING_DER

UNREADABLE = (
    ValueError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What reading a certificate that a stranger made may raise."""


def trust(context: ssl.SSLContext, ca_file: str | None) -> None:
    """Have *context* trust *ca_file* alone, or else the system; or raise ValueError."""
    if ca_file is None:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # ssl.SSLError is one: a file without certificates
        raise ValueError(f"cannot read certificates from {ca_file}: {error.strerror}") from error
    # What the user names is trusted, be it a root, an intermediate or the server's own certificate.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN


def chain(session: Any, which: str = "unverified") -> tuple[bytes, ...]:  # noqa: ANN401 - see below
    """Return the chain as sent ("unverified"), also after a failure, or as "verified", in DER."""
    name = f"get_{which}_chain"
    if hasattr(session, name):
        return tuple(getattr(session, name)() or ())
    # Public only from Python 3.13 on, and typeshed lacks it.
    sent = getattr(session._sslobj, name)() or ()  # noqa: SLF001
    return tuple(certificate.public_bytes(_DER) for certificate in sent)


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the alternative names: host names, then addresses."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return (*extension.value.get_values_for_type(x509.DNSName), *map(str, addresses))


def some(names: Sequence[str]) -> str:
    """Return the first three names in a sentence, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
