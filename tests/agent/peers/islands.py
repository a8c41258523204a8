"""Three daemons, each in a network namespace of its own, around a world that a test cuts apart.

The world is a namespace too: its address 10.203.9.1 is the name server of the service, 10.203.9.2
that of the controls, 10.203.9.3 PagerDuty. It forwards what the agents say to each other.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import yaml

from tests.servers.nsd import Nsd
from tests.servers.pagerduty import Incident, PagerDutyServer
from tests.servers.process import need
from vedette.agent.paging.deduplication import HELD_FOR, TURN, TURNS

ROOT = Path(__file__).resolve().parents[3]
VEDETTE = str(Path(sys.executable).with_name("vedette"))
TARGET, CONTROL, RECEIVER = "10.203.9.1", "10.203.9.2", "10.203.9.3"
PORT = 9469
TOKEN = "of the person who reads the metrics"
PROVIDERS = {"fra-1": "hetzner", "nyc-1": "digitalocean", "sgp-1": "vultr"}
SERVICE_KEY = "vedette/shop"
EVERY, HOLD, CLEAR = 0.5, 2.0, 1.0
PATIENCE = 30.0
"""Seconds that nothing here takes; only a failing test waits for them."""
HELD = HELD_FOR + (TURNS - 1) * TURN
"""Seconds for which a call is held that was over before its pager could be reached."""

_NEWNET = 0x40000000


@contextmanager
def another_world() -> Iterator[None]:
    """Give this thread, its sockets and its children a network of their own; skip if forbidden."""
    need("ip")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if (
            libc.unshare(_NEWNET)
            or subprocess.run(
                ["ip", "netns", "add", _name("probe")], capture_output=True, check=False
            ).returncode
        ):
            libc.setns(before, _NEWNET)
            pytest.skip("the machine forbids network namespaces")
        _ip("netns", "del", _name("probe"))
        try:
            yield
        finally:
            assert libc.setns(before, _NEWNET) == 0
    finally:
        os.close(before)


def _name(agent: str) -> str:
    return f"vedette-{os.getpid()}-{agent}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _settle() -> None:
    """Give the world its addresses, and have it forward."""
    _ip("link", "set", "dev", "lo", "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for address in (TARGET, CONTROL, RECEIVER):
        _ip("addr", "add", f"{address}/32", "dev", "lo")


@dataclass
class Island:
    """One agent: its namespace, its config, its process."""

    name: str
    number: int
    config: Path
    skew: float = 0.0
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"10.203.{self.number}.2"

    @property
    def log(self) -> Path:
        """What it wrote."""
        return self.config.with_suffix(".log")

    @property
    def link(self) -> str:
        """The world's end of its uplink."""
        return f"up{self.number}"

    def dig(self) -> None:
        """Make the namespace, and its uplink."""
        world, space = f"10.203.{self.number}.1", _name(self.name)
        _ip("netns", "add", space)
        _ip("link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", space)
        _ip("addr", "add", f"{world}/30", "dev", self.link)
        _ip("link", "set", "dev", self.link, "up")
        _ip("-n", space, "link", "set", "dev", "lo", "up")
        _ip("-n", space, "addr", "add", f"{self.address}/30", "dev", "eth0")
        _ip("-n", space, "link", "set", "dev", "eth0", "up")
        _ip("-n", space, "route", "add", "default", "via", world)

    def start(self) -> None:
        """Start the daemon."""
        assert self.process is None
        run = [VEDETTE, "run", "--config", str(self.config)]
        if self.skew:
            program = "tests.agent.peers.skewed"
            run = [sys.executable, "-m", program, str(self.skew), str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", _name(self.name), *run],
                stdout=log, stderr=subprocess.STDOUT, cwd=ROOT,
            )  # fmt: skip

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the daemon."""
        if self.process is not None:
            process, self.process = self.process, None
            process.send_signal(number)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def fill(self) -> None:
        """Remove the namespace."""
        _ip("netns", "del", _name(self.name))

    def lose(self, *addresses: str) -> None:
        """Lose all that these addresses send to it, silently, as far from it as can be."""
        for address in addresses:
            _ip("rule", "add", "from", address, "to", self.address, "blackhole")

    def find(self, *addresses: str) -> None:
        """Hear these addresses again."""
        for address in addresses:
            _ip("rule", "del", "from", address, "to", self.address, "blackhole")

    def cut(self) -> None:
        """Take its uplink away."""
        _ip("link", "set", "dev", self.link, "down")

    def join(self) -> None:
        """Give the uplink back."""
        _ip("link", "set", "dev", self.link, "up")


@dataclass
class World:
    """The islands, what they watch and whom they page."""

    nsd: Nsd
    pagerduty: PagerDutyServer
    islands: Sequence[Island]
    times: dict[str, float] = field(default_factory=dict)

    def serve(self, *, empty: bool) -> None:
        """Give the service's name its address, or take it away."""
        records = "api TXT left-behind\n" if empty else "api A 192.0.2.7\n"
        self.nsd.serve({"shop.test": zone(records)})

    def pages(self, since: int = 0) -> list[Incident]:
        """Return the incidents that wake somebody about the service, after the first *since*."""
        return [incident for incident in self.pagerduty.incidents if _wakes(incident)][since:]

    @property
    def accused(self) -> bool:
        """Whether such an incident is open."""
        return any(one.status != "resolved" for one in self.pages())

    async def value(self, island: Island, name: str, **labels: str) -> float | None:
        """Return the sum of a metric of *island*, None where it does not answer."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        timeout = aiohttp.ClientTimeout(total=2)
        try:
            async with (
                aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
                session.get(f"http://{island.address}:{PORT}/metrics") as response,
            ):
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError):
            return None
        found = [
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith(f"{name}{{") and all(one in line for one in wanted)
        ]
        return sum(found) if found else None

    async def until(
        self,
        condition: Callable[[], object | Awaitable[object]],
        what: str,
        patience: float = PATIENCE,
    ) -> float:
        """Poll *condition* until it holds, and return the seconds it took; fail with the logs."""
        began = time.monotonic()
        while True:
            holds = condition()
            if isinstance(holds, Awaitable):
                holds = await holds
            took = time.monotonic() - began
            if holds:
                return took
            if took > patience:
                logs = "\n".join(f"--- {i.name}\n{i.log.read_text()[-3000:]}" for i in self.islands)
                events = [(e["event_action"], e["dedup_key"]) for e in self.pagerduty.accepted]
                raise AssertionError(f"waited in vain: {what}\n{events}\n{logs}")
            await asyncio.sleep(0.05)

    async def settled(self) -> None:
        """Wait until all see each other and the service, nothing burns, and all has been told."""

        async def all_well() -> bool:
            for island in self.islands:
                if await self.value(island, "vedette_peer_up") != 2:
                    return False
                if await self.value(island, "vedette_probe_state", state="OK") != 2:
                    return False
                if await self.value(island, "vedette_pages_undelivered"):
                    return False
            return not self.accused

        await self.until(all_well, "all see each other, and the service well", HELD + PATIENCE)


def _wakes(incident: Incident) -> bool:
    """Whether it is critical, and not the warning of those who are too few to agree."""
    severities = {e["payload"]["severity"] for e in incident.events if "payload" in e}
    return incident.dedup_key.startswith(SERVICE_KEY) and "critical" in severities


def zone(records: str) -> str:
    """Return the text of a zone with these records."""
    return f"$TTL 1\n@ SOA ns hostmaster 1 3600 600 86400 1\n@ NS ns\nns A {TARGET}\n{records}"


def _config(island: Island, islands: Sequence[Island], pager: str) -> dict[str, object]:
    def shared(one: Island, other: Island) -> str:
        return "-".join(sorted([one.name, other.name])) + ".token"

    looks = {"servers": ["authoritative"]}
    return {
        "agent": {
            "name": island.name,
            "domain": {"provider": PROVIDERS[island.name]},
            "listen": f"{island.address}:{PORT}",
            "token_file": "reader.token",
            "state_dir": f"./{island.name}",
            "stub_zones": {"shop.test": [f"{TARGET}:5300"], "control.test": [f"{CONTROL}:5300"]},
        },
        "peers": [
            {
                "name": other.name,
                "url": f"http://{other.address}:{PORT}",
                "domain": {"provider": PROVIDERS[other.name]},
                "token_file": shared(island, other),
            }
            for other in islands
            if other is not island
        ],
        "defaults": {
            "every": EVERY, "timeout": "400ms", "hold": f"{HOLD:g}s", "clear": f"{CLEAR:g}s",
        },
        "services": [{"name": "shop", "dns": [{"name": "api.shop.test", **looks}]}],
        "controls": {"dns": [{"name": "control.test", **looks}]},
        "pagers": [{"pagerduty": {"routing_key_file": "key", "url": pager}}],
    }  # fmt: skip


@asynccontextmanager
async def world(folder: Path, skewed: str = "", off: float = 3600.0) -> AsyncIterator[World]:
    """Open the world with its islands; the clock of the agent *skewed* is *off* by seconds."""
    _settle()
    islands = [
        Island(name, number, folder / f"{name}.yaml", off if name == skewed else 0.0)
        for number, name in enumerate(PROVIDERS, 1)
    ]
    async with AsyncExitStack() as stack:
        nsd = stack.enter_context(
            Nsd.serving({"shop.test": zone("api A 192.0.2.7\n")}, TARGET, 5300)
        )
        control = {"control.test": zone("@ A 192.0.2.1\n")}
        stack.enter_context(Nsd.serving(control, CONTROL, 5300))
        pagerduty = await stack.enter_async_context(PagerDutyServer(host=RECEIVER))
        (folder / "key").write_text("5ec2e7" + "0123456789abcdef" + "c0ffee5eed")
        (folder / "reader.token").write_text(TOKEN)
        ended = stack.enter_context(ExitStack())
        for island in islands:
            for other in islands[island.number :]:
                pair = "-".join(sorted([island.name, other.name]))
                (folder / f"{pair}.token").write_text(os.urandom(16).hex())
            config = _config(island, islands, pagerduty.url)
            island.config.write_text(yaml.safe_dump(config, sort_keys=False))
            island.dig()
            ended.callback(island.fill)
        for island in islands:
            island.start()
            ended.callback(island.end)
        yield World(nsd, pagerduty, islands)
