"""Fetches of one page, ours and blackbox_exporter's, from the same nginx on loopback."""

import re
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import trustme

from tests.bench import peers
from tests.bench.sample import Sample, UnmeasuredError, heard, installed
from tests.bench.spent import run
from tests.servers.nginx import nginx
from tests.servers.process import need
from vedette.checks.net import Endpoint

_STORE = Path("/etc/ssl/certs/ca-certificates.crt")
"""The system's authorities, as Debian keeps them (update-ca-certificates(8))."""

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


def looks(_: Endpoint, *, secure: bool, count: int = 5000) -> Sample:
    """Measure fetches on connections of their own, over uvloop, verified by one authority."""
    installed("uvloop")
    with page(secure=secure) as (url, authority):
        trust = ("--ca-file", authority) if secure else ()
        return heard("http_looks", url, "--loop", "uvloop", "--count", count, *trust)


def looks_of_all(_: Endpoint, count: int = 5000) -> Sample:
    """Measure fetches over TLS verified by the system's authorities, with ours among them."""
    installed("uvloop")
    with page(secure=True) as (url, authority):
        env = _among_the_systems(authority)
        return heard("http_looks", url, "--loop", "uvloop", "--count", count, env=env)


def _among_the_systems(authority: Path) -> Mapping[str, str]:
    """Return the environment in which the system's store holds *authority* besides its own."""
    if not _STORE.exists():
        raise UnmeasuredError(f"the system has no file of authorities at {_STORE}")
    both = authority.with_name("all.pem")
    both.write_bytes(_STORE.read_bytes() + authority.read_bytes())
    return {ssl.get_default_verify_paths().openssl_cafile_env: str(both)}


def s_time(_: Endpoint, seconds: int = 3) -> Sample:
    """Fetch the page as fast as OpenSSL's own client can, verified by the same authority."""
    program = need("openssl")
    with page(secure=True) as (url, authority):
        peer, slash, path = url.removeprefix("https://").partition("/")
        command = [program, "s_time", "-new", "-connect", peer, "-www", slash + path]
        command += ["-CAfile", str(authority), "-verify", "3", "-time", str(seconds)]
        ended = run(command)
    made = re.search(r"^(\d+) connections in", ended.output, re.MULTILINE)
    if made is None:
        raise UnmeasuredError(f"openssl s_time failed: {ended.errors.strip()[-200:]}")
    return Sample(operations=int(made[1]), cpu=ended.cpu, seconds=ended.seconds)


def wrk(_: Endpoint, seconds: int = 3) -> Sample:
    """Fetch the plain page as fast as it is served, a connection each: C that judges nothing."""
    program = need("wrk")
    with page(secure=False) as (url, _authority):
        command = [program, "-t1", "-c20", f"-d{seconds}s", "-H", "Connection: close", url]
        ended = run(command)
    made = re.search(r"^\s*(\d+) requests in", ended.output, re.MULTILINE)
    if made is None or "Non-2xx" in ended.output:
        raise UnmeasuredError(f"wrk failed: {(ended.errors or ended.output).strip()[-200:]}")
    return Sample(operations=int(made[1]), cpu=ended.cpu, seconds=ended.seconds)


def blackbox(_: Endpoint, *, secure: bool) -> Sample:
    """Measure the exporter at the same page, verified by the same authority."""
    with page(secure=secure) as (url, authority):
        return peers.probe("page", _MODULE.format(authority=authority), url)
