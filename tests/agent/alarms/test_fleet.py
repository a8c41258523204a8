"""What all vantages see at one moment: who sees, who is silent, who votes, and who is short."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.agent.observations import TIMING, seen
from vedette.agent.alarms.agreement import Distinct, Quorum, Vantage, WhenShort
from vedette.agent.alarms.alarm import UNDECIDED, Evidence
from vedette.agent.alarms.fleet import SILENT_AFTER, Fleet, anybody, everybody
from vedette.agent.diagnoses.view import View
from vedette.agent.diagnoses.votes import failing, most
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.finding import Kind, Verdict

OK, FAILING, UNKNOWN = Verdict
PAGE = CheckKey("shop", Kind.HTTP, "https://shop.example/")
CONTROL = CheckKey("controls", Kind.HTTP, "https://control.example/")
PROVIDERS = {"fra": "alfa", "ber": "alfa", "nyc": "bravo", "sgp": "charlie"}
VANTAGES = {name: Vantage(name, of) for name, of in PROVIDERS.items()}
BLIND, SILENT, UNHEARD = "blind", "silent", "unheard"
NOW = 1000.0
FALSE = Evidence(False)

Said = Verdict | str | None


def ledger(said: Said) -> Ledger:
    """Return the ledger of a vantage that says *said* of the page, or nothing at all of it."""
    if said == UNHEARD:
        return Ledger(since=NOW - SILENT_AFTER)
    made = Ledger()
    at = NOW - SILENT_AFTER - 1 if said == SILENT else NOW
    if said is not None:
        word = said if isinstance(said, Verdict) else FAILING
        made.add(PAGE, TIMING, [seen(at, word, key=PAGE, place="name")])
    word = FAILING if said == BLIND else OK
    made.add(CONTROL, TIMING, [seen(at, word, key=CONTROL, place="name")])
    return made


def fleet(said: Mapping[str, Said], own: str = "fra", now: float = NOW) -> Fleet:
    """Return a fleet of those vantages that say something; *own* is well if it is not named."""
    ledgers = {name: ledger(word) for name, word in {own: OK, **said}.items()}
    quorum = Quorum(own, {name: VANTAGES[name] for name in ledgers})
    return Fleet(ledgers, quorum, [CONTROL], now)


def down(view: View) -> Evidence:
    return most(view.of(PAGE), failing)


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        (OK, False),
        (FAILING, True),
        (UNKNOWN, None),
        (BLIND, None),
        (SILENT, None),
        (UNHEARD, None),
    ],
)
def test_a_vote_is_of_one_that_sees(said: Said, holds: bool | None) -> None:
    """One that is blind, silent or was never heard may vote, and is undecided."""
    votes = fleet({"nyc": said}).votes(PAGE, down)

    assert votes.keys() == {"fra", "nyc"}
    assert votes["nyc"].holds is holds


def test_one_that_does_not_run_a_check_has_no_vote() -> None:
    """A vantage that is heard, and not about this check, is not waited for."""
    made = fleet({"fra": FAILING, "nyc": None})

    assert made.votes(PAGE, down).keys() == {"fra"}
    assert made.agreed(made.votes(PAGE, down)).holds is True


@pytest.mark.parametrize(
    ("said", "age", "blind"),
    [
        (OK, 0, False),
        (BLIND, 0, True),
        (SILENT, 0, True),
        (UNHEARD, 0, None),
        (UNHEARD, 1, True),
    ],
)
def test_who_is_blind(said: Said, age: float, blind: bool | None) -> None:
    """One whose controls fail is; one that says nothing is, when that has lasted for long."""
    assert fleet({"nyc": said}, now=NOW + age).blind("nyc").holds is blind


def test_silence_begins_when_the_last_word_says_nothing_any_more() -> None:
    """How long it lasts is counted from then: what is only late fills no hold."""
    evidence = fleet({"nyc": SILENT}).blind("nyc")

    assert evidence == Evidence(True, NOW - 1, NOW)


def test_nobody_is_silent_to_himself() -> None:
    """An agent whose own looks are too old does not know whether it sees, and nothing of others."""
    made = fleet({"fra": SILENT, "nyc": SILENT})

    assert made.blind("fra").holds is None
    assert made.blind("nyc").holds is None


@pytest.mark.parametrize("peer", [OK, BLIND, SILENT])
def test_the_blind_do_not_judge_who_is_blind(peer: Said) -> None:
    """An agent whose own controls fail says so of itself, and nothing of others."""
    made = fleet({"fra": BLIND, "nyc": peer})

    assert made.blind("fra").holds is True
    assert made.blind("nyc") == UNDECIDED


def test_time_in_which_nobody_could_be_heard_is_no_silence() -> None:
    """After an agent's own blindness its peers have as long as ever to be heard."""
    ledgers = {"fra": ledger(OK), "nyc": ledger(SILENT)}
    quorum = Quorum("fra", {name: VANTAGES[name] for name in ledgers})
    ledgers["fra"].blind_at = NOW - 1
    answers = [
        Fleet(ledgers, quorum, [], NOW - 1 + after).blind("nyc").holds
        for after in (0, SILENT_AFTER, SILENT_AFTER + 1)
    ]

    assert answers == [False, False, True]


@pytest.mark.parametrize(
    ("said", "is_short"),
    [
        ({}, False),
        ({"nyc": OK}, False),
        ({"nyc": BLIND}, True),
        ({"nyc": UNHEARD}, True),
        ({"nyc": SILENT, "sgp": OK}, False),
        ({"ber": OK, "nyc": SILENT}, True),
        ({"ber": OK}, False),
        ({"fra": BLIND, "ber": OK, "nyc": OK}, False),
        ({"fra": BLIND}, True),
    ],
    ids=str,
)
def test_short_is_by_the_providers_that_see(said: Mapping[str, Said], is_short: bool) -> None:
    """A fleet is short where fewer providers see than must agree, who else may look on."""
    assert fleet(said).is_short() is is_short


def test_who_is_blind_says_nothing_of_the_fleet() -> None:
    """Cut off, an agent hears nobody: that the others are blind is not for it to say."""
    assert "1 of the 2" in fleet({"fra": OK, "nyc": BLIND}).shortage()
    assert fleet({"fra": BLIND, "nyc": SILENT}).shortage() == ""


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ({"fra": FAILING, "nyc": SILENT}, True),
        ({"fra": OK, "nyc": SILENT}, False),
        ({"fra": UNKNOWN, "nyc": SILENT}, None),
        ({"fra": FAILING, "nyc": OK, "sgp": SILENT}, False),
        ({"fra": FAILING, "nyc": FAILING, "sgp": OK}, True),
        ({"fra": FAILING, "nyc": OK, "sgp": OK}, False),
        ({"fra": FAILING, "ber": FAILING, "nyc": OK, "sgp": OK}, False),
        ({"fra": BLIND, "nyc": FAILING, "sgp": FAILING}, True),
        ({"fra": BLIND, "nyc": OK, "sgp": OK}, False),
    ],
    ids=str,
)
def test_only_a_short_fleet_believes_one(said: Mapping[str, Said], holds: bool | None) -> None:
    """Who is short of a quorum goes by those that are left; who is not waits for the quorum."""
    made = fleet(said)

    assert made.agreed(made.votes(PAGE, down)).holds is holds


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([], UNDECIDED),
        ([UNDECIDED], UNDECIDED),
        ([UNDECIDED, FALSE], FALSE),
        ([FALSE, Evidence(True, 30, 40), Evidence(True, 10, 20)], Evidence(True, 10, 20)),
        ([Evidence(True, 10, 10), Evidence(True, 10, 20)], Evidence(True, 10, 20)),
    ],
    ids=str,
)
def test_anybody_is_the_first_that_says_so(votes: list[Evidence], expected: Evidence) -> None:
    """One that says so is enough, in any order, and the unknown are no good news."""
    for order in (votes, votes[::-1]):
        assert anybody({str(i): vote for i, vote in enumerate(order)}) == expected


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([], UNDECIDED),
        ([UNDECIDED], UNDECIDED),
        ([FALSE, UNDECIDED, Evidence(True, 10, 20)], FALSE),
        ([UNDECIDED, Evidence(True, 30, 40), Evidence(True, 10, 50)], Evidence(True, 30, 40)),
    ],
    ids=str,
)
def test_everybody_is_the_last_that_says_so(votes: list[Evidence], expected: Evidence) -> None:
    """One that knows better is enough to deny it, and the unknown decide nothing."""
    for order in (votes, votes[::-1]):
        assert everybody({str(i): vote for i, vote in enumerate(order)}) == expected


@pytest.mark.parametrize(
    ("when_short", "said", "holds", "is_short"),
    [
        (WhenShort.HOLD, {"fra": FAILING, "nyc": FAILING, "sgp": OK}, False, False),
        (WhenShort.HOLD, {"fra": FAILING, "nyc": FAILING, "sgp": SILENT}, True, True),
        (WhenShort.HOLD, {"fra": FAILING, "nyc": OK, "sgp": SILENT}, True, True),
        (WhenShort.DEGRADE, {"fra": FAILING, "nyc": FAILING, "sgp": OK}, False, False),
        (WhenShort.DEGRADE, {"fra": FAILING, "nyc": FAILING, "sgp": SILENT}, True, False),
        (WhenShort.DEGRADE, {"fra": FAILING, "nyc": OK, "sgp": SILENT}, False, False),
        (WhenShort.DEGRADE, {"fra": FAILING, "nyc": BLIND, "sgp": SILENT}, True, False),
    ],
    ids=str,
)
def test_a_short_fleet_goes_by_one_or_by_all_that_are_left(
    when_short: WhenShort, said: Mapping[str, Said], holds: bool, is_short: bool
) -> None:
    """What is held is a warning that one is enough for; what degrades is agreed by the rest."""
    made = fleet(said)
    base = Quorum("fra", made.quorum.vantages)
    service = replace(base, agree=3, when_short=when_short)
    made = Fleet(made._ledgers, replace(base, services={"shop": service}), [CONTROL], NOW)

    assert made.agreed(made.votes(PAGE, down), "shop").holds is holds
    assert made.is_short("shop") is is_short


@pytest.mark.parametrize("when_short", WhenShort)
@pytest.mark.parametrize("own", [BLIND, SILENT])
@pytest.mark.parametrize(
    ("peer", "holds"), [(FAILING, True), (SILENT, None), (UNHEARD, None), (BLIND, True)]
)
def test_to_one_that_sees_nothing_the_last_one_heard_is_no_quorum(
    when_short: WhenShort, own: Said, peer: Said, holds: bool | None
) -> None:
    """What falls silent to one that is cut off may see; only who says that it is blind does not."""
    made = fleet({"fra": own, "nyc": FAILING, "sgp": peer})
    quorum = replace(made.quorum, when_short=when_short)
    made = Fleet(made._ledgers, quorum, [CONTROL], NOW)

    assert made.agreed(made.votes(PAGE, down)).holds is holds


def test_a_service_goes_by_the_domains_it_names() -> None:
    """Two agents of one provider agree where vantages count, and for nobody else."""
    made = fleet({"fra": FAILING, "ber": FAILING, "nyc": OK})
    own = replace(made.quorum, distinct=Distinct.VANTAGE)
    made = Fleet(made._ledgers, replace(made.quorum, services={"shop": own}), [CONTROL], NOW)
    votes = made.votes(PAGE, down)

    assert made.agreed(votes, "shop").holds is True
    assert made.agreed(votes, "bank").holds is False
