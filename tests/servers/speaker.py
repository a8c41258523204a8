"""What BIRD, FRR and GoBGP have in common: where a speaker is, and what it announces."""

from dataclasses import dataclass
from ipaddress import ip_network

from tests.servers.process import free_port

DOCUMENTED = {4: "192.0.2.1", 6: "2001:db8::1"}
"""Next hops of each IP version; nothing is ever forwarded."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """One end of a BGP session on loopback; both ends must offer ADD-PATH for it to be used."""

    host: str
    port: int
    asn: int
    add_path: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A prefix and the AS path that its speaker puts its own number before."""

    prefix: str
    path: tuple[int, ...] = ()

    @property
    def version(self) -> int:
        """4 or 6."""
        return ip_network(self.prefix).version


def speaker(number: int, asn: int, *, add_path: bool = False) -> Speaker:
    """Return a speaker at the *number*-th address that tests use, on a free port."""
    host = f"127.0.179.{number}"
    return Speaker(host, free_port(host=host), asn, add_path)
