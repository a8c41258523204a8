"""An nginx of our own: a plain and a TLS port on loopback, its files in a folder of the test's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection

import trustme

from tests.servers.process import accepts, free_port, need, running

_CONF = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log combined;
    log_format asked '$host|$http_host|$ssl_server_name|$http_user_agent|$request';
    access_log {folder}/asked.log asked;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type text/plain;
    server {{
        {listen}
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        root {folder}/www;
        location = / {{ return 200 "all is well\\n"; }}
        location = /gone {{ return 503 "maintenance\\n"; }}
        location = /moved {{ return 301 https://elsewhere.test/; }}
        location = /host {{ return 200 "$http_host|$ssl_server_name|$http_user_agent"; }}
        {locations}
    }}
}}
"""

_LAST = "/what-has-been-asked"


@dataclass(frozen=True)
class Nginx:
    """A running nginx; files put into *www* are served."""

    http: int
    https: int
    www: Path

    def requests(self) -> list[str]:
        """Return what was asked: `host|Host header|SNI|User-Agent|request line`, oldest first.

        An answer is out before its line is written, and a question of ours after that. Who has
        ended has written all.
        """
        with (
            suppress(ConnectionRefusedError),
            create_connection(("127.0.0.1", self.http), timeout=10) as asking,
        ):
            asking.sendall(f"GET {_LAST} HTTP/1.0\r\n\r\n".encode())
            while asking.recv(4096):
                pass
        lines = (self.www.parent / "asked.log").read_text().splitlines()
        return [line for line in lines if _LAST not in line]


@contextmanager
def nginx(
    folder: Path,
    certificate: trustme.LeafCert | None = None,
    *,
    locations: str = "",
    http2: bool = False,
    addresses: Sequence[str] = ("127.0.0.1",),
) -> Iterator[Nginx]:
    """Run nginx until the block ends; *locations* are lines for its one server block.

    It listens on both ports of each of *addresses*, of which 127.0.0.1 must be one.
    """
    program = need("nginx")
    if certificate is None:
        certificate = trustme.CA().issue_cert("localhost", "127.0.0.1")
    www = folder / "www"
    www.mkdir(parents=True)
    folder.chmod(0o755)
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    server = Nginx(free_port(), free_port(), www)
    conf = folder / "nginx.conf"
    tls = "ssl http2" if http2 else "ssl"
    listen = " ".join(
        f"listen {address}:{server.http}; listen {address}:{server.https} {tls};"
        for address in addresses
    )
    conf.write_text(_CONF.format(folder=folder, listen=listen, locations=locations))
    command = [program, "-p", str(folder), "-c", str(conf), "-e", str(folder / "error.log")]
    with running(command, log=folder / "output.log", ready=accepts(server.https, addresses[0])):
        yield server
