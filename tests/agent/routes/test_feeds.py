"""Where routes, and what the RPKI says of them, are heard of, as a config names it."""

from pathlib import Path

from aiohttp import web

from tests.checks.bgp.followed import WATCH, Clock, seeded
from tests.checks.bgp.made import PREFIX, rows
from tests.servers.app import serving
from tests.servers.nsd import nsd
from tests.servers.rislive import ris_live
from tests.waiting import meanwhile, until
from vedette.agent.config.reading import parse
from vedette.agent.routes.feeds import feeds, vrps

ZONE = """\
$TTL 1
@ SOA ns hostmaster 1 3600 600 86400 1
@ NS ns
ns A 127.0.0.1
routes A 127.0.0.1
"""
HOST = "routes.feeds.invalid"
CONFIG = """\
agent: {{name: one, domain: {{provider: hetzner}}}}
services: [{{name: shop, bgp: [{{prefix: 192.0.2.0/24, origins: [64500]}}]}}]
paging: {{resolvers: ["{resolver}"]}}
feeds:
  - ris_live: {{url: "{stream}", seed: "{seed}"}}
  - ripestat: {{url: "{seed}"}}
rpki: {{url: "{vrps}"}}
"""


def elsewhere(url: str) -> str:
    """Return *url* with the host by the name that this host's own resolver does not know."""
    assert "127.0.0.1" in url
    return url.replace("127.0.0.1", HOST)


async def test_feeds_are_found_though_dns_is_broken(tmp_path: Path) -> None:
    """What this host cannot look up, the resolvers that know the pagers can: no feed is silent."""

    async def listed(_: web.Request) -> web.Response:
        roa = {"asn": 64500, "prefix": PREFIX, "maxLength": 24, "ta": "test"}
        return web.json_response({"roas": [roa]})

    app, clock = web.Application(), Clock()
    app.router.add_get("/vrps.json", listed)
    async with ris_live() as server, serving(app, "127.0.0.1", 0) as port:
        server.seed(PREFIX, rows(10), 990)
        with nsd({"feeds.invalid": ZONE}) as resolver:
            text = CONFIG.format(
                resolver=resolver,
                stream=elsewhere(server.url),
                seed=elsewhere(server.seed_url),
                vrps=f"http://{HOST}:{port}/vrps.json",
            )
            config = parse(text, tmp_path / "vedette.yaml")
            source = vrps(config, [WATCH], tmp_path, clock)
            assert source is not None
            await source.read()
            assert (source.health(clock()).last_error, source.health(clock()).count) == ("", 1)
            for feed in feeds(config, [WATCH], tmp_path, clock):
                async with meanwhile(feed.run()):
                    await until(lambda feed=feed: seeded(feed))
