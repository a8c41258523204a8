"""A HAProxy of our own, which answers by itself: a plain port and a TLS port on loopback."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.servers.process import accepts, free_port, need, running

_CONF = """
global
    maxconn 256
    ssl-default-bind-options ssl-min-ver TLSv1.0
    ssl-default-bind-ciphers DEFAULT:@SECLEVEL=0
    stats socket {folder}/stats.sock
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend web
    {binds}
    acl sets path /a
    acl tells path /b
    http-request return status 302 hdr Location /b hdr Set-Cookie "seen=%[src]; Path=/" if sets
    http-request return status 200 content-type text/plain lf-string "%[req.hdr(cookie)]" if tells
    http-request return status 200 content-type text/plain lf-string "{said}"
"""


_SAID = "%[dst] %[ssl_fc_protocol] %HV %[ssl_fc_sni]"


@dataclass(frozen=True)
class Haproxy:
    """A running HAProxy, which says where and how it was asked."""

    http: int
    https: int


@contextmanager
def haproxy(
    folder: Path,
    certificate: trustme.LeafCert,
    *,
    addresses: Sequence[str] = ("127.0.0.1",),
    options: str = "alpn h2,http/1.1",
) -> Iterator[Haproxy]:
    """Run HAProxy at *addresses* until the block ends; *options* are those of its TLS ports."""
    program = need("haproxy")
    folder.mkdir(parents=True, exist_ok=True)
    pem = folder / "server.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(pem)
    server = Haproxy(free_port(), free_port())
    binds = [
        f"bind {address}:{server.http}\n    bind {address}:{server.https} ssl crt {pem} {options}"
        for address in addresses
    ]
    conf = folder / "haproxy.cfg"
    conf.write_text(_CONF.format(folder=folder, binds="\n    ".join(binds), said=_SAID))
    command = [program, "-db", "-f", str(conf)]
    ready = accepts(server.https, addresses[0])
    with running(command, log=folder / "output.log", ready=ready):
        yield server
