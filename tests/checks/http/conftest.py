"""What tests of HTTP checks share: whom they trust."""

import pytest

from vedette.checks.http.tls import TlsSettings


@pytest.fixture(scope="session")
def tls(ca_file: str) -> TlsSettings:
    return TlsSettings(ca_file=ca_file)
