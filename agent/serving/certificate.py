"""The listener's certificate, and whose client certificates it believes."""

import ssl
from functools import partial

from vedette.checks.tls import Renewed


def served(cert_file: str, key_file: str, client_ca_file: str | None = None) -> ssl.SSLContext:
    """Return the context of a listener; raise ValueError for files that cannot be used.

    Each handshake goes by the files as they are then, so that a renewed certificate is used at
    once; one that cannot be used is told in the log, and what was read before stays in use.
    """
    paths = [path for path in (cert_file, key_file, client_ca_file) if path is not None]
    build = partial(_built, cert_file, key_file, client_ca_file)
    renewed = Renewed(build, paths)

    def renew(session: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        session.context = renewed.current()

    first = build()
    first.sni_callback = renew
    return first


def _built(certificate: str, key: str, authority: str | None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_alpn_protocols(["http/1.1"])
    try:
        # An encrypted key would otherwise be asked for at the terminal.
        made.load_cert_chain(certificate, key, password=lambda: b"")
    except OSError as error:
        raise ValueError(
            f"cannot use the certificate {certificate} with its key {key}: "
            f"{error.strerror or error}"
        ) from error
    if authority is not None:
        _believe(made, authority)
    return made


def _believe(made: ssl.SSLContext, authority: str) -> None:
    """Ask for a client certificate; who has none may still have a token."""
    made.verify_mode = ssl.CERT_OPTIONAL
    try:
        made.load_verify_locations(authority)
    except OSError as error:  # ssl.SSLError is one: a file without certificates
        raise ValueError(
            f"cannot read certificates from {authority}: {error.strerror or error}"
        ) from error
