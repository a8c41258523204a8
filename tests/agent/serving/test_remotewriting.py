"""Metrics sent to receivers: real ones, and one that refuses; over outages, and kills."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.servers.process import free_port
from tests.servers.prometheus import found, prometheus
from tests.servers.receiver import receiver
from tests.servers.victoriametrics import flush, victoria_metrics
from tests.waiting import meanwhile, until
from vedette.agent.config import ConfigError, parse
from vedette.agent.serving.remotewriting import RemoteWriter, remote_writer
from vedette.exporters.reach import Reach

CONFIG = """\
agent: {{name: fra-1, domain: {{provider: hetzner}}, state_dir: state}}
services: [{{name: shop, dns: [{{name: shop.example}}]}}]
remote_write: {{url: "{url}", every: 1s, labels: {{env: test}}{more}}}
"""


class Text:
    """What `/metrics` would say."""

    def __init__(self) -> None:
        self.lines = ['a{x="1"} 1\n', 'b{x="\\"\\n"} 2.5\n']

    def __call__(self) -> Sequence[str]:
        return self.lines


@asynccontextmanager
async def writing(
    folder: Path, url: str, text: Text, more: str = "", every: float = 0.1
) -> AsyncIterator[RemoteWriter]:
    """Write until the block ends, more often than a config may ask for."""
    config = parse(CONFIG.format(url=url, more=more), folder / "vedette.yaml")
    settings = config.remote_write.model_copy(update={"every": every})
    config = config.model_copy(update={"remote_write": settings})
    writer = remote_writer(config, folder, Reach(), time.time)
    writer.lines = text
    async with meanwhile(writer.run()):
        yield writer
    await writer.close()


async def arrives(url: str, text: Text) -> None:
    """Values come with all labels, and a series that is gone is gone at once."""
    ours = '{vantage="fra-1",provider="hetzner",env="test",job="vedette",instance="fra-1"}'

    async def sees(name: str, *values: str) -> None:
        async def is_so() -> bool:
            rows = await asyncio.to_thread(found, url, f"{name}{ours}")
            return [row["value"][1] for row in rows] == [*values]

        await until(is_so, lambda: name)

    await sees("a", "1")
    await sees("b", "2.5")
    await sees("up", "1")
    text.lines = ["a 7\n"]
    await sees("b")
    await sees("a", "7")


async def test_prometheus_takes_it(tmp_path: Path) -> None:
    """Debian's Prometheus with its receiver on has the series, and forgets those that ended."""
    flags = ["--web.enable-remote-write-receiver"]
    with prometheus(tmp_path / "prometheus", flags=flags) as server:
        text = Text()
        async with writing(tmp_path, f"{server.url}/api/v1/write", text) as writer:
            await arrives(server.url, text)
            assert not any(writer.written.dropped.values())


async def test_victoria_metrics_takes_it(tmp_path: Path) -> None:
    """So has VictoriaMetrics."""
    with victoria_metrics(tmp_path / "victoria") as url:
        text = Text()
        async with writing(tmp_path, f"{url}/api/v1/write", text) as writer:
            await until(lambda: writer.written.accepted)
            await asyncio.to_thread(flush, url)  # it remembers for ten seconds what it lacks
            await arrives(url, text)
            assert not any(writer.written.dropped.values())


async def test_a_disk_that_cannot_be_written_yet_is_no_bug(tmp_path: Path, caplog) -> None:
    """Meanwhile all is sent at once, as that the disk fails is told by it; the log says it once."""
    (tmp_path / "state").write_text("in the way")
    async with receiver(port := free_port()) as server:
        url = f"http://127.0.0.1:{port}/api/v1/write"
        async with writing(tmp_path, url, Text()) as writer:
            await until(lambda: len(server.times("a")) > 2)
            assert not waiting(tmp_path)
            (tmp_path / "state").unlink()
            await until((tmp_path / "state" / "remote-write").exists)
            before = len(server.times("a"))
            await until(lambda: len(server.times("a")) > before + 1)
    assert not any(writer.written.dropped.values())
    assert len([one for one in caplog.records if "cannot be written" in one.message]) == 1


async def test_an_outage_loses_nothing(tmp_path: Path) -> None:
    """What was taken while nobody listened arrives later, in order, also after a kill."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api/v1/write"
    async with writing(tmp_path, url, Text()) as writer:
        await until(lambda: writer.written.waiting_since and len(waiting(tmp_path)) >= 3)
    left = waiting(tmp_path)
    async with writing(tmp_path, url, Text()) as writer:
        await until(lambda: len(waiting(tmp_path)) >= len(left) + 2)
        assert writer.written.retries > 0
        async with receiver(port) as server:
            await until(lambda: writer.written.waiting_since is None and server.times("a"))
            times = server.times("a")
    assert times == sorted(set(times))
    assert len(times) >= len(left) + 2


async def test_a_file_that_cannot_be_read_now_is_not_lost(tmp_path: Path, caplog) -> None:
    """What waits on a disk that cannot be read is told, stays, and is sent once it can be."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api/v1/write"
    async with writing(tmp_path, url, Text()):
        await until(lambda: waiting(tmp_path))
    oldest = tmp_path / "state" / "remote-write" / waiting(tmp_path)[0]
    at = int(oldest.name.split("-")[1])
    aside = oldest.rename(tmp_path / "aside")
    oldest.mkdir()
    async with receiver(port) as server, writing(tmp_path, url, Text()):
        await until(lambda: "cannot be read: Is a directory" in caplog.text)
        oldest.rmdir()
        aside.rename(oldest)
        await until(lambda: server.times("a"))
    assert server.times("a")[0] == at


async def test_a_full_disk_keeps_no_sample_from_who_takes_it(tmp_path: Path, caplog) -> None:
    """What the disk does not take is sent at once, and lost only where it is not taken then."""
    async with receiver() as server, writing(tmp_path, server.url, Text()) as writer:
        await until(lambda: server.times("a") and not waiting(tmp_path))
        spool = tmp_path / "state" / "remote-write"
        await asyncio.to_thread(shutil.rmtree, spool)
        spool.write_text("in the way")
        before = len(server.times("a"))
        await until(lambda: len(server.times("a")) > before + 1)
        lost, before = writer.written.dropped["unwritable"], len(server.times("a"))
        await until(lambda: len(server.times("a")) > before + 2)
        assert writer.written.dropped["unwritable"] == lost

        server.script = [(503, {})]
        await until(lambda: writer.written.dropped["unwritable"] > lost)
        spool.unlink()
        spool.mkdir()
        before = len(server.times("a"))
        await until(lambda: len(server.times("a")) > before + 2)
    assert server.times("a") == sorted(set(server.times("a")))
    assert len([one for one in caplog.records if "cannot be written" in one.message]) == 1


def waiting(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "state" / "remote-write").glob("*.snappy"))


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_busy_is_asked_again(status: int, tmp_path: Path) -> None:
    """A receiver that is busy is asked again, no sooner than it asks for, with the same samples."""
    async with receiver() as server:
        server.script = [(status, {"Retry-After": "1"})]
        async with writing(tmp_path, server.url, Text()) as writer:
            await until(lambda: server.samples)
            first, second = server.bodies[:2]
            assert first.content == second.content
            assert second.at - first.at >= 1
            assert writer.written.retries == 1
            await until(lambda: writer.written.accepted)
        assert not any(writer.written.dropped.values())


async def test_refused_is_dropped_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What a receiver refuses is counted, said, and does not hold up what comes after."""
    async with receiver() as server:
        server.script = [(400, {})]
        async with writing(tmp_path, server.url, Text()) as writer:
            await until(lambda: writer.written.accepted)
            assert writer.written.dropped["rejected"] == 3
    assert "3 samples are refused: 400 not now" in caplog.text


async def test_who_it_says_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Headers, a token from its file and the protocol's own are sent; the token is in no word."""
    (tmp_path / "token").write_text("s3cret-s3cret-s3cret\n")
    more = ", headers: {X-Scope-OrgID: ops}, bearer: {token_file: token}"
    async with receiver() as server:
        server.script = [(401, {})]
        async with writing(tmp_path, server.url, Text(), more):
            await until(lambda: server.samples)
        sent = server.requests[0]
    assert sent["authorization"] == "Bearer s3cret-s3cret-s3cret"
    assert sent["x-scope-orgid"] == "ops"
    assert sent["x-prometheus-remote-write-version"] == "0.1.0"
    assert (sent["content-encoding"], sent["content-type"]) == ("snappy", "application/x-protobuf")
    assert "s3cret" not in caplog.text


async def test_what_is_too_old_is_dropped(tmp_path: Path) -> None:
    """An outage longer than keep_for costs the oldest samples, which are counted."""
    config = parse(CONFIG.format(url="http://127.0.0.1:9/", more=""), tmp_path / "vedette.yaml")
    now = [1000.0]
    writer = remote_writer(config, tmp_path, Reach(), lambda: now[0])
    writer.lines = Text()
    async with meanwhile(writer.run()):
        await until(lambda: writer.written.waiting_since == 1000.0 and writer.written.retries)
        now[0] += config.remote_write.keep_for + 1
        await until(lambda: writer.written.dropped["too_old"] == 3)
    await writer.close()


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("{url: ftp://x/}", "remote_write.url: expected an http or https URL"),
        ("{url: 'http://x/', headers: {Authorization: x}}", "Authorization is set by the protocol"),
        ("{url: 'http://x/', labels: {a-b: x}}", "'a-b' is no name of a label"),
        ("{url: 'http://x/', ca_file: ca.pem}", "need a url that begins with https"),
        ("{url: 'http://x/', every: 0s}", "remote_write.every: expected at least 1s"),
    ],
)
def test_faults_are_told_by_line(block: str, said: str, tmp_path: Path) -> None:
    """What cannot work is an error with its line."""
    text = CONFIG.format(url="x", more="").rsplit("remote_write", 1)[0] + f"remote_write: {block}\n"
    with pytest.raises(ConfigError) as caught:
        parse(text, tmp_path / "vedette.yaml")

    assert any(said in line and ":3: " in line for line in caught.value.lines())
