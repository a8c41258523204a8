"""An authoritative server: Knot DNS with zones of the test's own."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import free_port, need, running
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
  - domain: {name}
    file: {file}
    zonefile-sync: -1
    journal-content: none
"""


@contextmanager
def knot(
    zones: Mapping[str, str], host: str = "127.0.0.1", port: int | None = None
) -> Iterator[Endpoint]:
    """Serve *zones*, names to zone-file texts, until the block ends; a free port by default."""
    program = need("knotd")
    port = port or free_port(host=host)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "db").mkdir()
        config = _CONFIG.format(host=host, port=port, folder=folder)
        for number, (zone, text) in enumerate(zones.items()):
            file = folder / f"{number}.zone"
            file.write_text(text)
            config += _ZONE.format(name=zone, file=file)
        path = folder / "knot.conf"
        path.write_text(config)
        log = folder / "log"

        def loaded() -> bool:
            # Knot listens before its zones are there; each is announced in the log.
            return log.read_text().count("loaded, serial") >= len(zones) and (
                "server started" in log.read_text()
            )

        with running([program, "-c", str(path)], log=log, ready=loaded):
            yield Endpoint(host, port)
