"""A recursive resolver: Unbound, validating, with roots and a trust anchor of the test's own."""

import socket
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.servers.process import accepts, free_port, need, running
from vedette.checks.net import Endpoint

# Nothing is kept for longer than it takes to answer, and loopback and `test` are like any other.
_CONFIG = """\
server:
  interface: {host}@{port}
  outgoing-interface: {host}
  do-ip6: no
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  num-threads: 1
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  local-zone: "test." nodefault
  root-hints: "{hints}"
  module-config: "{modules}"
  ede: yes
  val-log-level: 2
  aggressive-nsec: no
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
  val-bogus-ttl: 0
  infra-host-ttl: 0
  trust-anchor-signaling: no
  target-fetch-policy: "0 0 0 0 0"
{more}
remote-control:
  control-enable: yes
  control-interface: "{folder}/control"
"""


class Unbound:
    """A running Unbound, whose answers a test overrides."""

    def __init__(self, endpoint: Endpoint, folder: Path) -> None:
        self.endpoint = endpoint
        self._control_socket = folder / "control"

    @classmethod
    @contextmanager
    def serving(
        cls,
        hints: Path,
        anchor: str = "",
        host: str = "127.0.0.1",
        port: int | None = None,
        *,
        shunned: Iterable[str] = (),
    ) -> Iterator[Self]:
        """Resolve from the roots in *hints* until the block ends; a free port by default.

        *anchor* is the root's DS or DNSKEY record; without one nothing is validated. Servers at
        *shunned* addresses are never asked.
        """
        endpoint = Endpoint(host, port or free_port(host=host))
        more = [f"  do-not-query-address: {address}" for address in shunned]
        more += [f"  trust-anchor: '{anchor}'"] if anchor else []
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            config = folder / "unbound.conf"
            config.write_text(
                _CONFIG.format(
                    host=host,
                    port=endpoint.port,
                    folder=folder,
                    hints=hints,
                    modules="validator iterator" if anchor else "iterator",
                    more="\n".join(more),
                )
            )
            command = [need("unbound"), "-d", "-c", str(config)]
            with running(command, log=folder / "log", ready=accepts(endpoint.port, host)):
                yield cls(endpoint, folder)

    def empty(self, name: str) -> None:
        """Answer that *name* has no records, whatever its servers say, until it is restored."""
        self._control(f"local_zone {name} always_nodata")

    def restore(self, name: str) -> None:
        """Answer for *name* what its servers say."""
        self._control(f"local_zone_remove {name}")

    def forget(self) -> None:
        """Drop what is cached, keys and the servers' manners included."""
        self._control("flush_zone .")
        self._control("flush_infra all")

    def _control(self, order: str) -> None:
        """Give an order as unbound-control does; a process for each would take its time."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self._control_socket))
            control.sendall(f"UBCT1 {order}\n".encode())
            with control.makefile() as stream:
                reply = stream.read()
        assert reply.startswith("ok"), f"{order}: {reply}"
