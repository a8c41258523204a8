"""The figures of all work, from processes of their own with the servers that they ask."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
import trustme

from tests.costs.late import LATE, names, relay
from tests.costs.work import OPERATIONS, PROBE, WORK, Places
from tests.servers.nginx import nginx
from tests.servers.process import accepts, free_port, need

TRACED = ("DNS look", "DNS check, whole", "HTTP look", "HTTPS look", PROBE)
"""The work that does I/O, of which the system calls have ceilings too."""
LOOPS = ("asyncio", "uvloop")
Figures = Mapping[str, Mapping[str, int]]
"""By work, then by row."""
_LIMIT = 120.0
"""Seconds after which a process that does not end is a bug."""
_ALIKE = {"PYTHONHASHSEED": "0"}
"""Strings hash alike in every run."""
_TRACE = ("-f", "-qq", "-e", "signal=none", "-e", "inject=io_uring_setup:error=ENOSYS")
"""uvloop uses io_uring where kernel and sandbox have it: here it is nowhere."""
_MARK = "getsid"
_NOT_OURS = "getpid"
"""asyncio asks for it whenever its loop is asked for, until Python 3.12."""
_CALL = re.compile(r"^\d+ +(\w+)\(", re.MULTILINE)


@contextmanager
def _servers() -> Iterator[Places]:
    """Start what is asked until the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        web = stack.enter_context(nginx(folder / "nginx", certificate))
        (web.www / "page").write_text("x" * 1024)
        yield Places(
            names=str(stack.enter_context(names())),
            page=str(stack.enter_context(relay(web.http))),
            secure_page=str(stack.enter_context(relay(web.https))),
            trust=str(folder / "ca.pem"),
            probe=f"127.0.0.1:{free_port()}",
        )


def _told(works: Sequence[str], options: Sequence[str], before: Sequence[str] = ()) -> Figures:
    """Do the *works*, after the command *before* if any, and return the figures of each."""
    command = [*before, sys.executable, "-m", "tests.costs.work", *works, *options]
    environment = {**os.environ, **_ALIKE}
    with _servers() as places:
        where = [word for name, at in asdict(places).items() for word in (f"--{name}", at)]
        process = subprocess.Popen(
            [*command, *where],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            with _scraping(process, places):
                said, errors = process.communicate(timeout=_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            pytest.fail(f"{works} did not end within {_LIMIT:g} s")
    if process.returncode:
        pytest.fail(f"{works}: {errors[-2000:]}")
    figures: Figures = json.loads(said.splitlines()[-1])
    return figures


@contextmanager
def _scraping(process: subprocess.Popen[str], places: Places) -> Iterator[None]:
    """Ask *process* for probes over one connection, from when it serves them until it ends."""
    port = int(places.probe.rpartition(":")[2])

    def scrape() -> None:
        ready = accepts(port)
        while not ready():
            if process.poll() is not None:
                return
            time.sleep(0.02)
        connection = HTTPConnection("127.0.0.1", port, timeout=_LIMIT)
        with closing(connection), suppress(OSError, HTTPException):
            while True:
                connection.request("GET", f"/probe?module=name&target={places.names}")
                text = connection.getresponse().read().decode()
                assert "probe_success 1" in text, text
                time.sleep(LATE)

    thread = threading.Thread(target=scrape)
    thread.start()
    yield
    thread.join(_LIMIT)


def in_memory() -> Figures:
    """Return what an operation of each work takes of Python: calls, messages, octets, blocks."""
    return _told([*WORK, PROBE], ["--gauges", "memory"])


def of_system(loop: str) -> Figures:
    """Return which system calls an operation of each work in TRACED makes on *loop*."""
    strace = need("strace")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "strace"
        options = ["--gauges", "system", "--loop", loop]
        _told(TRACED, options, before=(strace, *_TRACE, "-o", str(log)))
        return dict(zip(TRACED, _usual(_CALL.findall(log.read_text())), strict=True))


def _usual(called: Sequence[str]) -> Iterator[Mapping[str, int]]:
    """Yield the calls between the two marks of an operation, as most of each work's make them."""
    marks = [number for number, name in enumerate(called) if name == _MARK]
    assert len(marks) == 2 * OPERATIONS * len(TRACED), "an operation has no mark of its own"
    made = [
        tuple(sorted(Counter(c for c in called[start + 1 : end] if c != _NOT_OURS).items()))
        for start, end in zip(marks[::2], marks[1::2], strict=True)
    ]
    for first in range(0, len(made), OPERATIONS):
        yield dict(Counter(made[first : first + OPERATIONS]).most_common(1)[0][0])
