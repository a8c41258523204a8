"""From an http module and a target to the request that is sent."""

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from vedette.agent.blackbox.client import HttpClient
from vedette.agent.blackbox.files import text_of, tls_settings
from vedette.agent.blackbox.limits import Permit
from vedette.agent.blackbox.modules import HttpProbe
from vedette.agent.blackbox.proxies import proxy_of
from vedette.checks.http.authentication import OAuth2, basic
from vedette.checks.http.request import Request
from vedette.checks.http.target import Target, parse_url, punycoded
from vedette.checks.http.tokens import Tokens
from vedette.checks.net import Resolve

REDIRECTS = 10
MOST_INFLATED = 16 * 1024 * 1024
"""Octets that a compressed body may inflate to, where the module has no body_size_limit."""
MOST_SEARCHED = 512 * 1024
"""Octets of a body that are kept to be searched, where the module has no body_size_limit.

With all else that a probe needs they stay below a megabyte of memory.
"""
_UNLIMITED = 1 << 62
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))

_made = lru_cache(maxsize=4096)(Request)


@lru_cache(maxsize=4096)
def target_of(text: str, *, secure: bool = False) -> tuple[Target, str]:
    """Return where *text* points and the Authorization that it holds; raise ValueError.

    Without a scheme it is http; with *secure* it is https, and so is what says http. What is no
    part of a URL is encoded, as browsers do.
    """
    scheme = re.match(r"https?://", text, re.IGNORECASE)
    if secure or scheme is None:
        text = f"http{'s' * secure}://{text[scheme.end() if scheme else 0 :]}"
    parts = urlsplit(text)
    who, _, where = parts.netloc.rpartition("@")
    path, query = quote(parts.path, safe=_PRINTABLE), quote(parts.query, safe=_PRINTABLE)
    url = parts._replace(netloc=punycoded(where), path=path, query=query, fragment="").geturl()
    user, _, password = who.partition(":")
    return parse_url(url), basic(unquote(user), unquote(password)) if who else ""


def request_of(settings: HttpProbe, target: Target, headers: dict[str, str], who: str) -> Request:
    """Return the request of *settings* with *headers* in the place of the module's.

    *who* is the value of an Authorization header that is sent where the module has none. Raises
    OSError and ValueError where a file of the module cannot be used.
    """
    sent = [*headers.items(), *_more_headers(settings)]
    known = {name.lower() for name, _ in sent}
    if "authorization" not in known and (signed := _authorization(settings) or who):
        sent.append(("Authorization", signed))
    host = next((value for name, value in sent if name.lower() == "host"), "")
    body = text_of(settings.body, settings.body_file) if settings.body_file else settings.body
    coding = "" if settings.compression == "identity" else settings.compression
    return _made(
        target=target,
        method=settings.method or "GET",
        headers=tuple(sent),
        body=body.encode() or None,
        tls=tls_settings(settings.tls_config, _without_port(host)),
        protocols=_protocols(settings),
        proxy=None if settings.enable_http3 else proxy_of(settings, target),
        max_redirects=REDIRECTS if settings.redirects else 0,
        max_body=settings.body_size_limit or (MOST_INFLATED if coding else _UNLIMITED),
        keep_body=settings.searches,
        max_kept=settings.body_size_limit or MOST_SEARCHED,
        inflate=False,
        coding=coding,
    )


def _without_port(host: str) -> str:
    return re.sub(r":\d+$", "", host).strip("[]")


def _protocols(settings: HttpProbe) -> tuple[str, ...]:
    if settings.enable_http3:
        return ("h3",)
    return ("h2", "http/1.1") if settings.enable_http2 else ("http/1.1",)


def _more_headers(settings: HttpClient) -> Iterator[tuple[str, str]]:
    for name, header in settings.http_headers.items():
        for value in header.values:
            yield name, value
        for secret in header.secrets:
            yield name, secret.get_secret_value()
        for file in header.files:
            yield name, text_of(None, file)


def _authorization(settings: HttpClient) -> str:
    """Return the value of the Authorization header, "" without one; OAuth 2.0 is not done here."""
    if (given := settings.basic_auth) is not None:
        user = text_of(given.username, given.username_file)
        return basic(user, text_of(given.password, given.password_file))
    if (said := settings.authorization) is not None:
        credentials = text_of(said.credentials, said.credentials_file)
        return f"{said.type} {credentials}".rstrip()
    token = text_of(settings.bearer_token, settings.bearer_token_file)
    return f"Bearer {token}" if token else ""


def tokens_of(settings: HttpClient, resolve: Resolve, permit: Permit) -> Tokens | None:
    """Return what fetches the tokens of *settings*, None where it wants none.

    Raises OSError and ValueError where a file of the module cannot be used.
    """
    oauth2 = settings.oauth2
    if oauth2 is None:
        return None
    secret = text_of(oauth2.client_secret, oauth2.client_secret_file)
    target = parse_url(oauth2.token_url)
    return _tokens(
        oauth2.client_id,
        SecretStr(secret),
        tuple(oauth2.scopes),
        tuple(oauth2.endpoint_params.items()),
        Request(
            target=target,
            tls=tls_settings(oauth2.tls_config),
            proxy=proxy_of(oauth2, target),
            max_body=64 * 1024,
        ),
        resolve,
        permit,
    )


@lru_cache(maxsize=256)
def _tokens(
    client: str,
    secret: SecretStr,
    scopes: tuple[str, ...],
    parameters: tuple[tuple[str, str], ...],
    asking: Request,
    resolve: Resolve,
    permit: Permit,
) -> Tokens:
    """Return the one that all probes with the same settings share."""
    settings = OAuth2(
        token_url=asking.target.url,
        client_id=client,
        client_secret_env="unused",  # noqa: S106 - the secret is at hand
        scopes=list(scopes),
    )
    return Tokens(settings, secret.get_secret_value(), asking, resolve, dict(parameters), permit)
