"""What looks at a name mean: each cause is seen as itself, and never as another."""

from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.agent.observations import KEY, TIMING, alone, seen, series, voices
from vedette.agent.alarms.alarm import Evidence
from vedette.agent.diagnoses.dns import resolver_fault, siblings
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.dns.reason import Reason
from vedette.checks.finding import Fact, Kind, Observation, Verdict
from vedette.exporters.page import Severity

OK, FAILING, UNKNOWN = Verdict
NOW = 1000.0
SIBLING = CheckKey("controls", Kind.DNS, "sibling.example A")
STRANGER = CheckKey("controls", Kind.DNS, "stranger.test A")
Words = Sequence[Verdict | str]


def looks(place: str, said: Words, *, key: CheckKey = KEY, at: float = NOW, **facts: Fact):
    """Return one look at each subject of *place*, which says what the words say."""
    return [
        seen(at, word, key=key, subject=f"192.0.2.{i}", place=place, **facts)
        for i, word in enumerate(said)
    ]


def round_(
    authoritative: Words = (OK,) * 4,
    recursive: Words = (OK,) * 3,
    parent: Words = (),
    *,
    agreement: Words = (OK, OK),
    delegation: Verdict | str = OK,
    changed: bool = False,
    dnssec: Verdict | str = OK,
    broken_at: str = "shop.example",
    broken_at_few: bool = False,
) -> list[Observation]:
    """Return what one round of a check saw; without words, all is well."""
    zone = "shop.example"
    return [
        *looks("authoritative", authoritative),
        *looks("recursive", recursive),
        *looks("parent", parent),
        *looks("agreement", agreement),
        *looks("delegation", [delegation], zone=zone, changed=changed),
        *looks("dnssec", [dnssec], zone=zone, broken_at=broken_at, broken_at_few=broken_at_few),
    ]


def world(
    seen: Sequence[Observation], sibling: Words = (OK,) * 3, stranger: Words = (OK,) * 3
) -> Ledger:
    """Return a ledger with a round of the check and what the resolvers say of two controls."""
    ledger = Ledger()
    ledger.add(KEY, TIMING, seen)
    for control, said in ((SIBLING, sibling), (STRANGER, stranger)):
        ledger.add(control, TIMING, looks("recursive", said, key=control))
    return ledger


def judged(ledger: Ledger) -> dict[Diagnosis, bool | None]:
    rules = rules_for(KEY, TIMING, Severity.CRITICAL, [SIBLING, STRANGER])
    return {rule.diagnosis: rule.judge(alone(ledger, NOW)).holds for rule in rules}


def holding(ledger: Ledger) -> set[str]:
    return {str(diagnosis) for diagnosis, holds in judged(ledger).items() if holds}


NODATA, NXDOMAIN = ["nodata"] * 4, ["nxdomain"] * 4
FINE, BOGUS = [OK] * 3, ["bogus"] * 3
SERVFAIL = ["servfail"] * 3


@pytest.mark.parametrize(
    ("seen", "causes"),
    [
        pytest.param(round_(), "", id="all is well"),
        pytest.param(round_(NODATA, ["nodata"] * 3), "record_emptied", id="NODATA"),
        pytest.param(round_(NXDOMAIN, ["nxdomain"] * 3), "record_emptied", id="NXDOMAIN"),
        pytest.param(round_(["too_few"] * 4), "record_emptied", id="too few"),
        pytest.param(round_(NODATA), "record_emptied", id="empty, and still cached"),
        pytest.param(round_(["nodata", OK, OK, OK]), "", id="empty at one of four"),
        pytest.param(
            round_(["nodata", OK, OK, OK], agreement=["disagree", OK]), "", id="one of four differs"
        ),
        pytest.param(
            round_(["nodata", OK, OK, OK], ["nodata", OK, OK]),
            "resolver_fault",
            id="empty at one of four, and one resolver had it from there",
        ),
        pytest.param(round_([OK] * 4, ["nodata", OK, OK]), "resolver_fault", id="resolver empty"),
        pytest.param(round_([OK] * 4, ["nodata"] * 3), "resolver_fault", id="resolvers empty"),
        pytest.param(round_([OK] * 4, ["timeout", OK, OK]), "resolver_fault", id="silent resolver"),
        pytest.param(round_([OK] * 4, ["refused", OK, OK]), "resolver_fault", id="refuses us"),
        pytest.param(
            round_([OK] * 4, ["servfail", OK, OK]),
            "resolver_fault",
            id="SERVFAIL, with checking disabled too",
        ),
        pytest.param(round_(["refused"] * 4, SERVFAIL), "authoritative_down", id="REFUSED"),
        pytest.param(round_(["lame"] * 4, SERVFAIL), "authoritative_down", id="lame"),
        pytest.param(
            round_(["timeout", "unreachable", "servfail", OK], SERVFAIL),
            "authoritative_down",
            id="three of four down, each in its way",
        ),
        pytest.param(round_(["timeout", "timeout", OK, OK]), "", id="half of them down"),
        pytest.param(
            round_(agreement=[OK, "serial_lag"]), "", id="SOA behind, the record is the same"
        ),
        pytest.param(
            round_(parent=["wrong_answer"] * 3), "delegation_changed", id="NS changed at the parent"
        ),
        pytest.param(round_(parent=["nxdomain"] * 3), "delegation_changed", id="NS gone"),
        pytest.param(round_(parent=["wrong_answer", OK, OK]), "", id="one parent server is early"),
        pytest.param(round_(parent=["timeout"] * 3), "", id="parent silent"),
        pytest.param(
            round_(delegation="delegation", changed=True), "delegation_changed", id="changed"
        ),
        pytest.param(round_(delegation="delegation"), "", id="has never agreed with the child"),
        pytest.param(
            round_(["wrong_answer"] * 4, delegation="delegation", changed=True),
            "delegation_changed wrong_answer",
            id="taken over",
        ),
        pytest.param(
            round_(recursive=BOGUS, dnssec="bogus"), "dnssec_bogus", id="expired, or wrong DS"
        ),
        pytest.param(round_(dnssec="bogus"), "dnssec_bogus", id="expired, and still cached"),
        pytest.param(
            round_(recursive=[OK, OK, "bogus"]), "dnssec_bogus", id="SERVFAIL of one validator"
        ),
        pytest.param(round_(recursive=BOGUS), "dnssec_bogus", id="SERVFAIL of all validators"),
        pytest.param(round_(["bogus"] * 4, ()), "dnssec_bogus", id="bogus at the source"),
        pytest.param(round_(dnssec="signature_expiring"), "", id="expires soon"),
        pytest.param(
            round_(recursive=BOGUS, dnssec="bogus", broken_at="example"),
            "parent_dnssec_bogus",
            id="broken at the parent",
        ),
        pytest.param(
            round_(recursive=BOGUS, dnssec="bogus", broken_at="."),
            "parent_dnssec_bogus",
            id="broken at the root",
        ),
        pytest.param(
            round_(recursive=BOGUS, dnssec="bogus", broken_at="cdn.test"),
            "dnssec_bogus",
            id="broken beside the zone",
        ),
        pytest.param(
            [*looks("authoritative", [OK] * 2), *looks("recursive", FINE)], "", id="stub zone"
        ),
        pytest.param(
            round_(recursive=["bogus", "bogus", "timeout"]),
            "dnssec_bogus resolver_fault",
            id="bogus, and one resolver silent",
        ),
        pytest.param(round_(["wrong_answer"] * 4), "wrong_answer", id="wrong at the source"),
        pytest.param(round_(["too_many"] * 4), "wrong_answer", id="more than there may be"),
        pytest.param(round_(["cname_loop"] * 4), "wrong_answer", id="CNAME loop"),
        pytest.param(
            round_([OK] * 4, ["wrong_answer", "wrong_answer", OK]),
            "wrong_answer",
            id="wrong at most resolvers",
        ),
        pytest.param(
            round_([OK] * 4, ["wrong_answer", OK, OK]),
            "wrong_answer",
            id="wrong at one resolver",
        ),
        pytest.param(
            round_(["wrong_answer", OK, OK, OK]), "wrong_answer", id="wrong at one server of four"
        ),
        pytest.param(
            round_([OK] * 4, ["too_many", OK, OK]), "resolver_fault", id="too many at one resolver"
        ),
        pytest.param(round_(["ttl"] * 4, ["ttl"] * 3), "", id="TTL out of its range"),
        pytest.param(
            round_(["ttl"] * 4, ["ttl", "ttl", "servfail"]),
            "resolver_fault",
            id="TTL out of its range, and one resolver fails",
        ),
        pytest.param(
            round_(["nodata", "nodata", "timeout", "timeout"]),
            "record_emptied",
            id="half empty, half silent",
        ),
        pytest.param(
            round_(["nodata", "timeout", "timeout", "wrong_answer"]),
            "record_emptied wrong_answer",
            id="no cause has a majority",
        ),
        pytest.param(round_(["nodata", "timeout", OK, OK]), "", id="half of them are right"),
        pytest.param(
            round_(["nodata", "timeout", "timeout", "timeout"]),
            "authoritative_down",
            id="one empty, the others silent",
        ),
        pytest.param(round_((), ["nodata", "nodata", OK]), "record_emptied", id="resolvers alone"),
        pytest.param(round_((), ["nodata", "timeout", OK]), "", id="resolvers alone, and split"),
        pytest.param(round_((), SERVFAIL), "authoritative_down", id="resolvers alone, and none"),
        pytest.param(
            round_((), ["timeout", "servfail", OK]),
            "authoritative_down",
            id="one resolver finds it",
        ),
        pytest.param(round_((), SERVFAIL, [OK]), "", id="who asks the parent asks for that"),
        pytest.param(
            round_((), ["servfail", OK, OK]), "resolver_fault", id="two resolvers find it"
        ),
        pytest.param(round_((), ["servfail", OK]), "resolver_fault", id="one of two finds it"),
        pytest.param(round_((), ["nodata", OK]), "resolver_fault", id="one of two has nothing"),
    ],
)
def test_each_cause_is_seen_as_itself_and_never_as_another(
    seen: list[Observation], causes: str
) -> None:
    """Of all diagnoses of the check exactly those hold that are so, and those we know are not."""
    places = {look.place for look in seen}
    unasked = {
        Diagnosis.AUTHORITATIVE_DOWN: "authoritative" not in places,
        Diagnosis.RESOLVER_FAULT: "recursive" not in places,
    }
    said = judged(world(seen))

    assert {str(d) for d, holds in said.items() if holds} == set(causes.split())
    assert all(unasked.get(d) for d, holds in said.items() if holds is None)


@pytest.mark.parametrize(
    ("said", "controls", "causes"),
    [
        (["servfail"], [OK], {"authoritative_down"}),
        (["servfail"], [], set()),
        (["servfail"], ["servfail"], {"resolver_fault"}),
        (["servfail"] * 2, [], {"authoritative_down"}),
        (["timeout"] * 2, ["timeout", OK], {"authoritative_down", "resolver_fault"}),
        (["timeout"] * 2, ["timeout"] * 2, {"resolver_fault"}),
    ],
)
def test_resolvers_that_find_other_names_show_that_nobody_answers_for_this_one(
    said: Words, controls: Words, causes: set[str]
) -> None:
    """Where no server of it is asked; one resolver alone must find the controls to be believed."""
    assert holding(world(looks("recursive", said), controls, controls)) == causes


servers = st.lists(st.sampled_from([OK, "nodata", "timeout", "wrong_answer", UNKNOWN]), min_size=1)


@given(servers.filter(lambda said: len(said) <= 5 and said.count(UNKNOWN) <= 2))
@example(["nodata", "nodata", "timeout", UNKNOWN])
@example([UNKNOWN, "timeout", OK])
def test_what_servers_could_turn_that_are_not_known_is_open(said: Words) -> None:
    """Servers are empty, or down, if they are whatever those show that could not be asked."""
    possible = [[OK, "nodata", "timeout"] if word is UNKNOWN else [word] for word in said]
    worlds = [judged(world(round_(shown, ()))) for shown in product(*possible)]
    now = judged(world(round_(said, ())))

    for diagnosis in (Diagnosis.RECORD_EMPTIED, Diagnosis.AUTHORITATIVE_DOWN):
        first, *others = {one[diagnosis] for one in worlds}
        assert now[diagnosis] is (None if others else first)


MEANING = {
    "record_emptied": {"nodata", "nxdomain", "too_few"},
    "wrong_answer": {"wrong_answer", "too_many", "cname_loop"},
    "dnssec_bogus": {"bogus"},
    "": {"ttl", "disagree", "serial_lag", "delegation", "signature_expiring"},
}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_one_meaning(reason: Reason) -> None:
    """Servers that all fail for one reason have one cause: they are down, where it is no other."""
    cause = next((c for c, reasons in MEANING.items() if reason in reasons), "authoritative_down")

    assert holding(world(round_([reason.value] * 3))) == ({cause} if cause else set())


@pytest.mark.parametrize(
    ("recursive", "sibling", "stranger", "causes"),
    [
        (BOGUS, BOGUS, FINE, {"parent_dnssec_bogus"}),
        (BOGUS, FINE, BOGUS, {"dnssec_bogus"}),
        (BOGUS, SERVFAIL, FINE, {"dnssec_bogus"}),
        (BOGUS, [UNKNOWN], FINE, {"dnssec_bogus"}),
        (FINE, BOGUS, FINE, set()),
        (FINE, SERVFAIL, SERVFAIL, set()),
    ],
)
def test_a_sibling_tells_the_parents_fault_from_ours(
    recursive: Words, sibling: Words, stranger: Words, causes: set[str]
) -> None:
    """It is the parent's fault where a control under the same parent is bogus too, else ours."""
    assert holding(world(round_(recursive=recursive), sibling, stranger)) == causes


def test_our_own_look_at_the_chain_says_where_it_breaks() -> None:
    """A chain that we see break at our zone is our fault, whatever else is bogus beside it."""
    assert holding(world(round_(dnssec="bogus"), sibling=BOGUS)) == {"dnssec_bogus"}


@pytest.mark.parametrize(
    ("name", "zone", "control", "is_sibling"),
    [
        ("www.hotel.com.fj", "hotel.com.fj", "www.control.com.fj", True),
        ("www.hotel.com.fj", "hotel.com.fj", "control.fj", False),
        ("www.hotel.com.fj", "hotel.com.fj", "mail.hotel.com.fj", False),
        ("www.hotel.com.fj", None, "control.fj", True),
        ("www.hotel.com.fj", None, "control.example", False),
        ("hotel.com.fj", None, "www.hotel.com.fj", False),
        ("fj", "fj", "control.example", True),
        ("hotel.fj", "hotel.fj", "myhotel.fj", True),
        ("hotel.fj", "hotel.fj", "control.notfj", False),
        ("example", ".", "control.example", False),
    ],
)
@pytest.mark.parametrize("place", ["dnssec", "delegation"])
def test_siblings(name: str, zone: str | None, control: str, is_sibling: bool, place: str) -> None:
    """A sibling lies under the parent of the zone, or of the same last label, and outside it."""
    facts = {} if zone is None else {"zone": zone}
    keys = [CheckKey("shop", Kind.DNS, f"{one} A") for one in (name, control)]
    ours, theirs = (
        voices(series(seen(NOW, key=key, place=place, **given), key=key), now=NOW)
        for key, given in zip(keys, (facts, {}), strict=True)
    )

    assert bool(siblings(ours, [theirs, []])) is is_sibling


def test_a_resolver_that_fails_for_most_controls_is_at_fault() -> None:
    """Beside trouble of the name's own, a resolver is at fault that fails for controls too."""
    emptied = round_(NODATA, ["timeout", "nodata", "nodata"])

    assert holding(world(emptied)) == {"record_emptied"}
    assert holding(world(emptied, SERVFAIL, FINE)) == {"record_emptied"}
    assert holding(world(emptied, ["timeout", OK, OK], ["timeout", OK, OK])) == {
        "record_emptied",
        "resolver_fault",
    }


@pytest.mark.parametrize(
    ("recursive", "causes"),
    [
        (FINE, set()),
        (["nodata"] * 3, {"record_emptied"}),
        (["nxdomain"] * 2, {"record_emptied"}),
        (["nodata"], {"record_emptied"}),
        (["nodata", "nodata", OK], {"record_emptied"}),
        (["nodata", OK], {"resolver_fault"}),
        (["nxdomain", OK, OK], {"resolver_fault"}),
        (["timeout", OK], {"resolver_fault"}),
        (["timeout"], {"authoritative_down"}),
        (SERVFAIL, {"authoritative_down"}),
        (["servfail", "timeout", OK], {"authoritative_down"}),
    ],
)
def test_an_alias_leaves_the_record_to_the_zone_it_leads_to(
    recursive: Words, causes: set[str]
) -> None:
    """Where the authorities say only that a name is an alias, most resolvers tell of no record.

    That they fail for it, and not for controls, tells of the servers that it leads to.
    """
    servers = looks("authoritative", [OK] * 4, chain=("shop.example -> shop.cdn.test",), count=0)
    others = [look for look in round_(recursive=recursive) if look.place != "authoritative"]

    assert holding(world([*servers, *others])) == causes


@pytest.mark.parametrize(
    ("authoritative", "recursive", "causes"),
    [
        (["cname_loop"] * 4, ["nodata"] * 3, {"wrong_answer"}),
        (["wrong_answer"] * 4, ["nodata"] * 3, {"wrong_answer"}),
        ([OK] * 4, (), set()),
    ],
)
def test_only_resolvers_tell_where_an_alias_leads_and_only_of_a_right_one(
    authoritative: Words, recursive: Words, causes: set[str]
) -> None:
    """A CNAME that is wrong leads nowhere, and where no resolver is asked none is waited for."""
    chain = ("shop.example -> shop.cdn.test",)
    servers = looks("authoritative", authoritative, chain=chain, count=0)
    said = judged(world([*servers, *looks("recursive", recursive)]))

    assert {str(d) for d, holds in said.items() if holds} == causes
    assert said[Diagnosis.RECORD_EMPTIED] is said[Diagnosis.AUTHORITATIVE_DOWN] is False


def test_a_resolver_that_is_asked_for_no_control_is_as_right_as_the_servers() -> None:
    """It fails as the name's own servers do, and is not at fault, nor perhaps."""
    said = judged(world(round_(["timeout"] * 4, SERVFAIL), (), ()))

    assert said[Diagnosis.AUTHORITATIVE_DOWN] is True
    assert said[Diagnosis.RESOLVER_FAULT] is False


@pytest.mark.parametrize("authoritative", [[OK, UNKNOWN], [OK, UNKNOWN, "timeout", OK]])
@pytest.mark.parametrize(
    ("recursive", "cause"),
    [
        (["nodata"] * 3, Diagnosis.RECORD_EMPTIED),
        (SERVFAIL, Diagnosis.AUTHORITATIVE_DOWN),
    ],
)
def test_an_alias_is_one_while_a_server_of_it_could_not_be_asked(
    authoritative: Words, recursive: Words, cause: Diagnosis
) -> None:
    """What is wrong where it leads is not over for that: those that are known say so still."""
    chain = ("shop.example -> shop.cdn.test",)
    servers = looks("authoritative", authoritative, chain=chain, count=0)

    assert judged(world([*servers, *looks("recursive", recursive)]))[cause] is True


@pytest.mark.parametrize("controls", [SERVFAIL, [UNKNOWN] * 3, ()])
def test_resolvers_that_do_not_find_the_controls_say_nothing_of_where_an_alias_leads(
    controls: Words,
) -> None:
    """That they fail for an alias too is their own fault, as far as anybody can tell."""
    servers = looks("authoritative", [OK] * 4, chain=("shop.example -> shop.cdn.test",), count=0)
    others = [look for look in round_(recursive=SERVFAIL) if look.place != "authoritative"]
    said = judged(world([*servers, *others], controls, controls))

    assert {str(d) for d, holds in said.items() if holds} == {"resolver_fault"}
    assert said[Diagnosis.AUTHORITATIVE_DOWN] is False


def test_an_alias_inside_the_zone_comes_with_its_record() -> None:
    """Servers that follow an alias to its records speak for them: empty resolvers are at fault."""
    servers = looks("authoritative", [OK] * 4, chain=("shop.example -> a.example",), count=2)
    others = [look for look in round_(recursive=["nodata"] * 3) if look.place != "authoritative"]

    assert holding(world([*servers, *others])) == {"resolver_fault"}


def test_what_lingers_at_a_resolver_counts_from_the_repair() -> None:
    """A resolver is at fault only since the authoritative servers are right again."""
    authority = series(seen(0, "nodata"), seen(30, "nodata"), seen(60, OK), seen(90, OK))
    resolver = series(*(seen(at, "nodata", place="recursive") for at in (0, 30, 60, 90)))

    assert resolver_fault(voices(authority, resolver, now=90), []) == Evidence(True, 60, 90)


def test_two_resolvers_with_one_bad_look_each_fill_no_hold() -> None:
    """Single bad looks at different resolvers are no fault that lasts."""
    asked = [
        series(seen(0, OK), seen(30, OK)),
        series(seen(0, "timeout", place="recursive"), seen(30, UNKNOWN, place="recursive")),
        series(seen(0, OK, place="recursive"), seen(30, "timeout", place="recursive")),
    ]

    assert resolver_fault(voices(*asked, now=30), []) == Evidence(True, 30, 30)


@pytest.mark.parametrize(
    ("recursive", "chain", "severity"),
    [
        (["bogus", OK, OK], {}, "warning"),
        (["bogus", OK], {}, "critical"),
        (["bogus", "bogus", OK], {}, "critical"),
        (FINE, {"dnssec": "bogus"}, "critical"),
        (FINE, {}, "warning"),
        (FINE, {"dnssec": "bogus", "broken_at_few": True}, "warning"),
        (["bogus", "bogus", OK], {"dnssec": "bogus", "broken_at_few": True}, "critical"),
    ],
)
def test_bogus_is_as_grave_as_it_is_widespread(
    recursive: Words, chain: dict, severity: str
) -> None:
    """Half of the resolvers are grave, or a chain that we see broken at most of the servers.

    One of three resolvers is not, nor is what few servers break.
    """
    ledger = world(round_(recursive=recursive, **chain))
    rules = {rule.diagnosis: rule for rule in rules_for(KEY, TIMING, Severity.CRITICAL)}

    assert (Diagnosis.DNSSEC_BOGUS in holding(ledger)) is (recursive is not FINE or bool(chain))
    assert rules[Diagnosis.DNSSEC_BOGUS].graded(alone(ledger, NOW)).severity == severity


reasons = st.sampled_from([OK, UNKNOWN, *(reason.value for reason in Reason)])
words = st.lists(reasons, max_size=4)


@st.composite
def rounds(draw: st.DrawFn) -> list[Observation]:
    """Return any round that a check could see."""
    return round_(
        *(draw(words) for _ in range(3)),
        agreement=draw(words),
        delegation=draw(reasons),
        changed=draw(st.booleans()),
        dnssec=draw(reasons),
        broken_at=draw(st.sampled_from([".", "example", "shop.example"])),
    )


@given(rounds(), words, words)
def test_what_excludes_each_other_never_holds_together(
    seen: list[Observation], sibling: Words, stranger: Words
) -> None:
    """Validation breaks in one place, and a majority of servers fails in one way."""
    said = holding(world(seen, sibling, stranger))

    assert not {"dnssec_bogus", "parent_dnssec_bogus"} <= said
    assert not {"record_emptied", "authoritative_down"} <= said


@given(rounds(), words, words)
@example(round_((), [OK]), [], [])
def test_nothing_old_says_anything(
    seen: list[Observation], sibling: Words, stranger: Words
) -> None:
    """Once its looks are too old, a check holds nothing for certain, good or bad."""
    ledger = world(seen, sibling, stranger)
    late = NOW + TIMING.fresh_for + 1
    rules = rules_for(KEY, TIMING, Severity.CRITICAL, [SIBLING, STRANGER])

    assert {rule.judge(alone(ledger, late)).holds for rule in rules} == {None}


@given(rounds())
def test_right_servers_leave_only_others_to_blame(seen: list[Observation]) -> None:
    """While most authoritative servers are right, neither they nor the record are the cause."""
    right = [look for look in seen if look.place != "authoritative"]
    said = holding(world([*looks("authoritative", [OK, OK, "nodata"]), *right]))

    assert not said & {"record_emptied", "authoritative_down"}
