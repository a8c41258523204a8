"""What the page of a storm says, and that it fits whatever fails."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import TIMING
from vedette.agent.alarms.incidents import Incident
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.paging.rollup import MAX_BYTES, roll_up_page
from vedette.agent.paging.storm import Grade, RollUp
from vedette.checks.finding import Kind
from vedette.exporters.page import Action, Page, Severity
from vedette.exporters.pagerduty import encode

RULES: dict[str, Rule] = {}


def failing(
    number: int, diagnosis: Diagnosis = Diagnosis.RECORD_EMPTIED, suffix: str = "shop.example"
) -> Incident:
    """Return the incident of a service, headed by *diagnosis*, begun so many seconds after 0."""
    name = f"s{number:03d}{suffix}"
    key = CheckKey(name, Kind.DNS, f"{name} A")
    found = {rule.diagnosis: rule for rule in rules_for(key, TIMING, Severity.CRITICAL)}
    id_ = found[diagnosis].id
    RULES[id_] = found[diagnosis]
    return Incident(f"v/{name}", name, id_, 700.0, {id_: float(number)}, ((id_, 700.0),))


def written(*members: Incident, grade: Grade = Grade.CRITICAL, others=(), action="trigger") -> Page:
    """Return the page of a roll-up."""
    return roll_up_page(
        RollUp(grade, Action(action), members), others, RULES, deployment="v", source="fra-1",
        status_url="http://127.0.0.1:9469/", now=700.0,
    )  # fmt: skip


def test_the_first_line_counts_services_and_causes() -> None:
    """It says how many more fail, since when, and what most of them are."""
    down = [failing(n, Diagnosis.AUTHORITATIVE_DOWN) for n in range(3)]
    page = written(*(failing(n) for n in range(10, 50)), *down)
    assert page.key == "v/storm"
    assert page.summary == (
        "storm: 43 more services are failing since 00:00:00 UTC, "
        "record_emptied (40), authoritative_down (3)"
    )
    assert page.details["diagnoses"] == {"record_emptied": 40, "authoritative_down": 3}


def test_the_first_line_names_the_commonest_of_many_causes() -> None:
    """Of more than it has room for, it has those that most have, and says so."""
    causes = (
        Diagnosis.RECORD_EMPTIED,
        Diagnosis.AUTHORITATIVE_DOWN,
        Diagnosis.WRONG_ANSWER,
        Diagnosis.DNSSEC_BOGUS,
    )
    many = [failing(10 * i + n, cause) for i, cause in enumerate(causes) for n in range(4 - i)]
    assert written(*many).summary == (
        "storm: 10 more services are failing since 00:00:00 UTC, most of them: "
        "record_emptied (4), authoritative_down (3), wrong_answer (2)"
    )


def test_incidents_of_one_service_are_not_told_as_many_services() -> None:
    """Where all that is left is of one service, the first line says which."""
    one = failing(3)
    two = replace(failing(3, Diagnosis.AUTHORITATIVE_DOWN), key="v/two")
    assert written(one, two).summary == (
        "storm: 2 more incidents of s003shop.example since 00:00:03 UTC, "
        "authoritative_down (1), record_emptied (1)"
    )


def test_it_is_as_grave_as_the_gravest_and_as_old_as_the_first() -> None:
    """Whoever is called for one of them is called for all."""
    page = written(replace(failing(9), severity=Severity.ERROR), failing(20), failing(7))
    assert (page.severity, page.began_at) == (Severity.CRITICAL, 7.0)


def test_a_lone_survivor_has_its_own_name_in_the_first_line() -> None:
    """When one is left, the page says which and what it is."""
    assert written(failing(7)).summary == (
        "storm: 1 more service is failing since 00:00:07 UTC: "
        "s007shop.example: record_emptied s007shop.example A"
    )


@pytest.mark.parametrize("count", [500, 5000])
def test_all_of_five_hundred_are_in_the_details(count: int) -> None:
    """Each of five hundred has its line; of more, those that do not fit are counted."""
    page = written(*(failing(n) for n in range(count)))
    lines = page.details["failing"]
    assert sum(len(line) + 3 for line in lines) <= MAX_BYTES + 30
    if count == 500:
        assert len(lines) == 500
    else:
        assert lines[-1] == f"and {count - len(lines) + 1} more"


@given(st.lists(st.text(min_size=1, max_size=3000), min_size=1, max_size=30))
def test_it_is_within_the_limits_of_pagers(names: list[str]) -> None:
    """Whatever services are called, what PagerDuty gets is whole: nothing of it is cut by size."""
    page = written(*(failing(n, suffix=name) for n, name in enumerate(names)))
    payload = encode(page, "k" * 32)["payload"]
    assert len(payload["summary"]) <= 1024
    assert "failing" in payload["custom_details"]


def test_those_with_pages_of_their_own_are_named() -> None:
    """Whoever reads of the rest sees which ones paged before."""
    page = written(failing(9), others=[failing(n) for n in range(30)])
    beside = page.details["paged_by_themselves"]
    assert beside[0].endswith("s000shop.example: record_emptied s000shop.example A")
    assert beside[-1] == "and 10 more"


def test_warnings_have_a_page_of_their_own() -> None:
    """The roll-up of warnings is told apart, and its end is the end of that one."""
    page = written(grade=Grade.WARNING, action="resolve")
    assert (page.key, page.severity, page.action) == ("v/storm/warning", "warning", "resolve")


def test_order_of_members_changes_nothing() -> None:
    """Agents that see the same write the same page."""
    members = [failing(n) for n in range(20)]
    assert written(*members) == written(*reversed(members))
