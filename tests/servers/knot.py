"""An authoritative server: Knot DNS with zones of the test's own."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.servers.process import configured, free_port, need, running
from vedette.checks.net import Endpoint

_CONFIG = """\
server:
  listen: {host}@{port}
  rundir: {folder}
  pidfile: {folder}/knot.pid
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
control:
  listen: {folder}/knot.sock
database:
  storage: {folder}/db
log:
  - target: stderr
    any: info
zone:
"""

_ZONE = """\
  - domain: {zone}
    file: {folder}/{zone}.zone
    zonefile-sync: -1
    journal-content: none
"""


class Knot:
    """A running Knot DNS, whose zones a test replaces."""

    def __init__(self, endpoint: Endpoint, folder: Path) -> None:
        self.endpoint = endpoint
        self._folder = folder

    @classmethod
    @contextmanager
    def serving(
        cls, zones: Mapping[str, str], host: str = "127.0.0.1", port: int | None = None
    ) -> Iterator[Self]:
        """Serve *zones*, names to zone-file texts, until the block ends; a free port by default."""
        program = need("knotd")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "db").mkdir()
            server = cls(Endpoint(host, port or free_port(host=host)), folder)
            log, config = folder / "log", server._write(zones)

            def loaded() -> bool:
                # Knot listens before its zones are there; each is announced in the log.
                return log.read_text().count("loaded, serial") >= len(zones) and (
                    "server started" in log.read_text()
                )

            with running([program, "-c", str(config)], log=log, ready=loaded):
                yield server

    def serve(self, zones: Mapping[str, str]) -> None:
        """Serve *zones* and no others; they are read soon, not at once."""
        self._write(zones)
        command = [need("knotc"), "-s", str(self._folder / "knot.sock"), "reload"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def _write(self, zones: Mapping[str, str]) -> Path:
        host, port = self.endpoint.host, self.endpoint.port
        return configured(self._folder, _CONFIG, _ZONE, zones, host=host, port=port)


@contextmanager
def knot(
    zones: Mapping[str, str], host: str = "127.0.0.1", port: int | None = None
) -> Iterator[Endpoint]:
    """Serve *zones* as they are until the block ends."""
    with Knot.serving(zones, host, port) as server:
        yield server.endpoint
