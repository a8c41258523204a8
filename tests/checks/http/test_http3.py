"""HTTP/3 against aioquic's own server."""

import asyncio
import socket

import pytest
import trustme

from tests.checks.http.fetching import asked, failed, fetched
from tests.checks.http.looking import look
from tests.checks.http.raw import DAY, FUTURE, PAST
from tests.servers.http3 import Handle, Serving, http3
from tests.servers.process import free_port
from vedette.checks.finding import Verdict
from vedette.checks.http.fetch import Fetch
from vedette.checks.http.reason import Reason
from vedette.checks.http.tls import TlsSettings
from vedette.checks.net import CouldNotLook, NetworkFailure

H3 = ("h3",)


@pytest.fixture(scope="module")
def leaf(ca: trustme.CA) -> trustme.LeafCert:
    return ca.issue_cert("api.test", not_after=FUTURE)


def well(server: Serving, stream: int) -> None:
    server.answer(stream, body=b"all is well")


Failed = tuple[Reason, str, Fetch]


async def failing(handle: Handle, leaf: trustme.LeafCert, tls: TlsSettings) -> Failed:
    """Fetch from a server that does so, which must fail, and return why, and the fetch."""
    async with http3(handle, leaf) as port:
        return await failed(f"https://api.test:{port}/", tls=tls, protocols=H3, timeout=0.5)


async def test_answer(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """An answer over HTTP/3 has status, headers, body, certificate and each phase."""

    def handle(server: Serving, stream: int) -> None:
        pairs = dict(server.asked[stream])
        server.answer(
            stream,
            status=203,
            body=b"|".join([pairs[b":method"], pairs[b":authority"], server.bodies[stream]]),
            headers=((b"x-own", b"mine"),),
        )

    async with http3(handle, leaf) as port:
        response, fetch = await fetched(
            f"https://api.test:{port}/x", tls=tls, protocols=H3, method="POST", body=b"y" * 50_000
        )

    assert (response.status, response.version, response.header("x-own")) == (203, "3", "mine")
    assert response.body == f"POST|api.test:{port}|{'y' * 50_000}".encode()
    (hop,) = fetch.hops
    assert list(hop.phases) == ["resolve", "connect", "tls", "processing", "transfer"]
    assert hop.tls["certificate_not_after"] == FUTURE.timestamp()
    assert (hop.tls["tls_version"], hop.address) == ("TLSv1.3", "127.0.0.1")


async def test_redirect(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """A redirect is followed over HTTP/3 too."""

    def handle(server: Serving, stream: int) -> None:
        if dict(server.asked[stream])[b":path"] == b"/a":
            server.answer(stream, status=302, headers=((b"location", b"/b"),))
        else:
            well(server, stream)

    async with http3(handle, leaf) as port:
        response, fetch = await fetched(
            f"https://api.test:{port}/a", tls=tls, protocols=H3, max_redirects=1
        )

    assert (response.body, len(fetch.hops)) == (b"all is well", 2)


async def test_limit_of_body(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """A body is read up to the limit."""

    def handle(server: Serving, stream: int) -> None:
        server.answer(stream, body=b"x" * 500_000, last=False)

    async with http3(handle, leaf) as port:
        response, _ = await fetched(
            f"https://api.test:{port}/", tls=tls, protocols=H3, max_body=300_000
        )

    assert (response.complete, len(response.body)) == (False, 300_000)


@pytest.mark.parametrize(
    ("names", "options", "reason"),
    [
        (["api.test"], {"not_before": PAST - DAY, "not_after": PAST}, Reason.TLS_EXPIRED),
        (["b.test"], {}, Reason.TLS_NAME),
        (None, {}, Reason.TLS_UNTRUSTED),
    ],
)
async def test_bad_certificates(
    ca: trustme.CA,
    tls: TlsSettings,
    names: list[str] | None,
    options: dict[str, object],
    reason: Reason,
) -> None:
    """A bad certificate has its reason, and its facts are kept; unverified it does not matter."""
    issuer = trustme.CA() if names is None else ca
    bad = issuer.issue_cert(*(names or ["api.test"]), **options)
    async with http3(well, bad) as port:
        url = f"https://api.test:{port}/"
        found, detail, fetch = await failed(url, tls=tls, protocols=H3)
        response, _ = await fetched(url, tls=TlsSettings(verify=False), protocols=H3)

    assert found is reason, detail
    assert fetch.facts["certificate_names"] == tuple(names or ["api.test"])
    assert response.status == 200


@pytest.mark.parametrize(
    ("names", "verdict", "said"),
    [
        (["*.test"], Verdict.FAILING, "the certificate is for *.test, not for api.test"),
        (["api.test", "*.test"], Verdict.UNKNOWN, "a name in the certificate cannot be read"),
    ],
)
async def test_name_that_the_library_cannot_read(
    ca: trustme.CA, tls: TlsSettings, names: list[str], verdict: Verdict, said: str
) -> None:
    """A wildcard that aioquic does not know is no bug of ours: it is judged, or left undecided."""
    async with http3(well, ca.issue_cert(*names)) as port:
        finding = await look(f"https://api.test:{port}/", ca_file=tls.ca_file, http3=True)

    assert (finding.verdict, finding.reason) == (verdict, Reason.TLS_NAME)
    assert said in finding.detail
    assert finding.facts["certificate_names"] == tuple(names)


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ({"not_before": FUTURE - DAY, "not_after": FUTURE}, "a certificate is not valid yet"),
        ({"not_before": PAST - DAY, "not_after": PAST}, "the certificate expired on 2020-01-01"),
    ],
    ids=["not yet", "no more"],
)
async def test_dates(ca: trustme.CA, tls: TlsSettings, dates: dict[str, object], said: str) -> None:
    """Too early is not too late, and beside a certificate that ended before the own one is told."""
    leaf = ca.issue_cert("api.test", **dates)
    old = ca.issue_cert("old.test", not_before=PAST - 3 * DAY, not_after=PAST - 2 * DAY)
    both = [old.cert_chain_pems[0].bytes()]
    sent = trustme.LeafCert(leaf.private_key_pem.bytes(), leaf.cert_chain_pems[0].bytes(), both)
    reason, detail, _ = await failing(well, sent, tls)

    assert (reason, said in detail) == (Reason.TLS_EXPIRED, True), detail


async def test_nobody_there(tls: TlsSettings) -> None:
    """A closed port refuses at once."""
    reason, _, fetch = await failed(f"https://api.test:{free_port()}/", tls=tls, protocols=H3)

    assert (reason, fetch.phase) == (Reason.CONNECT_REFUSED, "connect")


async def test_silence(tls: TlsSettings) -> None:
    """A port that says nothing is connect_timeout."""
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        reason, _, fetch = await failed(
            f"https://api.test:{port}/", tls=tls, protocols=H3, timeout=0.3
        )

    assert (reason, fetch.phase) == (Reason.CONNECT_TIMEOUT, "connect")


async def test_spaces_around_a_value(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """A header whose value has spaces around it is that value, as for browsers and curl."""

    def handle(server: Serving, stream: int) -> None:
        server.answer(stream, headers=((b"x-own", b" mine\t"),))

    async with http3(handle, leaf) as port:
        response, _ = await fetched(f"https://api.test:{port}/", tls=tls, protocols=H3)

    assert response.header("x-own") == "mine"


async def test_long_headers(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """Headers that do not end are refused before they are all kept."""

    def handle(server: Serving, stream: int) -> None:
        server.answer(stream, headers=tuple((b"x-%d" % n, b"\xff" * 9_000) for n in range(99)))

    reason, detail, _ = await failing(handle, leaf, tls)

    assert reason is Reason.PROTOCOL
    assert "headers do not end" in detail


@pytest.mark.parametrize(
    ("method", "status", "well"), [("HEAD", 200, True), ("GET", 304, True), ("GET", 200, False)]
)
async def test_length_without_body(
    leaf: trustme.LeafCert, tls: TlsSettings, method: str, status: int, well: bool
) -> None:
    """The length in a 304 and in an answer to HEAD is of a body that is not sent."""

    def handle(server: Serving, stream: int) -> None:
        server.answer(stream, status=status, headers=((b"content-length", b"5"),))

    async with http3(handle, leaf) as port:
        fetch = asked(f"https://api.test:{port}/", tls=tls, protocols=H3, method=method)
        if well:
            assert (await fetch.run()).status == status
        else:
            with pytest.raises(NetworkFailure, match="its body has 0 of 5 octets"):
                await fetch.run()


async def test_no_answer(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """A server that shakes hands and does not answer is a timeout in processing."""
    reason, _, fetch = await failing(lambda _server, _stream: None, leaf, tls)

    assert (reason, fetch.phase) == (Reason.TIMEOUT, "processing")


async def test_reset(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """A stream that the server resets is reason reset."""
    reason, _, _ = await failing(lambda server, stream: server.reset(stream, 0x10C), leaf, tls)

    assert reason is Reason.RESET


async def test_close(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """A connection that the server closes is reason reset."""
    reason, _, _ = await failing(lambda server, _: server.close(error_code=0x100), leaf, tls)

    assert reason is Reason.RESET


async def test_another_protocol(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """A port that speaks something else over QUIC fails in the handshake."""
    async with http3(well, leaf, protocols=["doq"]) as port:
        reason, _, _ = await failed(f"https://api.test:{port}/", tls=tls, protocols=H3)

    assert reason in {Reason.TLS_HANDSHAKE, Reason.PROTOCOL}


async def test_nonsense(tls: TlsSettings) -> None:
    """Datagrams that are not QUIC are no answer."""

    class Nonsense(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.DatagramTransport) -> None:
            self.transport = transport

        def datagram_received(self, _data: bytes, peer: tuple[str, int]) -> None:
            self.transport.sendto(b"\xff" * 50, peer)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Nonsense, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        reason, _, _ = await failed(f"https://api.test:{port}/", tls=tls, protocols=H3, timeout=0.4)
    finally:
        transport.close()

    assert reason is Reason.TIMEOUT


async def test_plain_url() -> None:
    """HTTP/3 is for https."""
    reason, _, _ = await failed("http://api.test/", protocols=H3)

    assert reason is Reason.PROTOCOL


async def test_unusable_files() -> None:
    """A file that cannot be used says nothing about the target."""
    settings = TlsSettings(ca_file="/nowhere/ca.pem")
    with pytest.raises(CouldNotLook, match=r"/nowhere/ca\.pem"):
        await asked("https://127.0.0.1:9/", tls=settings, protocols=H3).run()
