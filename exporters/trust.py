"""Whom a receiver's certificate may be vouched for by, and who we are to it: by files as they are.

An agent runs for months; authorities and certificates are renewed in place meanwhile.
"""

import ssl
from collections.abc import Callable
from functools import lru_cache, partial

from vedette.checks.tls import Renewed, trust, trusted_paths

Trust = Callable[[], ssl.SSLContext]
"""Returns the context of now; raises ValueError where its files were never of use."""


def trusting(
    ca_file: str | None = None,
    client_cert: str | None = None,
    client_key: str | None = None,
    *,
    is_web: bool = True,
) -> Trust:
    """Return what trusts *ca_file* instead of the system's authorities, and shows *client_cert*.

    Names are verified in any case. While a file cannot be used, what was read before is. Who
    *is_web* is offered HTTP by ALPN, which is none of a mail server's protocols.
    """
    return _renewed(ca_file, client_cert, client_key, is_web).current


@lru_cache
def _renewed(
    ca_file: str | None, client_cert: str | None, client_key: str | None, is_web: bool
) -> Renewed[ssl.SSLContext]:
    own = [path for path in (client_cert, client_key) if path is not None]
    made = partial(_made, ca_file, client_cert, client_key, is_web)
    return Renewed(made, (*own, *trusted_paths(ca_file)))


def _made(
    ca_file: str | None, client_cert: str | None, client_key: str | None, is_web: bool
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust(context, ca_file)
    if is_web:
        context.set_alpn_protocols(["http/1.1"])
    if client_cert is not None:
        try:
            # An encrypted key would otherwise be asked for at the terminal.
            context.load_cert_chain(client_cert, client_key, password=lambda: b"")
        except OSError as error:
            raise ValueError(f"cannot use {client_cert} with its key: {error}") from error
    return context
