"""The http prober through a forward proxy: Tinyproxy, before an nginx."""

from collections.abc import Iterator

import pytest
import trustme

from tests.agent.blackbox.serving import serving
from tests.agent.blackbox.test_http import module
from tests.servers.nginx import Nginx, nginx
from tests.servers.process import free_port
from tests.servers.tinyproxy import Tinyproxy, tinyproxy
from vedette.agent.blackbox.asking import target_of
from vedette.agent.blackbox.client import Proxied
from vedette.agent.blackbox.proxies import proxy_of

OUTSIDE = "127.9.8.7"
"""An address of this host that is taken for one outside; nobody listens there."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nginx, Tinyproxy, str]]:
    """A web server, a proxy, and the path of the authority that issued the server's certificate."""
    folder, ca = tmp_path_factory.mktemp("proxies"), trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    certificate = ca.issue_cert("shop.test", "localhost")
    with nginx(folder / "nginx", certificate) as web, tinyproxy(folder / "proxy") as proxy:
        yield web, proxy, str(folder / "ca.pem")


def url_of(proxy: Tinyproxy) -> str:
    """Return what `proxy_url` is to be."""
    return f"http://127.0.0.1:{proxy.port}"


async def test_the_proxy_is_led_to_the_address_that_was_found(tmp_path, world):
    """By CONNECT with TLS inside; what is verified is the name of the URL."""
    web, proxy, ca_file = world
    settings = module(proxy_url=url_of(proxy), tls_config={"ca_file": ca_file})
    before = len(proxy.requests())
    async with serving(tmp_path, settings) as served:
        answer = await served.probe(f"https://shop.test:{web.https}/")
    assert (answer.reason, answer.metrics["probe_http_ssl"]) == (None, 1)
    (line,) = proxy.requests()[before:]
    assert line.startswith(f"CONNECT 127.0.0.1:{web.https}")


async def test_without_tls_the_proxy_is_told_the_name(tmp_path, world):
    """A proxy makes Host of the address that it is told: a page of that name would not be found."""
    web, proxy, _ = world
    settings = module(
        proxy_url=url_of(proxy), fail_if_body_not_matches_regexp=[f"^localhost:{web.http}[|]"]
    )
    async with serving(tmp_path, settings) as served:
        answer = await served.probe(f"http://localhost:{web.http}/host")
    assert answer.reason is None
    assert answer.metrics["probe_ip_protocol"] == 4


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_proxy_may_be_the_one_that_resolves(tmp_path, world, scheme):
    """Then it is told the name, and there is no resolve phase."""
    web, proxy, ca_file = world
    port = web.http if scheme == "http" else web.https
    settings = module(
        proxy_url=url_of(proxy),
        skip_resolve_phase_with_proxy=True,
        tls_config={"ca_file": ca_file},
    )
    before = len(proxy.requests())
    async with serving(tmp_path, settings, addresses=()) as served:
        answer = await served.probe(f"{scheme}://localhost:{port}/")
    assert answer.reason is None
    assert 'probe_http_duration_seconds{phase="resolve"}' not in answer.metrics
    assert "probe_ip_protocol" not in answer.metrics
    (line,) = proxy.requests()[before:]
    assert f"localhost:{port}" in line


@pytest.mark.parametrize(
    ("without", "proxied"),
    [("", True), ("other.test", True), ("shop.test", False), (f"{OUTSIDE}/32", False)],
)
@pytest.mark.parametrize("environment", [True, False])
async def test_what_needs_no_proxy_is_asked_directly(
    tmp_path, world, monkeypatch, without, proxied, environment
):
    """By its name or the address that was found; so by the module and by the environment."""
    web, proxy, _ = world
    rules = {"proxy_url": url_of(proxy), **({"no_proxy": without} if without else {})}
    if environment:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", without)
        rules = {"proxy_from_environment": True}
    before = len(proxy.requests())
    # All that a test may connect to is this host, which is never proxied where there are rules.
    monkeypatch.setattr("vedette.agent.blackbox.proxies._is_here", lambda _host: False)
    async with serving(tmp_path, module(**rules), addresses=(OUTSIDE,)) as served:
        answer = await served.probe(f"http://shop.test:{web.http}/")
    assert len(proxy.requests()) - before == proxied
    assert answer.reason == ("status" if proxied else "connect_refused")


async def test_this_host_is_never_proxied_where_rules_say_who_is(tmp_path, world, monkeypatch):
    """As Go has it: by the environment, and with no_proxy; a proxy_url alone is for all."""
    web, proxy, _ = world
    monkeypatch.setenv("http_proxy", url_of(proxy))
    before = len(proxy.requests())
    for rules in (
        {"proxy_from_environment": True},
        {"proxy_url": url_of(proxy), "no_proxy": "other.test"},
    ):
        async with serving(tmp_path, module(**rules)) as served:
            assert (await served.probe(f"http://127.0.0.1:{web.http}/")).reason is None
    assert len(proxy.requests()) == before


@pytest.mark.parametrize(("user", "reason"), [("me:opensesame", None), ("me:wrong", "status")])
async def test_the_proxy_is_told_who_asks(tmp_path, world, user, reason):
    """By user name and password of proxy_url, which are shown nowhere."""
    web, _, _ = world
    with tinyproxy(tmp_path / "proxy", "BasicAuth me opensesame") as proxy:
        settings = module(proxy_url=f"http://{user}@127.0.0.1:{proxy.port}")
        async with serving(tmp_path, settings) as served:
            answer = await served.probe(f"http://127.0.0.1:{web.http}/")
            shown = await served.probe(f"http://127.0.0.1:{web.http}/", debug="true")
    assert answer.reason == reason
    assert user.partition(":")[2] not in shown.text


async def test_a_proxy_that_is_away_is_the_reason(tmp_path, world):
    """The probe fails, its address is in the log, and nobody is asked directly instead."""
    web, _, _ = world
    settings = module(proxy_url=f"http://127.0.0.1:{free_port()}")
    before = len(web.requests())
    async with serving(tmp_path, settings) as served:
        answer = await served.probe(f"http://127.0.0.1:{web.http}/")
    assert (answer.reason, answer.metrics["probe_success"]) == ("proxy", 0)
    assert len(web.requests()) == before


async def test_a_proxy_that_refuses_the_tunnel_is_the_reason(tmp_path, world):
    """Its status is in the log."""
    web, _, ca_file = world
    with tinyproxy(tmp_path / "proxy", "ConnectPort 443") as proxy:
        settings = module(proxy_url=url_of(proxy), tls_config={"ca_file": ca_file})
        async with serving(tmp_path, settings) as served:
            answer = await served.probe(f"https://shop.test:{web.https}/")
            shown = await served.probe(f"https://shop.test:{web.https}/", debug="true")
    assert (answer.reason, answer.metrics["probe_http_ssl"]) == ("proxy", 0)
    assert "answered 403" in shown.text


@pytest.mark.parametrize(
    ("target", "without", "proxied"),
    [
        ("http://a.test/", "", True),
        ("http://a.test/", "a.test", False),
        ("http://b.a.test/", ".a.test", False),
        ("http://ba.test/", "a.test", True),
        ("http://10.1.2.3/", "10.0.0.0/8", False),
        ("http://11.1.2.3/", "10.0.0.0/8", True),
        ("http://a.test:8080/", "a.test:8080", False),
        ("http://a.test/", "*", False),
        ("http://localhost/", "a.test", False),
        ("http://127.8.8.8/", "a.test", False),
        ("http://[::1]/", "a.test", False),
    ],
)
def test_no_proxy_is_what_go_takes_it_for(target, without, proxied, monkeypatch):
    """Domains, addresses and networks are reached without the proxy; so by the environment."""
    there = target_of(target)[0]
    settings = Proxied(proxy_url="http://proxy.test:3128", no_proxy=without)
    assert (proxy_of(settings, there) is not None) == proxied
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", without)
    assert (proxy_of(Proxied(proxy_from_environment=True), there) is not None) == proxied
