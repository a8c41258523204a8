"""The two ways to act: a command of this host, and a signed request. Each is tried once.

What a command gets: the incident as JSON on its standard input, and as variables VEDETTE_… beside
PATH, HOME, LANG and TZ; nothing else of the agent's environment, which may hold secrets.
"""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vedette.agent.config.remediation import RemediationSettings
from vedette.agent.secrets import SIGNING_KEY, secret, url_of
from vedette.checks.words import one_line
from vedette.exporters.page import Outcome
from vedette.exporters.post import cut
from vedette.exporters.reach import Reach
from vedette.exporters.webhook import Signed

_PASSED_ON = ("PATH", "HOME", "LANG", "TZ")
_MAX_OUTPUT = 4096
_MAX_DETAIL = 300
_REST = 1.0
"""Seconds for which the end of what was killed, and of its words, is waited for."""

Facts = Mapping[str, str | float | Sequence[str]]
"""What is told of an incident."""


class Act(Protocol):
    """A way to act."""

    async def do(self, facts: Facts) -> tuple[bool, str]:
        """Try once, within a timeout, and return whether it went well, and what was said."""

    async def close(self) -> None:
        """Give back connections."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments, run in *folder*; no shell reads them."""

    argv: Sequence[str]
    timeout: float
    folder: Path

    async def do(self, facts: Facts) -> tuple[bool, str]:
        """Run it to its end; then, or after the timeout, it is killed with all that it started."""
        said = _Said()
        try:
            reading, writing = os.pipe()
        except OSError as error:
            return False, f"{self.argv[0]} cannot be run: {error}"
        listening, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: said, os.fdopen(reading, "rb", 0)
        )
        try:
            return await self._run(facts, said, writing)
        finally:
            listening.close()

    async def _run(self, facts: Facts, said: "_Said", writing: int) -> tuple[bool, str]:
        try:
            process = await asyncio.create_subprocess_exec(
                *self.argv,
                stdin=asyncio.subprocess.PIPE,
                # Not a pipe of asyncio's: with these a process has not ended while one that it
                # left behind, as ssh does, still holds them.
                stdout=writing,
                stderr=asyncio.subprocess.STDOUT,
                env=_environment(facts),
                cwd=self.folder,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return False, f"{self.argv[0]} cannot be run: {error}"
        finally:
            os.close(writing)
        try:
            async with asyncio.timeout(self.timeout):
                await _give(process, _body(facts))
                status = await process.wait()
        except TimeoutError:
            return False, f"it was killed after {self.timeout:g} s"
        finally:
            _kill(process.pid)
            with suppress(TimeoutError):  # of another user it cannot be killed
                async with asyncio.timeout(_REST):
                    await process.wait()
                    await said.all.wait()
        text = cut(one_line(said.beginning.decode(errors="replace")), _MAX_DETAIL)
        ended = "" if status == 0 else f"it ended with {status}"
        return status == 0, ": ".join(part for part in (ended, text) if part)

    async def close(self) -> None:
        """Hold nothing."""


class _Said(asyncio.Protocol):
    """The *beginning* of what a command says, until that is *all*; the rest is forgotten."""

    def __init__(self) -> None:
        self.beginning = b""
        self.all = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Keep what there is room for."""
        self.beginning += data[: _MAX_OUTPUT - len(self.beginning)]

    def connection_lost(self, _error: Exception | None) -> None:
        """Note that nobody is left who could say more."""
        self.all.set()


async def _give(process: asyncio.subprocess.Process, body: bytes) -> None:
    assert process.stdin is not None
    with suppress(OSError):  # it need not listen
        process.stdin.write(body)
        await process.stdin.drain()
        process.stdin.close()


def _kill(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _environment(facts: Facts) -> Mapping[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    told = {
        f"VEDETTE_{name.upper()}": ",".join(value)
        if isinstance(value, Sequence) and not isinstance(value, str)
        else str(value)
        for name, value in facts.items()
    }
    return passed_on | {name: value.replace("\0", "") for name, value in told.items()}


def _body(facts: Facts) -> bytes:
    return json.dumps(facts, ensure_ascii=True, allow_nan=False).encode()


@dataclass(frozen=True, slots=True)
class Call:
    """A POST of the incident as JSON, signed as Standard Webhooks has it."""

    poster: Signed

    async def do(self, facts: Facts) -> tuple[bool, str]:
        """Post it; what is taken is done."""
        delivery = await self.poster.post(_body(facts))
        return delivery.outcome is Outcome.DELIVERED, delivery.detail

    async def close(self) -> None:
        """Give back connections."""
        await self.poster.close()


def acts(
    settings: Sequence[RemediationSettings], folder: Path, reach: Reach, now: Callable[[], float]
) -> Mapping[str, Act]:
    """Build what the remedies that are enabled do; raise SecretError."""
    return {one.name: _act(one, folder, reach, now) for one in settings if one.enabled}


def _act(
    settings: RemediationSettings, folder: Path, reach: Reach, now: Callable[[], float]
) -> Act:
    if settings.command is not None:
        return Command(settings.command, settings.timeout, folder)
    assert settings.webhook is not None
    call = settings.webhook
    key = secret(folder, call.secret_file, call.secret_env, SIGNING_KEY)
    assert key is not None
    return Call(Signed(url_of(call, folder), key, reach, timeout=settings.timeout, now=now))
