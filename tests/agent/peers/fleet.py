"""Three agents in one process, that hear each other on loopback."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.servers.process import free_port
from tests.waiting import until
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.serving.web import serving

NAMES = ("fra-1", "nyc-1", "sgp-1")


class Fleet:
    """Three agents in one process, each with a config file, that know each other by tokens."""

    def __init__(
        self, folder: Path, *, tls: bool = False, url: str = "http://127.0.0.1:1/"
    ) -> None:
        self.folder, self.url = folder, url
        self.ports = {name: free_port() for name in NAMES}
        self.tls = tls
        self.agents: dict[str, Agent] = {}
        for i, one in enumerate(NAMES):
            for other in NAMES[i + 1 :]:
                (folder / f"{one}-{other}.token").write_text(os.urandom(16).hex())
        for name in NAMES:
            self.path(name).write_text(yaml.safe_dump(self.config(name)))

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.yaml"

    def config(self, name: str) -> dict[str, Any]:
        """Return the config of *name*; with TLS the peers know each other by certificates."""

        def proof(other: str) -> dict[str, str]:
            if self.tls:
                pair = {"client_cert": f"{name}.pem", "client_key": f"{name}.key"}
                return {"ca_file": "ca.pem", **pair}
            return {"token_file": "-".join(sorted([name, other])) + ".token"}

        scheme = "https" if self.tls else "http"
        agent: dict[str, Any] = {
            "name": name,
            "domain": {"provider": f"of-{name}"},
            "listen": f"127.0.0.1:{self.ports[name]}",
            "state_dir": f"./state-{name}",
        }
        if self.tls:
            files = {"cert_file": f"{name}.pem", "key_file": f"{name}.key"}
            agent["tls"] = {**files, "client_ca_file": "ca.pem"}
        peers = [
            {
                "name": other,
                "url": f"{scheme}://127.0.0.1:{self.ports[other]}",
                "domain": {"provider": f"of-{other}"},
                **proof(other),
            }
            for other in NAMES
            if other != name
        ]
        check = {"url": self.url, "every": "500ms", "timeout": "200ms"}
        services = [{"name": "shop", "http": [check]}]
        return {"agent": agent, "services": services, "peers": peers}

    @asynccontextmanager
    async def running(self, *names: str) -> AsyncIterator[None]:
        """Run these agents until the block ends."""
        stop = asyncio.Event()
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            for name in names:
                path = self.path(name)
                agent = self.agents[name] = Agent(read(path), path.parent)
                await stack.enter_async_context(serving(agent))
                tasks.create_task(agent.run(stop))
            try:
                yield
            finally:
                stop.set()

    async def see(self, *names: str) -> None:
        """Wait until these agents see each other."""

        def all_up() -> bool:
            standings = [
                standing
                for name in names
                for standing in self.agents[name].exchange.standings
                if standing.peer.name in names
            ]
            return all(standing.is_up for standing in standings)

        await until(all_up)
