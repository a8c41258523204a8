"""An Alertmanager that notifies nobody, or a receiver of the test's own."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.process import free_port, is_ready, need, running

_NOBODY = {"name": "nobody"}
_NOWHERE = {"receiver": _NOBODY["name"]}


@dataclass(frozen=True)
class AlertmanagerServer:
    """A running Alertmanager, or the place where none runs yet."""

    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that stand."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=5) as response:
            found: list[dict[str, Any]] = json.load(response)
            return found

    def names(self, wanted: list[str], seconds: float = 10) -> list[str]:
        """Return the names of the alerts that stand, once they are *wanted* or it took too long."""
        give_up = time.monotonic() + seconds
        while True:
            found = sorted(alert["labels"]["alertname"] for alert in self.alerts())
            if found == wanted or time.monotonic() > give_up:
                return found
            time.sleep(0.05)


@contextmanager
def alertmanager(
    folder: Path,
    *,
    route: Mapping[str, Any] = _NOWHERE,
    receiver: Mapping[str, Any] = _NOBODY,
) -> Iterator[AlertmanagerServer]:
    """Run one member on its own; what it is told goes by *route* to *receiver*."""
    program, port = need("prometheus-alertmanager"), free_port()
    folder.mkdir()
    config = folder / "alertmanager.yml"
    config.write_text(
        yaml.safe_dump(
            {
                "route": dict(route),
                "receivers": [dict(receiver)],
            }
        )
    )
    check = [need("amtool"), "check-config", str(config)]
    subprocess.run(check, check=True, stdout=subprocess.DEVNULL)
    command = [
        program,
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with running(command, log=folder / "log", ready=is_ready(port)):
        yield AlertmanagerServer(port)
