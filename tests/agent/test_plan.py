"""What an agent looks at, and what that can mean."""

from pathlib import Path

import pytest

from vedette.agent.config import parse
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.lastgood import LastKnownGood
from vedette.agent.plan import make

_CONFIG = """\
agent: {{name: here, domain: {{provider: host}}}}
services:
  - name: shop
    dns: [{{name: shop.example, type: NS, servers: [{servers}]}}]
"""

RESOLVERS = {Diagnosis.RESOLVER_FAULT}
AUTHORITIES = {Diagnosis.AUTHORITATIVE_DOWN, Diagnosis.DELEGATION_CHANGED}


@pytest.mark.parametrize(
    ("servers", "beyond"),
    [
        ("authoritative, system", set()),
        ("authoritative, 192.0.2.53", set()),
        ("authoritative", RESOLVERS),
        ("'tls://192.0.2.53'", AUTHORITIES),
        ("parent, system", {Diagnosis.AUTHORITATIVE_DOWN}),
        ("parent", RESOLVERS | {Diagnosis.AUTHORITATIVE_DOWN}),
    ],
)
def test_diagnoses_follow_from_who_is_asked(servers: str, beyond: set[Diagnosis]) -> None:
    """A diagnosis has an alarm only where the check looks where it would show."""
    config = parse(_CONFIG.format(servers=servers), Path("vedette.yaml"))
    rules = make(config, Path(), LastKnownGood(), lambda: 0.0).rules

    about_servers = RESOLVERS | AUTHORITIES
    assert about_servers - {rule.diagnosis for rule in rules} == beyond
