"""A Prometheus that scrapes one target."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.process import free_port, is_ready, need, running

_TIMES = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
"""How often the tests' Prometheus does things."""


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str
    pid: int

    def get(self, path: str) -> Any:
        """Return `data` of an API call; https://prometheus.io/docs/prometheus/latest/querying/api/."""
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", timeout=5) as response:
            return json.load(response)["data"]

    def scraped(self, seconds: float = 15) -> dict[str, Any]:
        """Return what the targets page says of the target, once it has been scraped."""
        give_up = time.monotonic() + seconds
        while True:
            targets = self.get("targets")["activeTargets"]
            if (targets and targets[0]["health"] != "unknown") or time.monotonic() > give_up:
                target: dict[str, Any] = targets[0]
                return target
            time.sleep(0.05)

    def series(self, query: str, count: int, seconds: float = 15) -> dict[tuple[str, str], float]:
        """Return the values of *query* by job and instance, once there are *count*."""
        give_up = time.monotonic() + seconds
        while True:
            rows = found(self.url, query)
            if len(rows) >= count or time.monotonic() > give_up:
                labels = [(row["metric"]["job"], row["metric"]["instance"]) for row in rows]
                return dict(zip(labels, (float(row["value"][1]) for row in rows), strict=True))
            time.sleep(0.1)


def found(url: str, query: str) -> list[dict[str, Any]]:
    """Return what *query* finds now at any server with Prometheus's API."""
    path = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    with urllib.request.urlopen(path, timeout=5) as response:
        result: list[dict[str, Any]] = json.load(response)["data"]["result"]
    return result


@contextmanager
def prometheus(
    folder: Path,
    target: str = "",
    *,
    scrape_configs: Sequence[dict[str, Any]] = (),
    flags: Sequence[str] = (),
    rules: Sequence[Path] = (),
    alertmanagers: Sequence[str] = (),
    times: Mapping[str, str] = _TIMES,
    port: int = 0,
) -> Iterator[Prometheus]:
    """Scrape *target*, HOST:PORT, and *scrape_configs* once a second until the block ends.

    The files of *rules* are evaluated as often; *times* say otherwise. What they find is told to
    *alertmanagers*, HOST:PORT.

    A *folder* that another has left is taken up.
    """
    program, port = need("prometheus"), port or free_port()
    folder.mkdir(exist_ok=True)
    config = folder / "prometheus.yml"
    jobs = [*scrape_configs]
    if target:
        jobs.append({"job_name": "tested", "static_configs": [{"targets": [target]}]})
    alerting = {"alertmanagers": [{"static_configs": [{"targets": [*alertmanagers]}]}]}
    config.write_text(
        yaml.safe_dump(
            {
                "global": dict(times),
                "scrape_configs": jobs,
                "rule_files": [str(path) for path in rules],
                "alerting": alerting if alertmanagers else {},
            }
        )
    )
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    with running(command, log=folder / "log", ready=is_ready(port)) as process:
        yield Prometheus(f"http://127.0.0.1:{port}", process.pid)
