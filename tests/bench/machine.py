"""On what was measured: the machine, and the version of everything that took part."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    *("vedette", "dnspython", "uvloop", "aiohttp", "cryptography", "pydantic"),
    *("prometheus-client", "mrtparse"),
)
_PROGRAMS = {
    "nsd": ("nsd", "-v"),
    "nginx": ("nginx", "-v"),
    "blackbox_exporter": ("prometheus-blackbox-exporter", "--version"),
    "prometheus": ("prometheus", "--version"),
    "alertmanager": ("prometheus-alertmanager", "--version"),
    "dnsperf": ("dnsperf", "-h"),
    "wrk": ("wrk", "-v"),
    "openssl": ("openssl", "version"),
    "bgpdump": ("bgpdump", "-h"),
}


def described() -> dict[str, str]:
    """Return names and texts: processor, system, load, and versions, "missing" included."""
    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "processor": f"{os.cpu_count()} x {cpu[1] if cpu else platform.machine()}",
        "system": platform.platform(),
        "load": "{:.2f} {:.2f} {:.2f}".format(*os.getloadavg()),
        "python": platform.python_version(),
        **{name: _package(name) for name in _PACKAGES},
        **{name: _program(*command) for name, command in _PROGRAMS.items()},
    }


def busy() -> bool:
    """Whether others used more than half a processor in the last minute."""
    return os.getloadavg()[0] > 0.5


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _program(name: str, flag: str) -> str:
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        return "missing"
    done = subprocess.run([path, flag], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    found = re.search(r"(?i)(?:version[,:]? |openssl |/)(?:\w+/)?(\d+\.[\w.]+)", said)
    return found[1] if found else "of unknown version"
