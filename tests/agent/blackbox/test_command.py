"""`vedette blackbox` as a process."""

import asyncio
import contextlib
import json
import resource
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.daemon import VEDETTE, vedette
from tests.servers.process import accepts, free_port, running
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]
MODULES = "modules: {{m: {{prober: tcp, timeout: {}}}}}\n"


@contextlib.contextmanager
def started(folder: Path, *flags: str) -> Iterator[tuple[str, Path, object]]:
    """Run the command; yield its URL, its config and its process."""
    file, port = folder / "blackbox.yml", free_port()
    file.write_text(MODULES.format("1s"))
    listen = f"--web.listen-address=127.0.0.1:{port}"
    command = [VEDETTE, "blackbox", f"--config.file={file}", listen, *flags]
    with running(command, log=folder / "log", ready=accepts(port)) as process:
        yield f"http://127.0.0.1:{port}", file, process


def get(url: str) -> str:
    """Return the text at *url*."""
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode()


def test_it_takes_what_files_it_may_have(tmp_path):
    """A thousand are too few where a thousand targets are scraped at once and hang."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, most))
    try:
        with started(tmp_path) as (_, _, process):
            assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[0] > 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


async def test_the_example_is_valid():
    """The file in configs/ starts as it is."""
    ran = await vedette("blackbox", f"--config.file={ROOT}/configs/blackbox.yml", "--config.check")
    assert (ran.status, ran.err) == (0, "")
    assert "valid" in ran.out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("modules: {m: {prober: tcp, colour: blue}}", "blackbox.yml:1: modules.m.colour: unknown"),
        ("modules: {m: {prober: grpc}}", "prober 'grpc' is not built in here"),
        (None, "No such file or directory"),
    ],
)
@pytest.mark.parametrize("check", [["--config.check"], []])
async def test_a_config_that_cannot_be_used_ends_it(tmp_path, text, words, check):
    """With 1 and a sentence, and no traceback."""
    file = tmp_path / "blackbox.yml"
    if text is not None:
        file.write_text(text)
    ran = await vedette("blackbox", f"--config.file={file}", *check)
    assert (ran.status, ran.out) == (1, "")
    assert words in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--web.config.file=web.yml", "put a proxy that speaks TLS before it"),
        ("--web.systemd-socket", "use --web.listen-address"),
        ("--web.listen-address=nowhere", "is not HOST:PORT or :PORT"),
        ("--history.limit=-1", "'-1' is not a number from 0 on"),
        ("--web.external-url=http://[", "'http://[' is not a URL"),
        ("--no.such-flag", "unrecognized arguments"),
    ],
)
async def test_what_is_not_built_in_is_refused_in_words(flag, words):
    """With 2, as wrong usage is."""
    ran = await vedette("blackbox", flag)
    assert ran.status == 2
    assert words in ran.err


async def test_a_port_that_is_taken_is_named(tmp_path):
    """With what to do about it."""
    with started(tmp_path) as (url, file, _):
        address = url.removeprefix("http://")
        listen = f"--web.listen-address={address}"
        ran = await vedette("blackbox", f"--config.file={file}", listen)
    assert ran.status == 1
    assert f"cannot listen at {address}" in ran.err


async def test_a_signal_reads_the_config_again_and_another_ends_it(tmp_path):
    """SIGHUP and SIGTERM, as with blackbox_exporter."""
    with started(tmp_path) as (url, file, process):
        file.write_text(MODULES.format("7s"))
        process.send_signal(signal.SIGHUP)
        await until(lambda: "timeout: 7s" in get(f"{url}/config"))
        file.write_text("nonsense")
        process.send_signal(signal.SIGHUP)
        gauge = "blackbox_exporter_config_last_reload_successful 0"
        await until(lambda: gauge in get(f"{url}/metrics"))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 10) == 0
    assert "the config stays as it was" in (tmp_path / "log").read_text()


async def test_the_config_is_read_again_by_itself(tmp_path):
    """Where that is enabled, as soon as the interval is over."""
    flags = ("--config.enable-auto-reload", "--config.auto-reload-interval=100ms")
    with started(tmp_path, *flags, "--web.external-url=http://x.test/pre/") as (url, file, _):
        file.write_text(MODULES.format("7s"))
        await until(lambda: "timeout: 7s" in get(f"{url}/pre/config"))


async def test_addresses_are_allowed_and_denied_by_flags(tmp_path):
    """Only cloud metadata is refused by itself."""
    flags = ("--probe.deny=127.0.0.2/32", "--log.format=json", "--log.level=error")
    with started(tmp_path, *flags) as (url, _, _process):
        own = url.removeprefix("http://")
        assert "probe_success 1" in get(f"{url}/probe?module=m&target={own}")
        for address in ("127.0.0.2", "169.254.169.254", "[::ffff:169.254.169.254]"):
            text = get(f"{url}/probe?module=m&target={address}:80")
            assert 'probe_failure_info{reason="forbidden"} 1' in text
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    refused = [line for line in lines if line["msg"] == "Refusing to probe this address"]
    assert [line["level"] for line in refused] == ["ERROR"] * 3
    assert refused[0]["target"] == "127.0.0.2:80"


@pytest.mark.parametrize(
    ("flags", "shown", "hidden"),
    [
        ([], ["listening on", "Probe failed"], ["Beginning probe", "Probe succeeded"]),
        (["--log.level=warn"], ["Probe failed"], ["listening on"]),
        (["--log.prober=debug"], ["Beginning probe", "Probe succeeded"], []),
        (["--log.level=debug", "--log.prober=error"], ["Probe failed"], ["Beginning probe"]),
    ],
)
async def test_probes_and_the_program_have_a_level_each(tmp_path, flags, shown, hidden):
    """Both are info unless said otherwise, at which a probe that is well leaves no line."""
    with started(tmp_path, *flags) as (url, _, _process):
        for target in (url.removeprefix("http://"), "169.254.169.254:80"):
            get(f"{url}/probe?module=m&target={target}")
    text = (tmp_path / "log").read_text()
    assert [words for words in [*shown, *hidden] if words in text] == shown


async def test_what_is_no_request_leaves_no_line(tmp_path):
    """Who scans ports fills no disk with tracebacks."""
    with started(tmp_path) as (url, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.0 400")
        writer.close()
    assert "Traceback" not in (tmp_path / "log").read_text()
