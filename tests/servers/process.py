"""Starts a server of the machine's as a child process, and stops it."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest


def need(program: str) -> str:
    """Return *program*'s path; skip with the reason where it is not installed."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    return path or pytest.skip(f"{program} is not installed")


def need_address(host: str, port: int) -> None:
    """Skip with the reason where this process may not serve UDP at *host* and *port*."""
    try:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind((host, port))
    except OSError:
        pytest.skip(f"cannot bind {host}:{port}")


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port of *host* that nobody holds, for both UDP and TCP."""
    while True:
        with socket.socket() as first:
            first.bind((host, 0))
            port: int = first.getsockname()[1]
            with socket.socket(type=socket.SOCK_DGRAM) as second:
                try:
                    second.bind((host, port))
                except OSError:
                    continue
                return port


def configured(
    folder: Path, head: str, part: str, zones: Mapping[str, str], **places: object
) -> Path:
    """Write a config of *head* and a *part* for each of *zones*, and their files; return it.

    No zone is ever seen half.
    """
    config = head.format(folder=folder, **places)
    for zone, text in zones.items():
        config += part.format(folder=folder, zone=zone)
        new = folder / "new"
        new.write_text(text)
        new.rename(folder / f"{zone}.zone")
    path = folder / "config"
    path.write_text(config)
    return path


def accepts(port: int, host: str = "127.0.0.1") -> Callable[[], bool]:
    """Return a question: does somebody listen on TCP *port*?"""

    def ask() -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            return probe.connect_ex((host, port)) == 0

    return ask


def is_ready(port: int) -> Callable[[], bool]:
    """Return a question: does Prometheus, or a program of its kind, say that it can answer?

    It listens before: until its storage is open it says 503.
    """

    def ask() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1):
                return True
        except OSError:
            return False

    return ask


@contextmanager
def running(
    command: list[str], *, log: Path, ready: Callable[[], bool], seconds: float = 20
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* until the block ends; its output goes to *log*; wait until *ready* says so."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"{command[0]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
