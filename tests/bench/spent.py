"""CPU seconds that a process spends, seen from outside: of a running one, and of an ended one."""

import ctypes
import os
import resource
import subprocess
import time
from dataclasses import dataclass

_LIBC = ctypes.CDLL(None)


def cpu_of(pid: int) -> float:
    """Return the CPU seconds, user and system, of all threads of a process, to the nanosecond.

    clock_getcpuclockid(3); /proc/PID/stat counts whole ticks of 10 ms.
    """
    clock = ctypes.c_int()
    if failed := _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise ProcessLookupError(failed, os.strerror(failed))
    return time.clock_gettime(clock.value)


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that has run to its end, what it wrote and what it took."""

    status: int
    output: str
    errors: str
    cpu: float
    seconds: float


def run(command: list[str]) -> Ended:
    """Run *command* to its end."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ended(done.returncode, done.stdout, done.stderr, cpu, seconds)
