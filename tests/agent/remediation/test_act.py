"""The two ways to act: what a command and a receiver are given, and how either ends."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web

from tests.servers.app import serving
from vedette.agent.remediation.act import Act, Call, Command
from vedette.exporters.reach import Reach
from vedette.exporters.signature import signed, signing_key
from vedette.exporters.webhook import Signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FACTS = {"remedy": "flip", "incident": "v/shop", "providers": ["a", "b"], "began_at": 1.5}


async def done(act: Act) -> tuple[bool, str]:
    """Return what came of it."""
    try:
        return await act.do(FACTS)
    finally:
        await act.close()


def shell(folder: Path, script: str, timeout: float = 10.0, *more: str) -> Command:
    """Return a command that runs a script."""
    return Command(["/bin/sh", "-c", script, *more], timeout, folder)


async def test_a_command_gets_the_incident(tmp_path: Path, monkeypatch) -> None:
    """It is on standard input as JSON and in the environment, which holds nothing else of ours."""
    monkeypatch.setenv("PAGERDUTY_KEY", "5ec2e7")
    said = await done(shell(tmp_path, "cat > stdin; env > env; echo flipped"))
    assert said == (True, "flipped")
    assert json.loads((tmp_path / "stdin").read_text()) == FACTS
    lines = (tmp_path / "env").read_text().splitlines()
    env = dict(line.split("=", 1) for line in lines)
    assert env["VEDETTE_PROVIDERS"] == "a,b"
    assert env["VEDETTE_INCIDENT"] == "v/shop"
    assert env["PATH"] == os.environ["PATH"]
    assert "PAGERDUTY_KEY" not in env


async def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    """What a shell would expand reaches the program as it is written."""
    assert await done(Command(["/bin/echo", "$HOME; `id` *"], 10, tmp_path)) == (
        True, "$HOME; `id` *",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["/bin/sh", "-c", "echo no such zone >&2; exit 3"], "it ended with 3: no such zone"),
        (["/bin/sh", "-c", "kill -9 $$"], "it ended with -9"),
        (["./absent"], "./absent cannot be run: [Errno 2] No such file or directory: './absent'"),
        (["/bin/sh", "-c", "exec <&-; exit 1"], "it ended with 1"),
    ],
)
async def test_a_command_that_fails_says_how(argv: Sequence[str], said: str, tmp_path) -> None:
    """Its status and the beginning of what it said are told; it need not listen."""
    assert await done(Command(argv, 10, tmp_path)) == (False, said)


async def test_a_command_that_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    """After the timeout neither it nor its children live on."""
    well, said = await done(shell(tmp_path, "sleep 60 & echo $! > child; wait", 0.5))
    assert (well, said) == (False, "it was killed after 0.5 s")
    child = int((tmp_path / "child").read_text())
    for _ in range(200):
        if not is_running(child):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the child lives on")


@pytest.mark.parametrize("left", ["sleep 60", "setsid sleep 60"])
async def test_a_command_has_ended_though_what_it_left_behind_holds_its_output(
    tmp_path: Path, left: str
) -> None:
    """What it said and how it ended is told at once, as of an ssh that keeps its connection."""
    async with asyncio.timeout(10):
        said = await done(shell(tmp_path, f"{left} & echo $! > child; echo flipped", 30))
    assert said == (True, "flipped")
    kill(tmp_path / "child")


async def test_what_a_killed_command_left_behind_holds_up_nobody(tmp_path: Path) -> None:
    """After the timeout the next remedy has its turn, whoever still holds the output."""
    async with asyncio.timeout(10):
        well, said = await done(shell(tmp_path, "setsid sleep 60 & echo $! > child; sleep 60", 0.5))
    assert (well, said) == (False, "it was killed after 0.5 s")
    kill(tmp_path / "child")


def kill(child: Path) -> None:
    """End the process that the file *child* names, if it lives."""
    with suppress(ProcessLookupError):
        os.kill(int(child.read_text()), signal.SIGKILL)


def is_running(process: int) -> bool:
    """Whether a process lives, and is more than an entry that nobody has read."""
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


async def test_a_flood_of_output_fills_no_memory(tmp_path: Path) -> None:
    """Whatever a command says, only the beginning is kept, and it is not held up."""
    well, said = await done(shell(tmp_path, "head -c 5000000 /dev/zero | tr '\\0' x"))
    assert well
    assert said.startswith("xxx")
    assert len(said) == 300


async def test_a_request_is_signed(tmp_path: Path) -> None:
    """The receiver finds the incident in the body, and the scheme's signature over it."""
    got: list[tuple[dict[str, str], bytes]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((dict(request.headers), await request.read()))
        return web.Response(status=202)

    async with served(take) as url:
        call = Call(Signed(url, SECRET, Reach(), timeout=5, now=lambda: 1614265330.0))
        well, said = await done(call)
    assert (well, said) == (True, "accepted")
    ((headers, body),) = got
    assert json.loads(body) == FACTS
    expected = signed(body, signing_key(SECRET), 1614265330.0)
    assert {name.lower(): value for name, value in headers.items()}.items() >= expected.items()


async def test_a_refused_request_holds_no_secret(tmp_path: Path) -> None:
    """What the receiver says is told without the URL and the secret."""

    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=403, text=f"{request.url} {request.path} {SECRET} is not here")

    async with served(refuse, "hook/5ec2e7") as url:
        well, said = await done(Call(Signed(url, SECRET, Reach(), timeout=5, now=lambda: 0.0)))
    assert not well
    assert said.startswith("403 ")
    assert "5ec2e7" not in said
    assert SECRET[6:] not in said


@asynccontextmanager
async def served(handler, path: str = "hook") -> AsyncIterator[str]:
    """Serve *handler*, and give its URL."""
    app = web.Application()
    app.router.add_post(f"/{path}", handler)
    async with serving(app) as port:
        yield f"http://127.0.0.1:{port}/{path}"
