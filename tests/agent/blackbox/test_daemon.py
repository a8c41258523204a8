"""The agent's own `/probe`."""

from pathlib import Path

import aiohttp
import pytest

from tests.agent.blackbox.serving import Answer
from tests.servers.process import free_port
from vedette.agent.config import ConfigError, read
from vedette.agent.daemon import Agent
from vedette.agent.serving.web import serving

CONFIG = """\
agent:
  name: fra-1
  domain: {{provider: lab}}
  listen: 127.0.0.1:{port}
  {probe}
services:
  - {{name: shop, dns: [{{name: shop.test}}]}}
"""
MODULES = "modules: {m: {prober: tcp, timeout: 1s}}\n"


def config(folder: Path, probe: str) -> tuple[Path, int]:
    """Write a config with this line, and its modules; return its path and port."""
    port, path = free_port(), folder / "vedette.yaml"
    path.write_text(CONFIG.format(port=port, probe=probe))
    (folder / "blackbox.yml").write_text(MODULES)
    return path, port


async def probed(folder: Path, probe: str, target: str = "") -> Answer:
    """Probe *target*, by default the agent's own listener, through an agent with this line."""
    path, port = config(folder, probe)
    agent = Agent(read(path), folder)
    url = f"http://127.0.0.1:{port}/probe?module=m&target={target or f'127.0.0.1:{port}'}"
    try:
        async with serving(agent), aiohttp.ClientSession() as session, session.get(url) as response:
            return Answer(response.status, dict(response.headers), await response.text())
    finally:
        agent.store.close()


@pytest.mark.parametrize(
    ("probe", "target", "reason"),
    [
        ("probe: {modules: blackbox.yml}", "", "forbidden"),
        ("probe: {modules: blackbox.yml}", "[::1]:80", "forbidden"),
        ("probe: {modules: blackbox.yml}", "10.0.0.1:80", "forbidden"),
        ("probe: {modules: blackbox.yml}", "169.254.169.254:80", "forbidden"),
        ("probe: {modules: blackbox.yml, allow: [127.0.0.0/8]}", "", None),
        ("probe: {modules: blackbox.yml, allow: [127.0.0.0/8]}", "169.254.169.254:80", "forbidden"),
        (
            "probe: {modules: blackbox.yml, allow: [127.0.0.0/8], deny: [127.0.0.1]}",
            "",
            "forbidden",
        ),
    ],
)
async def test_only_the_public_internet_is_probed_unless_more_is_allowed(
    tmp_path, probe, target, reason
):
    """The agent stands where its secrets are: nobody reaches into its network through it."""
    assert (await probed(tmp_path, probe, target)).reason == reason


async def test_there_is_no_probe_unless_it_is_configured(tmp_path):
    """An endpoint that connects to anything is not opened by itself."""
    assert (await probed(tmp_path, "state_dir: ./state")).status == 404


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        ("probe: {modules: none.yml}", "agent.probe.modules: error reading config file"),
        ("probe: {modules: vedette.yaml}", "agent.probe.modules: error parsing config file"),
        ("probe: {modules: blackbox.yml, allow: [here]}", "agent.probe.allow.0"),
        ("probe: {allow: [127.0.0.1]}", "agent.probe.modules: is required"),
    ],
)
def test_a_probe_that_cannot_work_is_a_fault_of_the_config(tmp_path, probe, words):
    """It is found when the config is, with its line."""
    path, _ = config(tmp_path, probe)
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert any(line.startswith(f"{path}:5: {words}") for line in caught.value.lines())
