"""A VictoriaMetrics that takes remote write."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import accepts, free_port, need, running


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[str]:
    """Serve until the block ends, and return the URL."""
    program, port = need("victoria-metrics"), free_port()
    folder.mkdir()
    command = [
        program,
        f"-storageDataPath={folder / 'data'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-search.latencyOffset=0s",
        "-search.disableCache",
    ]
    with running(command, log=folder / "log", ready=accepts(port)):
        yield f"http://127.0.0.1:{port}"


def flush(url: str) -> None:
    """Make all that it has taken visible."""
    with urllib.request.urlopen(f"{url}/internal/force_flush", timeout=5):
        pass
