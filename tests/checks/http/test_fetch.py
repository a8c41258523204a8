"""The engine against real servers: which way it goes, what it brings back, hop by hop."""

import ssl
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from tests.checks.http.fetching import HTTP1, addresses, asked, failed, fetched
from tests.checks.http.raw import raw, says
from tests.servers.haproxy import Haproxy, haproxy
from tests.servers.nginx import Nginx, nginx
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.http.target import parse_url
from vedette.checks.http.tls import TlsSettings
from vedette.checks.net import CouldNotLook
from vedette.checks.policy import Policy

SIX = [f"127.0.0.{last}" for last in range(11, 17)]
ALIVE = SIX[:-1]

LOCATIONS = """
location = /a { return 302 /b; }
location = /b { return 307 /host; }
location = /loop { return 302 /loop; }
location = /far { return 302 http://other.test:$server_port/host; }
location = /ftp { return 302 ftp://a.test/; }
location = /squeezed { gzip on; gzip_types *; gzip_min_length 1; gzip_http_version 1.0;
    return 200 "squeezed squeezed squeezed squeezed squeezed squeezed"; }
location = /asked { return 200 "$request_method $content_length $http_cookie $http_x_own"; }
"""


@pytest.fixture(scope="module")
def web(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    leaf = ca.issue_cert("api.test", "127.0.0.1")
    folder = tmp_path_factory.mktemp("nginx")
    places = ["127.0.0.1", *ALIVE]
    with nginx(folder, leaf, locations=LOCATIONS, http2=True, addresses=places) as running:
        (running.www / "big").write_bytes(b"x" * 300_000 + b"y")
        yield running


@pytest.fixture(scope="module")
def proxy(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haproxy]:
    leaf = ca.issue_cert("api.test")
    with haproxy(tmp_path_factory.mktemp("haproxy"), leaf, addresses=["127.0.0.1", *ALIVE]) as up:
        yield up


async def test_versions(web: Nginx, tls: TlsSettings) -> None:
    """HTTP/2 is spoken where ALPN chose it, HTTP/1.1 without TLS or where it alone is wanted."""
    url = f"https://api.test:{web.https}/big"
    two, fetch = await fetched(url, tls=tls)
    one, _ = await fetched(url, tls=tls, protocols=HTTP1)
    plain, _ = await fetched(f"http://api.test:{web.http}/big")

    assert (two.version, one.version, plain.version) == ("2", "1.1", "1.1")
    assert two.body == one.body == plain.body == b"x" * 300_000 + b"y"
    assert two.size == two.inflated_size == 300_001
    (hop,) = fetch.hops
    assert (hop.version, hop.status, hop.tls["tls_version"]) == ("2", 200, "TLSv1.3")
    assert list(hop.phases) == ["resolve", "connect", "tls", "processing", "transfer"]


async def test_redirects(web: Nginx, tls: TlsSettings) -> None:
    """Each redirect is a hop on a connection of its own, with its phases; they add up."""
    response, fetch = await fetched(f"https://api.test:{web.https}/a", tls=tls, max_redirects=2)

    assert (response.status, response.redirects, response.unfollowed) == (200, 2, False)
    assert [hop.status for hop in fetch.hops] == [302, 307, 200]
    assert [hop.url.rpartition("/")[2] for hop in fetch.hops] == ["a", "b", "host"]
    assert all({"resolve", "connect", "tls", "processing"} <= set(hop.phases) for hop in fetch.hops)
    total = sum(hop.phases["connect"] for hop in fetch.hops)
    assert fetch.facts["connect_seconds"] == pytest.approx(total)


@pytest.mark.parametrize(("limit", "status"), [(0, 302), (1, 307)])
async def test_limit(web: Nginx, limit: int, status: int) -> None:
    """At the limit the last redirect is the answer, with the count of those before it."""
    response, fetch = await fetched(f"http://a.test:{web.http}/a", max_redirects=limit)

    assert (response.status, response.redirects, response.unfollowed) == (status, limit, True)
    assert len(fetch.hops) == limit + 1


async def test_cookies(proxy: Haproxy, tls: TlsSettings) -> None:
    """A cookie that a redirect sets is sent to where it leads, in HTTP/1.1 and in HTTP/2."""
    for url in (f"http://api.test:{proxy.http}/a", f"https://api.test:{proxy.https}/a"):
        response, _ = await fetched(url, tls=tls, max_redirects=1)
        assert response.body == b"seen=127.0.0.1"


async def test_pinned(proxy: Haproxy, tls: TlsSettings) -> None:
    """At a pinned address Host, SNI and what is verified stay those of the URL."""
    for address in ALIVE:
        url = f"https://api.test:{proxy.https}/"
        response, fetch = await fetched(url, tls=tls, address=address)
        assert response.body.split() == [address.encode(), b"TLSv1.3", b"HTTP/2.0", b"api.test"]
        assert addresses(fetch) == [address]


async def test_one_of_six_is_dead(web: Nginx, tls: TlsSettings) -> None:
    """Of six addresses the one that is dead is told from the five that are well."""
    for at in SIX:
        fetch = asked(f"https://api.test:{web.https}/", tls=tls, address=at)
        if at in ALIVE:
            assert (await fetch.run()).status == 200
        else:
            reason, _, dead = await failed(f"https://api.test:{web.https}/", tls=tls, address=at)
            assert (reason, addresses(dead)) == (Reason.CONNECT_REFUSED, [at])


async def test_pin_holds_for_its_host(web: Nginx) -> None:
    """A redirect to the same host stays at the pinned address, one to another host is resolved."""
    _, same = await fetched(f"http://a.test:{web.http}/a", address=SIX[0], max_redirects=2)
    _, other = await fetched(f"http://a.test:{web.http}/far", address=SIX[0], max_redirects=1)

    assert addresses(same) == [SIX[0]] * 3
    assert addresses(other) == [SIX[0], "127.0.0.1"]


async def test_policy_after_redirect(web: Nginx) -> None:
    """The policy is asked with each address that is connected to, and before it is."""
    policy = Policy((), [ip_network("127.0.0.1/32")])
    fetch = asked(
        f"http://a.test:{web.http}/far", address=SIX[0], permit=policy.permit, max_redirects=1
    )
    with pytest.raises(CouldNotLook, match=r"127\.0\.0\.1 may not be probed") as caught:
        await fetch.run()

    assert caught.value.reason is Reason.UNREACHABLE
    assert "connect" not in fetch.hops[1].phases


async def test_rebinding(web: Nginx) -> None:
    """The address that was permitted is the one that is connected to, without a second look."""
    asked_for: list[str] = []

    async def rebinding(host: str) -> Sequence[str]:
        asked_for.append(host)
        return ["127.0.0.1"] if len(asked_for) == 1 else ["127.0.0.99"]

    permitted: list[str] = []
    _, fetch = await fetched(
        f"http://a.test:{web.http}/", resolve=rebinding, permit=permitted.append
    )

    assert (asked_for, permitted, addresses(fetch)) == (["a.test"], ["127.0.0.1"], ["127.0.0.1"])


@pytest.mark.parametrize("inflate", [True, False])
async def test_compression(web: Nginx, inflate: bool) -> None:
    """A compressed body is inflated where it is to be, and both its sizes are told."""
    headers = (("Accept-Encoding", "gzip"),)
    url = f"http://a.test:{web.http}/squeezed"
    response, _ = await fetched(url, headers=headers, inflate=inflate)

    assert response.header("content-encoding") == "gzip"
    assert response.body.startswith(b"squeezed" if inflate else b"\x1f\x8b")
    assert (response.inflated_size > response.size) is inflate


@pytest.mark.parametrize("limit", [300_000, 300_001])
async def test_limit_of_body(web: Nginx, tls: TlsSettings, limit: int) -> None:
    """A body is read up to the limit, and is whole if it ends there."""
    for protocols in (HTTP1, ("h2",)):
        url = f"https://api.test:{web.https}/big"
        response, _ = await fetched(url, tls=tls, protocols=protocols, max_body=limit)
        assert (response.complete, len(response.body)) == (limit == 300_001, limit)


async def test_body_is_sent(web: Nginx, tls: TlsSettings) -> None:
    """A request's body arrives in both versions, also where it is more than a window holds."""
    for protocols in (HTTP1, ("h2",)):
        url = f"https://api.test:{web.https}/asked"
        response, _ = await fetched(
            url,
            tls=tls,
            protocols=protocols,
            method="POST",
            body=b"x" * 200_000,
            headers=(("Cookie", "a=b"), ("X-Own", "mine")),
        )
        assert response.body == b"POST 200000 a=b mine"


async def test_head(web: Nginx, tls: TlsSettings) -> None:
    """An answer to HEAD has no body, whatever length it tells."""
    for url in (f"http://a.test:{web.http}/big", f"https://api.test:{web.https}/big"):
        response, _ = await fetched(url, tls=tls, method="HEAD")
        assert (response.size, response.header("content-length")) == (0, "300001")


async def test_client_certificate(ca: trustme.CA, tls: TlsSettings, tmp_path: Path) -> None:
    """A client certificate is shown to a server that wants one, and its lack is refused there."""
    mine = ca.issue_cert("me.test")
    mine.cert_chain_pems[0].write_to_path(tmp_path / "me.pem")
    mine.private_key_pem.write_to_path(tmp_path / "me.key")
    shown = TlsSettings(
        ca_file=tls.ca_file, cert_file=str(tmp_path / "me.pem"), key_file=str(tmp_path / "me.key")
    )
    options = f"verify required ca-file {tls.ca_file}"
    with haproxy(tmp_path / "h", ca.issue_cert("api.test"), options=options) as server:
        url = f"https://api.test:{server.https}/"
        assert (await fetched(url, tls=shown))[0].status == 200
        reason, detail, _ = await failed(url, tls=tls)

    assert reason is Reason.TLS_HANDSHAKE
    assert "certificate required" in detail


async def test_tls_versions(ca: trustme.CA, tls: TlsSettings, tmp_path: Path) -> None:
    """TLS that is too old is refused, in words that say so, unless it is asked for."""
    with haproxy(tmp_path, ca.issue_cert("api.test"), options="ssl-max-ver TLSv1.1") as server:
        url = f"https://api.test:{server.https}/"
        reason, detail, _ = await failed(url, tls=tls)
        old = TlsSettings(ca_file=tls.ca_file, min_version=ssl.TLSVersion.TLSv1)
        response, fetch = await fetched(url, tls=old)

    assert (reason, response.status) == (Reason.TLS_HANDSHAKE, 200)
    assert "no TLS version that both sides allow" in detail
    assert fetch.facts["tls_version"] == "TLSv1.1"


async def test_other_server_name(web: Nginx, tls: TlsSettings) -> None:
    """A server name of the settings is verified in place of the host; nothing may be verified."""
    url = f"https://edge.test:{web.https}/host"
    named = TlsSettings(ca_file=tls.ca_file, server_name="api.test")
    reason, _, fetch = await failed(url, tls=tls)

    assert (reason, fetch.facts["certificate_names"][0]) == (Reason.TLS_NAME, "api.test")
    assert f"edge.test:{web.https}|api.test" in (await fetched(url, tls=named))[0].body.decode()
    assert (await fetched(url, tls=TlsSettings(verify=False)))[0].status == 200


async def test_no_http2(ca: trustme.CA, tls: TlsSettings, tmp_path: Path) -> None:
    """Where HTTP/2 alone is wanted, a server without it has the wrong protocol."""
    with nginx(tmp_path, ca.issue_cert("api.test")) as server:
        url = f"https://api.test:{server.https}/"
        reason, detail, _ = await failed(url, tls=tls, protocols=("h2",))

    assert reason is Reason.PROTOCOL
    assert "no version of HTTP" in detail


async def test_unusable_files(web: Nginx) -> None:
    """A file of the settings that cannot be used says nothing about the target."""
    fetch = asked(f"https://api.test:{web.https}/", tls=TlsSettings(ca_file="/nowhere/ca.pem"))
    with pytest.raises(CouldNotLook, match=r"/nowhere/ca\.pem"):
        await fetch.run()


async def test_deadline_is_of_the_whole(web: Nginx) -> None:
    """Redirects share one deadline: a hop that hangs ends when the time of the whole is up."""
    async with raw(says(hang=True)) as silent:
        location = f"HTTP/1.1 302 F\r\nLocation: http://b.test:{silent}/\r\n\r\n".encode()
        async with raw(says(location)) as port:
            reason, _, fetch = await failed(f"http://a.test:{port}/", max_redirects=3, timeout=0.3)

    assert (reason, fetch.phase, len(fetch.hops)) == (Reason.TIMEOUT, "processing", 2)
    assert "connect_seconds" in fetch.facts


def test_head_of_a_request() -> None:
    """A header of the user's replaces ours, keeps its place, and may stand twice."""
    request = Request(
        target=parse_url("http://api.test/x?y"),
        method="POST",
        headers=(("x-a", "1"), ("user-agent", "me"), ("x-a", "2"), ("Connection", "upgrade")),
        body=b"abc",
    )
    assert request.head.decode().splitlines() == [
        "POST /x?y HTTP/1.1",
        "Host: api.test",
        "Accept: */*",
        "x-a: 1",
        "user-agent: me",
        "x-a: 2",
        "Content-Length: 3",
        "Connection: close",
        "",
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"method": "GE T"}, {"headers": (("a b", "c"),)}, {"headers": (("a", "secret\r\nb: c"),)}],
)
def test_request_that_cannot_be_sent(wrong: dict[str, object]) -> None:
    """What would break the message apart is refused, and a value is not repeated."""
    with pytest.raises(ValueError, match=r"method|header|control") as caught:
        Request(target=parse_url("http://a.test/"), **wrong)

    assert "secret" not in str(caught.value)
