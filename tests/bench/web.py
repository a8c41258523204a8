"""Fetches of one page, ours and blackbox_exporter's, from the same nginx on loopback."""

import importlib.util
import re
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import trustme

from tests.bench import peers
from tests.bench.sample import Sample, UnmeasuredError, heard
from tests.servers.nginx import nginx
from tests.servers.process import need
from vedette.checks.net import Endpoint

_MODULE = """\
modules:
  page:
    prober: http
    timeout: 5s
    http:
      preferred_ip_protocol: ip4
      enable_http2: false
      tls_config: {{ca_file: {authority}}}
"""


@contextmanager
def page(*, secure: bool) -> Iterator[tuple[str, Path]]:
    """Serve one page until the block ends; yield its URL, and the file of who vouches for it."""
    with tempfile.TemporaryDirectory() as name:
        authority, file = trustme.CA(), Path(name) / "ca.pem"
        authority.cert_pem.write_to_path(file)
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        with nginx(Path(name) / "nginx", certificate) as server:
            (server.www / "page").write_text("x" * 1024)
            scheme, port = ("https", server.https) if secure else ("http", server.http)
            yield f"{scheme}://127.0.0.1:{port}/page", file


def looks(_: Endpoint, *, secure: bool) -> Sample:
    """Measure fetches on connections of their own, over uvloop, verified by one authority."""
    if importlib.util.find_spec("uvloop") is None:
        raise UnmeasuredError("uvloop is not installed")
    with page(secure=secure) as (url, authority):
        trust = ("--ca-file", authority) if secure else ()
        return heard("http_looks", url, "--loop", "uvloop", *trust)


def s_time(_: Endpoint, seconds: int = 3) -> Sample:
    """Fetch the page as fast as OpenSSL's own client can, verified by the same authority."""
    program = need("openssl")
    with page(secure=True) as (url, authority):
        peer, slash, path = url.removeprefix("https://").partition("/")
        command = [program, "s_time", "-new", "-connect", peer, "-www", slash + path]
        command += ["-CAfile", str(authority), "-verify", "3", "-time", str(seconds)]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        took, after = perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    made = re.search(r"^(\d+) connections in", done.stdout, re.MULTILINE)
    if made is None:
        raise UnmeasuredError(f"openssl s_time failed: {done.stderr.strip()[-200:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Sample(operations=int(made[1]), cpu=cpu, seconds=took)


def blackbox(_: Endpoint, *, secure: bool) -> Sample:
    """Measure the exporter at the same page, verified by the same authority."""
    with page(secure=secure) as (url, authority):
        return peers.probe("page", _MODULE.format(authority=authority), url)
