"""Agents with little to do, seen from outside: ours with a hundred checks, and the exporter."""

import re
import tempfile
import time
from pathlib import Path

from tests.bench import peers
from tests.bench.agents import config_of, daemon, metrics
from tests.bench.sample import Sample, UnmeasuredError, resident
from tests.bench.spent import cpu_of
from tests.bench.zone import NAMES
from tests.servers.process import free_port
from vedette.checks.net import Endpoint

EXPORTER = "blackbox_exporter, idle"
WARM, WINDOW = 5.0, 60.0
"""Seconds from when each check has looked once to the measurement, and of that."""
LEARNT = 600.0
"""The default of last_known_good_after: what is learnt once in ten minutes is not idleness."""


def idle(
    server: Endpoint, *, checks: int = 100, every: float = 30, window: float = WINDOW
) -> Sample:
    """Watch `vedette run` as installed, and an exporter that nobody asks, for the same minute."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "agent.yaml"
        config.write_text(config_of(server, NAMES[:checks], port, every, LEARNT))
        with daemon(config, port) as ours, peers.exporter(peers.MODULE) as (other, _):
            time.sleep(every + WARM)
            pids, start = (ours.pid, other), time.monotonic()
            before = [cpu_of(pid) for pid in pids]
            time.sleep(window)
            after, seconds = [cpu_of(pid) for pid in pids], time.monotonic() - start
            memory = [resident(pid) for pid in pids]
            text = metrics(port)
    looked = len(re.findall(r'^vedette_probe_state{.*state="OK"} 1(?:[.]0)?$', text, re.MULTILINE))
    if looked < checks:
        raise UnmeasuredError(f"only {looked} of {checks} checks are OK")
    rounds = checks * seconds / every
    spent = [last - first for first, last in zip(before, after, strict=True)]
    other_ = Sample(operations=rounds, cpu=spent[1], seconds=seconds, rss=memory[1])
    return Sample(
        operations=rounds, cpu=spent[0], seconds=seconds, rss=memory[0], beside={EXPORTER: other_}
    )
