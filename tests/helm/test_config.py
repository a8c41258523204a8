"""The config that the chart renders is one that the agent takes, beside the pod's files."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.agent.daemon import vedette
from tests.helm.chart import CASES, CHART, ROOT, laid_out, rendered, the
from vedette.agent.config import read


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
async def test_the_config_is_valid(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`vedette validate` takes each rendered config beside the secrets that the pod mounts."""
    monkeypatch.setenv("THIRD_KEY", "k" * 32)  # of the Secret that extraEnvFrom names
    config = laid_out(rendered(case), tmp_path)
    ran = await vedette("validate", str(config))
    assert ran.status == 0, ran.err
    assert read(config).agent.name == ("fra-1" if "paging" in case.name else "quickstart-1")


def test_the_chart_as_it_is_runs_the_quickstart(tmp_path: Path) -> None:
    """Without values the agent watches what configs/quickstart.yaml watches."""
    ours = read(laid_out(rendered(), tmp_path))
    theirs = read(ROOT / "configs" / "quickstart.yaml")
    assert ours.model_copy(update={"agent": theirs.agent}) == theirs
    assert ours.agent.listen == "0.0.0.0:9469"
    assert ours.agent.name == theirs.agent.name


def test_the_agent_listens_where_the_pod_is_asked(tmp_path: Path) -> None:
    """Container port, Service and listener agree, and so do TLS and the probes' scheme."""
    objects = rendered(CHART / "ci" / "locked-down-values.yaml")
    agent = read(laid_out(objects, tmp_path)).agent
    (container,) = the(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    assert str(agent.endpoint) == "[::]:8443"
    assert [port["containerPort"] for port in container["ports"]] == [8443]
    assert the(objects, "Service")["spec"]["ports"][0]["port"] == 8443
    assert agent.tls is not None
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
    assert {probe["scheme"] for probe in probes} == {"HTTPS"}
    assert [probe["path"] for probe in probes] == ["/-/healthy", "/-/healthy", "/-/ready"]


def test_the_state_is_on_the_volume(tmp_path: Path) -> None:
    """What the agent keeps, it keeps where the claim is mounted."""
    objects = rendered()
    spec = the(objects, "StatefulSet")["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert read(laid_out(objects, tmp_path)).agent.state_dir == mounts["state"]
    assert [claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]] == ["state"]


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, "http://v-vedette.watch-tower.svc:9469/"),
        ({"ingress.enabled": True, "ingress.host": "a.test"}, "http://a.test/"),
        (
            {"ingress.enabled": True, "ingress.host": "a.test", "ingress.tlsSecret": "t"},
            "https://a.test/",
        ),
        ({"config.agent.url": "https://b.test/x"}, "https://b.test/x"),
    ],
    ids=["service", "ingress", "ingress with TLS", "said"],
)
def test_pages_link_to_where_the_status_page_is(
    values: dict[str, object], url: str, tmp_path: Path
) -> None:
    """The address on every page is one that leads there, not the listener's 0.0.0.0."""
    agent = read(laid_out(rendered(values=values), tmp_path)).agent
    assert agent.status_url == url
    assert urlsplit(url).hostname not in {"0.0.0.0", "127.0.0.1"}


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    """An AS number of 32 bits comes through helm as it was written."""
    config = read(laid_out(rendered(values={"config.agent.domain.asn": 4294967295}), tmp_path))
    assert config.agent.domain.asn == 4294967295
