"""The seconds that a busy agent reports, held against what went over the wire.

An agent at full load looks at an NSD and an nginx on loopback; another process captures all packets
there with the kernel's own time of each. Of a name the wire's latency is from the question to the
reply, of a page what the server took: to accept the connection, and from the request to the last of
the answer. Exits with 1 where the seconds that are not marked `disturbed` differ by more than 1 ms
in half of the looks or by more than 5 ms in one of a hundred. Takes root, to capture.
"""

import argparse
import asyncio
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import trustme
import yaml

from tests.bench import zone
from tests.bench.daemon import always_due
from tests.bench.hour.world import BENCH, steady_services
from tests.bench.sample import run_on
from tests.servers.nginx import nginx
from tests.servers.process import free_port
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.plan import Planned
from vedette.agent.serving import web
from vedette.checks.finding import Observation, Verdict
from vedette.checks.stopwatch import DISTURBED

MEDIAN, WORST = 0.001, 0.005
"""Seconds by which half, and 99 of 100, may differ."""
_EARLY = 0.0005
"""Seconds that two clocks may differ: the agent's is the wall's at its start."""
_ALL, _OUTGOING, _STAMPS, _FORCE = 3, 4, 35, 33
"""ETH_P_ALL, PACKET_OUTGOING, SO_TIMESTAMPNS, SO_RCVBUFFORCE (linux/if_ether.h, socket(7))."""
_TIMESPEC = struct.Struct("@ll")


@dataclass(frozen=True, slots=True)
class Said:
    """What the agent says of one look."""

    check: str
    started_at: float
    seconds: float
    disturbed: bool


@dataclass(slots=True)
class Heard:
    """What the wire says of one exchange: when it began, and the seconds that the server took."""

    began: float
    took: float = 0.0
    last: float = 0.0
    check: str = ""


@dataclass
class Wire:
    """The packets of loopback, in memory, while the block runs."""

    packets: list[tuple[float, bytes]] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Capture within the block."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, _FORCE, 256 << 20)
            sock.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)
            sock.bind(("lo", _ALL))
            sock.settimeout(0.2)
            done = threading.Event()
            thread = threading.Thread(target=self._capture, args=(sock, done))
            thread.start()
            try:
                yield
            finally:
                done.set()
                thread.join()

    def _capture(self, sock: socket.socket, done: threading.Event) -> None:
        while not done.is_set():
            try:
                data, told, _, at = sock.recvmsg(400, 64)
            except TimeoutError:
                continue
            if at[2] != _OUTGOING:  # each comes twice
                seconds, nanoseconds = _TIMESPEC.unpack(told[0][2])
                self.packets.append((seconds + nanoseconds * 1e-9, data))


def exchanges(packets: Sequence[tuple[float, bytes]], names: int, pages: int) -> list[Heard]:
    """Return the exchanges with the servers on the UDP port *names* and the TCP port *pages*."""
    heard: list[Heard] = []
    asked: dict[tuple[int, bytes], Heard] = {}
    open_: dict[int, Heard] = {}
    for at, packet in packets:
        size, protocol = (packet[0] & 15) * 4, packet[9]
        length = int.from_bytes(packet[2:4])
        from_, to = struct.unpack_from("!HH", packet, size)
        if protocol == socket.IPPROTO_UDP and names in (from_, to):
            _dns(packet[size + 8 :], at, from_, to, names, asked, heard)
        elif protocol == socket.IPPROTO_TCP and pages in (from_, to):
            head = (packet[size + 12] >> 4) * 4
            payload = length - size - head
            _http(packet[size:], payload, head, at, pages, open_, heard)
    return heard


def _dns(
    message: bytes,
    at: float,
    from_: int,
    to: int,
    names: int,
    asked: dict[tuple[int, bytes], Heard],
    heard: list[Heard],
) -> None:
    if to == names:
        host = message[13 : 13 + message[12]].decode()
        asked[from_, message[:2]] = Heard(at, check=f"{host}.{BENCH} A")
    elif one := asked.pop((to, message[:2]), None):
        one.took = at - one.began
        heard.append(one)


def _http(
    segment: bytes,
    payload: int,
    head: int,
    at: float,
    pages: int,
    open_: dict[int, Heard],
    heard: list[Heard],
) -> None:
    """Add to what the server took: the connection, then from the request to each of its octets."""
    from_, to = struct.unpack_from("!HH", segment)
    syn, fin = segment[13] & 2, segment[13] & 5
    if to == pages:
        if syn:
            open_[from_] = Heard(at, last=at)
        elif from_ in open_ and payload:
            path = segment[head:].split(b" ", 2)[1].decode()
            open_[from_].check, open_[from_].last = f"http://127.0.0.1:{pages}{path}", at
        elif from_ in open_ and fin and (one := open_.pop(from_)).check:
            heard.append(one)
    elif (syn or payload) and (one := open_.get(to)):
        one.took, one.last = one.took + at - one.last, at


def differences(said: Sequence[Said], heard: Sequence[Heard]) -> list[tuple[float, bool]]:
    """Return by how many seconds each look differs from its exchange, and whether it is marked."""
    of: dict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        of[one.check].append(one)
    for those in of.values():
        those.sort(key=lambda one: one.began)
    found = []
    for look in said:
        those = of[look.check]
        place = bisect_left(those, look.started_at - _EARLY, key=lambda one: one.began)
        if place < len(those) and those[place].began < look.started_at + 1:
            found.append((look.seconds - those[place].took, look.disturbed))
    return found


async def run(config: Path, seconds: float, *, hurried: bool) -> None:
    """Run the agent in this process, and write what it says of its looks, as lines of JSON."""
    agent, stop = Agent(read(config), config.parent), asyncio.Event()
    said: list[Observation] = []
    agent.lookout.tell = lambda _planned, looks: said.extend(looks)
    if hurried:
        checks: list[Planned] = [always_due(one) for one in agent.plan.checks]
        agent.plan = agent.lookout.plan = replace(agent.plan, checks=checks)
    running = asyncio.create_task(web.run(agent, stop))
    await asyncio.sleep(min(5, seconds))  # the first looks are those of a start
    said.clear()
    await asyncio.sleep(seconds)
    told, disturbed = [*said], agent.counts.disturbed
    stop.set()
    await running
    for one in told:
        if one.finding.verdict is Verdict.OK:
            marked = DISTURBED in one.finding.facts
            print(json.dumps([one.check, one.started_at, one.seconds, marked]))
    print(f"{len(told)} looks, {disturbed} marked in all", file=sys.stderr)


def measured(load: str, loop: str, seconds: float) -> tuple[int, list[tuple[float, bool]]]:
    """Run an agent under *load* and a capture; return how many looks were made, and differences."""
    with tempfile.TemporaryDirectory() as name, zone.server() as names:
        folder, authority = Path(name), trustme.CA()
        folder.chmod(0o755)
        authority.cert_pem.write_to_path(folder / "ca.pem")
        with nginx(folder / "web", authority.issue_cert("127.0.0.1")) as pages:
            at = {
                "nsd": str(names),
                "http": f"http://127.0.0.1:{pages.http}",
                "https": f"https://127.0.0.1:{pages.https}",
            }
            path = folder / "agent" / "vedette.yaml"
            path.parent.mkdir()
            path.write_text(yaml.safe_dump(_config(at, RATES[load])))
            command = [sys.executable, "-m", "tests.bench.clocks", "--agent", str(path)]
            command += ["--loop", loop, "--seconds", str(seconds), "--load", load]
            wire = Wire()
            with wire.listening():
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            said = [Said(*json.loads(line)) for line in done.stdout.splitlines()]
            heard = exchanges(wire.packets, names.port, pages.http)
            return len(said), differences(said, heard)


RATES: Mapping[str, int] = {"paced": 1000, "always due": 60}
"""Checks of each load: each second, or as soon as they are over."""


def _config(at: Mapping[str, str], rate: int) -> dict[str, Any]:
    services = steady_services(rate, at, "1s")
    return {
        "agent": {
            "name": "clocks-1",
            "domain": {"provider": "bench"},
            "listen": f"127.0.0.1:{free_port()}",
        },
        "services": [one for one in services if any(one.get(kind) for kind in ("dns", "http"))],
    }


def _share(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


def told(load: str, loop: str, said: int, found: Sequence[tuple[float, bool]]) -> bool:
    """Print the figures of one run; return whether it holds."""
    sure = [abs(seconds) for seconds, marked in found if not marked]
    half, most = _share(sure, 0.5), _share(sure, 0.99)
    print(
        f"{load}, {loop}: {said:,} looks, {len(found):,} found on the wire, "
        f"{(len(found) - len(sure)) / len(found):.2%} of them marked; of the others half differ by "
        f"{half * 1000:.2f} ms at most, 99 of 100 by {most * 1000:.2f} ms",
        flush=True,
    )
    return half <= MEDIAN and most <= WORST


def main() -> int:
    """Measure every load on both loops; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.clocks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--agent", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"))
    parser.add_argument("--load", choices=tuple(RATES))
    given = parser.parse_args()
    if given.agent:
        work = run(given.agent, given.seconds, hurried=given.load == "always due")
        run_on(given.loop, work)
        return 0
    loops = [given.loop] if given.loop else ["asyncio", "uvloop"]
    loads = [given.load] if given.load else list(RATES)
    runs = [(load, loop) for load in loads for loop in loops]
    held = [told(*one, *measured(*one, given.seconds)) for one in runs]
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
