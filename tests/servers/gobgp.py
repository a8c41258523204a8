"""A BGP speaker that announces what a test wants, and tells by BMP what it hears: GoBGP."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.process import accepts, free_port, need, running
from tests.servers.speaker import DOCUMENTED, Route, Speaker

_CONFIG = """\
[global.config]
as = {own.asn}
router-id = "{own.host}"
port = {own.port}
local-address-list = ["{own.host}"]
[[neighbors]]
[neighbors.config]
neighbor-address = "{other.host}"
peer-as = {other.asn}
[neighbors.transport.config]
remote-port = {other.port}
local-address = "{own.host}"
[neighbors.ebgp-multihop.config]
enabled = true
multihop-ttl = 8
[neighbors.timers.config]
connect-retry = 1
idle-hold-time-after-reset = 1
{families}
"""

_FAMILY = """\
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv{version}-unicast"
"""

_ADD_PATH = """\
[neighbors.afi-safis.add-paths.config]
receive = true
send-max = 8
"""

_STATION = """\
[[bmp-servers]]
[bmp-servers.config]
address = "127.0.0.1"
port = {station}
route-monitoring-policy = "pre-policy"
"""


@dataclass
class Gobgp:
    """A running GoBGP."""

    api: int
    _identifiers: dict[Route, int] = field(default_factory=dict)

    def announce(self, *routes: Route) -> None:
        """Announce *routes* besides what is announced."""
        for route in routes:
            identifier = self._identifiers.setdefault(route, len(self._identifiers) + 1)
            path = ",".join(map(str, route.path))
            more = ["aspath", path] if path else []
            self._rib("add", route, identifier, "nexthop", DOCUMENTED[route.version], *more)

    def withdraw(self, *routes: Route) -> None:
        """Withdraw *routes*, which were announced."""
        for route in routes:
            self._rib("del", route, self._identifiers.pop(route))

    def _rib(self, order: str, route: Route, identifier: int, *more: str) -> None:
        command = [need("gobgp"), "-u", "127.0.0.1", "-p", str(self.api)]
        command += ["global", "rib", order, "-a", f"ipv{route.version}", route.prefix]
        command += ["identifier", str(identifier), *more]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=10)


@contextmanager
def gobgp(
    folder: Path,
    own: Speaker,
    other: Speaker,
    *,
    station: int | None = None,
) -> Iterator[Gobgp]:
    """Speak with *other* until the block ends, and tell the BMP station at port *station*."""
    folder.mkdir(parents=True, exist_ok=True)
    families = ""
    for version in (4, 6):
        families += _FAMILY.format(version=version) + (_ADD_PATH if own.add_path else "")
    text = _CONFIG.format(own=own, other=other, families=families)
    if station:
        text += _STATION.format(station=station)
    config, server = folder / "gobgpd.toml", Gobgp(free_port())
    config.write_text(text)
    command = [need("gobgpd"), "-f", str(config), "--pprof-disable"]
    command += ["--api-hosts", f"127.0.0.1:{server.api}"]
    with running(command, log=folder / "log", ready=accepts(own.port, own.host)):
        yield server
