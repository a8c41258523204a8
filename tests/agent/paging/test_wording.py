"""What a page says: the diagnosis first, and what a person needs below it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import KEY, TIMING, seen
from vedette.agent.alarms.agreement import Vantage
from vedette.agent.alarms.incidents import Change, Incident
from vedette.agent.clock import utc
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.diagnoses.table import blind_rule, feed_rule, rules_for
from vedette.agent.memory.lastgood import Generation, LastKnownGood
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.paging.wording import Witness, page
from vedette.checks.finding import Kind, Observation, Verdict
from vedette.exporters.page import Action, Page, Severity
from vedette.exporters.pagerduty import MAX_SUMMARY, encode

OK, FAILING, UNKNOWN = Verdict
HTTP = CheckKey(KEY.service, Kind.HTTP, "https://shop.example/")
TWIN = CheckKey(KEY.service, Kind.DNS, "shop.example AAAA")
CONTROL = CheckKey("controls", Kind.DNS, "other.example A")
BY_NAME = {
    rule.diagnosis: rule
    for key in (KEY, HTTP)
    for rule in rules_for(key, TIMING, Severity.CRITICAL, [CONTROL])
}
EMPTIED, DOWN = BY_NAME[Diagnosis.RECORD_EMPTIED], BY_NAME[Diagnosis.SERVICE_DOWN]
FAULT = BY_NAME[Diagnosis.RESOLVER_FAULT]
RULES = {rule.id: rule for rule in BY_NAME.values()}
BEGAN, NOW = 1000.0, 1020.0
FLEET = {
    "fra-1": Vantage("fra-1", "hetzner", "eu"),
    "nyc-1": Vantage("nyc-1", "digitalocean"),
}
GOOD = LastKnownGood(
    [Generation("shop.example", "A", ("192.0.2.0", "192.0.2.1"), 500.0, 600.0, whole=True)]
)


def incident(*members: str) -> Incident:
    """Return an incident that the first member leads; each began after the one before."""
    began = {id_: BEGAN + i for i, id_ in enumerate(members)}
    return Incident("v/shop", "shop", members[0], NOW, began, ((members[0], NOW),))


def written(
    opened: Incident | None = None,
    *,
    change: Change = Change.OPENED,
    dns: tuple[Verdict | str, ...] = ("nodata", "nodata", OK),
    http: Verdict = FAILING,
    addresses: tuple[Verdict, ...] = (),
    detail: str = "",
    rules=RULES,
    also: Sequence[Observation] = (),
    twin: Sequence[Observation] = (),
    peers: Mapping[str, Ledger] | None = None,
    changes: Sequence[str] = (),
    shortage: str = "",
    unsighted: Sequence[str] = (),
    failing: Mapping[str, float] | None = None,
    runbook: str = "",
) -> Page:
    """Return the page for what the words say was seen at servers, by name and at addresses."""
    ledger = Ledger()
    servers = [seen(NOW, word, subject=f"ns{i}", detail=detail) for i, word in enumerate(dns)]
    ledger.add(KEY, TIMING, [*servers, *also])
    ledger.add(TWIN, TIMING, twin)
    ledger.add(CONTROL, TIMING, [seen(NOW, "timeout", key=CONTROL, subject="192.0.2.9")])
    by_name = seen(NOW, http, key=HTTP, subject="name", place="name", detail=detail)
    at = [
        seen(NOW, word, key=HTTP, subject=f"192.0.2.{i}", place="address")
        for i, word in enumerate(addresses)
    ]
    ledger.add(HTTP, TIMING, [by_name, *at])
    witness = Witness(
        vantage="fra-1", vantages=FLEET, status_url="http://127.0.0.1:9469/",
        ledgers={"fra-1": ledger, **(peers or {})},
        good=GOOD, rules=rules, failing=failing or {}, changes=changes, shortage=shortage,
        unsighted=unsighted, runbook=runbook,
    )  # fmt: skip
    return page(opened or incident(EMPTIED.id, DOWN.id), change, witness, NOW)


def test_every_vantage_says_how_many_of_its_looks_fail() -> None:
    """A page names who saw it, from where and by how many; a peer tells what we do not see."""
    peer = Ledger(since=NOW)
    peer.add(KEY, TIMING, [seen(NOW, "nodata", subject=f"ns{i}") for i in range(3)])
    page = written(dns=(OK, OK, OK), peers={"nyc-1": peer})
    assert page.details["seen_from"] == [
        "fra-1 (provider hetzner, eu): 0 of 3 looks fail",
        "nyc-1 (provider digitalocean): 3 of 3 looks fail",
    ]
    assert "is empty at 3 of 3 authoritative servers" in page.summary


@pytest.mark.parametrize(
    ("lasts", "end"),
    [
        (TIMING.hold, f"{HTTP.check} is left with service_degraded, failing since"),
        (0, f"{HTTP.check} is well again, failing since"),
    ],
)
def test_what_ends_says_what_goes_on(lasts: float, end: str) -> None:
    """A check is well again only where nothing else of it has failed for its hold."""
    failing = {BY_NAME[Diagnosis.SERVICE_DEGRADED].id: NOW - lasts, EMPTIED.id: BEGAN}
    made = written(incident(DOWN.id), change=Change.RESOLVED, failing=failing)

    assert made.summary.startswith(f"resolved: service_down: {end}")


@pytest.mark.parametrize(
    ("before", "rest"),
    [({EMPTIED.id}, "; service_down https://shop.example/ went on till now"), (set(), "")],
)
def test_what_outlasts_the_headline_is_named_at_the_end(before: set[str], rest: str) -> None:
    """A resolve says what held the page open, unless its headline went on to the end itself."""
    opened = replace(incident(EMPTIED.id, DOWN.id), ended=frozenset(before))
    made = written(opened, change=Change.RESOLVED)

    assert made.summary == (
        f"resolved: record_emptied: shop.example A is well again, failing since {utc(BEGAN)}{rest}"
    )


@pytest.mark.parametrize("unsighted", [(), ("fra-1",)], ids=["both see", "blind here"])
@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        ("timeout", "nodata", "is empty at 3 of 3 authoritative servers"),
        ("nodata", OK, "is empty at 3 of 3 authoritative servers"),
        ("timeout", OK, "shop.example A is empty since"),
    ],
)
def test_the_fault_is_told_by_one_that_sees_it(
    here: str, there: Verdict | str, told: str, unsighted: Sequence[str]
) -> None:
    """One for which the check fails otherwise, or that sees nothing, does not word what others see.

    What the last-known-good addresses are worth is told by the same one.
    """
    peer = Ledger(since=NOW)
    peer.add(KEY, TIMING, [seen(NOW, there, subject=f"ns{i}") for i in range(3)])
    serves = OK if there == "nodata" else FAILING
    at = seen(NOW, serves, key=HTTP, subject="192.0.2.0", place="address")
    peer.add(HTTP, TIMING, [at])
    line = written(
        dns=(here, here, here), addresses=(FAILING,), peers={"nyc-1": peer}, unsighted=unsighted
    ).summary

    assert told in line
    assert ("still serve (192.0.2.0)" in line) is (there == "nodata")


def test_who_sees_nothing_says_nothing_of_the_last_known_good() -> None:
    """Addresses that fail for one that is cut off, as all does, are not told to serve no more."""
    made = written(addresses=(FAILING, FAILING), unsighted=("fra-1",))

    assert "last-known-good" not in made.summary
    assert made.details["last_known_good_serves"] == "not known"


@given(st.text(max_size=3000), st.sampled_from(sorted(RULES)))
def test_first_line_is_whole_and_within_the_limit(detail: str, headline: str) -> None:
    """Whatever a look said, cause, time and what still serves fit into PagerDuty's limit."""
    made = written(incident(headline), detail=detail, addresses=(OK, OK))
    sent = encode(made, "key")["payload"]["summary"]

    assert sent.startswith(f"{RULES[headline].diagnosis}: ")
    assert sent.endswith(
        " since 00:16:40 UTC; the last-known-good addresses still serve (192.0.2.0, 192.0.2.1)"
    )
    assert len(sent) <= MAX_SUMMARY


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        ((OK, OK), "the last-known-good addresses still serve (192.0.2.0, 192.0.2.1)"),
        (
            (OK, FAILING),
            "of the last-known-good addresses 192.0.2.0 still serves, 192.0.2.1 does not",
        ),
        ((FAILING, FAILING), "the last-known-good addresses do not serve either"),
        ((OK, UNKNOWN), "the last-known-good addresses still serve (192.0.2.0)"),
    ],
)
def test_says_whether_last_known_good_serves(addresses: tuple[Verdict, ...], said: str) -> None:
    """The first line and the details say whether what was good still is, and where."""
    made = written(addresses=addresses)

    assert said in made.summary
    assert said in made.details["last_known_good_serves"]


@pytest.mark.parametrize("addresses", [(), (UNKNOWN, UNKNOWN)])
def test_says_nothing_of_what_it_does_not_know(addresses: tuple[Verdict, ...]) -> None:
    """Where nobody could look at the addresses, the page does not guess."""
    made = written(addresses=addresses)

    assert "last-known-good" not in made.summary
    assert made.details["last_known_good_serves"] == "not known"
    assert "192.0.2.0, 192.0.2.1" in made.details["last_known_good"]["shop.example A"]


def test_details_are_in_reading_order() -> None:
    """First what and since when, then what was seen and was good, then what follows from it."""
    keys = list(written().details)
    wanted = ["diagnosis", "since", "seen_from", "seen", "last_known_good", "symptoms", "order"]

    assert all(keys.index(one) < keys.index(next_) for one, next_ in pairwise(wanted))
    assert keys[-1] == "status_page"


def test_leads_to_the_runbook_before_the_long_lists() -> None:
    """Who reads a mail at night need not scroll for it; where there is none, nothing stands."""
    names = list(written(runbook="https://run.test/shop").details)
    assert names[:3] == ["diagnosis", "since", "runbook"]
    assert "runbook" not in written().details


@pytest.mark.parametrize("changes", [(), ("1970-01-01 00:16:00 UTC serial of n went",)])
def test_says_what_changed(changes: tuple[str, ...]) -> None:
    """The changes before the incident stand as they are told; that there was none is said."""
    told = written(changes=changes).details["changes"]
    assert told == (list(changes) or "no change was seen before it, or since")


def test_says_that_the_fleet_is_short() -> None:
    """Where too few see to agree, the first line ends with that; where enough do, nothing does."""
    short = written(shortage="the fleet is short")

    assert short.summary.endswith("; the fleet is short")
    assert short.details["quorum"] == "the fleet is short"
    assert "quorum" not in written().details
    assert written(change=Change.RESOLVED, shortage="x").summary.endswith(" UTC")


def test_symptoms_are_grouped_under_the_cause() -> None:
    """What the cause explains is a symptom; the order lists both, first fault first."""
    details = written().details

    assert [line.split(" UTC ")[1] for line in details["symptoms"]] == [
        f"service_down {HTTP.check}"
    ]
    assert [line.split(" UTC ")[1] for line in details["order"]] == [
        "record_emptied shop.example A",
        f"service_down {HTTP.check}",
    ]


def test_says_what_is_not_broken() -> None:
    """What is well is listed by subject, in its role where it has several, and zones once."""
    places = ["recursive", "parent", "delegation", "dnssec"]
    subjects = ["ns2", "a.tld", "delegation of shop.example", "DNSSEC of shop.example"]
    also = [seen(NOW, subject=s, place=p) for s, p in zip(subjects, places, strict=True)]
    zone = seen(NOW, key=TWIN, subject=subjects[-1], place="dnssec")

    assert written(also=also, twin=[zone]).details["not_broken"] == [
        "shop.example A at ns2",
        "shop.example A at ns2 (recursive)",
        "shop.example A at a.tld (parent)",
        "delegation of shop.example",
        "DNSSEC of shop.example",
    ]


def test_a_page_that_is_well_is_listed_by_name_and_at_its_addresses() -> None:
    """Of a page it is said how it was asked for, in words that read as such."""
    page = [
        seen(NOW, key=TWIN, subject="by name", place="name"),
        seen(NOW, key=TWIN, subject="192.0.2.1", place="address"),
    ]

    assert written(twin=page).details["not_broken"][-2:] == [
        f"{TWIN.check} by name",
        f"{TWIN.check} at 192.0.2.1",
    ]


def test_says_what_was_seen() -> None:
    """All looks of the check are shown, the failing first, each with its reason."""
    also = [
        seen(NOW, "disagree", subject="answers of shop.example servers compared",
             place="agreement"),
        seen(NOW, UNKNOWN, subject="DNSSEC of shop.example", place="dnssec", detail="no reply"),
    ]  # fmt: skip

    assert written(dns=(OK, "nodata"), also=also).details["seen"] == [
        "FAILING nodata: ns1",
        "FAILING disagree: answers of shop.example servers compared",
        "OK: ns0",
        "UNKNOWN timeout: no reply",
    ]


def test_shows_the_controls_that_it_compares_with() -> None:
    """What is judged beside controls shows those that fail too; what is not, does not."""
    beside, alone = written(incident(FAULT.id)), written(incident(EMPTIED.id))

    assert "control other.example A: FAILING timeout: 192.0.2.9" in beside.details["seen"]
    assert not [line for line in alone.details["seen"] if "control" in line]


@pytest.mark.parametrize("severity", Severity)
def test_page_is_as_grave_as_its_incident(severity: Severity) -> None:
    """A page has its incident's severity, whatever its rule's is now."""
    made = written(replace(incident(EMPTIED.id), severity=severity))

    assert made.severity is severity
    assert encode(made, "key")["payload"]["severity"] == severity


def test_page_names_incident_and_fault() -> None:
    """A page has its incident's key, its rule's severity and subject, and the fault's beginning."""
    made = written()

    assert (made.key, made.action, made.severity) == ("v/shop", Action.TRIGGER, Severity.CRITICAL)
    assert (made.service, made.diagnosis, made.subject) == (
        "shop",
        "record_emptied",
        "shop.example A",
    )
    assert (made.source, made.began_at) == ("fra-1", BEGAN)


def test_new_headline_triggers_the_same_key() -> None:
    """A better headline is a trigger under the same key."""
    made = written(change=Change.REHEADLINED)

    assert (made.action, made.key) == (Action.TRIGGER, written().key)


def test_resolve_says_what_is_over() -> None:
    """A resolve has the trigger's key and does not read like a new call for help."""
    made = written(change=Change.RESOLVED, dns=(OK, OK, OK), http=OK)

    assert (made.action, made.key) == (Action.RESOLVE, "v/shop")
    assert made.summary.startswith("resolved: record_emptied: shop.example A")


@pytest.mark.parametrize("change", Change)
def test_vanished_rule_can_still_be_told(change: Change) -> None:
    """An incident whose rule left the config can still be paged and resolved."""
    made = written(change=change, rules={})

    assert made.key == "v/shop"
    assert "record_emptied" in made.summary


ROUTE, FEED = CheckKey(KEY.service, Kind.BGP, "192.0.2.0/24"), CheckKey("bmp", Kind.BGP, "bmp")
ROUTING = {
    rule.diagnosis: rule
    for rule in (*rules_for(ROUTE, TIMING, Severity.CRITICAL), feed_rule(FEED, TIMING))
}


def routed(diagnosis: Diagnosis, *looks: Observation, feeds: Sequence[Observation] = ()) -> Page:
    """Return the page of *diagnosis* for these looks at the prefix and at feeds."""
    ledger, rule = Ledger(), ROUTING[diagnosis]
    ledger.add(ROUTE, TIMING, looks)
    for look in feeds:
        ledger.add(CheckKey(look.service, Kind.BGP, look.check), TIMING, [look])
    witness = Witness(
        vantage="fra-1", vantages=FLEET, status_url="", ledgers={"fra-1": ledger}, good=GOOD,
        rules={rule.id: rule}, failing={},
    )  # fmt: skip
    opened = replace(incident(rule.id), service=rule.service)
    return page(opened, Change.OPENED, witness, NOW)


def route(word: Verdict | str, place: str = "ris-live", prefix: str = "192.0.2.0/24", **facts):
    """Return a look at the prefix through the feed *place*."""
    detail = facts.pop("detail", "it is seen")
    return seen(NOW, word, key=ROUTE, subject=prefix, place=place, detail=detail, **facts)


def heard(name: str, word: Verdict | str = OK, detail: str = "") -> Observation:
    """Return a look at a feed itself."""
    key = CheckKey(name, Kind.BGP, name)
    return seen(NOW, word, key=key, subject=name, place="feed", detail=detail)


def test_a_routing_page_says_what_each_feed_sees() -> None:
    """Since when, by which origins and neighbours, and the RPKI, the failing feed first."""
    lost = route(
        "withdrawn", since={"withdrawn": BEGAN}, share=0.1, rpki="valid", rpki_valid=["64666"],
        origins={"64500": 9.0, "64666": 2.0}, neighbours={str(n): 1.0 for n in range(1, 8)},
        rpki_invalid=[],
    )  # fmt: skip
    well = route(OK, "bmp", since={}, share=1.0, origins={"64500": 3.0}, rpki=None)
    made = routed(Diagnosis.PREFIX_WITHDRAWN, well, lost, feeds=[heard("bmp"), heard("ris-live")])

    assert made.details["bgp"] == [
        "ris-live: FAILING withdrawn: it is seen; withdrawn since 1970-01-01 00:16:40 UTC; by "
        "origin: AS64500 9, AS64666 2; by way of: AS1 1, AS2 1, AS3 1, AS4 1, AS5 1 and 2 more; "
        "RPKI valid; RPKI valid for AS64666",
        "bmp: OK: it is seen; by origin: AS64500 3; RPKI unknown",
    ]
    assert made.details["feeds"] == ["2 of 2 speak (bmp, ris-live)"]
    assert made.details["not_broken"] == ["192.0.2.0/24 (bmp)"]
    assert "at 1 of 2 feeds, since 00:16:40" in made.summary


def test_a_silent_feed_says_why_and_what_is_unknown_for_it() -> None:
    """The page of a feed names its silence and the prefixes that only others still see."""
    silence = heard("bmp", "feed_stale", "bmp has no router connected")
    looks = [route(OK), route(UNKNOWN, "bmp", detail="nothing is known")]
    made = routed(Diagnosis.FEED_STALE, *looks, feeds=[silence, heard("ris-live")])

    assert made.summary == "feed_stale: bmp has no router connected, since 00:16:40 UTC"
    assert made.details["feeds"] == ["1 of 2 speak (ris-live)", "bmp has no router connected"]
    assert made.details["bgp"] == ["bmp: UNKNOWN timeout: nothing is known"]


def test_thousands_of_prefixes_fit_on_a_page() -> None:
    """Twenty prefixes are listed, those that fail first, and the others counted."""
    looks = [route(OK, f"feed-{n}") for n in range(500)]
    made = routed(Diagnosis.PREFIX_WITHDRAWN, *looks, route("withdrawn", since={"withdrawn": 1.0}))

    assert made.details["bgp"][0].startswith("ris-live: FAILING")
    assert made.details["bgp"][20:] == ["and 481 more"]


def test_long_lists_are_bounded() -> None:
    """Of a service whose five hundred checks fail, a page lists some, and says how many more."""
    many = {f"shop/{n}": BEGAN + n for n in range(500)}
    opened = replace(incident(EMPTIED.id), members={EMPTIED.id: BEGAN, **many})
    details = written(opened, dns=("nodata",) * 500).details

    assert len(details["seen"]) == len(details["symptoms"]) == len(details["order"]) == 51
    assert details["seen"][-1] == details["symptoms"][-1] == "and 450 more"
    assert details["order"][-1] == "and 451 more"


def test_what_is_watched_no_longer_is_not_called_well() -> None:
    """Where the config has lost the headline, the resolve says so, and is of the same diagnosis."""
    page = written(change=Change.RESOLVED, rules={})
    end = "resolved: record_emptied: the config has it no longer, failing since 1970-01-01"
    assert page.summary.startswith(end)
    assert page.diagnosis == "record_emptied"
    assert page.subject == "shop.example A"


@pytest.mark.parametrize(
    ("name", "heard", "says"),
    [
        ("fra-1", 90, "fra-1 sees none of the internet it checks itself by since 00:16:40"),
        ("nyc-1", 5, "nyc-1 sees none of the internet it checks itself by since 00:16:40"),
        ("nyc-1", 66, "nyc-1 sees none of the internet it checks itself by since 00:16:40"),
        ("nyc-1", 67, "nyc-1 has not been heard of since 00:15:53"),
    ],
)
def test_a_blind_vantage_is_told_from_a_silent_one(name: str, heard: float, says: str) -> None:
    """One that says that it sees nothing is heard; of one that is not, it is said since when."""
    rule = blind_rule(name, TIMING)
    peer = Ledger(since=NOW - heard)
    page = written(incident(rule.id), rules={rule.id: rule}, peers={"nyc-1": peer})
    assert page.summary == f"vantage_blind: {says} UTC"


def test_a_blind_vantage_says_why_it_sees_nothing() -> None:
    """Its page tells what its controls show, be it that this host cannot look at any."""
    rule, peer = blind_rule("nyc-1", TIMING, [CONTROL]), Ledger(since=NOW)
    firewalled = "this host cannot send to 192.0.2.9:53: operation not permitted"
    looks = [
        seen(NOW, UNKNOWN, key=CONTROL, subject=at, detail=firewalled)
        for at in ("192.0.2.9", "192.0.2.10")
    ]
    peer.add(CONTROL, TIMING, looks)
    page = written(incident(rule.id), rules={rule.id: rule}, peers={"nyc-1": peer})

    says = "nyc-1 sees none of the internet it checks itself by (1 timeout) since 00:16:40 UTC"
    assert page.summary == f"vantage_blind: {says}"
    line = f"control {CONTROL.check}: UNKNOWN timeout: {firewalled}"
    assert page.details["seen"] == [line, line]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (0, " since 00:16:40 UTC"),
        (1, " since 00:16:40 UTC; likewise name0.example A"),
        (5, "; likewise name0.example A, name1.example A, name2.example A and 2 more"),
    ],
)
def test_what_fails_alike_is_named_in_the_first_line(others: int, said: str) -> None:
    """Who reads that one name is empty learns which others are; not of other services or faults.

    Nor of what fails for less than its hold: it may be one bad look.
    """
    alike = [replace(EMPTIED, subject=f"name{i}.example A") for i in range(others)]
    blip = replace(EMPTIED, subject="blip.example A")
    else_ = [blip, replace(EMPTIED, service="other")]
    failing = {rule.id: BEGAN + i / 10 for i, rule in enumerate([EMPTIED, DOWN, *alike, else_[1]])}
    made = written(
        rules={**RULES, **{rule.id: rule for rule in (*alike, *else_)}},
        failing={**failing, blip.id: NOW - 1},
    )

    assert made.summary.endswith(said)


def test_the_order_is_of_one_service() -> None:
    """What fails of another service at the same time is on no page of this one."""
    other = replace(DOWN, service="other")
    rules = {**RULES, other.id: other}
    order = written(rules=rules, failing={other.id: BEGAN, FAULT.id: BEGAN - 5}).details["order"]
    assert [str(line).rpartition("UTC ")[2].split()[0] for line in order] == [
        "resolver_fault",
        "record_emptied",
        "service_down",
    ]
