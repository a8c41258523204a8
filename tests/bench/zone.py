"""The zone everybody is asked for: each reply has two addresses, two servers and their glue."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.nsd import nsd
from vedette.checks.net import Endpoint

NAMES = tuple(f"w{number}.bench.test" for number in range(10_000))

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
    hosts = (name.removesuffix(".bench.test") for name in NAMES)
    records = (f"{host} A 192.0.2.1\n{host} A 192.0.2.2\n" for host in hosts)
    with nsd({"bench.test": _TOP + "".join(records)}) as endpoint:
        yield endpoint
