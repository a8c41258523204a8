"""All that the demo's agent can see, on loopback, and the config file that points it there."""

import secrets
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import yaml

from vedette.agent.demo.nameserver import NameServer
from vedette.agent.demo.pagerreceiver import PagerEvent, PagerReceiver
from vedette.agent.demo.routecollector import ORIGIN, PREFIX, RouteCollector
from vedette.agent.demo.webservice import WebService

HOST = "api.shop.example"
CONTROL = "control.example"
_SECOND_ADDRESS = "127.0.0.2"


class World:
    """Name server, web service, route collector and pager receiver, open with the context.

    Inside it *config_file* names a complete config, in a folder that goes with the world.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._open = AsyncExitStack()
        self.status_url = ""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            folder = opening.enter_context(tempfile.TemporaryDirectory(prefix="vedette-demo-"))
            self.folder = Path(folder)
            self.receiver = await opening.enter_async_context(PagerReceiver(self._now))
            self.collector = await opening.enter_async_context(RouteCollector(self._now))
            service = WebService(HOST, self.folder, self._now, also=[_SECOND_ADDRESS])
            self.service = await opening.enter_async_context(service)
            zones: dict[str, dict[str, Sequence[str]]] = {
                "shop.example": {HOST: service.addresses},
                CONTROL: {CONTROL: ["192.0.2.1"]},
            }
            self.nameserver = await opening.enter_async_context(NameServer(zones))
            self._write()
            self._open = opening.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    @property
    def config_file(self) -> Path:
        """The config file to start the agent with."""
        return self.folder / "vedette.yaml"

    @property
    def events(self) -> Sequence[PagerEvent]:
        """What the pager receiver has accepted so far."""
        return self.receiver.events

    def empty_record(self) -> None:
        """Leave the service's name without addresses, as an automation did on 20 October 2025."""
        self.nameserver.set(HOST, [])

    def restore_record(self) -> None:
        """Give the name its addresses back."""
        self.nameserver.set(HOST, self.service.addresses)

    def _write(self) -> None:
        listen = f"127.0.0.1:{_free_port()}"
        self.status_url = f"http://{listen}/"
        text = yaml.safe_dump(self._config(listen), sort_keys=False)
        self.config_file.write_text(text, encoding="utf-8")
        secret = self.folder / "pagerduty.key"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(16) + "\n", encoding="utf-8")

    def _config(self, listen: str) -> dict[str, object]:
        server = f"127.0.0.1:{self.nameserver.port}"
        http = {"url": self.service.url, "status": [200], "ca_file": self.service.ca_file.name}
        live = {"url": self.collector.live_url, "seed": self.collector.state_url}
        return {
            "agent": {
                "name": "demo-1",
                "domain": {"provider": "demo-host", "region": "here"},
                "listen": listen,
                "state_dir": "./state",
                "last_known_good_after": "500ms",
                "stub_zones": {zone: [server] for zone in ("shop.example", CONTROL)},
            },
            "defaults": {"every": "1s", "timeout": "1s", "hold": "3s", "clear": "4s"},
            "services": [
                {
                    "name": "shop",
                    "dns": [_record(HOST)],
                    "http": [http],
                    "bgp": [{"prefix": PREFIX, "origins": [ORIGIN]}],
                }
            ],
            "controls": {"dns": [_record(CONTROL)]},
            "feeds": [{"ris_live": live}],
            "pagers": [
                {"pagerduty": {"routing_key_file": "pagerduty.key", "url": self.receiver.url}}
            ],
        }


def _record(name: str) -> dict[str, object]:
    return {"name": name, "type": "A", "servers": ["authoritative"]}


def _free_port() -> int:
    """Return a port nobody holds: the config must name it before the agent can take it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
