"""Other people's programs at the same work: Prometheus's blackbox_exporter, and dnsperf."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.bench.agents import VEDETTE
from tests.bench.sample import Sample, UnmeasuredError, heard, resident
from tests.bench.spent import cpu_of, run
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


def blackbox(server: Endpoint) -> Sample:
    """Ask *server* through the exporter."""
    return probe("dns", MODULE, str(server))


def drop_in(server: Endpoint) -> Sample:
    """Ask *server* through our own exporter, as it is installed."""
    return probe("dns", MODULE, str(server), program=(VEDETTE, "blackbox"))


@contextmanager
def exporter(config: str, program: Sequence[str] = ()) -> Iterator[tuple[int, int]]:
    """Run blackbox_exporter, or *program* in its place; yield its process id and its port."""
    program, port = program or (need(BLACKBOX),), free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "blackbox.yml").write_text(config)
        listen = f"--web.listen-address=127.0.0.1:{port}"
        command = [*program, f"--config.file={folder / 'blackbox.yml'}", listen]
        with running(command, log=folder / "log", ready=accepts(port)) as process:
            yield process.pid, port


def probe(module: str, config: str, target: str, *, program: Sequence[str] = ()) -> Sample:
    """Probe *target* through the exporter's /probe, 50 connections at once; the exporter's CPU."""
    with exporter(config, program) as (pid, port):
        path = f"/probe?module={module}&target={target}"
        asked = ("127.0.0.1", port, path, "--expect", "probe_success 1")
        heard("load", *asked, "--count", 500)
        before = cpu_of(pid)
        sample = heard("load", *asked)
        return replace(sample, cpu=cpu_of(pid) - before, rss=resident(pid))


def dnsperf(server: Endpoint, seconds: int = 3) -> Sample:
    """Ask *server* as fast as it answers: what a client in C that judges nothing reaches."""
    program = need(DNSPERF)
    with tempfile.NamedTemporaryFile("w", suffix=".queries") as queries:
        queries.write("".join(f"{name} A\n" for name in NAMES))
        queries.flush()
        command = [program, "-s", server.host, "-p", str(server.port), "-d", queries.name]
        ended = run([*command, "-e", "-c", "50", "-q", "50", "-l", str(seconds)])
    completed = re.search(r"Queries completed:\s+(\d+)", ended.output)
    if completed is None:
        raise UnmeasuredError(f"dnsperf failed: {ended.errors.strip()}")
    return Sample(operations=int(completed[1]), cpu=ended.cpu, seconds=ended.seconds)
