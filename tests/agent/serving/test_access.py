"""Who may read what: every route, without, with a wrong and with the right credential."""

import asyncio
import re
import ssl
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
import yaml
from aiohttp import web
from yarl import URL

from tests.servers.process import free_port
from vedette.agent.clock import SteadyClock
from vedette.agent.config import AgentSettings, Domain, read
from vedette.agent.daemon import Agent
from vedette.agent.serving.access import POLICIES, Access, Attempts, Caller, Policy
from vedette.agent.serving.web import ListenError, application, serving
from vedette.agent.surroundings import Surroundings

TOKEN, PEER, OTHER, WRONG = (f"{word} 0123456789abcdef" for word in ("own", "peer", "other", "no"))
REFUSED = {401, 403}

Headers = Mapping[str, str]


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


def basic(token: str) -> Headers:
    return {"Authorization": "Basic " + b64encode(f"anybody:{token}".encode()).decode()}


CREDENTIALS: Mapping[str, Headers] = {
    "none": {},
    "wrong": bearer(WRONG),
    "wrong password": basic(WRONG),
    "peer": bearer(PEER),
    "reader": bearer(TOKEN),
    "reader's password": basic(TOKEN),
}
READERS = {"reader", "reader's password"}


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def config(folder: Path, **agent: Any) -> Path:
    """Write a config with two peers, the first with a token, and an agent with *agent*'s keys."""
    (folder / "own.token").write_text(TOKEN)
    (folder / "peer.token").write_text(PEER)
    (folder / "other.token").write_text(OTHER)
    (folder / "blackbox.yml").write_text(
        "modules: {dns: {prober: dns, dns: {query_name: a.test}}}\n"
    )
    document = {
        "agent": {
            "name": "fra-1",
            "domain": {"provider": "hetzner"},
            "probe": {"modules": "blackbox.yml"},
            **agent,
        },
        "services": [{"name": "shop", "dns": [{"name": "a.test"}]}],
        "peers": [
            {
                "name": name,
                "url": "http://127.0.0.1:1",
                "domain": {"provider": name},
                "token_file": f"{word}.token",
            }
            for name, word in (("nyc-1", "peer"), ("sgp-1", "other"))
        ],
    }
    path = folder / "vedette.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@asynccontextmanager
async def served(
    folder: Path, host: str = "127.0.0.1", clock: Clock | None = None, **agent: Any
) -> AsyncIterator[tuple[Agent, str]]:
    """Serve an agent that looks at nothing; return it with its URL on loopback."""
    port = free_port()
    path = config(folder, listen=f"{host}:{port}", **agent)
    around = Surroundings(clock=SteadyClock(time.time, clock or time.monotonic))
    made = Agent(read(path), folder, None, around)
    scheme = "https" if "tls" in agent else "http"
    try:
        async with serving(made):
            yield made, f"{scheme}://127.0.0.1:{port}"
    finally:
        made.store.close()


def routes(agent: Agent) -> Mapping[str, str]:
    """Return a path of each route, by the route's name."""
    found = {}
    for route in application(agent).router.routes():
        assert route.resource is not None
        assert route.name, f"{route.resource.canonical} has no name"
        found[route.name] = re.sub(r"{\w+}", "x", route.resource.canonical)
    return found


async def status(
    url: str, headers: Headers | None = None, tls: ssl.SSLContext | None = None
) -> int:
    """Ask and return the status; what is streamed is left alone."""
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(url, ssl=tls or True) as response,
    ):
        return response.status


def admitted(policy: Policy, agent: Mapping[str, Any], *, is_open: bool) -> set[str]:
    """Return which credentials *policy* should let in, by what the config says of the *agent*."""
    readers = READERS if "token_file" in agent else set()
    match policy:
        case Policy.ANYBODY:
            return set(CREDENTIALS)
        case Policy.PEERS:
            return readers | {"peer"}
        case Policy.METRICS if agent.get("open_metrics"):
            return set(CREDENTIALS)
    return set(CREDENTIALS) if is_open else readers


@pytest.mark.parametrize(
    ("host", "agent", "is_open"),
    [
        ("127.0.0.1", {}, True),
        ("127.0.0.1", {"token_file": "own.token"}, False),
        ("0.0.0.0", {"token_file": "own.token"}, False),
        ("0.0.0.0", {"token_file": "own.token", "open_metrics": True}, False),
    ],
    ids=["loopback", "loopback with a token", "all", "all with open metrics"],
)
async def test_every_route(tmp_path: Path, host: str, agent: dict[str, Any], is_open: bool) -> None:
    """Each route answers exactly those whom its policy names, whatever else they present."""
    clock = Clock()
    async with served(tmp_path, host, clock, **agent) as (made, url):
        paths = routes(made)
        assert {"healthy", "ready", "metrics", "probe", "observations", "peers", "status"} <= set(
            paths
        )
        for name, path in paths.items():
            policy = POLICIES[name.partition("-")[0]]
            expected = admitted(policy, agent, is_open=is_open)
            for who, headers in CREDENTIALS.items():
                clock.now += Attempts.WINDOW  # so that no attempt is one too many
                got = await status(url + path, headers)
                assert (got not in REFUSED) == (who in expected), (name, who, got)
                assert got != 429


async def test_what_does_not_exist_is_no_news_for_strangers(tmp_path: Path) -> None:
    """A path that there is not, or another method, is refused as one that there is."""
    async with served(tmp_path, "0.0.0.0", token_file="own.token") as (_, url):
        assert await status(f"{url}/no/such/path") == 401
        assert await status(f"{url}/no/such/path", bearer(TOKEN)) == 404
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{url}/metrics") as response:
                assert response.status == 401
            async with session.post(f"{url}/metrics", headers=bearer(TOKEN)) as response:
                assert response.status == 405


@asynccontextmanager
async def guarded(
    now: Callable[[], float], **agent: Any
) -> AsyncIterator[tuple[web.Application, str]]:
    """Serve a route without a name, and `/metrics`, behind an access of one's own."""
    settings = AgentSettings(name="fra-1", domain=Domain(provider="x"), listen="0.0.0.0:1", **agent)
    access = Access(settings, TOKEN, {"nyc-1": PEER}, now)

    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="secret")

    app = web.Application(middlewares=[access.guard])
    app.router.add_get("/new", handler)
    app.router.add_get("/odd", handler, name="odd")
    app.router.add_get("/metrics", handler, name="metrics")
    app.router.add_post("/metrics", handler, name="metrics-post")
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield app, f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def test_a_route_without_a_policy_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    """Who forgets to name a new route serves nobody, not even a reader, and is told so."""
    async with guarded(Clock()) as (_, url):
        for path in ("/new", "/odd"):
            assert await status(url + path, bearer(TOKEN)) == 403
    told = [
        one.getMessage() for one in caplog.records if one.name == "vedette.agent.serving.access"
    ]
    assert ["has no policy" in one for one in told] == [True, True]


async def test_guessing_ends_soon_and_begins_anew_after_a_while() -> None:
    """Ten wrong credentials within a minute cost an address its answers, also to the right one."""
    clock = Clock()
    async with guarded(clock) as (_, url):
        tries = [await status(f"{url}/metrics", bearer(f"{WRONG}{n}")) for n in range(12)]
        assert tries == [401] * 10 + [429] * 2
        assert await status(f"{url}/metrics", bearer(TOKEN)) == 429
        clock.now += Attempts.WINDOW - 1
        assert await status(f"{url}/metrics", bearer(TOKEN)) == 429
        clock.now += 2
        assert await status(f"{url}/metrics", bearer(TOKEN)) == 200


async def test_strangers_do_not_shut_out_who_shares_their_address() -> None:
    """Who was admitted from an address, as from a load balancer's, is not shut out with it."""
    async with guarded(Clock()) as (_, url):
        assert await status(f"{url}/metrics", bearer(TOKEN)) == 200
        for _ in range(Attempts.LIMIT):
            await status(f"{url}/metrics")
        assert await status(f"{url}/metrics") == 429
        assert await status(f"{url}/metrics", bearer(WRONG)) == 429
        assert await status(f"{url}/metrics", bearer(PEER)) == 429
        assert await status(f"{url}/metrics", bearer(TOKEN)) == 200


def test_addresses_are_told_apart() -> None:
    """One that guesses shuts out itself: an IPv4 address, or a network of 64 bits of IPv6."""
    attempts = Attempts(Clock())
    attempts.refused("192.0.2.1", Attempts.LIMIT)
    attempts.refused("2001:db8::1", Attempts.LIMIT)
    assert attempts.wait("192.0.2.1") == Attempts.WINDOW
    assert attempts.wait("2001:db8::ffff") == Attempts.WINDOW
    assert attempts.wait("::ffff:192.0.2.2") == attempts.wait("192.0.2.2") == 0
    assert attempts.wait("2001:db8:0:1::1") == 0


def test_what_is_remembered_of_strangers_is_bounded() -> None:
    """However many addresses guess or are right, so many are remembered and no more."""
    attempts, reader = Attempts(Clock()), Caller(reads=True)
    for number in range(3000):
        attempts.refused(f"198.51.{number >> 8}.{number & 255}", Attempts.LIMIT)
        attempts.admitted(f"198.51.{number >> 8}.{number & 255}", reader)
    assert not attempts.knows("198.51.0.1", reader)
    assert attempts.knows("198.51.11.1", reader)
    assert len(attempts._admitted) == 1024
    assert attempts.wait("198.51.0.1") == 0
    assert attempts.wait("198.51.11.1") == Attempts.WINDOW
    assert len(attempts._spent) == 1024


@pytest.mark.parametrize(
    "presented",
    [
        "Bearer",
        "Bearer ",
        "Basic",
        "Basic !!",
        "Basic YWJj",
        f"Digest {TOKEN}",
        TOKEN,
        "Bearer \xe9",
    ],
)
async def test_odd_credentials_are_wrong_ones(presented: str) -> None:
    """Whatever stands in the header, the answer is 401, which says what is due."""
    async with (
        guarded(Clock()) as (_, url),
        aiohttp.ClientSession(headers={"Authorization": presented}) as session,
        session.get(f"{url}/metrics") as response,
    ):
        assert response.status == 401
        schemes = [one.partition(" ")[0] for one in response.headers.getall("WWW-Authenticate")]
        assert schemes == ["Bearer", "Basic"]


async def test_bodies_and_headers_are_limited() -> None:
    """A long body is 413, one of unknown length 411, a long header or line 400."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"

    async with (
        guarded(Clock()) as (_, url),
        aiohttp.ClientSession(headers=bearer(TOKEN)) as session,
    ):
        for data, expected in ((b"x" * 1000, 200), (b"x" * 65537, 413), (pieces(), 411)):
            async with session.post(f"{url}/metrics", data=data) as response:
                assert response.status == expected
        async with session.get(f"{url}/metrics", headers={"X": "x" * 9000}) as response:
            assert response.status == 400
        async with session.get(f"{url}/metrics?{'x' * 9000}") as response:
            assert response.status == 400


async def test_no_secret_in_logs_and_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither what was presented nor what is expected is in a log line, an answer or a metric."""
    caplog.set_level("DEBUG")
    said = ""
    async with served(tmp_path, "0.0.0.0", token_file="own.token") as (made, url):
        for headers in CREDENTIALS.values():
            for path in routes(made).values():
                if path == "/events":
                    continue
                async with (
                    aiohttp.ClientSession(headers=headers) as session,
                    session.get(url + path) as response,
                ):
                    said += await response.text() + str(response.headers)
    for secret in (TOKEN, PEER, OTHER, WRONG):
        assert secret not in said
        assert secret not in caplog.text


NO_REQUESTS = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a control in a credential": (
        f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\x01\r\n\r\n".encode()
    ),
    "a line without an end": f"GET /?{TOKEN * 500} HTTP/1.1\r\n".encode(),
}


@pytest.mark.parametrize("sent", NO_REQUESTS.values(), ids=NO_REQUESTS)
async def test_what_is_no_request_leaves_no_line(
    sent: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who scans ports fills no disk, and a secret in what cannot be read is not told."""
    async with served(tmp_path, "0.0.0.0", token_file="own.token") as (_, url):
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
        writer.write(sent)
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.0 400")
    assert caplog.text == ""


class Papers:
    """Certificates of one authority, and of another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority, self.stranger = trustme.CA(), trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        self.issue("127.0.0.1", "server")

    def issue(self, name: str, file: str, *, strange: bool = False) -> None:
        pair = (self.stranger if strange else self.authority).issue_cert(name)
        pair.private_key_pem.write_to_path(self.folder / f"{file}.key")
        pair.cert_chain_pems[0].write_to_path(self.folder / f"{file}.pem")

    def client(self, name: str | None = None, *, strange: bool = False) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if name is not None:
            self.issue(name, "client", strange=strange)
            made.load_cert_chain(self.folder / "client.pem", self.folder / "client.key")
        return made


TLS = {"cert_file": "server.pem", "key_file": "server.key", "client_ca_file": "ca.pem"}


async def test_a_certificate_is_as_good_as_a_token(tmp_path: Path) -> None:
    """A peer's certificate opens the peers' routes, the agent's own all, any other none."""
    papers = Papers(tmp_path)
    async with served(tmp_path, "0.0.0.0", token_file="own.token", tls=TLS) as (_, url):
        for name, peers, metrics in (
            (None, 401, 401),
            ("nyc-1", 200, 403),
            ("fra-1", 200, 200),
            ("mallory", 401, 401),
        ):
            tls = papers.client(name)
            assert await status(f"{url}/api/v1/peers", tls=tls) == peers, name
            assert await status(f"{url}/metrics", tls=tls) == metrics, name
            assert await status(f"{url}/-/healthy", tls=tls) == 200
        assert await status(f"{url}/metrics", bearer(TOKEN), papers.client()) == 200


async def test_a_certificate_of_a_stranger_is_none(tmp_path: Path) -> None:
    """A certificate in a peer's name that somebody else signed does not get past TLS."""
    papers = Papers(tmp_path)
    async with served(tmp_path, "0.0.0.0", token_file="own.token", tls=TLS) as (_, url):
        with pytest.raises(aiohttp.ClientError):
            await status(f"{url}/-/healthy", tls=papers.client("nyc-1", strange=True))


async def test_a_certificate_outlives_guessing(tmp_path: Path) -> None:
    """Who shuts out an address by guessing does not shut out the peer behind it that has one."""
    papers = Papers(tmp_path)
    async with served(tmp_path, "0.0.0.0", Clock(), token_file="own.token", tls=TLS) as (_, url):
        for _ in range(11):
            last = await status(f"{url}/metrics", bearer(WRONG), papers.client())
        assert last == 429
        assert await status(f"{url}/api/v1/peers", tls=papers.client("nyc-1")) == 200


async def test_a_renewed_certificate_is_served_at_once(tmp_path: Path) -> None:
    """The next handshake is by the new certificate, and a bad one changes nothing."""
    papers = Papers(tmp_path)

    async def serial(url: str) -> int:
        port = int(url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=papers.client())
        certificate = writer.get_extra_info("peercert")
        writer.close()
        return int(certificate["serialNumber"], 16)

    async with served(tmp_path, "0.0.0.0", token_file="own.token", tls=TLS) as (_, url):
        first = await serial(url)
        papers.issue("127.0.0.1", "server")
        second = await serial(url)
        (tmp_path / "server.pem").write_text("nonsense")
        assert len({first, second}) == 2
        assert await serial(url) == second


async def test_files_that_vanished_are_told(tmp_path: Path) -> None:
    """What was there when the config was read and is not at start is one sentence, no traceback."""
    Papers(tmp_path)
    path = config(tmp_path, listen="127.0.0.1:1", token_file="own.token", tls=TLS)
    agent = Agent(read(path), tmp_path)
    (tmp_path / "server.key").unlink()
    with pytest.raises(ListenError, match=r"agent.tls: cannot use the certificate .*server.pem"):
        async with serving(agent):
            pass
    agent.store.close()
