"""One spelling for each prefix and each peer, whoever wrote it.

RIS Live announces IPv6 prefixes compressed and withdraws them expanded
(`2a12:ca42:0:0:0:0:0:0/32`), so a comparison of strings would miss every withdrawal.
"""

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple


class Peer(NamedTuple):
    """One peer session of a route collector: the unit in which visibility is counted."""

    collector: str
    address: str

    def __str__(self) -> str:
        return f"{self.collector} {self.address}"


@lru_cache(maxsize=65536)
def canonical(text: str) -> str:
    """Return the prefix as RFC 5952 writes it, with host bits cleared; raise ValueError."""
    return str(ipaddress.ip_network(_sized(text), strict=False))


def exact(text: str) -> str:
    """Return the prefix as a person should have written it; ValueError where host bits are set."""
    try:
        network = ipaddress.ip_network(_sized(text), strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not a prefix such as 192.0.2.0/24") from None
    if ipaddress.ip_interface(text).ip != network.network_address:
        raise ValueError(f"{text!r} has host bits set; did you mean {network}?")
    return str(network)


def _sized(text: str) -> str:
    """Refuse what Python takes but no router prints: no length, a netmask or a zone index."""
    if not re.fullmatch(r"[0-9A-Fa-f:.]+/[0-9]{1,3}", text):
        raise ValueError(f"{text!r} is not a prefix")
    return text


@lru_cache(maxsize=16384)
def peer_of(collector: str, address: str) -> Peer:
    """Return the same key for `rrc00.ripe.net`, `rrc00` and RIPEstat's `00`; raise ValueError."""
    name = collector.lower().removesuffix(".ripe.net")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
        raise ValueError(f"{collector!r} is not a collector's name")
    return Peer(f"rrc{name}" if name.isdigit() else name, str(ipaddress.ip_address(address)))


def peer_of_source(source: str) -> Peer:
    """Return the key of a RIPEstat `source_id`, COLLECTOR-ADDRESS; raise ValueError."""
    collector, _, address = source.rpartition("-")  # as in route-views2-192.0.2.1
    return peer_of(collector, address)


def version_of(prefix: str) -> int:
    """Return 4 or 6, the version of IP that a canonical *prefix* is of."""
    return 6 if ":" in prefix else 4
