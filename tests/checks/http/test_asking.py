"""What is asked, by the settings."""

from pathlib import Path
from ssl import TLSVersion

import pytest
import trustme

from vedette.checks.http.asking import request_of, token_request_of
from vedette.checks.http.authentication import Secrets
from vedette.checks.http.settings import HttpSettings

NOBODY = Secrets()


def asking(*, secrets: Secrets = NOBODY, **settings: object):
    return request_of(HttpSettings(**{"url": "http://api.test/", **settings}), secrets)


def test_defaults() -> None:
    """A URL alone is a plain GET, of which no body is kept and no redirect is followed."""
    request = asking()

    assert (request.method, request.headers, request.body) == ("GET", (), None)
    assert (request.keep_body, request.max_redirects) == (False, 0)
    assert request.protocols == ("h2", "http/1.1")


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({"headers": {"X-Key": "1", "Host": "other.test"}}, {"X-Key": "1", "Host": "other.test"}),
        ({"compression": True}, {"Accept-Encoding": "gzip, deflate, br, zstd"}),
        (
            {"compression": True, "headers": {"accept-encoding": "br"}},
            {"accept-encoding": "br"},
        ),
        (
            {"basic_auth": {"username": "Aladdin", "password_env": "P"}},
            {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
        ),
        ({"bearer": {"token_env": "T"}}, {"Authorization": "Bearer open sesame"}),
    ],
)
def test_headers(settings: dict[str, object], headers: dict[str, str]) -> None:
    """Headers are the user's, and who asks is said as RFC 7617 and RFC 6750 say it."""
    assert dict(asking(secrets=Secrets(credential="open sesame"), **settings).headers) == headers


@pytest.mark.parametrize(
    ("settings", "protocols"),
    [
        ({}, ("h2", "http/1.1")),
        ({"versions": ["2"]}, ("h2", "http/1.1")),
        ({"versions": ["1.0", "1.1"]}, ("http/1.1",)),
        ({"http3": True}, ("h3",)),
    ],
)
def test_protocols(settings: dict[str, object], protocols: tuple[str, ...]) -> None:
    """A version that is not allowed is not offered, and who lacks HTTP/2 shows it by HTTP/1.1."""
    assert asking(url="https://api.test/", **settings).protocols == protocols


@pytest.mark.parametrize(
    ("rules", "keeps"), [({}, False), ({"body": "x"}, True), ({"json": "body.a"}, True)]
)
def test_a_body_is_kept_for_rules_about_it(rules: dict[str, object], keeps: bool) -> None:
    """Only what a rule reads is held in memory."""
    assert asking(**rules).keep_body is keeps


def test_bodies(tmp_path: Path) -> None:
    """What is sent stands in the settings, or is read from a file once."""
    (tmp_path / "ping").write_bytes(b"\x00ping")

    assert asking(method="POST", request_body="é").body == "é".encode()
    assert asking(method="PUT", request_body_file=str(tmp_path / "ping")).body == b"\x00ping"
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        asking(method="PUT", request_body_file=str(tmp_path / "pong"))


def test_tls(tmp_path: Path) -> None:
    """What is said about TLS is what is asked for, and files that do not fit are found out."""
    mine, other = trustme.CA().issue_cert("me"), trustme.CA().issue_cert("other")
    mine.private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")
    other.private_key_pem.write_to_path(tmp_path / "other.key")
    tls = asking(
        url="https://api.test/",
        client_cert=str(tmp_path / "me.pem"),
        server_name="b.test",
        verify=False,
        tls_min="1.2",
        tls_max=1.3,
    ).tls

    assert (tls.server_name, tls.verify) == ("b.test", False)
    assert (tls.min_version, tls.max_version) == (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3)
    with pytest.raises(ValueError, match="cannot use the client certificate"):
        asking(
            url="https://api.test/",
            client_cert=str(tmp_path / "me.pem"),
            client_key=str(tmp_path / "other.key"),
        )


def test_a_secret_proxy() -> None:
    """A proxy's URL from elsewhere is used with the password that it holds."""
    secrets = Secrets(proxy="http://me:hunter2@proxy.test:3128")
    request = asking(proxy_env="PROXY", secrets=secrets)

    assert request.proxy is not None
    assert request.proxy.credentials[0][0] == "Proxy-Authorization"
    assert asking(proxy="http://proxy.test:3128").proxy.credentials == ()


def test_a_token_is_asked_for_with_verification() -> None:
    """Whatever the page is asked with, a secret goes nowhere that is not verified."""
    settings = HttpSettings(
        url="https://api.test/",
        verify=False,
        oauth2={
            "token_url": "https://login.test/token",
            "client_id": "me",
            "client_secret_env": "S",
        },
    )
    request = token_request_of(settings, NOBODY)

    assert (request.target.host, request.tls.verify) == ("login.test", True)


def test_secrets_are_not_shown() -> None:
    """No secret can come into a log line by way of repr()."""
    secrets = Secrets(credential="hunter2", proxy="http://me:hunter2@proxy/")

    assert "hunter2" not in f"{secrets} {secrets!r}"
