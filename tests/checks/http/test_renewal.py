"""Certificates that are renewed in place: used at once, and never read for each look."""

import asyncio
import logging
import os
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import trustme

from tests.checks.http.fetching import fetched
from tests.checks.http.looking import checking
from tests.checks.http.raw import FUTURE, PAST, raw, says
from tests.servers.http3 import http3
from vedette.checks.finding import Finding, Verdict
from vedette.checks.http.check import HttpCheck
from vedette.checks.http.reason import Reason
from vedette.checks.http.tls import TlsSettings, built, context
from vedette.checks.net import NetworkFailure
from vedette.checks.tls import Renewed

OK = says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
HTTP1 = ("http/1.1",)


def issued(ca: trustme.CA) -> trustme.LeafCert:
    return ca.issue_cert("a.test", not_after=FUTURE)


async def looked(check: HttpCheck) -> Finding:
    return await check.looks()[0].once()


def replaced(path: Path, ca: trustme.CA) -> None:
    """Put another file in the place of the one that there is."""
    ca.cert_pem.write_to_path(path.with_suffix(".new"))
    path.with_suffix(".new").rename(path)


def overwritten(path: Path, ca: trustme.CA) -> None:
    """Write into the file that there is, and let it look as old as it was."""
    before = path.stat()
    ca.cert_pem.write_to_path(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swapped(path: Path, ca: trustme.CA) -> None:
    """Lead a symbolic link elsewhere, as Kubernetes renews what it mounts."""
    ca.cert_pem.write_to_path(path.with_suffix(".other"))
    path.unlink()
    path.symlink_to(path.with_suffix(".other"))


@pytest.mark.parametrize("renew", [replaced, overwritten, swapped])
async def test_authorities(tmp_path: Path, renew: Callable[[Path, trustme.CA], None]) -> None:
    """Whom a file lists is trusted by the next look, and whom it does not list any more is not."""
    old, new, path = trustme.CA(), trustme.CA(), tmp_path / "ca.pem"
    old.cert_pem.write_to_path(path)
    async with raw(OK, certificate=issued(old)) as one, raw(OK, certificate=issued(new)) as two:
        checks = [checking(f"https://a.test:{port}/", ca_file=str(path)) for port in (one, two)]
        before = [(await looked(check)).reason for check in checks]
        renew(path, new)
        after = [(await looked(check)).reason for check in checks]

    assert before == [None, Reason.TLS_UNTRUSTED]
    assert after == [Reason.TLS_UNTRUSTED, None]


@pytest.mark.parametrize("left", [None, b"", b"-----BEGIN CERTIFICATE-----\nMIIB"])
async def test_vanished_authorities(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, left: bytes | None
) -> None:
    """A file that vanished or is half-written leaves what it held, and that is said once."""
    old, new, path = trustme.CA(), trustme.CA(), tmp_path / "ca.pem"
    old.cert_pem.write_to_path(path)
    caplog.set_level(logging.WARNING)
    async with raw(OK, certificate=issued(old)) as port:
        check = checking(f"https://a.test:{port}/", ca_file=str(path))
        found = [await looked(check)]
        path.unlink() if left is None else path.write_bytes(left)
        found += [await looked(check) for _ in range(3)]
        said = caplog.messages.copy()
        new.cert_pem.write_to_path(path)
        renewed = await looked(check)

    assert [finding.verdict for finding in found] == [Verdict.OK] * 4, found
    (line,) = said
    assert line.startswith(f"cannot read certificates from {path}: ")
    assert line.endswith(": what was read before stays in use")
    assert renewed.reason is Reason.TLS_UNTRUSTED
    assert caplog.messages == said


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "client.pem", tmp_path / "client.key"


def written(pair: tuple[Path, Path], certificate: trustme.LeafCert) -> None:
    certificate.cert_chain_pems[0].write_to_path(pair[0])
    certificate.private_key_pem.write_to_path(pair[1])


def demanding(ca: trustme.CA) -> ssl.SSLContext:
    """Return what serves a.test to those who show a certificate of *ca*."""
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(made)
    ca.issue_cert("a.test").configure_cert(made)
    return made


async def test_client_certificate(
    tmp_path: Path, pair: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """A client's certificate is the new one as soon as its key is there too, and not before."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    shown: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subject = writer.get_extra_info("peercert")["subjectAltName"]
        shown.append(subject[0][1])
        await OK(reader, writer)

    old, new = ca.issue_cert("old.test"), ca.issue_cert("new.test")
    written(pair, old)
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=demanding(ca))
    async with server:
        check = checking(
            f"https://a.test:{server.sockets[0].getsockname()[1]}/",
            ca_file=str(tmp_path / "ca.pem"),
            client_cert=str(pair[0]),
            client_key=str(pair[1]),
        )
        await looked(check)
        new.cert_chain_pems[0].write_to_path(pair[0])
        await looked(check)
        new.private_key_pem.write_to_path(pair[1])
        found = await looked(check)

    assert found.verdict is Verdict.OK, found
    assert shown == ["old.test", "old.test", "new.test"]
    (line,) = caplog.messages
    assert f"cannot use the client certificate {pair[0]} with its key {pair[1]}" in line


@pytest.mark.parametrize(
    ("ends", "verdict", "reason", "words"),
    [
        (PAST, Verdict.UNKNOWN, Reason.TLS_EXPIRED, "our own certificate expired on 2020-01-01"),
        (FUTURE, Verdict.OK, None, "answered 200; our own certificate ends on"),
    ],
)
async def test_own_certificate(
    tmp_path: Path,
    pair: tuple[Path, Path],
    ends: datetime,
    verdict: Verdict,
    reason: Reason | None,
    words: str,
) -> None:
    """That ours ends soon is told ahead, and a server that refuses it afterwards is not down."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    written(pair, ca.issue_cert("me.test", not_after=ends))
    server = await asyncio.start_server(OK, "127.0.0.1", 0, ssl=demanding(ca))
    async with server:
        check = checking(
            f"https://a.test:{server.sockets[0].getsockname()[1]}/",
            ca_file=str(tmp_path / "ca.pem"),
            client_cert=str(pair[0]),
            client_key=str(pair[1]),
            now=FUTURE.timestamp() - 3 * 86400,
        )
        found = await looked(check)

    assert (found.verdict, found.reason) == (verdict, reason), found
    assert words in found.detail
    assert ("certificate_expiring" in found.facts) is (verdict is Verdict.OK)


async def test_http3(tmp_path: Path) -> None:
    """Over HTTP/3 it is the same: renewed at once, and kept where there is nothing to be used."""
    old, new, path = trustme.CA(), trustme.CA(), tmp_path / "ca.pem"
    old.cert_pem.write_to_path(path)
    rest = {"tls": TlsSettings(ca_file=str(path)), "protocols": ("h3",)}

    async with http3(lambda server, stream: server.answer(stream), issued(old)) as port:
        url = f"https://a.test:{port}/"
        await fetched(url, **rest)
        path.write_bytes(b"-----BEGIN CERTIFICATE-----\nMIIB")
        await fetched(url, **rest)
        path.unlink()
        await fetched(url, **rest)
        new.cert_pem.write_to_path(path)
        with pytest.raises(NetworkFailure) as caught:
            await fetched(url, **rest)

    assert caught.value.reason is Reason.TLS_UNTRUSTED


def test_one_context_for_all(tmp_path: Path) -> None:
    """A context is built once for files that stay as they are, and once more for each renewal."""
    path, settings = tmp_path / "ca.pem", TlsSettings(ca_file=str(tmp_path / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(path)
    first = context(settings, HTTP1)
    assert all(context(settings, HTTP1) is first for _ in range(9))

    trustme.CA().cert_pem.write_to_path(path)
    second = context(settings, HTTP1)
    assert second is not first
    assert all(context(settings, HTTP1) is second for _ in range(9))


def test_faults_are_cheap(tmp_path: Path) -> None:
    """What was read and is wrong is not read again until it changes; what is away is asked for."""
    path, made = tmp_path / "ca.pem", list[TlsSettings]()
    settings = TlsSettings(ca_file=str(path))

    def make() -> ssl.SSLContext:
        made.append(settings)
        return built(settings, HTTP1)

    renewed = Renewed(make, (str(path),))
    path.write_text("nonsense")
    for _ in range(3):
        with pytest.raises(ValueError, match="cannot read certificates"):
            renewed.current()
    assert len(made) == 1
    path.unlink()
    for _ in range(2):
        with pytest.raises(ValueError, match="No such file"):
            renewed.current()
    assert len(made) == 3
    trustme.CA().cert_pem.write_to_path(path)
    assert renewed.current() is renewed.current()
    assert len(made) == 4


def test_the_system_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom the system trusts may change as well."""
    path = tmp_path / "system.pem"
    trustme.CA().cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    settings = TlsSettings(max_version=ssl.TLSVersion.TLSv1_3)  # one that no other test has
    first = context(settings, HTTP1)
    assert len(first.get_ca_certs()) == 1
    path.write_bytes(path.read_bytes() + trustme.CA().cert_pem.bytes())
    assert len(context(settings, HTTP1).get_ca_certs()) == 2
    assert context(settings, HTTP1) is context(settings, HTTP1) is not first
