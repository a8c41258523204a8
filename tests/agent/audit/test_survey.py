"""From a config and the DNS to what hangs on what."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.servers.nsd import Nsd
from vedette.agent.audit.lookups import Answer, LookupFailedError, Resolvers
from vedette.agent.audit.networks import Networks
from vedette.agent.audit.posture import weaknesses
from vedette.agent.audit.survey import Surveyor
from vedette.agent.cli import main
from vedette.agent.config import Config, parse
from vedette.checks.net import Endpoint

CONFIG = """\
agent:
  name: fra-1
  domain: {provider: Hetzner, region: eu-central, account: ops, cluster: k8s-1, asn: 24940}
services:
  - name: shop
    domain: {provider: gcp, account: shop-prod}
    dns: [{name: www.shop.example, type: A}]
    bgp: [{prefix: 192.0.2.0/24, origins: [64500, 64501]}]
"""
NETWORKS = "192.0.2.0/24,64500\n198.51.100.0/24,64501\n203.0.113.0/24,64502\n"

Zones = Mapping[str, tuple[str, Sequence[str]]]


class Fake:
    """The DNS as a table: records, chains and zones."""

    def __init__(self, answers: Mapping[tuple[str, str], Answer], zones: Zones) -> None:
        self.answers, self.zones = answers, zones

    async def answer(self, name: str, type_: str) -> Answer:
        return self.answers.get((name, type_), Answer([], [name]))

    async def zone(self, name: str) -> tuple[str, Sequence[str]]:
        if name not in self.zones:
            raise LookupFailedError(f"the zone of {name} could not be found")
        return self.zones[name]

    async def ttl(self, name: str, type_: str, server: str) -> int | None:
        return {"NS": 600, "A": 86400}[type_]


CDN = "shop.cdn.example"
FAKE = Fake(
    {
        ("www.shop.example", "A"): Answer(["192.0.2.7"], ["www.shop.example", CDN]),
        ("ns1.dns-01.example", "A"): Answer(["198.51.100.1"], []),
        ("ns2.dns-02.example", "A"): Answer(["198.51.100.2"], []),
        ("ns.cdn.example", "A"): Answer(["203.0.113.1"], []),
    },
    {
        "www.shop.example": ("shop.example", ["ns1.dns-01.example", "ns2.dns-02.example"]),
        CDN: ("cdn.example", ["ns.cdn.example"]),
    },
)


def surveyor(config: Config, lookups: Fake | Resolvers) -> Surveyor:
    networks = Networks()
    networks.add(NETWORKS)
    return Surveyor(config, lookups, networks, ["203.0.113.53"])


async def test_needs() -> None:
    """A service needs its addresses, the servers of every zone on the way, and its origins."""
    survey = await surveyor(parse(CONFIG, Path("c.yaml")), FAKE).survey(
        [("pagerduty", ["www.shop.example"])], []
    )

    needs = {
        str(part): {
            need.what: [sorted(map(str, way.domains)) for way in need.ways] for need in part.needs
        }
        for part in survey.parts
    }
    assert needs == {
        "vantage fra-1": {
            "where it runs": [
                [
                    "AS24940",
                    "account hetzner/ops",
                    "cluster k8s-1",
                    "provider hetzner",
                    "region hetzner/eu-central",
                ]
            ],
            "its resolvers": [["AS64502"]],
        },
        "pager pagerduty": {"its addresses": [["AS64500"]]},
        "service shop": {
            "as declared": [["account gcp/shop-prod", "provider gcp"]],
            "the addresses of www.shop.example": [["AS64500"]],
            "the name servers of shop.example": [["AS64501", "dns dns"]] * 2,
            "the name servers of cdn.example": [["AS64502", "dns cdn"]],
            "the origins of 192.0.2.0/24": [["AS64500"], ["AS64501"]],
        },
    }
    assert survey.unknown == []


async def test_posture_is_of_the_name_s_own_zone() -> None:
    """Weak are: one provider behind two names, one AS, a short NS set and a long record."""
    survey = await surveyor(parse(CONFIG, Path("c.yaml")), FAKE).survey([], [])

    assert [one.text.partition(":")[0] for one in weaknesses(survey.postures)] == [
        "shop.example has one DNS provider, dns",
        "all 2 name servers of shop.example are in AS64501",
        "the NS set of shop.example has a TTL of 600 s",
        "www.shop.example has a TTL of 86400 s",
    ]


async def test_what_cannot_be_looked_up_is_told() -> None:
    """A name that nobody knows anything of is not taken for a sound one."""
    survey = await surveyor(parse(CONFIG, Path("c.yaml")), Fake({}, {})).survey([], [])

    assert survey.unknown == ["the zone of www.shop.example could not be found"]


@pytest.fixture(scope="module")
def nsd() -> Iterator[Endpoint]:
    zone = """\
$ORIGIN shop.test.
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
@ NS ns2
ns1 A 127.0.0.1
ns2 A 127.0.0.1
www 900 A 192.0.2.7
shop CNAME www
"""
    with Nsd.serving({"shop.test": zone}) as server:
        yield server.endpoint


async def test_a_real_server_is_asked(nsd: Endpoint) -> None:
    """Records, chains, zones and TTLs are those that a real server gives."""
    lookups = Resolvers([nsd], port=nsd.port)

    assert await lookups.answer("shop.shop.test", "A") == Answer(
        ["192.0.2.7"], ["shop.shop.test", "www.shop.test"]
    )
    assert await lookups.answer("none.shop.test", "A") == Answer([], ["none.shop.test"])
    assert await lookups.zone("www.shop.test") == ("shop.test", ["ns1.shop.test", "ns2.shop.test"])
    assert await lookups.ttl("www.shop.test", "A", "127.0.0.1") == 900
    assert await lookups.ttl("www.shop.test", "AAAA", "127.0.0.1") is None


async def test_the_servers_of_a_stub_zone_are_asked_for_what_it_holds(nsd: Endpoint) -> None:
    """Names in a stub zone are asked of its servers, at their port, and others of the resolvers."""
    lookups = Resolvers(
        [Endpoint("127.0.0.1", 9)], port=9, seconds=0.2, stubs={"test": [], "shop.test": [nsd]}
    )

    assert (await lookups.answer("www.shop.test", "A")).records == ["192.0.2.7"]
    assert await lookups.zone("www.shop.test") == ("shop.test", ["ns1.shop.test", "ns2.shop.test"])
    assert await lookups.ttl("www.shop.test", "A", "192.0.2.1") == 900
    with pytest.raises(LookupFailedError):
        await lookups.answer("elsewhere.example", "A")


async def test_nobody_answers() -> None:
    """A resolver that is not there is a sentence, never an exception of a library."""
    lookups = Resolvers([Endpoint("127.0.0.1", 9)], port=9, seconds=0.2)

    words = r"A of shop\.test could not be looked up: 127\.0\.0\.1:9: no answer in time$"
    with pytest.raises(LookupFailedError, match=words):
        await lookups.answer("shop.test", "A")
    with pytest.raises(LookupFailedError, match=r"zone of shop\.test could not be found"):
        await lookups.zone("shop.test")
    with pytest.raises(LookupFailedError, match="was asked for the TTL"):
        await lookups.ttl("shop.test", "A", "127.0.0.1")


def written(folder: Path, *, pager: str) -> Path:
    (folder / "asn.csv").write_text("127.1.0.0,127.1.255.255,64500\n127.2.0.0,127.2.255.255,64501")
    (folder / "peer.token").write_text("x" * 64)
    (folder / "hook.secret").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    place = folder / "fleet.yaml"
    peers = "".join(
        f'  - {{name: {name}, url: "https://192.0.2.1", domain: {{provider: {name}}}, '
        "token_file: peer.token}\n"
        for name in ("nyc", "syd")
    )
    place.write_text(
        f"""\
agent: {{name: fra, domain: {{provider: fra}}}}
peers:
{peers}services:
  - {{name: shop, http: [{{url: "http://127.1.0.1/"}}]}}
pagers:
  - webhook: {{url: "http://{pager}/", secret_file: hook.secret}}
  - {{name: mail, email: {{host: 127.1.0.2, tls: none, from: a@shop.test, to: [b@shop.test]}}}}
audit: {{networks: [{{file: asn.csv}}]}}
"""
    )
    return place


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It exits with 1 and says which failure mutes the fleet, and with 0 once none does."""
    assert main(["audit", "--config", str(written(tmp_path, pager="127.1.0.9"))]) == 1
    told = capsys.readouterr().out
    assert (
        "  mute: if AS64500 fails, pager webhook and pager mail are lost and nobody is told "
        "anything (its addresses), and shop with it: add a pager that hangs on none of it"
    ) in told.splitlines()

    place = written(tmp_path, pager="127.2.0.9")
    place.write_text(place.read_text().replace("127.1.0.2", "127.2.0.2"))
    assert main(["audit", "--json", "--config", str(place)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [one["harm"] for one in document["findings"]] == ["mute"]

    place.write_text(place.read_text().replace("127.2.0.2", "127.3.0.2"))
    assert main(["audit", "--config", str(place)]) == 0
    assert "no single failure that is known" in capsys.readouterr().out


def test_a_wrong_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table that is none is told with its path, and the status is that of a wrong config."""
    place = written(tmp_path, pager="127.1.0.9")
    (tmp_path / "asn.csv").write_text("{")

    assert main(["audit", "--config", str(place)]) == 2
    assert capsys.readouterr().err.startswith(f"vedette: {tmp_path / 'asn.csv'} is no list of")
