"""The usual dashboards and rules find here what they find of blackbox_exporter.

Both exporters have the same config, and each a Prometheus that scrapes the same targets by it.
"""

import contextlib
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
import yaml

from tests.agent.blackbox.asked import DASHBOARDS, RULES
from tests.agent.blackbox.test_icmp import allowed
from tests.agent.blackbox.test_peer import ZONE, exporter
from tests.agent.blackbox.test_prometheus import RELABELLED
from tests.agent.daemon import VEDETTE
from tests.servers.nginx import nginx
from tests.servers.nsd import Nsd
from tests.servers.process import free_port, need
from tests.servers.prometheus import Prometheus, prometheus

IP4 = {"preferred_ip_protocol": "ip4"}
DNS = {**IP4, "query_name": "www.shop.test", "query_type": "A"}
EXPRESSIONS = [
    *((source, expr) for source, exprs in DASHBOARDS.items() for expr in exprs),
    *((f"{source}, {name}", expr)
      for source, rules in RULES.items() for name, (expr, _) in rules.items()),
]  # fmt: skip


def modules(ca_file: Path) -> dict[str, object]:
    """Return a module for each prober; `lax` takes any certificate."""
    return {
        "http_2xx": {"prober": "http", "http": {**IP4, "tls_config": {"ca_file": str(ca_file)}}},
        "lax": {"prober": "http", "http": {**IP4, "tls_config": {"insecure_skip_verify": True}}},
        "dns": {"prober": "dns", "dns": DNS},
        "tcp_connect": {"prober": "tcp", "tcp": IP4},
        "icmp": {"prober": "icmp", "icmp": IP4},
    }


def job(name: str, module: str, targets: list[str], there: str) -> dict[str, object]:
    """Return what scrapes *targets* through the exporter *there*."""
    return {
        "job_name": name,
        "metrics_path": "/probe",
        "params": {"module": [module]},
        "static_configs": [{"targets": targets}],
        "relabel_configs": [*RELABELLED, {"target_label": "__address__", "replacement": there}],
    }


def jobs(there: str, targets: dict[str, list[str]]) -> list[dict[str, object]]:
    """Return one job for each module, one as the operator names it, and one for the exporter."""
    made = [job(f"blackbox-{module}", module, urls, there) for module, urls in targets.items()]
    made.append(job("probe/monitoring/shop", "http_2xx", targets["http_2xx"][:1], there))
    itself = {"targets": [there], "labels": {"instance": "blackbox"}}
    return [*made, {"job_name": "blackbox-exporter", "static_configs": [itself]}]


def found(server: Prometheus, expression: str) -> set[frozenset[tuple[str, str]]]:
    """Return the labels of all that *expression* finds."""
    query = urllib.parse.urlencode({"query": expression})
    return {frozenset(each["metric"].items()) for each in server.get(f"query?{query}")["result"]}


def wait_for_all(server: Prometheus, count: int, well: int) -> None:
    """Wait until *count* targets are probed, *well* of them with success, and the exporter scraped.

    On a busy machine a handshake may take longer than a probe may.
    """
    give_up = time.monotonic() + 20
    while (
        len(found(server, "probe_success")) < count
        or len(found(server, 'probe_success{job!="blackbox-icmp"} == 1')) < well
        or not found(server, "go_info or python_info")
    ):
        assert time.monotonic() < give_up, server.get("targets")
        time.sleep(0.1)


@contextlib.contextmanager
def web(folder: Path, ca: trustme.CA, days: float) -> Iterator[tuple[int, int]]:
    """Serve by a certificate that ends in *days*; yield the plain and the TLS port."""
    ends = datetime.now(UTC) + timedelta(days=days)
    begins = min(ends, datetime.now(UTC)) - timedelta(days=30)
    leaf = ca.issue_cert("127.0.0.1", not_before=begins, not_after=ends)
    with nginx(folder, leaf) as server:
        yield server.http, server.https


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Prometheus]]:
    """A Prometheus that scrapes us, and one that scrapes blackbox_exporter."""
    folder, ca = tmp_path_factory.mktemp("dashboards"), trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "blackbox.yml").write_text(yaml.safe_dump({"modules": modules(folder / "ca.pem")}))
    with contextlib.ExitStack() as stack:
        plain, good = stack.enter_context(web(folder / "good", ca, 90))
        ending = [stack.enter_context(web(folder / str(d), ca, d))[1] for d in (10, 2, -5)]
        nsd = stack.enter_context(Nsd.serving({"shop.test": ZONE}))
        targets = {
            "http_2xx": [
                f"https://127.0.0.1:{good}/",
                f"http://127.0.0.1:{plain}/",
                f"http://127.0.0.1:{plain}/gone",
                f"http://127.0.0.1:{free_port()}/",
            ],
            "lax": [f"https://127.0.0.1:{port}/" for port in ending],
            "dns": [str(nsd.endpoint)],
            "tcp_connect": [f"127.0.0.1:{plain}"],
            "icmp": ["127.0.0.1"],
        }
        servers = []
        for name, command in {
            "ours": (VEDETTE, "blackbox"),
            "theirs": (need("prometheus-blackbox-exporter"),),
        }.items():
            url = stack.enter_context(exporter(folder, *command))
            configs = jobs(url.removeprefix("http://"), targets)
            servers.append(stack.enter_context(prometheus(folder / name, scrape_configs=configs)))
        count = sum(map(len, targets.values())) + 1
        for (
            server
        ) in servers:  # one page is gone, one port shut, and an echo not allowed everywhere
            wait_for_all(server, count, count - 3)
        yield servers[0], servers[1]


@pytest.mark.parametrize(("source", "expression"), EXPRESSIONS)
def test_what_is_asked_for_is_there(both, source, expression):
    """Each expression finds something, and the same series as of blackbox_exporter."""
    ours, theirs = (found(server, expression) for server in both)
    assert ours, f"{source}: {expression} finds nothing"
    if allowed() or "icmp" not in expression:
        assert ours == theirs


def test_nothing_is_missing(both):
    """Whatever series blackbox_exporter has of these targets, there is one of ours."""
    every = '{__name__=~"probe_.+", __name__!~"probe_ssl_last_chain_info"}'
    ours, theirs = (found(server, f"count by (__name__, job, instance) ({every})")
                    for server in both)  # fmt: skip
    assert theirs
    assert ours >= theirs


def test_the_rules_are_rules(tmp_path):
    """Prometheus takes each of them, with its threshold."""
    groups = [
        {
            "name": source,
            "rules": [
                {"alert": name, "expr": expr + limit, "labels": {"source": source}}
                for name, (expr, limit) in rules.items()
            ],
        }
        for source, rules in RULES.items()
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": groups}))
    ran = subprocess.run(
        [need("promtool"), "check", "rules", str(path)], capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{sum(map(len, RULES.values()))} rules found" in ran.stdout.decode()
