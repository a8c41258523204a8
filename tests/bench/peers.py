"""Other people's programs at the same work: Prometheus's blackbox_exporter, and dnsperf."""

import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from tests.bench.sample import Sample, UnmeasuredError, heard
from tests.bench.zone import NAMES
from tests.servers.process import accepts, free_port, need, running
from vedette.checks.net import Endpoint

BLACKBOX, DNSPERF = "prometheus-blackbox-exporter", "dnsperf"

MODULE = f"""\
modules:
  dns:
    prober: dns
    timeout: 5s
    dns:
      query_name: {NAMES[0]}
      query_type: A
      transport_protocol: udp
      preferred_ip_protocol: ip4
      valid_rcodes: [NOERROR]
      validate_answer_rrs:
        fail_if_none_matches_regexp: ["."]
"""


def cpu_of(pid: int) -> float:
    """Return the CPU seconds, user and system, of all threads of a process (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def blackbox(server: Endpoint) -> Sample:
    """Ask *server* through the exporter."""
    return probe("dns", MODULE, str(server))


def drop_in(server: Endpoint) -> Sample:
    """Ask *server* through our own exporter, as it is installed."""
    program = str(Path(sys.executable).with_name("vedette"))
    return probe("dns", MODULE, str(server), exporter=(program, "blackbox"))


def probe(module: str, config: str, target: str, *, exporter: Sequence[str] = ()) -> Sample:
    """Probe *target* through the exporter's /probe, 50 connections at once; the exporter's CPU."""
    program, port = exporter or (need(BLACKBOX),), free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "blackbox.yml").write_text(config)
        listen = f"--web.listen-address=127.0.0.1:{port}"
        command = [*program, f"--config.file={folder / 'blackbox.yml'}", listen]
        with running(command, log=folder / "log", ready=accepts(port)) as process:
            path = f"/probe?module={module}&target={target}"
            asked = ("127.0.0.1", port, path, "--expect", "probe_success 1")
            heard("load", *asked, "--count", 500)
            before = cpu_of(process.pid)
            sample = heard("load", *asked)
            return replace(sample, cpu=cpu_of(process.pid) - before)


def dnsperf(server: Endpoint, seconds: int = 3) -> Sample:
    """Ask *server* as fast as it answers: what a client in C that judges nothing reaches."""
    program = need(DNSPERF)
    with tempfile.NamedTemporaryFile("w", suffix=".queries") as queries:
        queries.write("".join(f"{name} A\n" for name in NAMES))
        queries.flush()
        command = [program, "-s", server.host, "-p", str(server.port), "-d", queries.name]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        done = subprocess.run(
            [*command, "-e", "-c", "50", "-q", "50", "-l", str(seconds)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        took, after = perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    completed = re.search(r"Queries completed:\s+(\d+)", done.stdout)
    if completed is None:
        raise UnmeasuredError(f"dnsperf failed: {done.stderr.strip()}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Sample(operations=int(completed[1]), cpu=cpu, seconds=took)
