"""From the settings of a check to what it asks."""

from pathlib import Path
from ssl import TLSVersion

from vedette.checks.http.authentication import Secrets, basic
from vedette.checks.http.proxy import Proxy
from vedette.checks.http.request import Request
from vedette.checks.http.settings import HttpSettings
from vedette.checks.http.target import parse_url
from vedette.checks.http.tls import TlsSettings, context

_TLS_VERSIONS = {
    "1.0": TLSVersion.TLSv1,
    "1.1": TLSVersion.TLSv1_1,
    "1.2": TLSVersion.TLSv1_2,
    "1.3": TLSVersion.TLSv1_3,
}
_CODINGS = "gzip, deflate, br, zstd"


def request_of(settings: HttpSettings, secrets: Secrets) -> Request:
    """Return the request of *settings*; raise ValueError where a file of theirs cannot be used.

    OAuth 2.0 adds its header later: it has to ask for it.
    """
    request = Request(
        target=settings.target,
        method=settings.method,
        headers=tuple(_headers(settings, secrets).items()),
        body=_body(settings),
        tls=_tls(settings),
        protocols=_protocols(settings),
        proxy=_proxy(settings, secrets),
        max_redirects=settings.redirects,
        max_body=settings.max_body,
        keep_body=settings.keeps_body,
    )
    if settings.target.secure:
        context(request.tls, request.protocols)  # a file that cannot be used is found out here
    return request


def token_request_of(settings: HttpSettings, secrets: Secrets) -> Request:
    """Return a request to where a token comes from; it is never sent unverified."""
    assert settings.oauth2 is not None
    return Request(
        target=parse_url(settings.oauth2.token_url),
        tls=TlsSettings(ca_file=settings.ca_file),
        proxy=_proxy(settings, secrets),
        max_body=64 * 1024,
    )


def _headers(settings: HttpSettings, secrets: Secrets) -> dict[str, str]:
    headers = dict(settings.headers)
    if settings.compression and "accept-encoding" not in {name.lower() for name in headers}:
        headers["Accept-Encoding"] = _CODINGS
    if settings.basic_auth is not None:
        headers["Authorization"] = basic(settings.basic_auth.username, secrets.credential or "")
    elif settings.bearer is not None:
        headers["Authorization"] = f"Bearer {secrets.credential}"
    return headers


def _body(settings: HttpSettings) -> bytes | None:
    if settings.request_body is not None:
        return settings.request_body.encode()
    if settings.request_body_file is None:
        return None
    try:
        return Path(settings.request_body_file).read_bytes()
    except OSError as error:
        raise ValueError(
            f"request_body_file {settings.request_body_file} cannot be read: {error.strerror}"
        ) from None


def _tls(settings: HttpSettings) -> TlsSettings:
    return TlsSettings(
        ca_file=settings.ca_file,
        cert_file=settings.client_cert,
        key_file=settings.client_key,
        server_name=settings.server_name,
        verify=settings.verify,
        min_version=_TLS_VERSIONS[settings.tls_min] if settings.tls_min else None,
        max_version=_TLS_VERSIONS[settings.tls_max] if settings.tls_max else None,
    )


def _protocols(settings: HttpSettings) -> tuple[str, ...]:
    """Return what to offer; HTTP/2 alone is offered to nobody, so that it shows who lacks it."""
    if settings.http3:
        return ("h3",)
    if settings.versions and "2" not in settings.versions:
        return ("http/1.1",)
    return ("h2", "http/1.1")


def _proxy(settings: HttpSettings, secrets: Secrets) -> Proxy | None:
    url = secrets.proxy or settings.proxy
    return None if url is None else Proxy(url=url)
