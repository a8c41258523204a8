"""What the tests of the encrypted transports share: a certificate, who trusts it, and BIND."""

import asyncio
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
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def certificate(ca: trustme.CA) -> trustme.LeafCert:
    return ca.issue_cert(HOST, "127.0.0.1")


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def client(ca_file: str) -> Client:
    return Client(ca_file)


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    """Both loops that the daemon runs on."""
    factory = None
    if request.param == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as one:
        yield one


@pytest.fixture(scope="session")
def real(certificate: trustme.LeafCert) -> Iterator[Bind]:
    with bind({"example.com": ZONE}, certificate) as server:
        yield server
