"""The drop-in beside Debian's blackbox_exporter: the same config and targets, the same text."""

import contextlib
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
import yaml

from tests.agent.daemon import VEDETTE
from tests.servers.nginx import Nginx, nginx
from tests.servers.nsd import Nsd
from tests.servers.process import accepts, free_port, need, running

_NEWER = ("probe_tls_cipher_info", "probe_timeout_seconds")
"""What Debian's version does not have yet."""
_OURS = ("probe_failure_info", "probe_ssl_presented_cert_expiry_timestamp_seconds")

ZONE = "$TTL 300\n@ SOA ns noc 7 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.1\n"
IP4 = {"preferred_ip_protocol": "ip4"}
_SOUGHT = {"body_size_limit": "5B", "fail_if_body_matches_regexp": ["nowhere"]}


def modules(ca_file: Path) -> dict[str, object]:
    """Return the modules that both have."""
    tls = {"tls_config": {"ca_file": str(ca_file)}}
    rules = {"fail_if_none_matches_regexp": [r"^www\.shop\.test\.\t300\tIN\tA\t192"]}
    dns = {"query_name": "www.shop.test", "query_type": "A", "validate_answer_rrs": rules, **IP4}
    return {
        "page": {"prober": "http", "timeout": "2s", "http": {**IP4, **tls}},
        "still": {"prober": "http", "http": {**IP4, "follow_redirects": False}},
        "body": {"prober": "http", "http": {**IP4, "fail_if_body_matches_regexp": ["well"]}},
        "gzip": {"prober": "http", "http": {**IP4, "compression": "gzip"}},
        "short": {"prober": "http", "http": {**IP4, "body_size_limit": "5B"}},
        "sought": {"prober": "http", "http": {**IP4, **_SOUGHT}},
        "tls": {"prober": "tcp", "tcp": {**IP4, **tls, "tls": True}},
        "tcp": {"prober": "tcp", "tcp": IP4},
        "a": {"prober": "dns", "timeout": "2s", "dns": dns},
        "soa": {"prober": "dns", "dns": {"query_name": "shop.test", "query_type": "SOA", **IP4}},
        "missing": {"prober": "dns", "dns": {"query_name": "none.shop.test", **IP4}},
    }


@contextlib.contextmanager
def exporter(folder: Path, *command: str) -> Iterator[str]:
    """Run an exporter with the config in *folder*; yield its URL."""
    port = free_port()
    flags = (f"--config.file={folder / 'blackbox.yml'}", f"--web.listen-address=127.0.0.1:{port}")
    log = folder / f"{Path(command[0]).name}.log"
    with running([*command, *flags], log=log, ready=accepts(port)):
        yield f"http://127.0.0.1:{port}"


def comparable(url: str, module: str, target: str) -> list[str]:
    """Return a scrape without its times, and without what only one of both has."""
    query = urllib.parse.urlencode({"module": module, "target": target})
    with urllib.request.urlopen(f"{url}/probe?{query}", timeout=10) as response:
        text = response.read().decode()
    text = re.sub(r'serialnumber="[^"]*",', "", text)
    lines = (line for line in text.splitlines() if not any(n in line for n in _NEWER + _OURS))
    return [re.sub(r"(_seconds(?:\{phase[^}]*\})?) \S+$", r"\1 TIME", line) for line in lines]


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Iterator[tuple[str, str, Nginx, Nsd]]:
    """Both exporters, and what they probe."""
    folder = tmp_path_factory.mktemp("peer")
    program, ca = need("prometheus-blackbox-exporter"), trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "blackbox.yml").write_text(yaml.safe_dump({"modules": modules(folder / "ca.pem")}))
    with contextlib.ExitStack() as stack:
        web = stack.enter_context(nginx(folder / "nginx", ca.issue_cert("127.0.0.1")))
        (web.www / "empty").touch()
        nsd = stack.enter_context(Nsd.serving({"shop.test": ZONE}))
        peer = stack.enter_context(exporter(folder, program))
        ours = stack.enter_context(exporter(folder, VEDETTE, "blackbox"))
        yield peer, ours, web, nsd


@pytest.mark.parametrize(
    ("module", "target"),
    [
        ("page", "http://127.0.0.1:{http}/"),
        ("page", "127.0.0.1:{http}"),
        ("page", "https://127.0.0.1:{https}/"),
        ("page", "https://localhost:{https}/"),
        ("page", "http://127.0.0.1:{http}/gone"),
        ("page", "http://127.0.0.1:{free}/"),
        ("page", "https://127.0.0.1:{http}/"),
        ("still", "http://127.0.0.1:{http}/moved"),
        ("body", "http://127.0.0.1:{http}/"),
        ("gzip", "http://127.0.0.1:{http}/"),
        ("gzip", "http://127.0.0.1:{http}/empty"),
        ("short", "http://127.0.0.1:{http}/"),
        ("sought", "http://127.0.0.1:{http}/"),
        ("tls", "127.0.0.1:{https}"),
        ("tls", "127.0.0.1:{http}"),
        ("tcp", "127.0.0.1:{http}"),
        ("tcp", "127.0.0.1:{free}"),
        ("tcp", "127.0.0.1"),
        ("a", "127.0.0.1:{dns}"),
        ("soa", "127.0.0.1:{dns}"),
        ("missing", "127.0.0.1:{dns}"),
        ("a", "127.0.0.1:{free}"),
    ],
)
def test_both_say_the_same(both, module, target):
    """Families, help, types, labels and values agree, but for times and what is newer."""
    peer, ours, web, nsd = both
    ports = {"http": web.http, "https": web.https, "dns": nsd.endpoint.port, "free": free_port()}
    where = target.format(**ports)
    assert comparable(ours, module, where) == comparable(peer, module, where)
