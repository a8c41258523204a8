"""A BGP speaker that announces what a test wants, and dumps MRT: BIRD."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.process import need, running
from tests.servers.speaker import DOCUMENTED, Route, Speaker

_CONFIG = """\
router id {own.host};
log stderr all;
mrtdump "{messages}";
mrtdump protocols {{ states, messages }};
protocol device {{ }}
{routes}
protocol bgp neighbour {{
  local {own.host} port {own.port} as {own.asn};
  neighbor {other.host} port {other.port} as {other.asn};
  strict bind yes;
  multihop;
  connect delay time 1;
  connect retry time 1;
  error wait time 1, 2;
  ipv4 {{ import all; export where source = RTS_STATIC; {options} next hop address {hop4}; }};
  ipv6 {{ import all; export where source = RTS_STATIC; {options} next hop address {hop6}; }};
}}
protocol mrt {{ table "master*"; filename "{tables}"; period {period}; }}
"""

_ROUTE = """\
protocol static {name} {{
  ipv{route.version} {{ import filter {{ {prepended} accept; }}; }};
  route {route.prefix} blackhole;
}}
"""


@dataclass
class Bird:
    """A running BIRD, which dumps its tables every *period* seconds."""

    own: Speaker
    other: Speaker
    folder: Path
    period: int
    routes: list[Route] = field(default_factory=list)

    @property
    def config(self) -> Path:
        """Where its config is."""
        return self.folder / "bird.conf"

    @property
    def messages(self) -> Path:
        """The MRT file that grows by every message of the session."""
        return self.folder / "messages.mrt"

    def tables(self) -> list[Path]:
        """Return the MRT files with its tables, oldest first."""
        return sorted(self.folder.glob("table-*.mrt"))

    def announce(self, *routes: Route) -> None:
        """Announce *routes* besides what is announced."""
        self._tell([*self.routes, *routes])

    def withdraw(self, *routes: Route) -> None:
        """Withdraw *routes*, or all."""
        self._tell([route for route in self.routes if routes and route not in routes])

    def hang_up(self) -> None:
        """End the session."""
        self._order("disable neighbour")

    def write(self) -> None:
        """Write the config."""
        self.config.write_text(
            _CONFIG.format(
                own=self.own,
                other=self.other,
                messages=self.messages,
                tables=self.folder / "table-%s.mrt",
                period=self.period,
                routes="".join(map(_static, self.routes)),
                options="add paths on;" if self.own.add_path else "",
                hop4=DOCUMENTED[4],
                hop6=DOCUMENTED[6],
            )
        )

    def answers(self) -> bool:
        """Whether its control socket is open."""
        with socket.socket(socket.AF_UNIX) as control:
            return control.connect_ex(str(self.folder / "control")) == 0

    def _tell(self, routes: list[Route]) -> None:
        self.routes = routes
        self.write()
        self._order("configure")

    def _order(self, order: str) -> None:
        """Give an order, once more where BIRD has hung up on us, as it may when it has just begun.

        To give one twice does no harm.
        """
        try:
            reply = self._replied(order)
        except ConnectionError:
            reply = self._replied(order)
        assert not reply.startswith(("8", "9")), f"{order}: {reply}"

    def _replied(self, order: str) -> str:
        """Return the last reply, as birdc has it: a line of a code and a space."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5)
            control.connect(str(self.folder / "control"))
            with control.makefile("rw") as stream:
                assert stream.readline().startswith("0001 ")
                stream.write(f"{order}\n")
                stream.flush()
                reply = stream.readline()
                while reply[4:5] == "-":
                    reply = stream.readline()
        return reply


def _static(route: Route) -> str:
    """Return a protocol of each route's own: one protocol has a prefix once."""
    name = "_".join(["r", *map(str, route.path), route.prefix.encode().hex()])
    prepended = " ".join(f"bgp_path.prepend({asn});" for asn in reversed(route.path))
    return _ROUTE.format(name=name, route=route, prepended=prepended)


@contextmanager
def bird(folder: Path, own: Speaker, other: Speaker, *, period: int = 3600) -> Iterator[Bird]:
    """Speak with *other* until the block ends; tables are dumped every *period* seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Bird(own, other, folder, period)
    server.write()
    command = [need("bird"), "-f", "-c", str(server.config), "-s", str(folder / "control")]
    command += ["-P", str(folder / "pid")]
    with running(command, log=folder / "log", ready=server.answers):
        yield server
