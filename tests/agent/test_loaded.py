"""What an agent keeps in memory: what its config asks for, and not what another one would."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_AGENT = "agent: {name: here, domain: {provider: lab}}\n"
_PLAIN = "services: [{name: shop, dns: [{name: shop.test, servers: ['192.0.2.1']}]}]\n"
_ZONE = "services: [{name: shop, dns: [{name: shop.test}]}]\n"
_DOH = "services: [{name: shop, dns: [{name: shop.test, servers: ['https://192.0.2.1']}]}]\n"
_SITE = "services: [{name: shop, http: [{url: 'https://shop.test/'}]}]\n"
_RULE = "alarms: [{name: any, rule: 'ALARM(\"shop/dns/shop.test A\")'}]\n"

_HEAVY = (
    "cramjam",
    "cryptography",
    "dns.dnssec",
    "h2",
    "jinja2",
    "lark",
    "re2",
    "vedette.agent.blackbox",
)

_MADE = f"""
import json, sys
from pathlib import Path
from vedette.agent.daemon import Agent
from vedette.agent.cli import run
from vedette.agent.config import read
from vedette.agent.serving.web import application
path = Path(sys.argv[1])
application(Agent(read(path), path.parent))
print(json.dumps([name for name in {_HEAVY} if name in sys.modules]))
"""


def loaded(folder: Path, config: str) -> set[str]:
    path = folder / "agent.yaml"
    path.write_text(_AGENT + config)
    made = subprocess.run(
        [sys.executable, "-c", _MADE, str(path)], check=True, capture_output=True, text=True
    )
    return set(json.loads(made.stdout))


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        (_PLAIN, set()),
        (_PLAIN + _RULE, {"lark"}),
        (_ZONE, {"cryptography", "dns.dnssec"}),
        (_DOH, {"h2"}),
        (_SITE, {"cryptography", "h2"}),
    ],
    ids=["resolvers alone", "a rule", "a zone", "a resolver over HTTPS", "a site"],
)
def test_an_agent_loads_what_its_config_asks_for(
    tmp_path: Path, config: str, wanted: set[str]
) -> None:
    """What no check, rule or page needs stays on the disk; what a probe needs is there before."""
    assert loaded(tmp_path, config) == wanted


def test_probes_for_prometheus_load_no_agent() -> None:
    """Who wants blackbox_exporter's endpoints alone does not wait for what judges and pages."""
    made = "import sys; from vedette.agent.cli import blackbox; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", made], check=True, capture_output=True, text=True)
    agents = ("alarms", "config", "daemon", "diagnoses", "memory", "paging", "status")
    assert not {f"vedette.agent.{name}" for name in agents}.intersection(ran.stdout.split())


def test_the_list_of_commands_loads_none() -> None:
    """Who asks what there is, or mistypes it, does not wait for all of it to be loaded."""
    made = "import sys; from vedette.agent.cli import parser; parser().format_help(); "
    made += "print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", made], check=True, capture_output=True, text=True)
    of_cli = {name for name in ran.stdout.split() if name.startswith("vedette.agent.cli.")}
    assert of_cli == {"vedette.agent.cli.output"}
