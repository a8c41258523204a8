"""What keeps an alarm quiet until its page is open, and how grave and in which words that is."""

from collections.abc import Sequence
from itertools import chain

import pytest

from tests.agent.composite.world import BANK, CONFIG, CONTROLLED, SHOP, Round, World
from tests.agent.observations import seen
from vedette.agent.alarms.agreement import Vantage
from vedette.agent.alarms.incidents import Change
from vedette.agent.paging.wording import told
from vedette.checks.finding import Verdict
from vedette.exporters.page import Severity

OK, FAILING, UNKNOWN = Verdict
WELL, SHOP_BAD, BOTH_BAD = (OK, OK, OK), (OK, FAILING, OK), (OK, FAILING, FAILING)
UNSEEN = (UNKNOWN,) * 3
MAINTENANCE = 'maintenance: [{cron: "10 0 * * *", duration: 10m}]\n'
ALARM = "- {name: mine, rule: 'ALARM(\"https://shop.example/\")', "
UPSTREAM = "\n- {name: upstream, rule: 'ALARM(\"https://bank.example/\")'}"
MUTED = ALARM + "mute: [{cron: '15 0 * * *', duration: 15m}]}"
SUPPRESSED = ALARM + "suppressor: {alarm: upstream}}" + UPSTREAM
LATE = ALARM + "severity: warning, clear: 10m, mute: [{cron: '15 0 * * *', duration: 15m}]}"


@pytest.mark.parametrize(
    ("alarms", "config", "rounds", "opens"),
    [
        (MUTED, MAINTENANCE, [*[WELL] * 720, *[SHOP_BAD] * 1200], 1800),
        (SUPPRESSED, MAINTENANCE, [*[WELL] * 720, *[SHOP_BAD] * 180, *[BOTH_BAD] * 1000], None),
        (LATE, "", [*[WELL] * 870, *[SHOP_BAD] * 1000], 1800),
        (MUTED, "", [*[WELL] * 720, *[SHOP_BAD] * 300], 723),
    ],
    ids=[
        "its own window begins in one of maintenance",
        "its suppressor fires in a window of maintenance",
        "its own window begins while a warning waits for its cause",
        "its page was open before its window",
    ],
)
def test_what_keeps_it_quiet_counts_until_its_page_is_open(
    alarms: str, config: str, rounds: Sequence[Sequence[Verdict]], opens: float | None
) -> None:
    """People may have been about to be told, but were not: the window or the suppressor counts."""
    world = World(alarms, config=CONFIG + config).live(rounds)

    opened = [at for at, change in world.of("mine") if change is Change.OPENED]
    assert opened == ([] if opens is None else [opens])


def test_what_ends_while_it_is_explained_is_told_when_that_is_over() -> None:
    """A page that was open before its suppressor fired stays so until that is over, too."""
    alarms = ALARM + "clear: 0s, suppressor: {alarm: upstream, wait: 2s, extension: 9s}}" + UPSTREAM
    rounds = [*[SHOP_BAD] * 20, *[BOTH_BAD] * 20, *[(OK, OK, FAILING)] * 20, *[WELL] * 40]
    world = World(alarms).live(rounds)

    (*_, (over, _)), ((_, opened), (ended, resolved)) = world.of("upstream"), world.of("mine")
    assert (opened, resolved) == (Change.OPENED, Change.RESOLVED)
    assert ended == over + 9


@pytest.mark.parametrize(("bank", "opens"), [("timeout", []), (OK, [314])])
def test_blindness_ends_no_suppression(bank: Verdict | str, opens: Sequence[float]) -> None:
    """What explains an alarm is not over because nobody sees it: sight that returns tells."""
    upstream = UPSTREAM.replace(")'}", ")', clear: 0s}")
    alarms = ALARM + "clear: 10m, suppressor: {alarm: upstream}}" + upstream
    world = World(alarms, config=CONTROLLED)
    ledger = world.ledgers["here"]
    for now in range(400):
        blind = 100 <= now < 250
        for key, word in ((SHOP, "timeout"), (BANK, bank if now >= 250 else "timeout")):
            if not (blind or (key is BANK and 250 <= now < 254)):  # it is looked at later
                ledger.add(key, world.timing(key), [seen(now, word, key=key, place="name")])
        world.look_at_control(now, "timeout" if blind else OK)
        world.step(now)

    assert [at for at, _ in world.of("mine")] == opens


ESCALATION = (
    '- {name: below, rule: "ALARM(\\"https://shop.example/\\")", hold: 0s, clear: 0s}\n'
    '- {name: mine, rule: "ALARM(below) AND OK(\\"%s\\")"}'
)
OF_SHOP = CONFIG.replace(
    "- name: shop\n",
    '- name: shop\n    maintenance: [{cron: "1 0 * * *", duration: 60s}]\n',
)


@pytest.mark.parametrize(
    ("beside", "opens"), [("shop.example A", 120), ("https://bank.example/", 73)]
)
def test_an_alarm_of_no_service_heeds_the_windows_of_what_it_goes_by(
    beside: str, opens: float
) -> None:
    """While each service that its rule goes by is in maintenance, it opens no page."""
    world = World(ESCALATION % beside, config=OF_SHOP).live([*[WELL] * 70, *[SHOP_BAD] * 60])

    assert world.of("below") == [(120, Change.OPENED)]
    assert world.of("mine") == [(opens, Change.OPENED)]


SLOW = CONFIG.replace("clear: 5s", "clear: 5m")
OVER_ALARMS = (
    "- {name: below, rule: 'ALARM(\"shop/service_down/https://shop.example/\")', "
    "hold: 0s, clear: 0s, severity: info%s}\n"
    "- {name: mine, rule: 'ALARM(below) OR NOT OK(\"https://bank.example/\")', hold: %s%s}"
)
WINDOW = ", mute: [{cron: '10 0 * * *', duration: 10m}]"
BANK_BAD = (OK, OK, FAILING)


@pytest.mark.parametrize(
    ("hold", "mute", "rounds", "opens"),
    [
        ("0s", WINDOW, [[SHOP_BAD] * 300, [WELL] * 400], []),
        ("0s", WINDOW, [[SHOP_BAD] * 300, [WELL] * 220, [SHOP_BAD] * 20], [1220]),
        ("0s", WINDOW, [[SHOP_BAD] * 300, [WELL] * 220, [BANK_BAD] * 20], [1220]),
        ("0s", WINDOW, [[SHOP_BAD] * 300, [UNSEEN] * 400], [1200]),
        ("60s", "", [[SHOP_BAD] * 50, [WELL] * 400], []),
        ("60s", "", [[SHOP_BAD] * 70, [WELL] * 400], [760]),
    ],
    ids=["mended", "fails anew", "else fails", "not seen", "too short", "long enough"],
)
def test_what_only_clears_pages_nobody(
    hold: str, mute: str, rounds: Sequence[Sequence[Round]], opens: Sequence[float]
) -> None:
    """A fault that is over opens no page because an alarm that is named has not cleared yet."""
    world = World(OVER_ALARMS % (mute, hold, mute), config=SLOW)
    world.live([*[WELL] * 700, *chain(*rounds)])

    assert [at for at, change in world.of("mine") if change is Change.OPENED] == opens


BY_TURNS = [WELL] * 20 + [SHOP_BAD] * 20 + [WELL] * 10 + [BANK_BAD] * 20 + [WELL] * 400
OF_BOTH = (
    "- {name: a, rule: 'ALARM(\"shop/service_down/https://shop.example/\")', hold: 0s, clear: %s}\n"
    "- {name: b, rule: 'ALARM(\"bank/service_down/https://bank.example/\")', hold: 0s, clear: 0s}\n"
    "- {name: mine, rule: '%s', hold: %s, clear: 0s}"
)


@pytest.mark.parametrize(
    ("rule", "hold", "clear", "opens"),
    [
        ("ALARM(a) AND ALARM(b)", "0s", "0s", [53]),
        ("ALARM(a) AND NOT ALARM(b)", "40s", "0s", []),
        ("ALARM(a) OR (ALARM(b) AND FALSE)", "30s", "0s", []),
        ("ALARM(a) AND ALARM(b)", "30s", "10m", []),
    ],
    ids=["both", "without the other", "whatever the other", "only after its hold"],
)
def test_alarms_that_fail_by_turns_are_in_alarm_together(
    rule: str, hold: str, clear: str, opens: Sequence[float]
) -> None:
    """A rule over alarms pages while one that it needs is seen to fail, and the rest clear."""
    world = World(OF_BOTH % (clear, rule, hold), config=SLOW).live(BY_TURNS)

    assert [at for at, change in world.of("mine") if change is Change.OPENED] == opens


@pytest.mark.parametrize(
    ("quorum", "peers", "severity"),
    [
        ("{agree: 3}", ("b", "c"), Severity.WARNING),
        ("{when_short: degrade}", ("b",), Severity.CRITICAL),
    ],
    ids=["a stricter quorum is short", "what is left is enough"],
)
@pytest.mark.parametrize(
    "alarms",
    [
        ALARM + "}",
        ALARM + "service: shop}",
        "- {name: under, rule: 'ALARM(\"https://shop.example/\")', severity: info}\n"
        "- {name: mine, rule: ALARM(under)}",
    ],
    ids=["of no service", "of that service", "through another alarm"],
)
def test_an_alarm_is_as_grave_as_the_quorum_of_what_it_names_lets_it_be(
    quorum: str, peers: Sequence[str], severity: Severity, alarms: str
) -> None:
    """The last vantage falls silent, and of those that are left one sees the check fail."""
    config = CONFIG.replace("- name: shop\n", f"- name: shop\n    quorum: {quorum}\n")
    world = World(alarms, config=config, peers=[Vantage(name, f"p{name}") for name in peers])
    for now in range(300):
        for name, ledger in world.ledgers.items():
            if name != peers[-1] or now < 10:
                word = "timeout" if now >= 150 and name == "here" else OK
                ledger.add(SHOP, world.timing(SHOP), [seen(now, word, key=SHOP, place="name")])
        world.step(now)

    key = "test/shop" if "service" in alarms else "test/mine"
    assert {page.severity for page in world.pages if page.key == key} == {severity}


@pytest.mark.parametrize(
    ("rule", "round_", "says"),
    [
        (
            'NOT AT_LEAST(2, OK, ("shop.example A", "https://shop.example/", '
            '"https://bank.example/"))',
            BOTH_BAD,
            "https://shop.example/ and https://bank.example/ are in ALARM,",
        ),
        (
            'NOT OK("https://shop.example/") AND OK("https://bank.example/")',
            SHOP_BAD,
            "https://shop.example/ is in ALARM and https://bank.example/ is in OK,",
        ),
        (
            'NOT (OK("https://shop.example/") AND OK("https://bank.example/"))',
            SHOP_BAD,
            "https://shop.example/ is in ALARM,",
        ),
        (
            'NOT (NOT ALARM("https://shop.example/")) OR FALSE',
            SHOP_BAD,
            "https://shop.example/ is in ALARM,",
        ),
    ],
    ids=["NOT of a count", "NOT of a part", "NOT of a whole", "NOT of NOT"],
)
def test_the_first_line_names_what_makes_the_rule_hold(
    rule: str, round_: Sequence[Verdict], says: str
) -> None:
    """Under NOT that is what is not as it is written; what is well is no cause."""
    world = World(f"- name: mine\n  rule: >-\n    {rule}").live([*[WELL] * 20, *[round_] * 20])

    (page,) = (one for one in world.pages if one.key == "test/mine")
    assert page.summary.startswith(f"mine: {says} since ")


def test_while_an_alarm_clears_its_line_names_no_cause() -> None:
    """A rule that does not hold now is told to be so, whatever of it goes on."""
    rule = 'ALARM("https://shop.example/") AND OK("https://bank.example/")'
    world = World(f"- {{name: mine, rule: '{rule}', clear: 60s}}")
    world.live([*[WELL] * 5, *[SHOP_BAD] * 20, *[WELL] * 20])

    (incident,) = (one for key, one in world.engine.open.items() if key == "test/mine")
    line = told(world.engine.rules["mine"], incident, world.witness, 44)
    assert line == "mine: its rule does not hold now, failing since 00:00:05 UTC"


def test_what_nobody_can_have_seen_yet_has_no_date() -> None:
    """That nothing is known of it means something only later: a page tells no time to come."""
    rule = 'ALARM("https://shop.example/") OR ALARM("shop.example A")'
    world = World(f"- {{name: mine, rule: '{rule}', hold: 1s}}")
    for now in (0, 1):
        look = seen(now, "timeout", key=SHOP, place="name")
        world.ledgers["here"].add(SHOP, world.timing(SHOP), [look])
        world.step(now)

    (page,) = (one for one in world.pages if one.key == "test/mine")
    assert page.details["seen"] == [
        "ALARM since 1970-01-01 00:00:00 UTC: https://shop.example/",
        "INSUFFICIENT_DATA, too early to tell: shop.example A",
    ]
