"""A page with six addresses, in real servers: who is dead is named, and the service is not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.agent.observations import QUORUM
from tests.checks.http.raw import FUTURE
from tests.servers.nginx import Nginx, nginx
from vedette.agent.alarms.engine import Engine
from vedette.agent.config import parse
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.diagnoses.view import View
from vedette.agent.looking.runner import look_all
from vedette.agent.memory.lastgood import Generation, LastKnownGood
from vedette.agent.memory.ledger import Ledger
from vedette.agent.paging.headline import cause
from vedette.agent.plan import Plan, make
from vedette.checks.dns.reason import Reason as DnsReason
from vedette.checks.finding import Kind, Verdict
from vedette.checks.http.reason import Reason
from vedette.checks.net import NetworkFailure

HOST = "api.shop.test"
EDGES = [f"127.0.0.{i}" for i in range(1, 7)]
DEAD = "127.0.0.4"
DAY = 86400.0
NOW = 1_795_000_000.0
CONFIG = """\
agent: {{name: here, domain: {{provider: host}}}}
services:
  - name: shop
    dns: [{{name: {host}, servers: [192.0.2.53]}}]
    http: [{{url: "{url}", ca_file: ca.pem, {rules}}}]
"""


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def web(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("nginx")
    alive = [edge for edge in EDGES if edge != DEAD]
    with nginx(folder, ca.issue_cert(HOST, not_after=FUTURE), addresses=alive) as running:
        yield running


class Name:
    """What the resolver says of every name."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, _host: str) -> Sequence[str]:
        if not self.addresses:
            raise NetworkFailure(DnsReason.NODATA, f"{HOST} has no A record")
        return self.addresses


@dataclass
class Clock:
    """What time it is."""

    now: float


class Agent:
    """A planned http check, and the rules about it, at times that a test says."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._planned = next(p for p in plan.checks if p.key.kind is Kind.HTTP)
        self._rules = [rule for rule in plan.rules if rule.key == self._planned.key]
        self._engine = Engine(deployment="test", quorum=QUORUM, rules=self._rules, controls=[])
        self.ledger = Ledger()
        self.clock = clock

    async def look(self, rounds: int) -> None:
        for _ in range(rounds):
            self.clock.now += 30
            await self._planned.check.refresh()
            looks = await look_all(
                self._planned.check,
                service="shop",
                vantage="here",
                limit=9,
                now=lambda: self.clock.now,
            )
            self.ledger.add(self._planned.key, self._planned.timing, looks)
            self._engine.step({"here": self.ledger}, self.clock.now)

    @property
    def seen(self) -> dict[str, Verdict | Reason]:
        series = self.ledger.of(self._planned.key)
        return {s.subject: s.last.finding.reason or s.last.finding.verdict for s in series}

    @property
    def firing(self) -> dict[Diagnosis, str]:
        ids = self._engine.firing.of("shop")
        view = View(self.ledger, self.clock.now)
        return {rule.diagnosis: cause(rule, view) for rule in self._rules if rule.id in ids}


def agent(
    folder: Path,
    ca: trustme.CA,
    web: Nginx,
    name: Name,
    monkeypatch: pytest.MonkeyPatch,
    rules: str = "",
) -> Agent:
    """Return an agent whose name remembers the edges that are alive."""
    ca.cert_pem.write_to_path(folder / "ca.pem")
    text = CONFIG.format(host=HOST, url=f"https://{HOST}:{web.https}/", rules=rules)
    config = parse(text, folder / "vedette.yaml")
    answers = tuple(edge for edge in EDGES if edge != DEAD)
    good = LastKnownGood([Generation(HOST, "A", answers, NOW - DAY, NOW - DAY, whole=True)])

    async def resolve(_self: object, host: str) -> Sequence[str]:
        return await name.resolve(host)

    monkeypatch.setattr("vedette.checks.dns.resolver.StubResolver.resolve", resolve)
    clock = Clock(NOW)
    return Agent(make(config, folder, good, lambda: clock.now), clock)


async def test_one_of_six_is_dead(
    tmp_path: Path, ca: trustme.CA, web: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dead edge is reported as exactly that address: degraded, a warning, and not down."""
    here = agent(tmp_path, ca, web, Name(*EDGES), monkeypatch, "at: [name, every]")
    await here.look(3)

    assert here.seen == {
        "by name": Verdict.OK,
        **{edge: Verdict.OK for edge in EDGES if edge != DEAD},
        DEAD: Reason.CONNECT_REFUSED,
    }
    assert here.firing.keys() == {Diagnosis.SERVICE_DEGRADED}
    assert (
        f"fails at 1 of 6 addresses ({DEAD}: connect_refused)"
        in (here.firing[Diagnosis.SERVICE_DEGRADED])
    )


async def test_the_dead_one_comes_first(
    tmp_path: Path, ca: trustme.CA, web: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the name leads to the dead edge first, five others that serve still are a service."""
    first = Name(DEAD, *(edge for edge in EDGES if edge != DEAD))
    here = agent(tmp_path, ca, web, first, monkeypatch, "at: [name, every]")
    await here.look(3)

    assert here.seen["by name"] is here.seen[DEAD] is Reason.CONNECT_REFUSED
    assert here.firing.keys() == {Diagnosis.SERVICE_DEGRADED}


async def test_emptied_name(
    tmp_path: Path, ca: trustme.CA, web: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name it is `dns: nodata`; at the last-known-good addresses the service is seen well."""
    here = agent(tmp_path, ca, web, Name(), monkeypatch)
    await here.look(3)
    (by_name,) = [s for s in here.ledger if s.subject == "by name"]

    assert here.seen == {
        "by name": Reason.DNS,
        **{edge: Verdict.OK for edge in EDGES if edge != DEAD},
    }
    assert by_name.last.finding.facts["dns_reason"] == "nodata"
    assert "dns: nodata: " in by_name.last.finding.detail
    assert here.firing.keys() == {Diagnosis.SERVICE_DOWN}


async def test_a_dead_standby_is_a_warning(
    tmp_path: Path, ca: trustme.CA, web: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failover target that is not there is degraded, and never down."""
    here = agent(tmp_path, ca, web, Name(DEAD), monkeypatch, "at: name, standby: true")
    await here.look(3)

    assert here.seen == {"by name": Reason.CONNECT_REFUSED}
    assert here.firing.keys() == {Diagnosis.SERVICE_DEGRADED}


async def test_a_certificate_of_another_name(
    tmp_path: Path, ca: trustme.CA, web: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that is refused is the diagnosis, and the page is down with it."""
    here = agent(tmp_path, ca, web, Name(*EDGES), monkeypatch, "at: name, server_name: b.test")
    await here.look(3)

    assert here.seen == {"by name": Reason.TLS_NAME}
    assert here.firing.keys() == {Diagnosis.CERTIFICATE_INVALID, Diagnosis.SERVICE_DOWN}
    assert (
        f"the certificate is for {HOST}, not for b.test"
        in (here.firing[Diagnosis.CERTIFICATE_INVALID])
    )


async def test_a_certificate_that_ends_soon(
    tmp_path: Path, ca: trustme.CA, web: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that is about to end is a diagnosis, and the page stays well."""
    here = agent(tmp_path, ca, web, Name(*EDGES), monkeypatch, "at: name, expiring: 366d")
    here.clock.now = FUTURE.timestamp() - 366 * DAY
    await here.look(3)

    assert here.seen == {"by name": Verdict.OK}
    assert here.firing.keys() == {Diagnosis.CERTIFICATE_INVALID}
    assert "the certificate ends on 2099-01-01" in here.firing[Diagnosis.CERTIFICATE_INVALID]


async def test_a_certificate_begins_to_end(
    tmp_path: Path, ca: trustme.CA, web: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that has long been well is judged again when its certificate begins to end."""
    here = agent(tmp_path, ca, web, Name(*EDGES), monkeypatch, "at: name")
    await here.look(3)
    well = here.firing
    here.clock.now = FUTURE.timestamp() - 14 * DAY
    await here.look(3)

    assert well == {}
    assert here.firing.keys() == {Diagnosis.CERTIFICATE_INVALID}
