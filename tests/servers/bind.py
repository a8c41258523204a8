"""An authoritative server: BIND with zones of the test's own, over UDP, TCP, TLS and HTTPS."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.servers.process import free_port, need, running
from vedette.checks.net import Endpoint

_CONFIG = """\
options {{
  directory "{folder}";
  pid-file none;
  session-keyfile none;
  listen-on port {port} {{ {host}; }};
  {encrypted}
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  notify no;
  {options}
}};
controls {{ }};
"""

_TLS = """\
tls own {{ cert-file "{folder}/server.pem"; key-file "{folder}/server.key"; }};
"""

_ENCRYPTED = """\
listen-on port {tls} tls own {{ {host}; }};
  listen-on port {https} tls own http default {{ {host}; }};
"""

_ZONE = """\
zone "{zone}" {{ type primary; file "{file}"; }};
"""


@dataclass(frozen=True, slots=True)
class Bind:
    """A running BIND; *tls* and *https* are there where it has a certificate."""

    endpoint: Endpoint
    tls: Endpoint
    https: Endpoint


@contextmanager
def bind(
    zones: Mapping[str, str | Path],
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    tls: trustme.LeafCert | None = None,
    options: str = "",
) -> Iterator[Bind]:
    """Serve *zones*, names to zone-file texts or files, until the block ends.

    On a free port by default; with the certificate *tls* also over TLS and HTTPS, on ports of their
    own. *options* are more lines of named.conf's options block, such as `recursion yes;`.
    """
    program = need("named")
    ports = [port or free_port(host=host), free_port(host=host), free_port(host=host)]
    server = Bind(*(Endpoint(host, port) for port in ports))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = _config(server, folder, options, tls)
        for zone, content in zones.items():
            file = content if isinstance(content, Path) else folder / f"{zone}.zone"
            if isinstance(content, str):
                file.write_text(content)
            config += _ZONE.format(zone=zone, file=file)
        path, log = folder / "named.conf", folder / "log"
        path.write_text(config)

        def loaded() -> bool:
            return "all zones loaded" in log.read_text()

        # One thread, and no word to a rndc of the machine's.
        with running([program, "-g", "-n", "1", "-c", str(path)], log=log, ready=loaded):
            yield server


def _config(server: Bind, folder: Path, options: str, tls: trustme.LeafCert | None) -> str:
    host, port = server.endpoint.host, server.endpoint.port
    before = encrypted = ""
    if tls is not None:
        tls.private_key_pem.write_to_path(folder / "server.key")
        chain = b"".join(blob.bytes() for blob in tls.cert_chain_pems)
        (folder / "server.pem").write_bytes(chain)
        before = _TLS.format(folder=folder)
        encrypted = _ENCRYPTED.format(tls=server.tls.port, https=server.https.port, host=host)
    return before + _CONFIG.format(
        folder=folder, host=host, port=port, encrypted=encrypted, options=options
    )
