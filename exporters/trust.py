"""Whom a receiver's certificate may be vouched for by, and who we are to it: by files as they are.

An agent runs for months; authorities and certificates are renewed in place meanwhile.
"""

import ssl
from collections.abc import Callable
from functools import lru_cache, partial

from vedette.checks.http.tls import TlsSettings, files, identify
from vedette.checks.tls import Renewed, trust

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
    own = TlsSettings(ca_file=ca_file, cert_file=client_cert, key_file=client_key)
    return _renewed(own, is_web).current


@lru_cache
def _renewed(settings: TlsSettings, is_web: bool) -> Renewed[ssl.SSLContext]:
    return Renewed(partial(_made, settings, is_web), files(settings))


def _made(settings: TlsSettings, is_web: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust(context, settings.ca_file)
    if is_web:
        context.set_alpn_protocols(["http/1.1"])
    identify(context, settings)
    return context
