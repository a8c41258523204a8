"""The drop-in under a real Prometheus."""

import contextlib
from pathlib import Path

import yaml

from tests.agent.blackbox.test_command import started
from tests.servers.nginx import nginx
from tests.servers.process import free_port
from tests.servers.prometheus import prometheus

MODULES = """\
modules:
  http_2xx: {prober: http, timeout: 1s, http: {preferred_ip_protocol: ip4}}
"""
RELABELLED = [
    {"source_labels": ["__address__"], "target_label": "__param_target"},
    {"source_labels": ["__param_target"], "target_label": "instance"},
]


def scrapes(exporter: str, targets: list[str]) -> list[dict]:
    """Return a job by relabelling, and one as the operator makes it of a Probe."""
    there = {"target_label": "__address__", "replacement": exporter}
    plain = {
        "job_name": "blackbox",
        "metrics_path": "/probe",
        "params": {"module": ["http_2xx"]},
        "static_configs": [{"targets": targets}],
        "relabel_configs": [*RELABELLED, there],
    }
    probe = {
        "job_name": "probe/monitoring/shop",
        "honor_timestamps": True,
        "metrics_path": "/probe",
        "scheme": "http",
        "params": {"module": ["http_2xx"], "hostname": ["shop.test"]},
        "static_configs": [{"targets": targets[:1], "labels": {"namespace": "monitoring"}}],
        "relabel_configs": [
            {"source_labels": ["job"], "target_label": "__tmp_prometheus_job_name"},
            *RELABELLED,
            there,
        ],
    }
    return [plain, probe]


async def test_prometheus_scrapes_probes(tmp_path: Path):
    """By relabelling and as the operator does it: targets are up, and success is the target's."""
    with contextlib.ExitStack() as stack:
        web = stack.enter_context(nginx(tmp_path / "nginx"))
        url, file, process = stack.enter_context(started(tmp_path))
        file.write_text(MODULES)
        process.send_signal(1)
        exporter = url.removeprefix("http://")
        good, bad = f"http://127.0.0.1:{web.http}/", f"http://127.0.0.1:{free_port()}/"
        jobs = scrapes(exporter, [good, bad])
        server = stack.enter_context(prometheus(tmp_path / "prometheus", scrape_configs=jobs))
        success = server.series("probe_success", 3)
        assert success == {
            ("blackbox", good): 1,
            ("blackbox", bad): 0,
            ("probe/monitoring/shop", good): 1,
        }
        assert set(server.series("up", 3).values()) == {1}
        assert server.series('probe_failure_info{reason="connect_refused"}', 1) == {
            ("blackbox", bad): 1
        }
    asked = [line.split("|")[1] for line in web.requests()]
    assert "shop.test" in asked
    assert yaml.safe_load(MODULES)
