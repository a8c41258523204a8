"""The first line says from where, and nothing of an address that it does not steadily know."""

import pytest

from tests.agent.composite.world import NAME as DNS
from tests.agent.composite.world import SHOP, World
from tests.agent.observations import seen
from vedette.agent.alarms.agreement import Vantage
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.lastgood import Generation, LastKnownGood
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.paging.workaround import host_of, serving
from vedette.checks.finding import Kind, Verdict

OK, FAILING, _ = Verdict
ADDRESS = "192.0.2.1"
GOOD = LastKnownGood([Generation("shop.example", "A", (ADDRESS,), 0.0, 0.0, whole=True)])
EVERY_SECOND = Timing(every=1, timeout=1, hold=3, clear=5)


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        ("..........", "the last-known-good addresses still serve (192.0.2.1)"),
        ("x...x.....", "the last-known-good addresses still serve (192.0.2.1)"),
        ("......x...", ""),
        (".....xxxxx", "the last-known-good addresses do not serve either (192.0.2.1)"),
        ("xxxxxxxxxx", "the last-known-good addresses do not serve either (192.0.2.1)"),
        ("...x....xx", ""),
        (".........x", ""),
    ],
    ids=[
        "well",
        "well since",
        "failed since",
        "died",
        "dead",
        "comes and goes",
        "one look of many",
    ],
)
def test_what_comes_and_goes_is_neither_alive_nor_dead(looks: str, said: str) -> None:
    """An address is worth what its newest look says where those since the fault began agree."""
    ledger = Ledger(since=0.0)
    for now, look in enumerate(looks):
        verdict = OK if look == "." else "status"
        one = seen(now, verdict, key=SHOP, place="address", subject=ADDRESS)
        ledger.add(SHOP, EVERY_SECOND, [one])

    assert serving("shop", GOOD, ledger, 9.0, since=5.0) == said


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        (["....", "....", "..x."], "192.0.2.1, 192.0.2.2 still serve"),
        (["xxxx", "..x.", "..x."], "192.0.2.1 does not"),
        (["....", "..x.", "xxxx"], "192.0.2.1 still serves, 192.0.2.3 does not"),
    ],
)
def test_some_are_not_called_all(looks: list[str], said: str) -> None:
    """Where some of the addresses come and go, those that serve, or do not, are told as a part."""
    good = LastKnownGood(
        [Generation("shop.example", "A", tuple(f"192.0.2.{i}" for i in (1, 2, 3)), 0.0, 0.0, True)]
    )
    ledger = Ledger(since=0.0)
    for now, round_ in enumerate(zip(*looks, strict=True)):
        ledger.add(
            SHOP,
            EVERY_SECOND,
            [
                seen(now, OK if look == "." else "status", key=SHOP, place="address",
                     subject=f"192.0.2.{i}")
                for i, look in enumerate(round_, 1)
            ],
        )  # fmt: skip

    whole = f"of the last-known-good addresses {said}"
    assert serving("shop", good, ledger, 3.0, since=0.0) == whole


NAME = CheckKey("shop", Kind.DNS, "shop.example A")
LOGIN = CheckKey("shop", Kind.HTTP, "https://shop.example/login")
ELSEWHERE = CheckKey("shop", Kind.HTTP, "https://other.example/")


@pytest.mark.parametrize(
    ("key", "place", "subject", "about", "counts"),
    [
        (SHOP, "address", ADDRESS, NAME, True),
        (SHOP, "address", ADDRESS, None, True),
        (SHOP, "address", "192.0.2.9", NAME, False),
        (SHOP, "standby", ADDRESS, NAME, False),
        (ELSEWHERE, "address", ADDRESS, NAME, False),
        (ELSEWHERE, "address", ADDRESS, None, True),
    ],
    ids=[
        "its own", "of any name", "never good", "a failover", "of another name", "of some name",
    ],
)  # fmt: skip
def test_only_a_good_address_of_the_name_is_a_way_around(
    key: CheckKey, place: str, subject: str, about: CheckKey | None, counts: bool
) -> None:
    """What was never answered, or serves another name, is nothing to pin."""
    ledger = Ledger(since=0.0)
    ledger.add(key, EVERY_SECOND, [seen(0, OK, key=key, place=place, subject=subject)])
    said = f"the last-known-good addresses still serve ({ADDRESS})" if counts else ""

    assert serving("shop", GOOD, ledger, 0.0, since=0.0, about=about) == said


@pytest.mark.parametrize(
    ("shop", "login", "about", "said"),
    [
        (OK, OK, NAME, "the last-known-good addresses still serve (192.0.2.1)"),
        ("status", "status", NAME, "the last-known-good addresses do not serve either (192.0.2.1)"),
        (OK, "status", NAME, ""),
        (OK, "status", SHOP, "the last-known-good addresses still serve (192.0.2.1)"),
        (OK, "status", LOGIN, "the last-known-good addresses do not serve either (192.0.2.1)"),
    ],
    ids=["both well", "both fail", "one fails", "the one that is well", "the one that fails"],
)
def test_an_address_is_named_once_and_for_the_page_that_fails(
    shop: str, login: str, about: CheckKey, said: str
) -> None:
    """Of two pages at one address each is told for itself, and the name only what both have."""
    ledger = Ledger(since=0.0)
    for key, verdict in ((SHOP, shop), (LOGIN, login)):
        one = seen(0, verdict, key=key, place="address", subject=ADDRESS)
        ledger.add(key, EVERY_SECOND, [one])

    assert serving("shop", GOOD, ledger, 0.0, since=0.0, about=about) == said


@pytest.mark.parametrize(
    ("key", "host"),
    [
        (CheckKey("shop", Kind.DNS, "shop.example A"), "shop.example"),
        (CheckKey("shop", Kind.HTTP, "https://shop.example:8443/a?b"), "shop.example"),
        (CheckKey("shop", Kind.BGP, "192.0.2.0/24"), None),
        (None, None),
    ],
)
def test_a_check_is_about_a_name(key: CheckKey | None, host: str | None) -> None:
    """A name and a page have one, a route has none."""
    assert host_of(key) == host


FLEET = {
    "fra-1": Vantage("fra-1", "hetzner", "eu"), "ams-1": Vantage("ams-1", "vultr", "eu"),
    "nyc-1": Vantage("nyc-1", "ovh", "us"), "sgp-1": Vantage("sgp-1", "aws", "asia"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (
            ["fra-1", "ams-1"],
            "regional_failure: … UTC, from eu (ams-1, fra-1) and not from 3 others",
        ),
        (["ams-1", "sgp-1"], "service_degraded: … UTC, from ams-1, sgp-1 and not from 3 others"),
        ([*FLEET, "here"], "service_down: … UTC"),
    ],
)
def test_what_is_not_seen_from_everywhere_says_from_where(bad: list[str], said: str) -> None:
    """Who reads that something fails for some is told for whom, and for how many it does not."""
    world = World("[]", peers=[*FLEET.values()])
    for now in range(60):
        for name in world.ledgers:
            world.look(now, (OK, FAILING if name in bad and now > 9 else OK, OK), vantage=name)
        world.step(now)

    summary = world.pages[0].summary
    start, _, end = summary.partition(" UTC")
    assert f"{start.partition(' ')[0]} … UTC{end}" == said


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ("..........", ", from ams-1, sgp-1 and not from 3 others"),
        ("..x.......", ", from ams-1, sgp-1 and not from 3 others"),
        (".....x....", ""),
        ("....      ", ""),
    ],
    ids=["well", "well since", "failed since", "not looked since"],
)
def test_a_name_that_fails_for_some_says_from_where(others: str, said: str) -> None:
    """It is said of who has looked since the fault began and saw nothing of it, and of nobody else.

    They may have met it now and then, or be about to meet it.
    """
    world = World("[]", peers=[*FLEET.values()])
    for now, look in enumerate(others):
        for name in world.ledgers:
            bad = now > 3 if name in {"ams-1", "sgp-1"} else look == "x"
            if not look.isspace() or name in {"ams-1", "sgp-1"}:
                world.look(now, (FAILING if bad else OK, OK, OK), vantage=name)
        world.step(now)

    summary = world.pages[0].summary
    assert summary.startswith("record_emptied: ")
    assert summary.endswith(f" UTC{said}")


def test_what_one_tells_is_not_said_of_others() -> None:
    """Of an address that fails here alone it is not said that it does for whom the page is down."""
    world = World("[]", peers=[*FLEET.values()])
    for now in range(60):
        for name in FLEET:
            down = name in {"ams-1", "sgp-1"} and now > 9
            world.look(now, (OK, FAILING if down else OK, OK), vantage=name)
        looks = [
            seen(now, OK, key=SHOP, place="name"),
            seen(now, "timeout", key=SHOP, place="address", subject=ADDRESS),
            seen(now, OK, key=SHOP, place="address", subject="192.0.2.2"),
        ]
        world.ledgers["here"].add(SHOP, world.timing(SHOP), looks)
        world.step(now)

    summary = world.pages[0].summary
    assert f"fails at 1 of 2 addresses ({ADDRESS}: timeout)" in summary
    assert "from" not in summary


def test_a_delegation_that_others_have_not_followed_yet_is_not_said_to_be_well_there() -> None:
    """Who still has a delegation as it was has followed it before it changed, not seen it well."""
    world = World("[]", peers=[*FLEET.values()])
    for now in range(10):
        for name in world.ledgers:
            word = "delegation" if name in {"ams-1", "sgp-1"} and now > 3 else OK
            delegation = seen(now, word, key=DNS, place="delegation", subject="it", changed=True)
            world.ledgers[name].add(DNS, world.timing(DNS), [seen(now, OK, key=DNS), delegation])
        world.step(now)

    summary = world.pages[0].summary
    assert summary.startswith("delegation_changed: ")
    assert "from" not in summary
