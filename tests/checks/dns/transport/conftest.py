"""What the tests of the encrypted transports share: a certificate, a client, and BIND."""

from collections.abc import Iterator

import pytest
import trustme

from tests.checks.dns.transport.serving import HOST, Client
from tests.servers.bind import Bind, bind

ZONE = """\
$TTL 60
@ SOA ns1 host 1 2 3 4 60
@ NS ns1
ns1 A 127.0.0.1
api A 192.0.2.1
"""


@pytest.fixture(scope="session")
def certificate(ca: trustme.CA) -> trustme.LeafCert:
    return ca.issue_cert(HOST, "127.0.0.1")


@pytest.fixture
def client(ca_file: str) -> Client:
    return Client(ca_file)


@pytest.fixture(scope="session")
def real(certificate: trustme.LeafCert) -> Iterator[Bind]:
    with bind({"example.com": ZONE}, certificate) as server:
        yield server
