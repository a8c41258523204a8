"""The engine on both event loops: the same answers, the same failures, and nothing left behind."""

import asyncio
import gc
import os
from collections.abc import Iterator

import pytest
import trustme

from tests.checks.http.fetching import HTTP1, asked, failed, fetched
from tests.checks.http.raw import full_backlog, raw, resets, says
from tests.servers.http3 import http3
from tests.servers.nginx import Nginx, nginx
from tests.servers.process import free_port
from vedette.checks.http.reason import Reason
from vedette.checks.http.tls import TlsSettings


@pytest.fixture(scope="module")
def web(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("nginx"), ca.issue_cert("api.test"), http2=True) as server:
        (server.www / "big").write_bytes(b"x" * 300_000)
        yield server


def test_answers(runner: asyncio.Runner, web: Nginx, tls: TlsSettings) -> None:
    """Each version of HTTP brings the whole body."""

    async def work() -> None:
        plain, _ = await fetched(f"http://a.test:{web.http}/big")
        one, _ = await fetched(f"https://api.test:{web.https}/big", tls=tls, protocols=HTTP1)
        two, _ = await fetched(f"https://api.test:{web.https}/big", tls=tls)
        assert [each.version for each in (plain, one, two)] == ["1.1", "1.1", "2"]
        assert {each.size for each in (plain, one, two)} == {300_000}

    runner.run(work())


def test_failures(runner: asyncio.Runner, web: Nginx) -> None:
    """Trouble has the same reason whatever the loop calls it."""

    async def work() -> list[Reason]:
        found = [(await failed(f"http://a.test:{free_port()}/"))[0]]
        with full_backlog() as port:
            found.append((await failed(f"http://a.test:{port}/", timeout=0.2))[0])
        for behaviour in (resets, says(hang=True), says(b"HTTP/1.1 200 OK\r\nx\r\n\r\n")):
            async with raw(behaviour) as port:
                found.append((await failed(f"http://a.test:{port}/", timeout=0.2))[0])
        found.append((await failed(f"https://api.test:{web.https}/"))[0])
        return found

    assert runner.run(work()) == [
        Reason.CONNECT_REFUSED,
        Reason.CONNECT_TIMEOUT,
        Reason.RESET,
        Reason.TIMEOUT,
        Reason.PROTOCOL,
        Reason.TLS_UNTRUSTED,
    ]


def test_http3(runner: asyncio.Runner, ca: trustme.CA, tls: TlsSettings) -> None:
    """HTTP/3 too, with our own socket on either loop."""
    leaf = ca.issue_cert("api.test")

    async def work() -> None:
        async with http3(lambda served, stream: served.answer(stream, body=b"hi"), leaf) as port:
            url = f"https://api.test:{port}/"
            response, _ = await fetched(url, tls=tls, protocols=("h3",))
        assert (response.version, response.body) == ("3", b"hi")

    runner.run(work())


def test_nothing_is_left(runner: asyncio.Runner, web: Nginx, tls: TlsSettings) -> None:
    """However fetches end, well, badly or cancelled, they leave no descriptor and no task."""
    secure = f"https://api.test:{web.https}/big"

    async def round_of_all() -> None:
        with full_backlog() as port:
            late = asyncio.create_task(asked(f"http://a.test:{port}/").run())
            await asyncio.gather(
                fetched(f"http://a.test:{web.http}/big"),
                fetched(secure, tls=tls, max_body=9),
                failed(secure),
                failed(f"http://a.test:{free_port()}/"),
                failed(f"http://a.test:{port}/", timeout=0.05),
            )
            late.cancel()
            await asyncio.gather(late, return_exceptions=True)

    async def work() -> tuple[int, int]:
        await round_of_all()
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are all that is wanted
        for _ in range(20):
            await round_of_all()
        gc.collect()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return before, len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    before, after = runner.run(work())
    assert after <= before
