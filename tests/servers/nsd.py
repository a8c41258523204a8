"""An authoritative server: NSD with zones of the test's own."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import accepts, free_port, need, running
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
  verbosity: 1
remote-control:
  control-enable: no
"""

_ZONE = """\
zone:
  name: "{name}"
  zonefile: "{file}"
"""


@contextmanager
def nsd(
    zones: Mapping[str, str], host: str = "127.0.0.1", port: int | None = None
) -> Iterator[Endpoint]:
    """Serve *zones*, names to zone-file texts, until the block ends; a free port by default."""
    program = need("nsd")
    port = port or free_port(host=host)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = _CONFIG.format(host=host, port=port, folder=folder)
        for number, (zone, text) in enumerate(zones.items()):
            file = folder / f"{number}.zone"
            file.write_text(text)
            config += _ZONE.format(name=zone, file=file)
        path = folder / "nsd.conf"
        path.write_text(config)
        command = [program, "-d", "-c", str(path)]
        with running(command, log=folder / "log", ready=accepts(port, host)):
            yield Endpoint(host, port)
