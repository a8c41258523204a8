"""An authoritative server: BIND with zones of the test's own, over UDP, TCP, TLS and HTTPS."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.servers.process import configured, free_port, need, running
from vedette.checks.net import Endpoint

_CONFIG = """\
tls own {{ cert-file "{folder}/server.pem"; key-file "{folder}/server.pem"; }};
options {{
  directory "{folder}";
  pid-file none;
  session-keyfile none;
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on port {tls} tls own {{ 127.0.0.1; }};
  listen-on port {https} tls own http default {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  notify no;
}};
controls {{ }};
"""

_ZONE = """\
zone "{zone}" {{ type primary; file "{folder}/{zone}.zone"; }};
"""


@dataclass(frozen=True, slots=True)
class Bind:
    """A running BIND."""

    endpoint: Endpoint
    tls: Endpoint
    https: Endpoint


@contextmanager
def bind(zones: Mapping[str, str], certificate: trustme.LeafCert) -> Iterator[Bind]:
    """Serve *zones*, names to zone-file texts, until the block ends."""
    program = need("named")
    server = Bind(*(Endpoint("127.0.0.1", free_port()) for _ in range(3)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        ports = {"port": server.endpoint.port, "tls": server.tls.port, "https": server.https.port}
        path, log = configured(folder, _CONFIG, _ZONE, zones, **ports), folder / "log"

        def loaded() -> bool:
            return "all zones loaded" in log.read_text()

        # One thread, and no word to a rndc of the machine's.
        with running([program, "-g", "-n", "1", "-c", str(path)], log=log, ready=loaded):
            yield server
