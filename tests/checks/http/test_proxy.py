"""Through a proxy: what it is told, and what it is not."""

import socket
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
import trustme

from tests.checks.http.fetching import addresses, asked, failed, fetched
from tests.checks.http.looking import look, resolver
from tests.checks.http.raw import raw, says
from tests.servers.forward import forward
from tests.servers.nginx import Nginx, nginx
from vedette.checks.finding import Verdict
from vedette.checks.http.proxy import Proxy
from vedette.checks.http.reason import Reason
from vedette.checks.http.tls import TlsSettings
from vedette.checks.net import CouldNotLook, NetworkFailure
from vedette.checks.policy import METADATA, Policy


@pytest.fixture(scope="module")
def web(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("nginx"), ca.issue_cert("api.test"), http2=True) as server:
        yield server


async def test_plain(web: Nginx) -> None:
    """A plain URL is asked of the proxy in absolute form, with the proxy's credentials."""
    async with forward() as through:
        proxy = Proxy(url=f"http://me:p%40ss@proxy.test:{through.port}")
        response, fetch = await fetched(f"http://api.test:{web.http}/host", proxy=proxy)

    assert response.body.startswith(f"api.test:{web.http}|".encode())
    (head,) = through.heads
    assert head.startswith(f"GET http://api.test:{web.http}/host HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6cEBzcw==" in head
    assert addresses(fetch) == ["127.0.0.1"]


async def test_tunnel(web: Nginx, tls: TlsSettings) -> None:
    """Through a tunnel TLS is with the server, and the proxy's headers are for the proxy alone."""
    async with forward() as through:
        url = f"http://me:secret@proxy.test:{through.port}"
        proxy = Proxy(url=url, headers=(("X-Via", "us"),))
        response, fetch = await fetched(f"https://api.test:{web.https}/host", proxy=proxy, tls=tls)

    assert (response.status, response.version) == (200, "2")
    (head,) = through.heads
    assert head.startswith(f"CONNECT api.test:{web.https} HTTP/1.1\r\n")
    assert "X-Via: us" in head
    assert fetch.facts["certificate_names"] == ("api.test",)
    assert "secret" not in repr(proxy)


async def test_pinned(web: Nginx, tls: TlsSettings) -> None:
    """The proxy is told the pinned address, and the server the name."""
    async with forward() as through:
        response, _ = await fetched(
            f"https://api.test:{web.https}/host",
            proxy=Proxy(url=f"http://127.0.0.1:{through.port}"),
            tls=tls,
            address="127.0.0.1",
        )

    assert f"127.0.0.1:{web.https}" in through.heads[0].splitlines()[0]
    assert response.body.startswith(f"api.test:{web.https}|".encode())


async def test_pinned_without_tls() -> None:
    """A proxy would make Host of the address (RFC 9112 section 3.2.2): that would be no look."""
    async with forward() as through:
        proxy = Proxy(url=f"http://127.0.0.1:{through.port}")
        with pytest.raises(CouldNotLook, match="a proxy makes Host of an address"):
            await asked("http://api.test/", proxy=proxy, address="127.0.0.1").run()

    assert through.heads == []


async def test_refused_tunnel() -> None:
    """A proxy that makes no tunnel is why the server cannot be reached."""
    async with forward(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n") as through:
        proxy = Proxy(url=f"http://127.0.0.1:{through.port}")
        reason, detail, fetch = await failed("https://api.test/", proxy=proxy)

    assert (reason, fetch.phase) == (Reason.UNREACHABLE, "connect")
    assert "answered 502 when asked for api.test" in detail


async def test_late_tunnel() -> None:
    """A proxy that was reached and makes no tunnel in time is not said to be unreachable."""
    async with raw(says(hang=True)) as port:
        proxy = Proxy(url=f"http://127.0.0.1:{port}")
        reason, detail, _ = await failed("https://api.test/", proxy=proxy, timeout=0.2)

    assert reason is Reason.CONNECT_TIMEOUT
    assert detail == f"the proxy 127.0.0.1:{port} did not connect to api.test within 0.2 s"


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200",
        b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_no_use(answer: bytes) -> None:
    """Nothing is seen of a server by a proxy that refuses us, or speaks no HTTP."""
    async with forward(answer) as through:
        proxy = Proxy(url=f"http://127.0.0.1:{through.port}")
        fetch = asked("https://api.test/", proxy=proxy)
        with pytest.raises(CouldNotLook, match=f"the proxy 127.0.0.1:{through.port} cannot be us"):
            await fetch.run()


@pytest.mark.parametrize("url", ["http://api.test/", "https://api.test/"])
async def test_no_way_to_it(url: str) -> None:
    """A proxy that refuses connections, or whose name is not found, says nothing of the server."""
    with socket.socket() as bound:  # nobody listens
        bound.bind(("127.0.0.1", 0))
        proxy = Proxy(url=f"http://127.0.0.1:{bound.getsockname()[1]}")
        seen = await look(url, proxy=proxy.url)
    gone = NetworkFailure(Reason.DNS, "no such name")
    named = await look(url, proxy="http://proxy.test:3128", resolve=resolver(failure=gone))

    for finding, words in [
        (seen, f"the proxy {proxy.endpoint} cannot be used: {proxy.endpoint} refused"),
        (named, "the proxy proxy.test:3128 cannot be used: dns: "),
    ]:
        assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, Reason.PROXY)
        assert words in finding.detail


async def test_no_answer_from_it() -> None:
    """A proxy that does not even accept a connection in time says nothing of the server."""
    with socket.socket() as full:  # its queue is full: the next one gets no answer
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            proxy = f"http://127.0.0.1:{full.getsockname()[1]}"
            seen = await look("https://api.test/", proxy=proxy, timeout=0.2)

    assert (seen.verdict, seen.reason) == (Verdict.UNKNOWN, Reason.PROXY)
    assert "did not accept a TCP connection within 0.2 s" in seen.detail


async def test_who_are_you() -> None:
    """A proxy that wants to know us answers in place of the server of a plain URL; 502 is of it."""
    verdicts = {}
    for status in (407, 502):
        head = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
        async with forward(head) as through:
            seen = await look("http://api.test/", proxy=f"http://127.0.0.1:{through.port}")
        verdicts[status] = (seen.verdict, seen.reason)

    assert verdicts == {
        407: (Verdict.UNKNOWN, Reason.PROXY),
        502: (Verdict.FAILING, Reason.STATUS),
    }


async def test_policy() -> None:
    """The policy covers the proxy, and the addresses that it is told to connect to."""
    nowhere = Policy((), [ip_network("127.0.0.0/8")])
    secrets = Policy((), METADATA)
    proxy = Proxy(url="http://127.0.0.1:9")
    for url, policy in [
        ("http://a.test/", nowhere),
        ("http://169.254.169.254/", secrets),
        ("https://[fd00:ec2::254]/", secrets),
    ]:
        fetch = asked(url, proxy=proxy, permit=policy.permit)
        with pytest.raises(CouldNotLook, match="may not be probed"):
            await fetch.run()


@pytest.mark.parametrize("url", ["https://a.test", "socks5://a.test", "a.test:8080", "http://"])
def test_what_is_no_proxy(url: str) -> None:
    """Only HTTP proxies are spoken to."""
    with pytest.raises(ValueError, match=r"spoken to by http://|no host"):
        Proxy(url=url)


def test_ipv6() -> None:
    """A proxy's address with IPv6 is read as such."""
    assert str(Proxy(url="http://u:p@[::1]:3128/").endpoint) == "[::1]:3128"
