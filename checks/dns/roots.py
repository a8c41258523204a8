"""Where a delegation walk starts: the root servers, built in or from a hints file."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.zonefile
from dns.rdataset import Rdataset
from dns.rrset import RRset

from vedette.checks.dns.names import spoken
from vedette.checks.dns.server import short
from vedette.checks.net import Endpoint


@dataclass(frozen=True, slots=True, order=True)
class Server:
    """A name server at one of its addresses; *name* is empty where only the address is known."""

    name: str
    endpoint: Endpoint

    @property
    def label(self) -> str:
        """The subject of an observation: `NAME ADDRESS`."""
        return f"{self.name} {short(self.endpoint)}".strip()

    @property
    def spoken(self) -> str:
        """The same in a sentence: `NAME (ADDRESS)`."""
        return f"{self.name} ({short(self.endpoint)})" if self.name else short(self.endpoint)


def ipv4_first(servers: Iterable[Server]) -> list[Server]:
    """Return *servers* in their order, but for those at IPv6: not every host has it."""
    return sorted(servers, key=lambda server: ":" in server.endpoint.host)


# https://www.iana.org/domains/root/servers
_IANA = """
a 198.41.0.4 2001:503:ba3e::2:30
b 170.247.170.2 2801:1b8:10::b
c 192.33.4.12 2001:500:2::c
d 199.7.91.13 2001:500:2d::d
e 192.203.230.10 2001:500:a8::e
f 192.5.5.241 2001:500:2f::f
g 192.112.36.4 2001:500:12::d0d
h 198.97.190.53 2001:500:1::53
i 192.36.148.17 2001:7fe::53
j 192.58.128.30 2001:503:c27::2:30
k 193.0.14.129 2001:7fd::1
l 199.7.83.42 2001:500:9f::42
m 202.12.27.33 2001:dc3::35
"""

ROOT_SERVERS = tuple(
    Server(f"{letter}.root-servers.net", Endpoint(address, 53))
    for letter, *addresses in map(str.split, _IANA.strip().splitlines())
    for address in addresses
)


def records_in(path: Path, what: str) -> list[RRset]:
    """Return the records of a file in zone-file format, or raise ValueError; *what* names it."""
    try:
        return dns.zonefile.read_rrsets(path.read_text(), rdclass=None, default_ttl=3600000)
    except OSError as error:
        raise ValueError(f"{what} {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ValueError(f"{what} {path}: it is not UTF-8 text: save it as that") from None
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{what} {path}: {error}") from error


def read_hints(path: Path) -> tuple[Server, ...]:
    """Read a hints file (zone-file format, as named.root is) or raise ValueError."""
    rrsets = records_in(path, "root hints")
    hosts = {
        str(record.target).lower()
        for rrset in rrsets
        if rrset.rdtype == dns.rdatatype.NS and rrset.name == dns.name.root
        for record in rrset
    }
    servers = sorted(
        Server(spoken(rrset.name), Endpoint(address, 53))
        for rrset in rrsets
        if str(rrset.name).lower() in hosts
        for address in addresses(rrset)
    )
    if not servers:
        raise ValueError(f"root hints {path}: no address of a server of the root")
    return tuple(servers)


def addresses(rdataset: Rdataset) -> tuple[str, ...]:
    """Return the addresses that A or AAAA records hold, none of other types or classes."""
    if rdataset.rdclass != dns.rdataclass.IN:
        return ()  # what such a record holds in another class is no address (RFC 1035 section 3.4)
    if rdataset.rdtype not in (dns.rdatatype.A, dns.rdatatype.AAAA):
        return ()
    return tuple(record.address for record in rdataset)
