"""What the two agents of the hour look at, whom they page, and their configs."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import trustme
import yaml

from tests.agent.daemon import ROUTING_KEY, zone
from tests.bench.hour.agents import Counted
from tests.bench.hour.victims import ZONE, Names, Page, Resolver, Routes, Shop
from tests.checks.bgp.made import ORIGIN, PREFIX
from tests.servers.nginx import nginx
from tests.servers.nsd import Nsd
from tests.servers.pagerduty import PagerDutyServer
from tests.servers.process import free_port
from tests.servers.responder import responder
from tests.servers.rislive import RisLive, ris_live
from tests.servers.stream import stream_server

BENCH, CONTROL = "bench.test", "control.test"
SHOP, PAGE = f"shop.{BENCH}", f"page.{BENCH}"
AGENTS = {"fra-1": "hetzner", "nyc-1": "digitalocean"}
SERVICES = 20
"""The steady names are of so many services, the steady pages of as many."""
SHARES = {"dns": 0.80, "http": 0.15, "https": 0.05}
"""Of the checks a second."""
TIMES = "5s"
"""Timeout, hold and clear: a machine that others use too must make no fault of it."""


class Victim(Protocol):
    """A server that fails on command."""

    @property
    def faults(self) -> Any:
        """What may befall it."""

    def turn(self, fault: str) -> None:
        """Begin *fault*, or be well again at ""."""


@dataclass
class World:
    """All of it, while it runs; the first agent is the one that is measured."""

    folder: Path
    victims: Mapping[str, Victim]
    routes: RisLive
    pagerduty: PagerDutyServer
    agents: list[Counted]
    configs: dict[str, dict[str, Any]]
    disk: Path | None
    grown: bool = False

    @property
    def agent(self) -> Counted:
        """The one that is measured."""
        return self.agents[0]

    def change_config(self) -> None:
        """Give the first agent a service more, or take it away, and have it read that."""
        name = next(iter(AGENTS))
        config, self.grown = dict(self.configs[name]), not self.grown
        if self.grown:
            more = {"name": "more", "dns": [{"name": f"w{n}.{BENCH}"} for n in range(5)]}
            more["dns"] = [{**one, "servers": ["authoritative"]} for one in more["dns"]]
            config["services"] = [*config["services"], more]
        _write(self.folder / name, config)
        self.agent.reload()

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """Leave no room for the first agent's state within the block."""
        assert self.disk is not None
        hog = self.disk / "hog"
        with hog.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(65536))
        try:
            yield
        finally:
            hog.unlink()


def _write(folder: Path, config: Mapping[str, Any]) -> Path:
    path = folder / "vedette.yaml"
    new = path.with_suffix(".new")
    new.write_text(yaml.safe_dump(config, sort_keys=False))
    new.rename(path)
    return path


def _steady(rate: int) -> str:
    hosts = "".join(f"w{n} A 192.0.2.1\nw{n} A 192.0.2.2\n" for n in range(int(rate)))
    return zone(f"shop A 127.0.0.1\npage A 127.0.0.1\n{hosts}")


@asynccontextmanager
async def world(folder: Path, rate: int, times: str = TIMES) -> AsyncIterator[World]:
    """Open the servers and start the agents; all ends with the block.

    *times* are the timeout, hold and clear of every check.
    """
    async with AsyncExitStack() as stack:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        zones = {BENCH: _steady(rate), CONTROL: zone("@ A 192.0.2.1\n")}
        nsd = stack.enter_context(Nsd.serving(zones))
        web = stack.enter_context(
            nginx(folder / "web", authority.issue_cert("localhost", "127.0.0.1"))
        )
        live = await stack.enter_async_context(ris_live())
        names, resolver, page, shop = Names(), Resolver(), Page(), Shop(authority, SHOP)
        stack.callback(names.close)
        routes = Routes(live)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        telling = tasks.create_task(routes.keep_telling())
        stack.callback(telling.cancel)
        at = {
            "nsd": str(nsd.endpoint),
            "names": f"127.0.0.1:{names.port}",
            "resolver": str(await stack.enter_async_context(responder(resolver.respond))),
            "http": f"http://127.0.0.1:{web.http}",
            "https": f"https://127.0.0.1:{web.https}",
            "page": (await stack.enter_async_context(stream_server(page.talk))).port,
            "shop": (await stack.enter_async_context(stream_server(shop.talk, shop.context))).port,
        }
        pagerduty = await stack.enter_async_context(PagerDutyServer())
        ports = {name: free_port() for name in AGENTS}
        configs, agents = {}, []
        for name in AGENTS:
            (folder / name).mkdir()
            (folder / name / "key").write_text(ROUTING_KEY)
            configs[name] = _config(name, rate, at, live, pagerduty, ports)
            configs[name]["defaults"] |= dict.fromkeys(("timeout", "hold", "clear"), times)
            path = _write(folder / name, configs[name])
            agents.append(Counted(path, ports[name]))
        disk = stack.enter_context(_disk(folder / next(iter(AGENTS)) / "state"))
        for agent in agents:
            stack.push_async_callback(agent.ended)
            await agent.start()
        victims: dict[str, Victim] = {
            "names": names, "resolver": resolver, "page": page, "shop": shop, "routes": routes,
        }  # fmt: skip
        yield World(folder, victims, live, pagerduty, agents, configs, disk)


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[Path | None]:
    """Offer a disk that can be filled, where mounting is permitted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "vedette-soak", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _config(
    name: str,
    rate: int,
    at: Mapping[str, Any],
    live: RisLive,
    pagerduty: PagerDutyServer,
    ports: Mapping[str, int],
) -> dict[str, Any]:
    first = name == next(iter(AGENTS))
    stubs = {BENCH: [at["nsd"]], CONTROL: [at["nsd"]], ZONE: [at["names"]]}
    return {
        "agent": {
            "name": name,
            "domain": {"provider": AGENTS[name]},
            "listen": f"127.0.0.1:{ports[name]}",
            "stub_zones": stubs,
            "last_known_good_after": "5s",
        },
        "peers": [
            {
                "name": other,
                "url": f"http://127.0.0.1:{ports[other]}",
                "domain": {"provider": AGENTS[other]},
                "token_env": "VEDETTE_SOAK_TOKEN",
            }
            for other in AGENTS
            if other != name
        ],
        "defaults": {"every": "1s"},
        "services": [*steady_services(rate, at, "1s" if first else "30s"), *_victims(at)],
        "controls": {"dns": [{"name": CONTROL, "servers": ["authoritative"]}]},
        "feeds": [{"ris_live": {"url": live.url, "seed": live.seed_url}}],
        "pagers": [{"pagerduty": {"routing_key_file": "key", "url": pagerduty.url}}],
    }


def steady_services(rate: int, at: Mapping[str, Any], every: str) -> list[dict[str, Any]]:
    """Return services with *rate* checks: names of the server, and pages, of *at*."""
    counts = {kind: int(rate * share) for kind, share in SHARES.items()}
    services: list[dict[str, Any]] = []
    for number in range(SERVICES):
        names = range(number, counts["dns"], SERVICES)
        looks = [{"name": f"w{n}.{BENCH}", "servers": [at["nsd"]]} for n in names]
        pages = [{"url": f"{at['http']}/?n={n}"} for n in range(number, counts["http"], SERVICES)]
        secure = [
            {"url": f"{at['https']}/?n={n}", "ca_file": "../ca.pem"}
            for n in range(number, counts["https"], SERVICES)
        ]
        service: dict[str, Any] = {"name": f"steady-{number}", "every": every}
        services.append({**service, "dns": looks, "http": [*pages, *secure]})
    return services


def _victims(at: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": "names", "dns": [{"name": f"api.{ZONE}", "servers": ["authoritative"]}]},
        {"name": "resolver", "dns": [{"name": f"page.{BENCH}", "servers": _asked(at)}]},
        {"name": "page", "http": [{"url": f"http://{PAGE}:{at['page']}/"}]},
        {
            "name": "shop",
            "http": [{"url": f"https://{SHOP}:{at['shop']}/", "ca_file": "../ca.pem"}],
        },
        {"name": "routes", "bgp": [{"prefix": PREFIX, "origins": [ORIGIN]}]},
    ]


def _asked(at: Mapping[str, Any]) -> list[str]:
    """Return whom the name is asked of: a resolver is at fault where the authorities are right."""
    return ["authoritative", at["resolver"]]
