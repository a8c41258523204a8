"""When a check fails, as rules that name it mean it."""

from collections.abc import Sequence

import pytest

from tests.agent.diagnoses.test_http import KEY, OK, by_name, edges, ledger
from tests.agent.observations import KEY as NAME
from tests.agent.observations import TIMING, alone, seen
from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.composite.leaves import judge_of
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.finding import Kind, Observation
from vedette.checks.http.reason import Reason

LEFT = edges(Reason.TIMEOUT, Reason.TIMEOUT, remembered=True)
PINNED = edges(OK)[:1]


@pytest.mark.parametrize(
    ("looks", "fails"),
    [
        ([by_name(OK), *LEFT], False),
        ([by_name(Reason.TIMEOUT), *LEFT], True),
        ([by_name(OK), *edges(Reason.TIMEOUT, Reason.TIMEOUT)], True),
        ([*PINNED, *LEFT[1:]], False),
        (LEFT, True),
    ],
    ids=["left", "down", "in use", "beside one in use", "nothing else"],
)
def test_addresses_that_are_only_remembered_fail_nothing(
    looks: Sequence[Observation], fails: bool
) -> None:
    """A page may have left them on purpose: they count where nothing else is looked at."""
    fleet = alone(ledger(looks), 0)

    assert judge_of(KEY, "timeout")(fleet).holds is fails
    assert judge_of(KEY)(fleet).holds is (fails and looks[0].finding.verdict is not OK)


BAD = "timeout"


@pytest.mark.parametrize(
    ("looks", "fails"),
    [
        ({"authoritative": [BAD, BAD, OK], "recursive": [OK, OK, OK, OK]}, True),
        ({"authoritative": [OK, OK, BAD], "recursive": [BAD] * 4}, False),
        ({"recursive": [BAD, BAD, OK], "dnssec": [OK, OK, OK]}, True),
        ({"recursive": [OK], "dnssec": [BAD] * 2}, False),
        ({"parent": [BAD]}, True),
    ],
    ids=["down", "at resolvers alone", "no authority", "held against each other", "nothing else"],
)
def test_a_name_fails_where_its_authorities_do(looks: dict[str, list[str]], fails: bool) -> None:
    """Authoritative servers decide, without them resolvers, and without those what there is."""
    made = Ledger()
    shown = [
        seen(0, word, place=place, subject=f"{place} {n}")
        for place, words in looks.items()
        for n, word in enumerate(words)
    ]
    made.add(NAME, TIMING, shown)

    assert judge_of(NAME)(alone(made, 0)).holds is fails


@pytest.mark.parametrize(("kind", "fails"), [(Kind.BGP, True), (Kind.DNS, False)])
def test_of_routes_one_vantage_knows_enough(kind: Kind, fails: bool) -> None:
    """Of routes a feed is one voice for all; of all else a quorum must say so."""
    key, ledgers = CheckKey("shop", kind, "it"), {}
    for name, word in (("here", BAD), ("there", OK), ("yonder", OK)):
        ledgers[name] = Ledger()
        ledgers[name].add(key, TIMING, [seen(0, word, key=key)])
    quorum = Quorum("here", {name: Vantage(name, name) for name in ledgers})

    assert judge_of(key)(Fleet(ledgers, quorum, [], 0)).holds is fails
