"""Composite alarms at work: from looks at checks to pages, beside the standard alarms."""

import pytest

from tests.agent.composite.world import CONFIG, CONTROLLED, HEARD, LINGERS, World
from vedette.agent.alarms.agreement import Vantage
from vedette.agent.alarms.alarm import State
from vedette.agent.alarms.incidents import Change
from vedette.agent.composite.link import Target
from vedette.checks.finding import Verdict
from vedette.exporters.page import Severity

OK, FAILING, UNKNOWN = Verdict
OPENED, RESOLVED = Change.OPENED, Change.RESOLVED
WELL, NAME_BAD, SHOP_BAD, BANK_BAD = (
    (OK, OK, OK), (FAILING, OK, OK), (OK, FAILING, OK), (OK, OK, FAILING),
)  # fmt: skip
BOTH_BAD, ALL_BAD, UNSEEN = (FAILING, FAILING, OK), (FAILING,) * 3, (UNKNOWN,) * 3
BOTH = """\
- name: checkout
  description: nobody can pay
  rule: ALARM("shop.example A") AND ALARM("https://bank.example/")
"""


def test_two_checks_page_and_resolve() -> None:
    """A rule over two checks pages after its hold, and resolves after its clear, once each."""
    bad = (FAILING, OK, FAILING)
    world = World(BOTH).live([*[WELL] * 5, *[NAME_BAD] * 5, *[bad] * 10, *[WELL] * 20])

    assert world.of("checkout") == [(13, OPENED), (24 + LINGERS, RESOLVED)]


def test_the_page_says_what_holds() -> None:
    """A page has the alarm's name for a diagnosis, and says what holds and since when."""
    world = World(BOTH).live([*[WELL] * 5, *[(FAILING, OK, FAILING)] * 10, *[WELL] * 20])
    opened, resolved = [page for page in world.pages if page.key == "test/checkout"]

    assert (opened.diagnosis, opened.subject, opened.service) == ("checkout",) * 3
    assert opened.summary == (
        "checkout: shop.example A and https://bank.example/ are in ALARM, since 00:00:05 UTC"
    )
    assert opened.details["description"] == "nobody can pay"
    assert opened.details["rule"] == ('ALARM("shop.example A") AND ALARM("https://bank.example/")')
    assert opened.details["seen"] == [
        "ALARM since 1970-01-01 00:00:05 UTC: shop.example A",
        "ALARM since 1970-01-01 00:00:05 UTC: https://bank.example/",
    ]
    assert resolved.summary == (
        "resolved: checkout: its rule holds no longer, failing since 1970-01-01 00:00:05 UTC"
    )


@pytest.mark.parametrize(
    ("rule", "rounds", "says"),
    [
        ('OK("shop.example A")', [WELL], "shop.example A is in OK"),
        ('NOT OK("shop.example A")', [NAME_BAD], "shop.example A is in ALARM"),
        ("TRUE", [WELL], "its rule holds"),
        ('INSUFFICIENT_DATA("shop.example A")', [UNSEEN], "shop.example A is in INSUFFICIENT_DATA"),
        (
            'AT_LEAST(2, NOT OK, ("shop.example A", "https://shop.example/", '
            '"https://bank.example/"))',
            [BOTH_BAD],
            "shop.example A and https://shop.example/ are in ALARM",
        ),
        (
            'ALARM("shop.example A") AND OK("https://bank.example/")',
            [NAME_BAD],
            "shop.example A is in ALARM and https://bank.example/ is in OK",
        ),
        ('ALARM("shop.example A:nodata")', [NAME_BAD], "shop.example A:nodata is in ALARM"),
    ],
)
def test_a_page_says_of_any_rule_why_it_holds(rule: str, rounds: list, says: str) -> None:
    """Whatever the rule asks, the page names what it holds for, and how that stands."""
    world = World(f"- {{name: mine, rule: '{rule}'}}").live(rounds * 20)

    (opened,) = [page for page in world.pages if page.key == "test/mine"]
    assert opened.summary.startswith(f"mine: {says}, since ")


def test_a_reason_is_one_of_many() -> None:
    """A rule about a reason holds for that one, and not for another."""
    rules = """\
    - {name: empty, rule: 'ALARM("shop.example A:nodata")'}
    - {name: silent, rule: 'ALARM("shop.example A:timeout")'}
    """
    world = World(rules).live([NAME_BAD] * 10)

    assert world.of("empty")
    assert not world.of("silent")


def test_a_standard_alarm_can_be_a_part() -> None:
    """A rule may name a standard alarm, and holds since the fault of that one began."""
    rule = '- {name: mine, rule: ALARM("shop/service_down/https://shop.example/"), hold: 6s}'
    world = World(rule).live([*[WELL] * 5, *[SHOP_BAD] * 10])

    assert world.of("mine") == [(11, OPENED)]


def test_alarms_build_on_alarms() -> None:
    """A rule over another alarm is judged in the same second, whatever their order in the file."""
    rules = """\
    - {name: above, rule: ALARM(below), hold: 0s, clear: 0s}
    - {name: below, rule: 'ALARM("https://bank.example/")', clear: 2s}
    """
    world = World(rules).live([*[WELL] * 5, *[BANK_BAD] * 10, *[WELL] * 10])

    assert world.of("below") == world.of("above") == [(8, OPENED), (16 + LINGERS, RESOLVED)]


def test_in_a_service_it_joins_the_cause() -> None:
    """An alarm of a service is a symptom of the service's open page, and leads none beside one."""
    rule = "- {name: mine, rule: 'ALARM(\"shop.example A\")', service: shop, hold: 6s}"
    world = World(rule).live([NAME_BAD] * 20)
    ((key, incident),) = world.engine.open.items()

    assert [change for _, _, change in world.said] == [OPENED]
    assert (key, incident.headline) == ("test/shop", "shop/record_emptied/shop.example A")
    assert "mine" in incident.members


def test_in_a_service_a_better_cause_takes_over() -> None:
    """A diagnosis that explains it takes the headline over from an alarm that paged first."""
    rule = "- {name: mine, rule: 'ALARM(\"https://bank.example/\")', service: shop, hold: 1s}"
    both = tuple(
        FAILING if FAILING in pair else OK for pair in zip(NAME_BAD, BANK_BAD, strict=True)
    )
    world = World(rule).live([*[BANK_BAD] * 9, *[both] * 12])

    pages = [page for page in world.pages if page.key == "test/shop"]
    assert [page.diagnosis for page in pages] == ["mine", "record_emptied"]


def test_an_alarm_about_routes_explains_more_than_one_about_pages() -> None:
    """An alarm ranks behind the diagnoses of its own layer, and before those of the next."""
    config = CONFIG + "  - {name: net, bgp: [{prefix: 192.0.2.0/24, origins: [64500]}]}\n"
    rules = """\
    - {name: route, rule: 'ALARM("192.0.2.0/24")'}
    - {name: name, rule: 'ALARM("shop.example A")'}
    - {name: page, rule: 'ALARM("https://shop.example/")'}
    - {name: mixed, rule: ALARM(route) OR ALARM(page)}
    - {name: constant, rule: "TRUE"}
    """
    made = World(rules, config=config).engine.rules.values()
    ranks = {rule.diagnosis: rule.rank for rule in made}

    assert (
        ranks["route_leak"] < ranks["route"] < ranks["record_emptied"] < ranks["name"]
        < ranks["service_down"] < ranks["service_degraded"] < ranks["page"]
    )  # fmt: skip
    assert ranks["mixed"] == ranks["constant"] == ranks["page"]


@pytest.mark.parametrize(
    ("missing", "before", "changes"),
    [
        ("breaching", WELL, [OPENED]), ("breaching", NAME_BAD, [OPENED]),
        ("notBreaching", WELL, []), ("notBreaching", NAME_BAD, [OPENED, RESOLVED]),
        ("ignore", WELL, []), ("ignore", NAME_BAD, [OPENED]),
        ("missing", WELL, []), ("missing", NAME_BAD, [OPENED]),
    ],
)  # fmt: skip
def test_missing_data(missing: str, before: tuple, changes: list[Change]) -> None:
    """Of what is no longer seen only `breaching` makes a page, and only `notBreaching` ends one."""
    rule = f"- {{name: mine, rule: 'ALARM(\"shop.example A\")', missing: {missing}}}"
    world = World(rule).live([*[before] * 10, *[UNSEEN] * 60])

    assert [change for _, change in world.of("mine")] == changes


SUPPRESSED = """\
- name: mine
  rule: ALARM("https://shop.example/")
  hold: 0s
  clear: 0s
  suppressor: {alarm: "https://bank.example/", wait: 5s, extension: 8s}
"""
SHOP_AND_BANK = (OK, FAILING, FAILING)


def test_the_suppressor_comes_within_the_wait() -> None:
    """An alarm says nothing while its suppressor explains it, nor if both end together."""
    world = World(SUPPRESSED).live(
        [*[WELL] * 10, *[SHOP_BAD] * 4, *[SHOP_AND_BANK] * 30, *[WELL] * 20]
    )
    assert not world.of("mine")
    assert world.engine.memories["mine"].state is State.OK


def test_the_suppressor_does_not_come() -> None:
    """An alarm that nothing explains pages when the wait is over."""
    world = World(SUPPRESSED).live([*[WELL] * 10, *[SHOP_BAD] * 20])

    assert world.of("mine") == [(16, OPENED)]  # the second bad look is at 11


def test_the_suppressor_goes_first() -> None:
    """An alarm that outlasts its suppressor pages when the extension is over."""
    world = World(SUPPRESSED).live([*[WELL] * 10, *[SHOP_AND_BANK] * 20, *[SHOP_BAD] * 20])

    assert world.of("mine") == [(38 + LINGERS, OPENED)]


def test_an_alarm_may_wait_for_one_that_is_judged_later() -> None:
    """A suppressor is seen as it stands in the same second, also where it needs what it quiets."""
    rules = """\
    - {name: a, rule: 'ALARM("https://shop.example/")', clear: 0s, suppressor: {alarm: b, wait: 0s}}
    - {name: b, rule: 'ALARM(a) AND ALARM("https://bank.example/")', hold: 0s, clear: 0s}
    """
    world = World(rules).live([*[WELL] * 5, *[SHOP_AND_BANK] * 20])

    assert not world.of("a")
    assert [change for _, change in world.of("b")] == [OPENED]


MUTED = """\
- name: mine
  rule: ALARM("https://shop.example/")
  mute: [{cron: "1 0 * * *", duration: 60s}]
"""


def test_muted_it_pages_after_the_window() -> None:
    """What begins in a window and outlasts it pages at its end; the state does not wait."""
    world = World(MUTED).live([*[WELL] * 70, *[SHOP_BAD] * 20])
    assert not world.of("mine")
    assert world.engine.memories["mine"].state is State.ALARM

    world.live([SHOP_BAD] * 60, start=90)
    assert world.of("mine") == [(120, OPENED)]


def test_muted_it_forgets_what_ends_in_the_window() -> None:
    """What begins and ends in a window pages nobody."""
    world = World(MUTED).live([*[WELL] * 70, *[SHOP_BAD] * 20, *[WELL] * 60])
    assert not world.of("mine")


def test_muted_it_resolves() -> None:
    """What was paged before the window resolves in it."""
    world = World(MUTED).live([*[WELL] * 40, *[SHOP_BAD] * 30, *[WELL] * 20])
    assert world.of("mine") == [(43, OPENED), (74 + LINGERS, RESOLVED)]


WINDOW = 'maintenance: [{cron: "1 0 * * *", duration: 60s}]\n'


@pytest.mark.parametrize(
    ("config", "at"),
    [
        (CONFIG.replace("  - name: bank\n", f"  - name: bank\n    {WINDOW}"), (73, 120)),
        (CONFIG + WINDOW, (120, 120)),
    ],
    ids=["of a service", "of everything"],
)
def test_maintenance(config: str, at: tuple[int, int]) -> None:
    """In a window its alarms, standard or not, open nothing, and what still fails then does."""
    rule = "- {name: mine, rule: 'ALARM(\"https://bank.example/\")', service: bank, hold: 1s}"
    world = World(rule, config=config).live([*[WELL] * 70, *[ALL_BAD] * 60])

    opened = {key: at for at, key, change in world.said if change is OPENED}
    assert opened == dict(zip(("test/shop", "test/bank"), at, strict=True))


PEERS = [Vantage("there", "elsewhere"), Vantage("next door", "host")]


@pytest.mark.parametrize(
    ("failing", "changes"),
    [(("here",), []), (("here", "next door"), []), (("here", "there"), [OPENED])],
)
def test_a_leaf_holds_for_a_quorum(failing: tuple[str, ...], changes: list[Change]) -> None:
    """A check is in ALARM for a rule when vantages of two providers see it fail."""
    world = World("- {name: mine, rule: 'ALARM(\"https://shop.example/\")'}", peers=PEERS)
    for now in range(30):
        for vantage in world.ledgers:
            world.look(now, SHOP_BAD if vantage in failing else WELL, vantage)
        world.step(now)

    assert [change for _, change in world.of("mine")] == changes


@pytest.mark.parametrize(
    ("rule", "waits"), [("TRUE", 0), ('INSUFFICIENT_DATA("shop.example A")', HEARD)]
)
def test_a_blind_vantage_judges_nothing(rule: str, waits: int) -> None:
    """While the controls fail, no rule holds; when they are seen again, one does that still may.

    That nothing is heard of a check means something once it could be.
    """
    world = World(f"- {{name: mine, rule: '{rule}', hold: 0s}}", config=CONTROLLED)
    for now in range(60):
        world.look(now, UNSEEN)
        sees = now >= 40
        world.look_at_control(now, OK if sees else "timeout")
        world.step(now)

    ((at, change),) = world.of("mine")
    assert change is OPENED
    assert 40 + waits <= at <= 43 + waits


@pytest.mark.parametrize(
    "asked",
    [
        'ALARM("shop.example A")', 'NOT OK("shop.example A")', 'NOT OK("https://shop.example/")',
        'INSUFFICIENT_DATA("inner")',
    ],
)  # fmt: skip
@pytest.mark.parametrize(("seen_again", "changes"), [(True, []), (False, [OPENED])])
def test_what_a_blind_vantage_missed_is_no_news(
    seen_again: bool, changes: list[Change], asked: str
) -> None:
    """Time in which nobody saw anything fills no hold: the next look must have had its time."""
    inner = "- {name: inner, rule: 'ALARM(\"shop.example A\")'}\n"
    rule = f"{inner}- {{name: mine, rule: '{asked}', hold: 2s, missing: breaching}}"
    world = World(rule, config=CONTROLLED)
    for now in range(80):
        sees = not 20 <= now < 40
        if sees or now % 2:
            world.look(now, WELL if now < 20 or (seen_again and now >= 43) else UNSEEN)
        world.look_at_control(now, OK if sees else "timeout")
        world.step(now)

    said = world.of("mine")
    assert [change for _, change in said] == changes
    assert all(at > 43 for at, _ in said)


def test_a_control_that_is_not_known_now_and_then_puts_nothing_off() -> None:
    """Only who was blind looks afresh: what is missing pages, though sight is doubted at times."""
    rule = "- {name: mine, rule: 'ALARM(\"shop.example A\")', hold: 2s, missing: breaching}"
    world = World(rule, config=CONTROLLED)
    for now in range(60):
        world.look(now, WELL if now < 20 else UNSEEN)
        world.look_at_control(now, UNKNOWN if now % 5 == 0 else OK)
        world.step(now)

    ((at, change),) = world.of("mine")
    assert change is OPENED
    assert at < 35


@pytest.mark.parametrize(
    ("how", "rule", "bad", "holds"),
    [
        ("missing", 'ALARM("shop.example A")', True, False),
        ("missing", 'INSUFFICIENT_DATA("shop.example A")', False, True),
        ("ignore", 'ALARM("shop.example A")', True, True),
        ("ignore", 'OK("shop.example A")', False, True),
        ("ignore", 'INSUFFICIENT_DATA("shop.example A")', False, False),
        ("breaching", 'ALARM("shop.example A")', False, True),
        ("breaching", 'ALARM("shop.example A:nodata")', False, False),
        ("notBreaching", 'OK("shop.example A")', True, True),
    ],
)
def test_what_a_rule_sees_of_a_check_that_is_missing(
    how: str, rule: str, bad: bool, holds: bool
) -> None:
    """A check that nobody can see any more stands as its own `missing` says."""
    config = CONFIG.replace("servers: [authoritative]", f"servers: [authoritative], missing: {how}")
    world = World(f"- {{name: mine, rule: '{rule} AND TRUE', hold: 0s, clear: 0s}}", config=config)
    world.live([*[(FAILING if bad else OK, OK, OK)] * 20, *[UNSEEN] * 40])

    assert world.engine.composites.at[Target("mine")].state is (
        State.ALARM if holds else State.INSUFFICIENT_DATA if how == "missing" and bad else State.OK
    )


def test_missing_that_is_breaching_pages_and_ends() -> None:
    """A check that nobody can look at is a fault where the user says so, with its own words."""
    config = CONFIG.replace("clear: 5s", "clear: 5s, missing: breaching")
    world = World("[]", config=config).live([*[WELL] * 10, *[(OK, UNKNOWN, OK)] * 10, *[WELL] * 10])

    assert [(key, change) for _, key, change in world.said] == [
        ("test/shop", OPENED),
        ("test/shop", RESOLVED),
    ]
    assert world.pages[0].diagnosis == "service_down"
    assert "nobody could look" in world.pages[0].summary


QUORUM = "quorum: {agree: 3, when_short: %s}\n"
THREE = [Vantage("there", "elsewhere"), Vantage("yonder", "abroad")]


@pytest.mark.parametrize(
    ("when_short", "failing", "severity"),
    [
        ("hold", ("here", "there"), Severity.WARNING),
        ("hold", ("here",), Severity.WARNING),
        ("degrade", ("here", "there"), Severity.CRITICAL),
        ("degrade", ("here",), None),
    ],
)
def test_a_fleet_that_lost_one_of_three(
    when_short: str, failing: tuple[str, ...], severity: Severity | None
) -> None:
    """Held, what any of the rest sees is a warning; degraded, what all of the rest see is paged."""
    world = World("[]", config=CONFIG + QUORUM % when_short, peers=THREE)
    for now in range(200):
        for vantage in ("here", "there"):
            world.look(now, SHOP_BAD if vantage in failing else WELL, vantage)
        world.step(now)
    pages = [page for page in world.pages if page.key == "test/shop"]

    assert [page.severity for page in pages] == ([severity] if severity else [])


@pytest.mark.parametrize("name", ["here", "next door"])
def test_a_rule_may_ask_whether_a_vantage_is_blind(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sight of every configured vantage can be named, whatever is in its name."""
    monkeypatch.setenv("VEDETTE_TEST_TOKEN", "0" * 32)
    other = {"here": "next door", "next door": "here"}[name]
    rule = f'ALARM("{name}/vantage_blind/{name}") AND NOT ALARM("{other}/vantage_blind/{other}")'
    peers = "peers: [{name: next door, url: 'http://127.0.0.1:1', domain: {provider: x}, "
    config = CONTROLLED + peers + "token_env: VEDETTE_TEST_TOKEN}]\n"
    world = World(f"- {{name: mine, rule: '{rule}', hold: 0s}}", config=config)
    for now in range(30):
        for vantage in world.ledgers:
            blind = vantage == name and now >= 10
            world.look_at_control(now, "timeout" if blind else OK, vantage=vantage)
        world.step(now)

    assert [change for _, change in world.of("mine")] == [OPENED]
