"""What an agent looks at, and what that can mean."""

from pathlib import Path

import pytest

from vedette.agent.alarms.agreement import Distinct, WhenShort
from vedette.agent.config import parse
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.plan import Plan, make
from vedette.checks.settings import Missing
from vedette.exporters.page import Severity

_CONFIG = """\
agent: {{name: here, domain: {{provider: host}}}}
services:
  - name: shop
    dns: [{{name: shop.example, type: NS, servers: [{servers}]}}]
"""

RESOLVERS = {Diagnosis.RESOLVER_FAULT}
AUTHORITIES = {Diagnosis.AUTHORITATIVE_DOWN, Diagnosis.DELEGATION_CHANGED}


@pytest.mark.parametrize(
    ("servers", "beyond"),
    [
        ("authoritative, system", set()),
        ("authoritative, 192.0.2.53", set()),
        ("authoritative", RESOLVERS),
        ("'tls://192.0.2.53'", {Diagnosis.DELEGATION_CHANGED}),
        ("parent, system", {Diagnosis.AUTHORITATIVE_DOWN}),
        ("parent", RESOLVERS | {Diagnosis.AUTHORITATIVE_DOWN}),
    ],
)
def test_diagnoses_follow_from_who_is_asked(servers: str, beyond: set[Diagnosis]) -> None:
    """A diagnosis has an alarm only where the check looks where it would show."""
    config = parse(_CONFIG.format(servers=servers), Path("vedette.yaml"))
    rules = make(config, Path(), LastKnownGood(), lambda: 0.0).rules

    about_servers = RESOLVERS | AUTHORITIES
    assert about_servers - {rule.diagnosis for rule in rules} == beyond


def routed(feeds: str, *prefixes: str) -> Plan:
    """Return the plan of services that watch *prefixes*, one each, by these *feeds*."""
    services = "".join(
        f"  - {{name: s{n}, bgp: [{{prefix: {prefix}, origins: [64500]}}]}}\n"
        for n, prefix in enumerate(prefixes)
    )
    text = f"agent: {{name: here, domain: {{provider: host}}}}\nservices:\n{services}{feeds}\n"
    return make(parse(text, Path("vedette.yaml")), Path("/etc"), LastKnownGood(), lambda: 0.0)


@pytest.mark.parametrize(
    ("feeds", "sources"),
    [
        ("", ["ris-live"]),
        ("feeds: []", ["ris-live"]),
        ("feeds: [ripestat: ]", ["ripestat"]),
        ("feeds: [bmp: , ris_live: , mrt: {files: '*.mrt'}]", ["bmp", "ris-live", "mrt"]),
    ],
)
def test_each_feed_is_followed_and_checked(feeds: str, sources: list[str]) -> None:
    """A prefix is seen through every feed, and each has its alarm; the default is RIS Live."""
    plan = routed(feeds, "192.0.2.0/24", "198.51.100.0/24")

    assert [feed.source for feed in plan.feeds] == sources
    stale = [rule for rule in plan.rules if rule.diagnosis is Diagnosis.FEED_STALE]
    assert [(rule.service, rule.severity) for rule in stale] == [
        (source, Severity.WARNING) for source in sources
    ]
    routes = next(p for p in plan.checks if p.key.service == "s0")
    assert [look.place for look in routes.check.looks()] == sources
    assert plan.hosts == dict.fromkeys(sources, dict.fromkeys(("s0", "s1")))


def test_one_list_of_vrps_serves_all() -> None:
    """A validator is read once, from beside the config; without one, or a prefix, there is none."""
    plan = routed("rpki: {file: vrps.json}", "192.0.2.0/24")
    assert plan.vrps is not None
    assert plan.vrps.source == "/etc/vrps.json"
    assert routed("", "192.0.2.0/24").vrps is None
    config = parse(_CONFIG.format(servers="system") + "rpki: {file: vrps.json}", Path("x.yaml"))
    plan = make(config, Path(), LastKnownGood(), lambda: 0.0)
    assert (plan.vrps, plan.feeds) == (None, [])


SIGNALS = """\
agent: {name: here, domain: {provider: host, asn: 64500}}
defaults: {missing: notBreaching, failing: {looks: 2, of: 4}}
quorum: {agree: 3}
services:
  - name: shop
    missing: ignore
    quorum: {distinct: asn}
    dns: [{name: shop.example, missing: breaching}]
    http: [{url: "https://shop.example/", failing: {looks: 1, of: 1}}]
  - name: net
    quorum: {agree: 2, when_short: degrade}
    bgp: [{prefix: 192.0.2.0/24, origins: [64500]}]
controls: {dns: [{name: example.com}], http: [{url: "https://example.com/"}]}
"""


def test_a_signal_is_what_its_check_says() -> None:
    """M of N and what is missing reach each check; controls and feeds say what they see."""
    plan = make(parse(SIGNALS, Path("x.yaml")), Path(), LastKnownGood(), lambda: 0.0)
    timings = {str(one.key): one.timing for one in plan.checks}

    assert {key: (t.missing, t.failing.looks, t.failing.of) for key, t in timings.items()} == {
        "shop/dns/shop.example A": (Missing.BREACHING, 2, 4),
        "shop/http/https://shop.example/": (Missing.IGNORE, 1, 1),
        "net/bgp/192.0.2.0/24": (Missing.NOT_BREACHING, 2, 4),
        "controls/dns/example.com A": (Missing.MISSING, 2, 4),
        "controls/http/https://example.com/": (Missing.MISSING, 2, 4),
        "ris-live/bgp/ris-live": (Missing.MISSING, 2, 4),
    }


def test_a_quorum_is_what_its_service_says() -> None:
    """A service takes from the top of the file what it leaves out, and that from the defaults."""
    plan = make(parse(SIGNALS, Path("x.yaml")), Path(), LastKnownGood(), lambda: 0.0)
    quorums = [plan.quorum.of(name) for name in ("shop", "net", "ris-live")]

    assert [(q.agree, q.distinct, q.when_short) for q in quorums] == [
        (3, Distinct.ASN, WhenShort.HOLD),
        (2, Distinct.PROVIDER, WhenShort.DEGRADE),
        (3, Distinct.PROVIDER, WhenShort.HOLD),
    ]
    assert plan.quorum.vantages["here"].domain(Distinct.ASN) == 64500
