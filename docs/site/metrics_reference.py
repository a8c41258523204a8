"""The page of every metric, as an agent with every part serves them.

Nothing runs: the agent is built, told of one look of each kind and of one of everything that is
counted, and asked for its metrics.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from vedette.agent.alarms.incidents import Incident
from vedette.agent.config import parse
from vedette.agent.daemon import Agent
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.memory.rounds import Round
from vedette.agent.routes.roas import OwnRoute, RouteState
from vedette.agent.serving.web import Metrics
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.feed.health import CollectorHealth, FeedHealth
from vedette.checks.bgp.reason import Reason as BgpReason
from vedette.checks.bgp.rpki.source import VrpHealth, VrpSource
from vedette.checks.dns.reason import Reason as DnsReason
from vedette.checks.finding import Fact, Finding, Kind, Observation, Verdict
from vedette.checks.http.reason import Reason as HttpReason
from vedette.exporters.page import Outcome

HEAD = """\
# Every metric

Made from the code by `make docs`: change it there.

`/metrics` of an agent serves these. Those of peers, drills, heartbeats, remediation, remote write
and the RPKI are there when the config has the block. A state has one series for each of its values,
of which the present one is 1. `place` says where a look was made: a server, an address, a feed.
Dashboards and rules that use them are in [configs/grafana](../../configs/grafana) and
[configs/prometheus](../../configs/prometheus).

`/probe`, and `vedette blackbox`, serve the metrics of blackbox_exporter under the names that they
have [there](../coming-from-blackbox_exporter.md).
"""
_CONFIG = """
agent: {name: one, domain: {provider: here}}
services:
  - name: shop
    dns: [{name: shop.example}]
    http: [{url: "https://shop.example/"}]
    bgp: [{prefix: 192.0.2.0/24, origins: [64500]}]
controls: {dns: [{name: example.net}]}
peers: [{name: two, url: "http://127.0.0.1:9470", domain: {provider: there}, token_file: token}]
rpki: {file: vrps.json}
pagers: [{pagerduty: {routing_key_file: key}}]
alarms:
  - name: quiet
    rule: ALARM("shop/http/https://shop.example/") OR ALARM("shop.example A:nodata")
    mute: [{cron: "0 0 * * *", duration: 1h}]
heartbeats: [{url: "http://127.0.0.1:9471/"}]
drill: {cron: "0 9 * * 1"}
remediation:
  - {name: steer, diagnoses: [service_down], enabled: true, command: [/bin/true]}
remote_write: {url: "http://127.0.0.1:9472/"}
"""
_FILES = {"token": "0123456789abcdef0123", "key": "0" * 32, "vrps.json": '{"roas": []}'}
_NOW = 1_000_000.0
_COUNTED: Mapping[Kind, Mapping[str, Fact]] = {
    Kind.DNS: {"count": 0, "ttl": 60, "dropped": 0, "signature_expires_at": _NOW},
    Kind.HTTP: {"status": 503, "chain_not_after": _NOW, "certificate_not_after": _NOW},
    Kind.BGP: {
        "share": 0.0,
        "of": 9,
        "unknown": 0,
        "origins": {"64500": 1.0},
        "foreign_origins": {},
        "since": {"withdrawn": _NOW - 60},
    },
}
"""What a look of each kind finds that has a metric of its own."""
_PLACES = {Kind.DNS: "authoritative", Kind.HTTP: "name", Kind.BGP: "ris-live"}
_FEED = FeedHealth(
    source="ris-live",
    connected=True,
    last_frame_at=_NOW,
    seeded={},
    frames=0,
    errors=0,
    late=0,
    reconnects=0,
    last_error="",
    silence=None,
    lag=0.0,
    seed_age=0.0,
    collectors={"rrc00": CollectorHealth(1, 0, _NOW)},
)
_VRPS = VrpHealth(
    source="vrps.json",
    built_at=_NOW,
    count=0,
    errors=0,
    last_error="",
    silence=None,
)


@dataclass(frozen=True)
class Row:
    """One metric: its name as served, what it is, the labels of its series, and what it says."""

    name: str
    kind: str
    labels: Sequence[str]
    says: str


def page() -> str:
    """Return the page."""
    rows = sorted(rows_of(text()), key=lambda row: row.name)
    ours = [row for row in rows if row.name.startswith("vedette_")]
    others = [row for row in rows if row not in ours]
    own = "## Of the process\n\nAs every Python exporter has them.\n"
    return "\n".join([HEAD, "## Of the agent\n", _table(ours), own, _table(others)])


def rows_of(metrics: str) -> Iterator[Row]:
    """Return the metrics in a scrape; those without a series have no labels."""
    for family in text_string_to_metric_families(metrics):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield Row(name, family.type, _labels(family), family.documentation)


def _labels(family: Metric) -> Sequence[str]:
    names = dict.fromkeys(name for sample in family.samples for name in sample.labels)
    return [name for name in names if (family.type, name) != ("histogram", "le")]


def _table(rows: Sequence[Row]) -> str:
    lines = ["| metric | type | labels | says |", "|---|---|---|---|"]
    for row in rows:
        labels = ", ".join(f"`{name}`" for name in row.labels)
        lines.append(f"| `{row.name}` | {row.kind} | {labels} | {row.says} |")
    return "\n".join([*lines, ""])


def text() -> str:
    """Return what an agent with every part serves; no family of it is without a series."""
    with tempfile.TemporaryDirectory(prefix="vedette-metrics-") as name:
        folder = Path(name)
        for file, said in _FILES.items():
            (folder / file).write_text(said, encoding="utf-8")
        agent = Agent(parse(_CONFIG, folder / "vedette.yaml"), folder)
        agent.now = lambda: _NOW
        try:
            _fill(agent)
            said = "".join(Metrics(agent).lines())
        finally:
            agent.store.close()
    empty = [f.name for f in text_string_to_metric_families(said) if not f.samples]
    assert not empty, f"these have no series here, so that nobody knows their labels: {empty}"
    return said


def _fill(agent: Agent) -> None:
    """Tell *agent* of one look of each kind, and of one of everything else that it counts."""
    for planned in agent.plan.checks:
        agent.ledger.add(planned.key, planned.timing, [_look(planned.key)])
    vrps = cast("VrpSource", SimpleNamespace(health=lambda _: _VRPS))
    feed = cast("Feed", SimpleNamespace(health=lambda _: _FEED))
    agent.plan = replace(agent.plan, feeds=[feed], vrps=vrps)
    assert agent.roas is not None
    agent.roas.routes["192.0.2.0/24", 64500] = OwnRoute(RouteState.VALID, _NOW)
    for at in (_NOW - 10_000, _NOW):
        agent.good.see("shop.example", "A", Round({}, {"ns": frozenset({"192.0.2.1"})}), at)
    head = next(iter(agent.engine.rules))
    agent.engine.open["shop"] = Incident("vedette/shop", "shop", head, _NOW, {head: _NOW}, ())
    agent.outbox.delivered["pagerduty", Outcome.DELIVERED] = 1
    for standing in agent.exchange.standings:
        standing.heard_at, standing.offset = _NOW, 0.0
    for beat in agent.heart.beats:
        beat.heard_at = _NOW


_REASONS = {Kind.DNS: DnsReason.NODATA, Kind.HTTP: HttpReason.STATUS, Kind.BGP: BgpReason.WITHDRAWN}


def _look(key: CheckKey) -> Observation:
    """Return a look that fails, unless it is a control's."""
    is_well = key.service == "controls"
    finding = Finding(
        verdict=Verdict.OK if is_well else Verdict.FAILING,
        reason=None if is_well else _REASONS[key.kind],
        facts=_COUNTED[key.kind],
    )
    return Observation(
        service=key.service,
        check=key.check,
        kind=key.kind,
        vantage="one",
        subject=key.check,
        place=_PLACES[key.kind],
        finding=finding,
        started_at=_NOW - 1,
        seconds=0.1,
    )
