"""VRPs from files and from a real web server: new, unchanged, stale, broken and gone."""

import asyncio
import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.checks.bgp.followed import Clock
from tests.checks.bgp.made import PREFIX
from tests.checks.bgp.rpki.test_document import BUILT, EMPTY, ROUTINATOR, RPKI_CLIENT
from tests.servers.nginx import Nginx, nginx
from tests.servers.process import free_port
from tests.servers.stream import stream_server
from tests.waiting import meanwhile, until
from vedette.checks.bgp.rpki.payloads import Validity
from vedette.checks.bgp.rpki.source import VrpSource
from vedette.checks.bgp.settings import RpkiSettings

NOW = BUILT + 60
LOCATIONS = """
    location = /broken { return 500 "oops\\n"; }
    location = /starting { return 503 "Initial validation ongoing. Please wait.\\n"; }
    location = /elsewhere { return 302 /json; }
    location = /circle { return 302 /circle; }
    location = /undated { default_type application/json; return 200 '{"roas": [
        {"asn": 64500, "prefix": "192.0.2.0/24", "maxLength": 24}]}'; }
    location = /page { return 200 "<html>Please log in</html>"; }
    location /packed/ { alias WWW/; gzip on; gzip_min_length 1; gzip_types *; }
    location = /serial {
        alias WWW/json; etag off; if_modified_since off; add_header ETag '"session-5"';
        if ($http_if_none_match = '"session-5"') { return 304; }
    }
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """An nginx that serves files with ETag and Last-Modified, as they are or packed."""
    folder = tmp_path_factory.mktemp("nginx")
    with nginx(folder, locations=LOCATIONS.replace("WWW", str(folder / "www"))) as running:
        yield running


def source(clock: Clock, **settings: Any) -> VrpSource:
    return VrpSource(RpkiSettings(**settings), [PREFIX, "2001:db8::/32"], clock)


async def read_of(folder: Path, octets: bytes) -> tuple[Path, Clock, VrpSource]:
    """Return a file with *octets*, a clock, and a source that has read the file."""
    path, clock = folder / "json", Clock(NOW)
    path.write_bytes(octets)
    vrps = source(clock, file=str(path))
    await vrps.read()
    return path, clock, vrps


def state(vrps: VrpSource, at: float) -> Validity | None:
    current = vrps.current(at)
    return None if current is None else current.state(PREFIX, 64500)


def world(count: int, built: str = "2026-11-21T19:20:08Z") -> bytes:
    """Return a list of *count* VRPs, of which the first is ours."""
    rows = [{"asn": 64500, "prefix": PREFIX, "maxLength": 24, "ta": "ripe"}]
    rows += [
        {"asn": i, "prefix": f"10.{i >> 8}.{i & 255}.0/24", "maxLength": 24}
        for i in range(1, count)
    ]
    return json.dumps({"metadata": {"buildtime": built}, "roas": rows}).encode()


def answers(server: Nginx) -> list[tuple[str, int]]:
    """Return the status and the octets of every answer."""
    lines = (server.www.parent / "access.log").read_text().splitlines()
    fields = (line.split('"')[2].split() for line in lines)
    return [(status, int(octets)) for status, octets in fields]


def statuses(server: Nginx) -> list[str]:
    return [status for status, _ in answers(server)]


async def test_file(tmp_path):
    """A file is read when it is new or changed, and left alone where it is not."""
    path, clock = tmp_path / "json", Clock(NOW)
    path.write_bytes(RPKI_CLIENT)
    vrps = source(clock, file=str(path))
    assert vrps.current(clock.at) is None
    await vrps.read()
    health = vrps.health(clock.at)
    assert (health.count, health.errors) == (2, 0)
    assert (health.source, health.built_at) == (str(path), BUILT)
    assert (health.age(clock.at), health.silence) == (60, None)
    first = vrps.current(clock.at)
    clock.at += 10
    await vrps.read()
    assert vrps.current(clock.at) is first
    path.write_bytes(gzip.compress(ROUTINATOR))
    await vrps.read()
    assert vrps.health(clock.at).count == 4
    assert state(vrps, clock.at) is Validity.VALID


async def test_url(server):
    """A URL is asked with the ETag and date of what is there, and answers 304 until it changes."""
    clock = Clock(NOW)
    (server.www / "json").write_bytes(ROUTINATOR)
    asked = len(statuses(server))
    vrps = source(clock, url=f"http://127.0.0.1:{server.http}/json")
    await vrps.read()
    first = vrps.current(clock.at)
    assert first is not None
    clock.at += 600
    await vrps.read()
    assert vrps.current(clock.at) is first
    (server.www / "json").write_bytes(RPKI_CLIENT)
    await vrps.read()
    assert statuses(server)[asked:] == ["200", "304", "200"]
    assert vrps.health(clock.at).count == 2
    assert vrps.health(clock.at).errors == 0


@pytest.mark.parametrize("path", ["packed/large", "large.gz", "elsewhere"])
async def test_packed_and_moved(server, path):
    """A list is read as well when it comes packed, or from where a redirect leads."""
    clock = Clock(NOW)
    (server.www / "large").write_bytes(world(20_000))
    (server.www / "large.gz").write_bytes(gzip.compress(world(20_000)))
    (server.www / "json").write_bytes(world(20_000))
    vrps = source(clock, url=f"http://127.0.0.1:{server.http}/{path}")
    await vrps.read()
    assert (answers(server)[-1][1] < 200_000) == (path != "elsewhere")
    assert vrps.health(clock.at).last_error == ""
    assert vrps.health(clock.at).count == 20_000
    assert state(vrps, clock.at) is Validity.VALID


async def test_a_stale_list_is_unknown(tmp_path):
    """VRPs older than *stale_after* by their own build time say nothing, until newer ones come."""
    path, clock, vrps = await read_of(tmp_path, world(5))
    assert state(vrps, BUILT + 7200) is Validity.VALID
    clock.at = BUILT + 9000
    await vrps.read()
    health = vrps.health(clock.at)
    assert vrps.current(clock.at) is None
    assert (health.errors, health.age(clock.at)) == (0, 9000)
    assert health.silence == f"the VRPs of {path} are 2.5 h old"
    path.write_bytes(world(5, "2026-11-21T21:00:00Z"))
    await vrps.read()
    assert vrps.health(clock.at).silence is None
    assert state(vrps, clock.at) is Validity.VALID


async def test_age_without_a_build_time(server, tmp_path):
    """Without a build time the age is that of the file or answer, and else of the last reading."""
    rows = b'{"roas": [{"asn": 64500, "prefix": "192.0.2.0/24", "maxLength": 24}]}'
    clock = Clock(NOW)
    for path in (tmp_path / "bare", server.www / "bare"):
        path.write_bytes(rows)
        os.utime(path, (BUILT, BUILT))
    for settings in (
        {"file": str(tmp_path / "bare")},
        {"url": f"http://127.0.0.1:{server.http}/bare"},
    ):
        dated = source(clock, **settings)
        await dated.read()
        assert dated.health(clock.at).age(clock.at) == 60
    undated = source(clock, url=f"http://127.0.0.1:{server.http}/undated")
    await undated.read()
    assert undated.health(clock.at).age(clock.at + 5) == 5


async def test_a_clock_ahead_hides_nothing(tmp_path):
    """A build time in the future counts as the time of reading, so that it becomes stale too."""
    _, clock, vrps = await read_of(tmp_path, world(5, "2036-01-01T00:00:00Z"))
    assert vrps.health(clock.at).age(clock.at) == 0
    assert vrps.current(clock.at + 7201) is None


async def test_an_etag_that_outlives_the_build_time(server):
    """Data that stay the same, and so their ETag, are asked for in full before they look stale."""
    clock = Clock(NOW)
    (server.www / "json").write_bytes(world(5))
    asked = len(statuses(server))
    vrps = source(clock, url=f"http://127.0.0.1:{server.http}/serial")
    await vrps.read()
    (server.www / "json").write_bytes(world(5, "2026-11-21T20:20:00Z"))
    clock.at = BUILT + 1800
    await vrps.read()
    clock.at = BUILT + 3700
    await vrps.read()
    assert statuses(server)[asked:] == ["200", "304", "200"]
    assert (vrps.health(clock.at).age(clock.at) or 0) < 120


BAD = [
    (b"<html>", "is not JSON"),
    (world(5)[:-20], "is JSON that is cut off or garbled"),
    (gzip.compress(world(5000))[:-20], "is gzip that is cut off"),
    (EMPTY, "has no VRP"),
    (b"", "is JSON that is cut off"),
    (
        world(999),
        "has 999 VRPs and had 2000: the last list is kept until it is stale; restart the agent if "
        "this is meant",
    ),
]


@pytest.mark.parametrize("over", ["file", "url"])
@pytest.mark.parametrize(("document", "error"), BAD, ids=[str(i) for i in range(len(BAD))])
async def test_a_bad_list_leaves_the_last(server, over, document, error):
    """What is broken, empty or suddenly halved is said; the last list stays until it is stale."""
    path, clock = server.www / "list", Clock(NOW)
    path.write_bytes(world(2000))
    where = str(path) if over == "file" else f"http://127.0.0.1:{server.http}/list"
    vrps = source(clock, **{over: where})
    await vrps.read()
    path.write_bytes(document)
    for times in (1, 2):  # it is not taken for known the second time
        await vrps.read()
        health = vrps.health(clock.at)
        assert (health.errors, health.last_error) == (times, f"{where} {error}")
    assert (health.count, health.silence) == (2000, None)
    assert state(vrps, clock.at) is Validity.VALID
    assert vrps.current(BUILT + 7201) is None
    assert f"({where} {error})" in str(vrps.health(BUILT + 7201).silence)
    path.write_bytes(world(1000))
    await vrps.read()
    assert (vrps.health(clock.at).count, vrps.health(clock.at).last_error) == (1000, "")


async def test_a_short_list_may_shrink(tmp_path):
    """Of a list that was filtered for one's own prefixes, losing most is news and no accident."""
    path, clock, vrps = await read_of(tmp_path, ROUTINATOR)
    path.write_bytes(b'{"roas": [{"asn": 1, "prefix": "10.0.0.0/8", "maxLength": 8}]}')
    await vrps.read()
    assert state(vrps, clock.at) is Validity.NOT_FOUND


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("broken", "answered HTTP 500"),
        ("starting", "answered HTTP 503"),
        ("nowhere", "answered HTTP 404"),
        ("circle", "redirects for ever"),
        ("page", "is not JSON"),
    ],
)
async def test_bad_answers(server, path, error):
    """A server that has no list is told in one sentence, and nothing is known."""
    clock = Clock(NOW)
    url = f"http://127.0.0.1:{server.http}/{path}"
    vrps = source(clock, url=url)
    await vrps.read()
    health = vrps.health(clock.at)
    assert health.silence == f"no VRPs have been read yet ({url} {error})"
    assert (health.age(clock.at), health.count, vrps.current(clock.at)) == (None, 0, None)


async def test_nobody_there():
    """A server that cannot be reached is told in one sentence."""
    clock = Clock(NOW)
    vrps = source(clock, url=f"http://127.0.0.1:{free_port()}/json")
    await vrps.read()
    assert "cannot be read: Cannot connect to host 127.0.0.1" in vrps.health(clock.at).last_error


async def test_a_file_that_vanishes(tmp_path):
    """Without its file, the last list stays until it is stale; a file that returns is read."""
    path, clock, vrps = await read_of(tmp_path, ROUTINATOR)
    path.unlink()
    await vrps.read()
    health = vrps.health(clock.at)
    assert health.last_error == f"{path} cannot be read: No such file or directory"
    assert state(vrps, clock.at) is Validity.VALID
    assert vrps.current(BUILT + 7201) is None
    path.write_bytes(world(7))
    await vrps.read()
    assert (vrps.health(clock.at).count, vrps.health(clock.at).last_error) == (7, "")


async def test_what_ends_is_dropped_in_between(tmp_path):
    """A VRP that ends before the next list comes no longer makes a route valid."""
    _, _, vrps = await read_of(tmp_path, RPKI_CLIENT.replace(b"1795300000", b"1795290000"))
    assert state(vrps, 1795289999) is Validity.VALID
    assert state(vrps, 1795290000) is Validity.NOT_FOUND


async def test_a_body_that_breaks_off():
    """A connection that is cut in the middle of a list is an error, whatever came before."""

    async def cut(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + ROUTINATOR)
        await writer.drain()

    clock = Clock(NOW)
    async with stream_server(cut) as endpoint:
        vrps = source(clock, url=f"http://{endpoint}/json")
        await vrps.read()
    assert "cannot be read: " in vrps.health(clock.at).last_error
    assert vrps.current(clock.at) is None


def children() -> set[int]:
    """Return the processes that this one has started."""
    lists = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
    return {int(number) for text in lists for number in text.split()}


@contextlib.asynccontextmanager
async def half_a_list():
    """Serve half a list, and the rest once the event that this yields is set."""
    go_on, half = asyncio.Event(), len(ROUTINATOR) // 2

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(ROUTINATOR)}\r\n\r\n"
        writer.write(head.encode() + ROUTINATOR[:half])
        await writer.drain()
        await go_on.wait()
        writer.write(ROUTINATOR[half:])
        await writer.drain()

    async with stream_server(serve) as endpoint:
        yield f"http://{endpoint}/json", go_on


async def started(before: set[int]) -> int:
    """Return the one process that was started after *before*."""
    await until(lambda: children() - before)
    (number,) = children() - before
    return number


async def test_cancelled_in_the_middle():
    """An agent that stops while a list is read leaves no process behind."""
    clock, before = Clock(NOW), children()
    async with half_a_list() as (url, _):
        reading = asyncio.create_task(source(clock, url=url).read())
        await started(before)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert children() - before == set()


async def test_a_reader_that_is_killed():
    """A reader that dies, as for want of memory, is an error like another."""
    clock, before = Clock(NOW), children()
    async with half_a_list() as (url, go_on):
        vrps = source(clock, url=url)
        reading = asyncio.create_task(vrps.read())
        os.kill(await started(before), signal.SIGKILL)
        go_on.set()
        await reading
    assert "ended without an answer" in vrps.health(clock.at).last_error
    assert children() - before == set()


async def test_run_tries_again(tmp_path):
    """A source that starts before its validator's first run reads the list once it is there."""
    path, clock = tmp_path / "json", Clock(NOW)
    vrps = VrpSource(RpkiSettings(file=str(path)), [PREFIX], clock, retry=0.01)
    async with meanwhile(vrps.run()):
        await until(lambda: vrps.health(clock.at).errors)
        assert vrps.current(clock.at) is None
        path.with_suffix(".new").write_bytes(ROUTINATOR)
        path.with_suffix(".new").rename(path)
        await until(lambda: vrps.current(clock.at))
        assert state(vrps, clock.at) is Validity.VALID


_ONCE = """
import asyncio, sys
from vedette.checks.bgp.settings import RpkiSettings
from vedette.checks.bgp.rpki.source import VrpSource
vrps = VrpSource(RpkiSettings(url=sys.argv[1]), ["192.0.2.0/24"], lambda: 0.0)
asyncio.run(vrps.read())
print(vrps.health(0.0).last_error or vrps.health(0.0).count)
"""


def test_https_does_not_become_http(tmp_path):
    """A list asked for by https is read so, and refused where a redirect leads to plain http."""
    authority, folder = trustme.CA(), tmp_path / "nginx"
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with nginx(
        folder,
        authority.issue_cert("127.0.0.1"),
        locations="location = /plain { return 302 http://127.0.0.1:$arg_port/json; }",
    ) as server:
        (server.www / "json").write_bytes(ROUTINATOR)
        said = [
            subprocess.run(
                [sys.executable, "-c", _ONCE, f"https://127.0.0.1:{server.https}/{path}"],
                env=os.environ | {"SSL_CERT_FILE": str(tmp_path / "ca.pem")},
                capture_output=True,
                timeout=60,
                check=True,
                text=True,
            ).stdout.strip()
            for path in ("json", f"plain?port={server.http}")
        ]
    assert said[0] == "4"
    assert said[1].endswith("redirects from https to http, which anybody can alter")
