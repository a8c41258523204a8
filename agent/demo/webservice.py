"""The healthy web service of the demo: it serves on while nobody can find its name."""

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web

from vedette.agent.demo.authority import issue
from vedette.agent.demo.loopback import Site


async def _ok(_: web.Request) -> web.Response:
    return web.Response(text="ok")


class WebService(Site):
    """HTTPS for *host* on one port of 127.0.0.1 and *also*; `GET /` answers 200 and `ok`.

    Its certificate vouches for itself, and is *ca_file* in *folder*.
    """

    def __init__(
        self, host: str, folder: Path, now: Callable[[], float], also: Sequence[str] = ()
    ) -> None:
        self.host = host
        self.ca_file, key_file = issue(host, folder, now())
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(self.ca_file, key_file)
        application = web.Application()
        application.router.add_get("/", _ok)
        super().__init__(application, tls, also)

    @property
    def url(self) -> str:
        """The address of its page, by name."""
        return f"https://{self.host}:{self.port}/"
