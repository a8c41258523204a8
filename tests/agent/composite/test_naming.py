"""What a config file may call its alarms, and name in their rules: every fault with its line."""

from pathlib import Path

import pytest

from vedette.agent.composite.naming import Nameables, Watched
from vedette.agent.config import Config, ConfigError, parse

TOP = """\
agent: {name: fra-1, domain: {provider: hetzner}}
services:
  - name: shop
    dns: [{name: shop.example}]
    http: [{url: "https://shop.example/"}]
  - name: net
    bgp: [{prefix: 192.0.2.0/24, origins: [64500]}]
controls: {dns: [{name: example.com}]}
alarms:
"""


def config(alarms: str, top: str = TOP) -> Config:
    return parse(top + alarms, Path("vedette.yaml"))


def faults(alarms: str, top: str = TOP) -> list[tuple[int, str]]:
    """Return the faults with their lines, counted from the first alarm."""
    with pytest.raises(ConfigError) as refused:
        config(alarms, top)
    return [(p.line - top.count("\n"), p.message) for p in refused.value.problems]


@pytest.mark.parametrize(
    "name",
    [
        "shop.example A",
        "shop.example A:nodata",
        "shop/dns/shop.example A",
        "https://shop.example/",
        "https://shop.example/:tls_expired",
        "192.0.2.0/24",
        "192.0.2.0/24:withdrawn",
        "net/bgp/192.0.2.0/24",
        "shop/record_emptied/shop.example A",
        "shop/service_down/https://shop.example/",
        "net/origin_hijack/192.0.2.0/24",
        "controls/dns/example.com A",
        "fra-1/vantage_blind/fra-1",
        "ris-live/feed_stale/ris-live",
        "other",
    ],
)
def test_what_a_rule_may_name(name: str) -> None:
    """Checks in short and in full, their reasons, standard alarms, controls, feeds, alarms."""
    made = config(
        f"  - {{name: mine, rule: 'ALARM(\"{name}\")'}}\n  - {{name: other, rule: 'TRUE'}}\n"
    )

    assert [alarm.name for alarm in made.alarms] == ["mine", "other"]
    assert made.size.endswith("2 alarms")


@pytest.mark.parametrize(
    ("alarm", "message"),
    [
        (
            "{name: mine, rule: ALARM(shop.exmaple)}",
            'alarms.0.rule: column 7: there is no alarm or check "shop.exmaple": '
            'did you mean "shop.example A"?',
        ),
        (
            "{name: mine, rule: 'OK(\"example.com A\")'}",
            'alarms.0.rule: column 4: there is no alarm or check "example.com A": '
            'did you mean "shop.example A"?',
        ),
        (
            "{name: mine, rule: ALRM(x)}",
            "alarms.0.rule: column 1: there is no function ALRM: did you mean ALARM?",
        ),
        (
            "{name: mine, rule: 'TRUE', service: shpo}",
            "alarms.0.service: there is no service shpo: did you mean shop?",
        ),
        (
            "{name: mine, rule: 'TRUE', service: bank}",
            "alarms.0.service: there is no service bank: mend its spelling, or leave it out",
        ),
        (
            "{name: shop, rule: 'TRUE'}",
            "alarms.0.name: shop: what is called shop or begins with shop/ has alarms of its own: "
            "rename it",
        ),
        (
            "{name: fra-1/x, rule: 'TRUE'}",
            "alarms.0.name: fra-1/x: what is called fra-1 or begins with fra-1/ has alarms of its "
            "own: rename it",
        ),
        (
            "{name: record_emptied, rule: 'TRUE'}",
            "alarms.0.name: record_emptied is a standard diagnosis: rename it",
        ),
        (
            "{name: mine, rule: ALARM(mine)}",
            "alarms.0.rule: column 7: the alarm needs itself: take its own name out of its rule",
        ),
        (
            "{name: mine, rule: 'TRUE', suppressor: {alarm: you}}",
            'alarms.0.suppressor.alarm: there is no alarm or check "you": mend its spelling, or '
            "add one",
        ),
        (
            "{name: mine, rule: 'TRUE', suppressor: {alarm: mine}}",
            "alarms.0.suppressor.alarm: the alarm keeps itself quiet: take its suppressor out",
        ),
        ("{name: mine}", "alarms.0.rule: is required"),
        ("5", "alarms.0: expected keys with values"),
        (
            "{name: mine, rule: 'TRUE', mute: [{cron: '* *', duration: 1h}]}",
            "alarms.0.mute.0: cron: '* *' has 2 fields and needs five: minute, hour, day of month, "
            "month, day of week",
        ),
    ],
)
def test_one_fault(alarm: str, message: str) -> None:
    """Each fault is one sentence with the place, the column in a rule, and the remedy."""
    assert faults(f"  - {alarm}\n") == [(1, message)]


def test_all_faults_at_once() -> None:
    """Faults of names are told beside those of the form, of the same and of other alarms."""
    found = faults(
        """\
  - name: one
    rule: ALARM(two)
  - name: two
    rule: ALARM(three)
    colour: red
  - name: three
    rule: >-
      ALARM(one) OR
      ALARM("nothing at all")
  - name: three
    rule: 'TRUE'
""",
        "pagers: [{pagerduty: {routing_key_env: NOWHERE_TO_BE_FOUND}}]\n" + TOP,
    )

    assert [line for line, _ in found[1:]] == [5, 7, 10]
    assert "NOWHERE_TO_BE_FOUND" in found[0][1]
    assert "alarms.1.colour: unknown key" in found[1][1]
    assert 'column 21: there is no alarm or check "nothing at all"' in found[2][1]
    assert "alarm three is given twice" in found[3][1]


def test_nothing_is_said_of_names_while_services_are_wrong() -> None:
    """A fault of a service is told alone: what it would have been called is not known."""
    found = faults(
        "  - {name: mine, rule: ALARM(shop.exmaple)}\n",
        TOP.replace("{name: shop.example}", "{name: shop.example, tpye: A}"),
    )

    assert len(found) == 1
    assert "tpye" in found[0][1]


def test_twice_in_two_services_is_ambiguous() -> None:
    """A short name that two services have stands for neither; in full each can be named."""
    top = TOP.replace("  - name: net\n", "  - name: net\n    dns: [{name: shop.example}]\n")

    ((_, message),) = faults("  - {name: mine, rule: 'ALARM(\"shop.example A\")'}\n", top)
    assert '"net/dns/shop.example A"' in message
    assert config("  - {name: mine, rule: 'ALARM(\"net/dns/shop.example A\")'}\n", top).alarms


def test_without_controls_or_routes_their_alarms_cannot_be_named() -> None:
    """There is no alarm of a blind vantage without controls, nor of a feed without prefixes."""
    known = Nameables([Watched("shop")], Watched("controls"), ["fra-1"]).known

    assert not known


@pytest.mark.parametrize("place", ["services", "top"])
def test_windows_of_maintenance(place: str) -> None:
    """A service has windows, and so has everything; a wrong one is refused with its line."""
    window = "maintenance: [{cron: '0 3 * * sun', duration: 2h, timezone: UTC}]\n"
    if place == "services":
        top = TOP.replace("  - name: net\n", f"  - name: net\n    {window}")
    else:
        top = TOP.replace("alarms:\n", f"{window}alarms:\n")

    assert config("  []\n", top)
    assert "time zone" in faults("  []\n", top.replace("UTC", "Mars/Olympus"))[0][1]


PEERS = """\
peers:
  - {name: nyc-1, url: "http://127.0.0.1:1", domain: {provider: x}, token_env: VEDETTE_TEST_TOKEN}
  - {name: a b, url: "http://127.0.0.1:2", domain: {provider: y}, token_env: VEDETTE_TEST_TOKEN}
"""


@pytest.mark.parametrize("controls", [True, False])
@pytest.mark.parametrize("name", ["fra-1", "nyc-1", "a b"])
def test_the_sight_of_every_vantage_has_a_name(
    name: str, controls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With peers there are alarms of all vantages; without controls one that is silent is blind."""
    monkeypatch.setenv("VEDETTE_TEST_TOKEN", "0" * 32)
    top = PEERS + (TOP if controls else TOP.replace("controls: {dns: [{name: example.com}]}\n", ""))
    rule = f'ALARM("{name}/vantage_blind/{name}")'
    made = config(f"  - {{name: mine, rule: '{rule}'}}\n", top)

    assert [ref.name for ref in made.alarms[0].rule.refs] == [f"{name}/vantage_blind/{name}"]


def test_a_vantage_that_is_not_configured_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt peer is a fault, with the nearest name there is."""
    monkeypatch.setenv("VEDETTE_TEST_TOKEN", "0" * 32)
    ((line, message),) = faults(
        "  - {name: mine, rule: 'ALARM(\"nyc-2/vantage_blind/nyc-2\")'}\n", PEERS + TOP
    )

    assert line == 1
    assert 'did you mean "nyc-1/vantage_blind/nyc-1"?' in message
