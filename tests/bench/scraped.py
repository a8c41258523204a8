"""What people run instead of an agent: Prometheus that scrapes blackbox_exporter."""

import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from tests.bench import peers
from tests.bench.sample import Sample, UnmeasuredError, resident
from tests.bench.spent import cpu_of
from tests.bench.zone import NAMES
from tests.servers.prometheus import found, prometheus
from vedette.checks.net import Endpoint

PATIENCE = 60.0
"""Seconds within which every target must have been probed after the first."""


def modules(names: Sequence[str]) -> str:
    """Return the exporter's config with a module for each of *names*, as it wants them."""
    [made] = yaml.safe_load(peers.MODULE)["modules"].values()
    every = {name: {**made, "dns": {**made["dns"], "query_name": name}} for name in names}
    return yaml.safe_dump({"modules": every})


def job(names: Sequence[str], server: Endpoint, exporter: int) -> dict[str, Any]:
    """Return Prometheus's job that probes each of *names* at *server* through the exporter."""
    return {
        "job_name": "dns",
        "metrics_path": "/probe",
        "params": {"target": [str(server)]},
        "static_configs": [{"targets": [*names]}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_module"},
            {"source_labels": ["__address__"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": f"127.0.0.1:{exporter}"},
        ],
    }


def times(seconds: float) -> dict[str, str]:
    """Return a Prometheus's `global` that does all of its work every so many seconds."""
    every = f"{seconds:g}s"
    return {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}


def many(server: Endpoint, *, checks: int = 10_000, every: float = 10) -> Sample:
    """Measure both processes together, on all processors, with so many targets."""
    names = NAMES[:checks]
    with (
        tempfile.TemporaryDirectory() as folder,
        peers.exporter(modules(names)) as (exporter, port),
        prometheus(
            Path(folder) / "prometheus",
            scrape_configs=[job(names, server, port)],
            times=times(every),
        ) as scraper,
    ):
        pids = (exporter, scraper.pid)
        _all_probed(scraper.url, len(names))
        time.sleep(every)
        start, before = time.monotonic(), sum(map(cpu_of, pids))
        time.sleep(2 * every)
        cpu, seconds = sum(map(cpu_of, pids)) - before, time.monotonic() - start
        memory = sum(map(resident, pids))
        _all_probed(scraper.url, len(names))
    return Sample(operations=len(names) * seconds / every, cpu=cpu, seconds=seconds, rss=memory)


def _all_probed(url: str, count: int) -> None:
    """Wait until all of *count* targets were probed with success."""
    give_up, good = time.monotonic() + PATIENCE, 0
    while time.monotonic() < give_up:
        with suppress(OSError):  # too busy to answer
            answer = found(url, "count(probe_success == 1)")
            good = int(answer[0]["value"][1]) if answer else 0
            if good == count:
                return
        time.sleep(1)
    raise UnmeasuredError(f"Prometheus sees only {good} of {count} targets well")
