"""What a check cannot tell: it does not look where that shows."""

import pytest

from vedette.agent.diagnoses.beyond import beyond_dns, beyond_http
from vedette.agent.diagnoses.names import Diagnosis
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.http.settings import HttpSettings

PAGE = "https://shop.example/"
PLAIN = "http://shop.example/"


@pytest.mark.parametrize(
    ("written", "beyond"),
    [
        ({"url": PAGE}, set()),
        ({"url": PAGE, "at": ["name", "192.0.2.1"]}, set()),
        ({"url": PAGE, "at": ["192.0.2.1"]}, {Diagnosis.SERVICE_DOWN}),
        ({"url": PLAIN}, {Diagnosis.CERTIFICATE_INVALID}),
        ({"url": PLAIN, "redirects": 1}, set()),
        ({"url": PAGE, "standby": True}, {Diagnosis.SERVICE_DOWN}),
    ],
)
def test_a_page_is_down_by_name_and_has_a_certificate_over_tls(
    written: dict[str, object], beyond: set[Diagnosis]
) -> None:
    """By address or at a failover nothing is down; without TLS nothing has a certificate."""
    assert set(beyond_http(HttpSettings.model_validate(written))) == beyond


@pytest.mark.parametrize(
    ("servers", "beyond"),
    [
        (["authoritative", "system"], set()),
        (["authoritative", "9.9.9.9"], set()),
        (["authoritative"], {Diagnosis.RESOLVER_FAULT}),
        (["system"], {Diagnosis.DELEGATION_CHANGED}),
        (["parent", "9.9.9.9"], {Diagnosis.AUTHORITATIVE_DOWN}),
    ],
)
def test_a_fault_of_servers_shows_where_they_are_asked(
    servers: list[str], beyond: set[Diagnosis]
) -> None:
    """Nothing is known of the parent and of resolvers without them; resolvers tell of servers."""
    written = {"name": "shop.example", "type": "NS", "servers": servers}
    assert set(beyond_dns(DnsSettings.model_validate(written))) == beyond
