"""An authoritative server: NSD with zones of the test's own."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.servers.process import accepts, configured, free_port, need, running
from vedette.checks.net import Endpoint

_CONFIG = """\
server:
  ip-address: {host}
  port: {port}
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  logfile: ""
  hide-version: yes
  minimal-responses: no
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  verbosity: 1
remote-control:
  control-enable: yes
  control-interface: "{folder}/control"
"""

_ZONE = """\
zone:
  name: "{zone}"
  zonefile: "{zone}.zone"
"""


class Nsd:
    """A running NSD, whose zones a test replaces and whom it can silence."""

    def __init__(self, endpoint: Endpoint, folder: Path) -> None:
        self.endpoint = endpoint
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def serving(
        cls, zones: Mapping[str, str], host: str = "127.0.0.1", port: int | None = None
    ) -> Iterator[Self]:
        """Serve *zones*, names to zone-file texts, until the block ends; a free port by default."""
        # A session of its own: all of its processes get a signal together.
        command = [need("setsid"), need("nsd"), "-d", "-c"]
        endpoint = Endpoint(host, port or free_port(host=host))
        with tempfile.TemporaryDirectory() as name:
            server = cls(endpoint, Path(name))
            config, ready = server._write(zones), accepts(endpoint.port, host)
            with running([*command, str(config)], log=Path(name) / "log", ready=ready) as process:
                server._process = process
                try:
                    yield server
                finally:
                    server.silence(ended=True)

    def serve(self, zones: Mapping[str, str]) -> None:
        """Serve *zones* and no others; they are read soon, not at once."""
        config = self._write(zones)
        for order in ("reconfig", "reload"):
            command = [need("nsd-control"), "-c", str(config), order]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def silence(self, *, ended: bool = False) -> None:
        """Stop answering, with the port open, until called with *ended*."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT if ended else signal.SIGSTOP)

    def _write(self, zones: Mapping[str, str]) -> Path:
        host, port = self.endpoint.host, self.endpoint.port
        return configured(self._folder, _CONFIG, _ZONE, zones, host=host, port=port)


@contextmanager
def nsd(
    zones: Mapping[str, str], host: str = "127.0.0.1", port: int | None = None
) -> Iterator[Endpoint]:
    """Serve *zones* as they are until the block ends."""
    with Nsd.serving(zones, host, port) as server:
        yield server.endpoint
