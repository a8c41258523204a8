"""A Prometheus that scrapes one target."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.process import free_port, need, running

_CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: tested
    static_configs: [{{targets: ["{target}"]}}]
"""


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

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


def _ready(port: int) -> Callable[[], bool]:
    """It listens before it can answer: until its storage is open it says 503."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1):
                return True
        except OSError:
            return False

    return ask


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """Scrape *target*, HOST:PORT, once a second until the block ends."""
    program, port = need("prometheus"), free_port()
    folder.mkdir()
    config = folder / "prometheus.yml"
    config.write_text(_CONFIG.format(target=target))
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, log=folder / "log", ready=_ready(port)):
        yield Prometheus(f"http://127.0.0.1:{port}")
