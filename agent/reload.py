"""One agent after another in one process: the config file is read again, and nothing is dropped.

The agent in force ends cleanly: what it knows is in the store, or handed to the next. A file that
cannot be used changes nothing but the log.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vedette.agent.config import Config, ConfigError, parse, read_text
from vedette.agent.daemon import Agent
from vedette.agent.memory.store import StoreError
from vedette.agent.secrets import SecretError
from vedette.agent.serving import web
from vedette.agent.surroundings import Surroundings
from vedette.checks.aside import aside

log = logging.getLogger(__name__)

_LIMIT = 60.0
"""Seconds that a file may take to be read again; one on a network that hangs takes for ever."""


@dataclass(frozen=True, slots=True)
class Document:
    """A config file that can be used, and its text."""

    path: Path
    text: str
    config: Config

    @classmethod
    def read(cls, path: Path) -> "Document":
        """Read *path*; raise ConfigError with every problem found."""
        text = read_text(path)
        return cls(path, text, parse(text, path))


@dataclass(frozen=True, slots=True)
class _Reign:
    """An agent, and the document that it goes by."""

    agent: Agent
    document: Document

    @classmethod
    def of(cls, document: Document, around: Surroundings, before: Agent | None = None) -> "_Reign":
        path, text = document.path, document.text
        return cls(Agent(document.config, path.parent, text, around, before), document)


async def run(
    document: Document,
    stop: asyncio.Event,
    hangup: asyncio.Event,
    around: Surroundings | None = None,
    adopted: Callable[[Config], None] = lambda _config: None,
) -> None:
    """Run the agent of *document* until *stop*; whenever *hangup* is set, read its file again.

    Each new config that the agent goes by is told to *adopted*.

    Raise StoreError, SecretError or web.ListenError where no agent can start.
    """
    around = around or Surroundings()
    now, before = _Reign.of(document, around), None
    while True:
        try:
            listener = await _listening(now.agent)
        except web.ListenError as error:
            now.agent.store.close()
            if before is None:
                raise
            now, before = _kept(before, around, error), None
            continue
        before = None
        adopted(now.document.config)
        renewed = await _serve(now, listener, stop, hangup)
        if renewed is None:
            return
        now, before = _succeeding(now, renewed, around), now


async def _listening(agent: Agent) -> AsyncExitStack:
    """Open the listener of *agent*; raise web.ListenError."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(web.serving(agent))
        return stack.pop_all()


async def _serve(
    now: _Reign, listener: AsyncExitStack, stop: asyncio.Event, hangup: asyncio.Event
) -> Document | None:
    """Run the agent until *stop*, or until there is another config, which is returned."""
    agent, over = now.agent, asyncio.Event()
    running = asyncio.create_task(agent.run(over))
    renewed = None
    try:
        while renewed is None and not stop.is_set() and not running.done():
            await _first([running], stop, hangup)
            if hangup.is_set() and not stop.is_set():
                # Cleared before the reading: what is asked for during it is another.
                hangup.clear()
                renewed = await _renewed(now, running, stop)
    finally:
        # Open connections may take a second to end, and the agent looks meanwhile.
        await listener.aclose()
        agent.heir = renewed.config if renewed else None
        over.set()
        await running
    return renewed


async def _settled(agent: Agent, running: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Let a remedy that is under way come to its end: half done it is worse than a late config."""
    settling = asyncio.create_task(agent.remedies.settle())
    try:
        await _first([settling, running], stop)
    finally:
        settling.cancel()


async def _first(
    ending: Sequence[asyncio.Future[Any]], *events: asyncio.Event, limit: float | None = None
) -> None:
    """Wait until one of *ending* ends, one of *events* is set, or *limit* seconds are over."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait([*ending, *waits], timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _renewed(
    now: _Reign, running: asyncio.Task[None], stop: asyncio.Event
) -> Document | None:
    """Read the file again; None where it cannot be used, and the log says why.

    None, too, once the agent is to end or ends: no file is worth waiting for then.
    """
    path = now.document.path
    reading = aside(partial(Document.read, path))
    await _first([reading, running], stop, limit=_LIMIT)
    if stop.is_set() or running.done():
        reading.cancel()
        return None
    found, faults = _read(reading, now)
    if not faults:
        await _settled(now.agent, running, stop)
        if stop.is_set() or running.done():
            return None
        found, faults = _read(reading, now)  # the disk may take nothing by now
    if found and not faults:
        faults = await _unserved(now.document, found)
    if not faults:
        return found
    for fault in faults:
        log.error("%s", fault)
    _not_used(now.agent, path)
    return None


def _read(reading: asyncio.Future[Document], now: _Reign) -> tuple[Document | None, Sequence[str]]:
    """Return what was read, and what keeps it from being used."""
    agent, document = now.agent, now.document
    found, faults = None, []
    if not reading.done():
        reading.cancel()
        faults = [
            f"{document.path} could not be read within {_LIMIT:g} s: look at the disk or the "
            "network that holds it and what it names, then send SIGHUP again"
        ]
    else:
        try:
            found = reading.result()
            faults = [*_immutable(document, found)]
        except ConfigError as error:
            faults = [*error.lines()]
        except Exception:  # an agent that works goes on
            log.exception("reading %s failed: this is a bug, please report it", document.path)
            agent.counts.internal_errors += 1
            faults = [f"{document.path} could not be read"]
    if agent.journal.failing:
        faults = [*faults, f"{agent.store.path} cannot be written: what it lacks would be lost"]
    return found, faults


def _not_used(agent: Agent, path: Path) -> None:
    log.error("%s is not used: what was read before stays in force", path)
    agent.counts.config_is_current = False


def _immutable(document: Document, found: Document) -> Sequence[str]:
    """Return what a running agent cannot become: another, or one with its state elsewhere."""
    before, after = document.config.agent, found.config.agent
    changed = [key for key in ("name", "state_dir") if getattr(before, key) != getattr(after, key)]
    return [f"{found.path}: agent.{key} has changed: restart the agent for that" for key in changed]


async def _unserved(document: Document, found: Document) -> Sequence[str]:
    """Return why there would be no listener."""
    before, after = document.config.agent.endpoint, found.config.agent.endpoint
    try:
        if after != before:
            await web.try_to_listen(after)
    except web.ListenError as error:
        # At the port that is in force there is one now.
        is_ours = after.port == before.port and error.is_taken
        return [] if is_ours else [str(error)]
    return []


def _succeeding(now: _Reign, renewed: Document, around: Surroundings) -> _Reign:
    """Return the agent of *renewed*, which takes over from one that has ended."""
    try:
        after = _Reign.of(renewed, around, now.agent)
    except (StoreError, SecretError) as error:
        return _kept(now, around, error)
    after.agent.counts.config_is_current = True
    log.info("%s was read again: %s", renewed.path, renewed.config.size)
    return after


def _kept(before: _Reign, around: Surroundings, error: Exception) -> _Reign:
    """Return the agent of the config before, since with the newer one there is none."""
    log.error("%s", error)
    after = _Reign.of(before.document, around, before.agent)
    _not_used(after.agent, before.document.path)
    return after
