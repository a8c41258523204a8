"""The http prober over HTTP/3, against aioquic's own server."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import trustme

from tests.agent.blackbox.serving import serving
from tests.agent.blackbox.test_http import module
from tests.agent.blackbox.test_modules import fault
from tests.servers.http3 import Serving, http3
from tests.servers.nginx import nginx
from tests.servers.process import free_port

PAGE = b"all is well\n"


def pages(server: Serving, stream: int) -> None:
    """Answer with a page, or a redirect to it."""
    moved = dict(server.asked[stream])[b":path"] == b"/moved"
    if moved:
        server.answer(stream, status=302, headers=((b"location", b"/"),))
    else:
        length = str(len(PAGE)).encode()
        server.answer(stream, body=PAGE, headers=((b"content-length", length),))


@pytest_asyncio.fixture
async def web(tmp_path) -> AsyncIterator[tuple[int, dict[str, object]]]:
    """The port of a server, and a module that trusts it."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = {"ca_file": str(tmp_path / "ca.pem")}
    async with http3(pages, ca.issue_cert("shop.test")) as port:
        yield port, module(enable_http3=True, enable_http2=False, tls_config=tls)


@pytest.mark.parametrize("target", ["https://shop.test:{}/moved", "http://shop.test:{}/moved",
                                    "shop.test:{}/moved"])  # fmt: skip
async def test_a_page_over_http3_has_all_the_metrics(tmp_path, web, target):
    """It is https, whatever the target says; redirects and certificates are told as over TCP."""
    port, settings = web
    async with serving(tmp_path, settings) as served:
        answer = await served.probe(target.format(port))
    metrics = answer.metrics
    assert answer.reason is None
    assert (metrics["probe_http_version"], metrics["probe_http_ssl"]) == (3, 1)
    assert (metrics["probe_http_status_code"], metrics["probe_http_redirects"]) == (200, 1)
    assert metrics["probe_http_content_length"] == len(PAGE)
    assert metrics["probe_http_uncompressed_body_length"] == len(PAGE)
    assert metrics['probe_tls_version_info{version="TLS 1.3"}'] == 1
    for phase in ("resolve", "connect", "tls", "processing", "transfer"):
        assert metrics[f'probe_http_duration_seconds{{phase="{phase}"}}'] > 0
    leaf, chain = "probe_ssl_earliest_cert_expiry", "probe_ssl_last_chain_expiry_timestamp_seconds"
    assert metrics[leaf] == metrics[chain] > 0


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"valid_http_versions": ["HTTP/3.0"]}, None),
        ({"fail_if_ssl": True}, "ssl"),
        ({"fail_if_body_matches_regexp": ["well"]}, "body"),
        ({"tls_config": {}}, "tls_untrusted"),
        ({"tls_config": {"insecure_skip_verify": True}}, None),
        ({"proxy_url": "http://127.0.0.1:9"}, None),
    ],
)
async def test_rules_hold_over_http3(tmp_path, web, rules, reason):
    """As over any other version; a proxy is passed over, as it is by blackbox_exporter."""
    port, settings = web
    settings = {**settings, "http": {**settings["http"], **rules}}
    async with serving(tmp_path, settings) as served:
        answer = await served.probe(f"https://shop.test:{port}/")
    assert answer.reason == reason
    if "insecure_skip_verify" in str(rules):
        assert answer.metrics["probe_ssl_last_chain_expiry_timestamp_seconds"] == -62135596800


async def test_nobody_is_asked_over_tcp_instead(tmp_path, web):
    """A server that has HTTP/2 alone, and a port that is closed, fail."""
    _, settings = web
    with nginx(tmp_path / "nginx", http2=True) as server:
        async with serving(tmp_path, settings) as served:
            for port in (server.https, free_port()):
                answer = await served.probe(f"https://shop.test:{port}/")
                assert answer.reason == "connect_refused"
                assert answer.metrics["probe_http_version"] == 0
    assert server.requests() == []


@pytest.mark.parametrize(
    ("http", "words"),
    [
        ("{enable_http3: true}", "enable_http3 needs enable_http2: false"),
        (
            "{enable_http3: true, enable_http2: false, valid_http_versions: [HTTP/1.1, HTTP/3.0]}",
            "valid_http_versions must be HTTP/3.0 alone",
        ),
        ("{valid_http_versions: [HTTP/3.0]}", "when enable_http3 is false"),
    ],
)
def test_versions_that_contradict_each_other_are_a_fault(http, words):
    """They are for blackbox_exporter too."""
    assert words in fault(f"prober: http\nhttp: {http}")
