"""Who may be probed: a rule on the addresses that are connected to, never on names.

Rule: no I/O. A name says nothing, as it may be given another address between two questions; so the
rule is asked with the very address that is then connected to.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from vedette.checks.net import CouldNotLook

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


class Refusal(StrEnum):
    """Why an address is not probed."""

    FORBIDDEN = "forbidden"


class Forbidden(CouldNotLook):
    """An address is not probed, because of who it belongs to."""


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


METADATA = _networks(
    "169.254.169.254/32",  # AWS, Azure, Google, Oracle, DigitalOcean, Hetzner and most others
    "fd00:ec2::254/128",
    "169.254.170.2/32",  # credentials of AWS containers
    "169.254.170.23/32",
    "fd00:ec2::23/128",
    "fd20:ce::254/128",  # Google, IPv6
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure's host
    "192.0.0.192/32",  # Oracle
    "169.254.42.42/32",  # Scaleway
    "fd00:42::42/128",
)
"""Where clouds tell a machine its secrets."""

LOCAL = _networks(
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
"""What is not the public internet: loopback, link-local, private, multicast and unspecified
(RFC 6890). An IPv4 address inside an IPv6 address counts as itself."""

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291 section 2.5.5.1, deprecated


class Policy:
    """Refuses the addresses in *deny*, except those in *allow*."""

    def __init__(self, allow: Sequence[Network], deny: Sequence[Network]) -> None:
        self._allow = tuple(allow)
        self._deny = tuple(deny)
        self._denies = lru_cache(maxsize=4096)(self._judge)  # the same few again and again

    def permit(self, address: str) -> None:
        """Raise Forbidden where *address*, in text form, must not be connected to."""
        if self._denies(address):
            raise Forbidden(Refusal.FORBIDDEN, f"{address} may not be probed from here")

    def _judge(self, address: str) -> bool:
        forms = _forms(ip_address(address.partition("%")[0]))
        return _within(forms, self._deny) and not _within(forms, self._allow)


def _within(forms: Sequence[Address], networks: Iterable[Network]) -> bool:
    return any(form in network for network in networks for form in forms)


def _forms(address: Address) -> tuple[Address, ...]:
    """Return *address*, and the IPv4 address that its packets may end at."""
    if isinstance(address, IPv4Address):
        return (address,)
    inner = address.ipv4_mapped or address.sixtofour
    if address.teredo is not None:
        inner = address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return (address,) if inner is None else (address, inner)
