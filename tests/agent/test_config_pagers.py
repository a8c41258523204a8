"""The `pagers` and `paging` blocks: every kind, who is told of what, and every fault's line."""

import time
from pathlib import Path

import pytest

from tests.agent.paging.desk import page
from tests.agent.test_config import MINIMAL, config, faults
from tests.servers.smtp import smtp
from tests.servers.webhook import WebhookReceiver
from vedette.agent.clock import SteadyClock
from vedette.agent.config.pagers import KINDS, RESOLVERS, PagerSettings, routes, untold
from vedette.agent.daemon import Agent
from vedette.agent.paging.pagers import pagers
from vedette.exporters.page import Outcome, Severity
from vedette.exporters.reach import Reach
from vedette.exporters.signature import signing_key

EVERY_KIND = """\
pagers:
  - alertmanager: {urls: ["http://127.0.0.1:9093"], token_file: secret}
  - pagerduty: {routing_key_file: key, region: eu}
    name: oncall
    services: [shop]
    severities: [critical, error]
  - pagerduty: {routing_key_file: key}
  - webhook: {url_file: url, secret_file: secret}
    backup_of: oncall
  - email: {host: m.example, from: a@b.example, to: [c@d.example], username: u,
            password_file: secret, ca_file: ca.pem}
    backup_of: webhook
paging: {resolvers: [127.0.0.1:5353], backup_after: 20s}
"""


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out every secret that these tests name."""
    import trustme  # noqa: PLC0415 - only here

    (tmp_path / "key").write_text("0" * 32)
    (tmp_path / "secret").write_text("s3cret" * 6 + "\n")
    (tmp_path / "url").write_text("https://hooks.example/t0p\n")
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("URL", "no url")
    return tmp_path


def test_every_kind_is_built(secrets: Path) -> None:
    """Each kind is taken under its name, with what it has a route for; one key has one limit."""
    read = config(secrets, MINIMAL + EVERY_KIND)
    made = pagers(read.pagers, secrets, Reach(), SteadyClock().now)

    assert [one.name for one in made] == ["alertmanager", "oncall", "pagerduty", "webhook", "email"]
    assert made[1].pace is made[2].pace  # type: ignore[attr-defined]
    for _ in range(100):
        assert made[1].pace.ready_at(0.0) == 0.0  # type: ignore[attr-defined]
        made[2].pace.take(0.0)  # type: ignore[attr-defined]
    assert made[1].pace.ready_at(0.0) == 60.0  # type: ignore[attr-defined]
    told = routes(read.pagers, read.paging, ["shop"])
    assert told.first(page(service="shop")) == ["alertmanager", "oncall", "pagerduty"]
    assert told.backup_at("oncall", page(service="shop"), 0.0) == 20.0
    assert str(read.paging.endpoints[0]) == "127.0.0.1:5353"
    for one in made:
        assert "s3cret" not in repr(one)


async def test_a_webhook_is_signed_by_the_clock_of_the_wall(secrets: Path) -> None:
    """After a machine was asleep its agent lags behind: receivers refuse what they take for old."""
    key = signing_key((secrets / "secret").read_text().strip())
    async with WebhookReceiver(key, time.time()) as receiver:
        pager = f"pagers: [{{webhook: {{url: '{receiver.url}', secret_file: secret}}}}]\n"
        (made,) = pagers(config(secrets, MINIMAL + pager).pagers, secrets, Reach(), lambda: 0.0)
        delivery = await made.send(page())
        await made.close()

    assert delivery.outcome is Outcome.DELIVERED, delivery


async def test_a_mail_is_dated_by_the_clock_of_the_wall(secrets: Path) -> None:
    """After a machine was asleep for a day its page would stand below all the mail of that day."""
    with smtp() as mailbox:
        pager = (
            f"pagers: [{{email: {{host: 127.0.0.1, port: {mailbox.port}, tls: none, "
            "from: a@b.example, to: [c@d.example]}}]\n"
        )
        (made,) = pagers(config(secrets, MINIMAL + pager).pagers, secrets, Reach(), lambda: 0.0)
        delivery = await made.send(page())

    assert delivery.outcome is Outcome.DELIVERED, delivery
    (mail,) = mailbox.mails
    assert mail["Date"].datetime.timestamp() == pytest.approx(time.time(), abs=60)


ABOUT_NO_SERVICE = """\
controls:
  dns: [{name: example.com}]
alarms: [{name: checkout, rule: 'ALARM("shop/dns/shop.example A")', severity: critical}]
pagers:
  - pagerduty: {routing_key_file: key}
    services: [shop]
"""


def test_no_route_by_service_keeps_what_is_of_no_service(secrets: Path) -> None:
    """What pages under the name of no service of the config, as a vantage, goes to every pager.

    So does an alarm of a user's own; what is of a service goes only where its route leads.
    """
    shop, mail = (f"  - name: {name}\n    dns: [{{name: {name}.example}}]\n"
                  for name in ("shop", "mail"))  # fmt: skip
    text = MINIMAL.partition("  - name: shop")[0] + shop + mail + ABOUT_NO_SERVICE
    agent = Agent(config(secrets, text), secrets, text)
    told = {service: bool(agent.outbox.add(page(service, service=service), 0.0))
            for service in agent.engine.services}  # fmt: skip
    agent.store.close()

    assert told == dict.fromkeys(told, True) | {"mail": False}
    assert {"shop", "mail", "fra-1", "checkout"} <= told.keys()


def test_defaults(tmp_path: Path) -> None:
    """Without a word three operators' resolvers stand by, and a second channel after a minute."""
    paging = config(tmp_path, MINIMAL).paging
    assert (tuple(paging.resolvers), paging.backup_after) == (RESOLVERS, 60.0)


FAULTS = {
    "no kind": ("- {name: x}", 9, "expected exactly one of pagerduty, alertmanager"),
    "two kinds": (
        "- pagerduty: {routing_key_file: key}\n"
        "    email: {host: m, from: a@b, to: [c@d]}",
        9, "expected exactly one of",
    ),
    "unknown kind": ("- pigeon: {}", 9, "pagers.0.pigeon: unknown key"),
    "unknown service": (
        '- alertmanager: {urls: ["http://x"]}\n    services: [shop, nosuch]',
        10, "pagers.0.services.1: no service is called nosuch",
    ),
    "no service": ('- alertmanager: {urls: ["http://x"]}\n    services: []', 10, "services"),
    "unknown severity": (
        '- alertmanager: {urls: ["http://x"]}\n    severities: [grave]',
        10, "pagers.0.severities.0: expected 'critical'",
    ),
    "unknown pager": (
        '- alertmanager: {urls: ["http://x"]}\n    backup_of: nobody',
        10, "pagers.0.backup_of: no pager is called nobody",
    ),
    "itself": (
        '- alertmanager: {urls: ["http://x"]}\n    backup_of: alertmanager',
        10, "alertmanager is a second channel of itself",
    ),
    "twins": (
        '- alertmanager: {urls: ["http://x"]}\n'
        '  - alertmanager: {urls: ["http://y"]}',
        10, "pager alertmanager is given twice (first in line 9)",
    ),
    "short secret": (
        "- webhook: {url: http://x/, secret_file: key2}", 9, "key2 cannot be read",
    ),
    "url that is none": (
        "- webhook: {url_env: URL, secret_file: secret}", 9,
        "environment variable URL holds no URL",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line(secrets: Path, fault: str) -> None:
    """Each fault of a pager is one message in its line, that names the thing."""
    text, line, words = FAULTS[fault]
    ((at, message),) = faults(secrets, f"{MINIMAL}pagers:\n  {text}\n")

    assert at == line
    assert words in message


def test_loops_are_told_once_for_each_that_waits(secrets: Path) -> None:
    """Second channels in a circle are faults, and one that only hangs on them is none."""
    text = "".join(
        f'  - alertmanager: {{urls: ["http://{name}"]}}\n    name: {name}\n    backup_of: {of}\n'
        for name, of in (("a", "b"), ("b", "a"), ("c", "a"))
    )
    found = faults(secrets, f"{MINIMAL}pagers:\n{text}")

    assert [line for line, _ in found] == [11, 14]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([{}], []),
        ([{"services": ["mail"]}], [("services", 0)]),
        ([{"services": ["mail"]}, {}], []),
        ([{"severities": ["critical"]}], [("services", 1), ("pagers",)]),
        ([{"severities": ["critical"]}, {"severities": ["error", "warning", "info"]}], []),
        ([{}, {"services": ["mail"], "name": "b", "backup_of": "alertmanager"}], []),
    ],
)
def test_what_nobody_is_told_of_is_said(tmp_path: Path, given: list[dict], told: list) -> None:
    """A service or severity without a pager is a note, with its place."""
    text = MINIMAL + "  - {name: mail, severity: warning, dns: [{name: m.example}]}\n"
    services = config(tmp_path, text).services
    base = {"alertmanager": {"urls": ["http://x"]}}
    made = [PagerSettings.model_validate(base | one) for one in given]

    assert [place for place, _ in untold(made, services)] == told


@pytest.mark.parametrize(
    ("pager", "fault"),
    [
        (
            "email: {host: 'mail.example.net:587', from: a@b.example, to: [c@d.example]}",
            "email.host: expected a host alone, without a port, which stands in port",
        ),
        (
            "alertmanager: {urls: ['http://am:9093/api/v2/alerts']}",
            "alertmanager.urls.0: /api/v2/alerts is added to it: leave out what begins with /api",
        ),
        (
            "alertmanager: {urls: ['http://am:9093/am/api/v2/']}",
            "alertmanager.urls.0: /api/v2/alerts is added to it: leave out what begins with /api",
        ),
    ],
)
def test_an_address_that_takes_no_page_is_refused(tmp_path: Path, pager: str, fault: str) -> None:
    """Where no page could ever arrive the config says so, and not the night in which one is due."""
    told = faults(tmp_path, MINIMAL + f"pagers: [{{{pager}}}]\n")

    assert told == [(8, f"pagers.0.{fault}")]


def test_a_mail_server_may_be_an_address(tmp_path: Path) -> None:
    """The colons of IPv6 are those of no port."""
    pager = "{email: {host: '2001:db8::25', from: a@b.example, to: [c@d.example]}}"

    (made,) = config(tmp_path, MINIMAL + f"pagers: [{pager}]\n").pagers

    assert made.email is not None
    assert made.email.host == "2001:db8::25"


def test_every_kind_is_shown() -> None:
    """The example shows every kind, and every severity has a word."""
    text = (Path(__file__).parents[2] / "configs" / "pagers.yaml").read_text()
    assert [kind for kind in KINDS if f"{kind}:" not in text] == []
    assert [one for one in Severity if one not in text] == []
