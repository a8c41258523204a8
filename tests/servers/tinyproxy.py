"""A Tinyproxy of our own: a forward proxy on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import accepts, free_port, need, running

_CONF = """
Listen 127.0.0.1
Port {port}
Timeout 10
MaxClients 20
LogLevel Connect
Allow 127.0.0.1
{more}
"""


@dataclass(frozen=True)
class Tinyproxy:
    """A running Tinyproxy."""

    port: int
    log: Path

    def requests(self) -> list[str]:
        """Return the request lines of what it was asked, oldest first."""
        lines = self.log.read_text().splitlines()
        return [line.partition("): ")[2] for line in lines if "Request (file descriptor" in line]


@contextmanager
def tinyproxy(folder: Path, *more: str) -> Iterator[Tinyproxy]:
    """Run Tinyproxy until the block ends; *more* are lines of its config."""
    program = need("tinyproxy")
    folder.mkdir(parents=True)
    server = Tinyproxy(free_port(), folder / "log")
    conf = folder / "tinyproxy.conf"
    conf.write_text(_CONF.format(port=server.port, more="\n".join(more)))
    command = [program, "-d", "-c", str(conf)]
    with running(command, log=server.log, ready=accepts(server.port)):
        yield server
