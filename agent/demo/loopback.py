"""An aiohttp application on a free port of loopback, for as long as it is needed."""

import ssl
from collections.abc import Sequence
from typing import Self

from aiohttp import web


class Site:
    """One application on one free port of 127.0.0.1 and of those of *also* that exist here.

    It serves within an `async with` block; *port* and *addresses* say where.
    """

    def __init__(
        self,
        application: web.Application,
        tls: ssl.SSLContext | None = None,
        also: Sequence[str] = (),
    ) -> None:
        self.port = 0
        self.addresses: tuple[str, ...] = ()
        self._tls = tls
        self._also = also
        self._runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=1
        )

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await self._listen("127.0.0.1")
        self.port = self._runner.addresses[0][1]
        self.addresses = ("127.0.0.1",)
        for address in self._also:
            try:
                await self._listen(address)
            except OSError:  # macOS has no other loopback address than the first
                continue
            self.addresses += (address,)
        return self

    async def _listen(self, address: str) -> None:
        await web.TCPSite(self._runner, address, self.port, ssl_context=self._tls).start()

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
