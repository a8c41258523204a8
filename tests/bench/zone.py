"""The zone everybody is asked for: each reply has two addresses, two servers and their glue."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import accepts, free_port, need, running
from vedette.checks.net import Endpoint

NAMES = tuple(f"w{number}.bench.test" for number in range(10_000))

# NSD as it comes answers a source 200 times a second and then drops or truncates (RRL).
_CONFIG = """\
server:
  ip-address: 127.0.0.1
  port: {port}
  server-count: 1
  username: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: "bench.test"
  zonefile: "bench.test.zone"
"""

_TOP = """\
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
@ NS ns2
ns1 A 127.0.0.1
ns2 A 127.0.0.2
"""


@contextmanager
def server() -> Iterator[Endpoint]:
    """Serve the zone with NSD, which limits no rate, until the block ends."""
    program, port = need("nsd"), free_port()
    hosts = (name.removesuffix(".bench.test") for name in NAMES)
    records = (f"{host} A 192.0.2.1\n{host} A 192.0.2.2\n" for host in hosts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench.test.zone").write_text(_TOP + "".join(records))
        config = folder / "nsd.conf"
        config.write_text(_CONFIG.format(port=port, folder=folder))
        command = [program, "-d", "-c", str(config)]
        with running(command, log=folder / "log", ready=accepts(port)):
            yield Endpoint("127.0.0.1", port)
