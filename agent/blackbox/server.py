"""The drop-in as a server: its listeners, and its config when that changes."""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from vedette.agent.blackbox.handlers import Exporter, Prober
from vedette.agent.blackbox.loaded import Loaded
from vedette.agent.serving import faults
from vedette.checks.net import Endpoint

log = logging.getLogger(__name__)

_COLLECTED_AFTER = 10_000
"""Objects by which the heap grows until it is searched for cycles, a MB or so; Python's is 700."""


class ListenError(Exception):
    """A listener cannot be opened; the message names the address and the remedy."""


def listen_address(text: str) -> Endpoint:
    """Read HOST:PORT or :PORT, which is every address of this machine; raise ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT or :PORT")
    return Endpoint(host.strip("[]"), int(port))


async def serve(prober: Prober, addresses: Sequence[Endpoint], prefix: str, every: float) -> None:
    """Serve until a signal ends it; raise ListenError.

    With *every*, seconds, the config is read again that often, where it has changed.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, prober.loaded.try_reload)
    # What is there by now stays, and a probe leaves no cycles: to look through everything again and
    # again costs a tenth of a probe.
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
    async with _listening(prober, addresses, prefix):
        reloading = asyncio.create_task(_keep_reloading(prober.loaded, every))
        await stop.wait()
        reloading.cancel()


@contextlib.asynccontextmanager
async def _listening(
    prober: Prober, addresses: Sequence[Endpoint], prefix: str
) -> AsyncIterator[None]:
    server = web.Server(Exporter(prober, prefix).answer, access_log=None, logger=faults.log)
    runner = web.ServerRunner(server, shutdown_timeout=1)
    await runner.setup()
    try:
        for address in addresses:
            try:
                await web.TCPSite(runner, address.host or None, address.port).start()
            except OSError as error:
                raise ListenError(
                    f"cannot listen at {address} ({error.strerror or error}): "
                    "free the port or change --web.listen-address"
                ) from error
            log.info("listening on %s", address)
        yield
    finally:
        await runner.cleanup()


async def _keep_reloading(loaded: Loaded, every: float) -> None:
    while every:
        await asyncio.sleep(every)
        loaded.try_reload()
