"""prometheus_client's `generate_latest` of the series of a page: `… written_page FILE [--packed]`.

A process of its own. The series are read before the clock starts and stay ready made in the
registry, which costs an exporter that collects them more.
"""

import argparse
import gzip
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter, process_time

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from tests.bench.sample import Sample

TIMES = 5
SERIES = 100_000


class Page(Collector):
    """The families of a page."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._families


def main() -> None:
    """Write the page a few times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("--packed", action="store_true", help="compress it, as its WSGI app does")
    options = parser.parse_args()
    text = options.page.read_text()
    registry = CollectorRegistry()
    registry.register(Page(text))
    cpu, start = process_time(), perf_counter()
    for _ in range(TIMES):
        octets = generate_latest(registry)
        if options.packed:
            gzip.compress(octets)
    took = process_time() - cpu, perf_counter() - start
    series = sum(not line.startswith(b"#") for line in octets.splitlines())
    Sample(operations=TIMES * series / SERIES, cpu=took[0], seconds=took[1]).tell()


if __name__ == "__main__":
    main()
