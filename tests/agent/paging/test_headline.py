"""The cause in one line: its figures, the servers it names, and that it never grows too long."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import KEY, TIMING, alone, seen
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.diagnoses.view import View
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.paging.headline import cause
from vedette.checks.finding import Kind, Observation, Verdict
from vedette.exporters.page import Severity

OK, FAILING, UNKNOWN = Verdict
CONTROL = CheckKey("controls", Kind.DNS, "other.example A")
RULES = {
    rule.diagnosis: rule
    for kind, check in ((Kind.DNS, KEY.check), (Kind.HTTP, "https://shop.example/"))
    for rule in rules_for(CheckKey("shop", kind, check), TIMING, Severity.CRITICAL, [CONTROL])
}


def at(place: str, *words: Verdict | str, **said: object) -> list[Observation]:
    """Return one look at each server of *place*; *said* are the details and facts of the bad."""
    return [
        seen(0, word, subject=f"{place} {i}", place=place, **({} if word is OK else said))
        for i, word in enumerate(words, 1)
    ]


def said(diagnosis: Diagnosis, *looks: Sequence[Observation], control: Verdict | str = OK) -> str:
    """Return the line of *diagnosis* after a round of *looks*."""
    ledger = Ledger()
    ledger.add(KEY, TIMING, [look for some in looks for look in some])
    ledger.add(CONTROL, TIMING, [seen(0, control, key=CONTROL, place="recursive")])
    return cause(RULES[diagnosis], View(ledger, 0))


ALIAS = [
    seen(
        0, OK, place="authoritative", chain=("shop.example -> a.test", "a.test -> b.test"), count=0
    )
]
FOREIGN = "ns1 answers shop.example A with 203.0.113.66, which is not allowed"
BROKEN = "the signature of shop.example DNSKEY by key 4711 expired 2026-11-21 00:00:00 UTC"
MOVED = "a.tld delegates shop.example to ns.evil.example where it was ns.shop.example"


@pytest.mark.parametrize(
    ("diagnosis", "looks", "line"),
    [
        (
            Diagnosis.RECORD_EMPTIED,
            [at("authoritative", "nodata", "nxdomain", OK), at("recursive", OK)],
            "shop.example A is empty at 2 of 3 authoritative servers",
        ),
        (
            Diagnosis.RECORD_EMPTIED,
            [at("authoritative", "too_few", "too_few")],
            "shop.example A has too few records at 2 of 2 authoritative servers",
        ),
        (
            Diagnosis.RECORD_EMPTIED,
            [at("authoritative", "too_few", "nodata")],
            "shop.example A is empty at 2 of 2 authoritative servers",
        ),
        (
            Diagnosis.RECORD_EMPTIED,
            [at("authoritative", "nodata", "timeout", "timeout", OK)],
            "shop.example A is empty at 1 and fails at 2 of 4 authoritative servers (2 timeout)",
        ),
        (
            Diagnosis.RECORD_EMPTIED,
            [at("authoritative", "nodata", "nodata", "timeout", "refused")],
            "shop.example A is empty at 2 and fails at 2 of 4 authoritative servers "
            "(1 timeout, 1 refused)",
        ),
        (
            Diagnosis.RECORD_EMPTIED,
            [at("authoritative", "nodata", "nodata", "timeout")],
            "shop.example A is empty at 2 of 3 authoritative servers",
        ),
        (
            Diagnosis.RECORD_EMPTIED,
            [at("recursive", "nodata", "nodata", OK)],
            "shop.example A is empty at 2 of 3 resolvers",
        ),
        (
            Diagnosis.AUTHORITATIVE_DOWN,
            [at("authoritative", "refused", "timeout", "timeout", OK)],
            "shop.example A fails at 3 of 4 authoritative servers (2 timeout, 1 refused)",
        ),
        (
            Diagnosis.AUTHORITATIVE_DOWN,
            [ALIAS, at("recursive", OK, "servfail", "timeout")],
            "shop.example A is an alias of b.test and fails at 2 of 3 resolvers "
            "(1 servfail, 1 timeout)",
        ),
        (
            Diagnosis.RECORD_EMPTIED,
            [ALIAS, at("recursive", OK, "nodata", "nxdomain")],
            "shop.example A is an alias of b.test and is empty at 2 of 3 resolvers",
        ),
        (
            Diagnosis.RESOLVER_FAULT,
            [at("authoritative", *[OK] * 4), at("recursive", OK, "nodata", OK)],
            "shop.example A is empty at 1 of 3 resolvers (recursive 2: nodata), "
            "while 4 of 4 authoritative servers answer,",
        ),
        (
            Diagnosis.RESOLVER_FAULT,
            [at("recursive", OK, "too_many", OK)],
            "shop.example A is wrong at 1 of 3 resolvers (recursive 2: too_many), "
            "while 2 of 3 resolvers answer,",
        ),
        (
            Diagnosis.RESOLVER_FAULT,
            [at("authoritative", OK), at("recursive", *["timeout"] * 4, "nodata")],
            "shop.example A fails at 5 of 5 resolvers (recursive 1: timeout, recursive 2: timeout, "
            "recursive 3: timeout and 2 more), while 1 of 1 authoritative servers answer,",
        ),
        (
            Diagnosis.RESOLVER_FAULT,
            [at("authoritative", "nodata", "nodata", OK), at("recursive", "refused")],
            "shop.example A fails at 1 of 1 resolvers (recursive 1: refused), "
            "and so do controls there,",
        ),
        (
            Diagnosis.WRONG_ANSWER,
            [at("authoritative", "wrong_answer", "wrong_answer", OK, detail=FOREIGN)],
            f"shop.example A is wrong at 2 of 3 authoritative servers ({FOREIGN})",
        ),
        (
            Diagnosis.WRONG_ANSWER,
            [at("authoritative", OK), at("recursive", "wrong_answer", detail=FOREIGN)],
            f"shop.example A is wrong at 1 of 1 resolvers ({FOREIGN})",
        ),
        (
            Diagnosis.DNSSEC_BOGUS,
            [at("recursive", OK, OK, "bogus")],
            "shop.example A is bogus at 1 of 3 resolvers (recursive 3),",
        ),
        (
            Diagnosis.DNSSEC_BOGUS,
            [ALIAS, at("recursive", OK, "bogus", "bogus"), at("dnssec", OK)],
            "shop.example A is an alias of b.test and is bogus at 2 of 3 resolvers "
            "(recursive 2, recursive 3),",
        ),
        (
            Diagnosis.DNSSEC_BOGUS,
            [
                at("recursive", "bogus"),
                at("dnssec", "bogus", detail=BROKEN, broken_at="shop.example"),
            ],
            "shop.example A is bogus at 1 of 1 resolvers (recursive 1), "
            f"the chain of trust breaks at shop.example ({BROKEN}),",
        ),
        (
            Diagnosis.DNSSEC_BOGUS,
            [
                at(
                    "dnssec",
                    "bogus",
                    detail="shop.example must be secure and is not",
                    broken_at=None,
                )
            ],
            "shop.example A is bogus, shop.example must be secure and is not,",
        ),
        (
            Diagnosis.DELEGATION_CHANGED,
            [at("delegation", "delegation", detail=MOVED, changed=True)],
            f"{MOVED},",
        ),
        (
            Diagnosis.DELEGATION_CHANGED,
            [at("delegation", OK), at("parent", OK, "wrong_answer", detail=MOVED)],
            f"{MOVED},",
        ),
        (Diagnosis.SERVICE_DOWN, [], "https://shop.example/ is down"),
    ],
)
def test_the_line_has_the_figures(
    diagnosis: Diagnosis, looks: Sequence[Sequence[Observation]], line: str
) -> None:
    """Each cause says how many of how many, by whose word, and what exactly is wrong."""
    assert said(diagnosis, *looks) == line


def test_a_parents_fault_names_the_zone_or_the_sibling() -> None:
    """A break above the zone is told by the zone it is at, or by the control that has it too."""
    above = at("dnssec", "bogus", detail="no key fits the DS", broken_at="example")
    resolver = at("recursive", "bogus")

    assert said(Diagnosis.PARENT_DNSSEC_BOGUS, above) == (
        "shop.example A is bogus, the chain of trust breaks at example (no key fits the DS),"
    )
    assert said(Diagnosis.PARENT_DNSSEC_BOGUS, resolver, control="bogus").endswith(
        "(recursive 1), and so is other.example A under the same parent,"
    )
    assert said(Diagnosis.DNSSEC_BOGUS, resolver, control="bogus").endswith("(recursive 1),")


def test_a_line_that_is_cut_keeps_its_beginning_and_says_that_it_goes_on() -> None:
    """What is wrong comes first, and nobody takes a part of a long sentence for all of it."""
    whole = "shop.example A is wrong at 1 of 1 authoritative servers ("
    for length in (700 - len(whole) - 1, 700 - len(whole), 5000):
        line = said(
            Diagnosis.WRONG_ANSWER, at("authoritative", "wrong_answer", detail="x" * length)
        )
        full = f"{whole}{length * 'x'})"
        assert line == (full if len(full) <= 700 else f"{full[:699]}…")


looks = st.lists(st.sampled_from([OK, UNKNOWN, "nodata", "timeout", "bogus", "wrong_answer"]))


@given(st.sampled_from(list(RULES)), looks, looks, st.text(max_size=2000))
def test_every_line_is_short_and_never_fails(
    diagnosis: Diagnosis, authoritative: list[str], recursive: list[str], detail: str
) -> None:
    """Whatever was seen and said, there is a line, and what comes after it has room.

    It never tells of none that fail, nor just that something does.
    """
    line = said(
        diagnosis,
        at("authoritative", *authoritative, detail=detail),
        at("recursive", *recursive, detail=detail),
        at("dnssec", "bogus", detail=detail, broken_at="example"),
        at("delegation", "delegation", detail=detail, changed=True),
    )

    assert 0 < len(line) <= 700
    assert " 0 of " not in line
    assert not line.endswith(" fails")


PAGE = CheckKey("shop", Kind.HTTP, "https://shop.example/")
GOOD = "as it should be"
"""What a look says that is well."""


def rounds(key: CheckKey, *servers: Sequence[str], every: float = 30) -> Ledger:
    """Return what was seen in rounds, a row for each server: its place, then what it gave each."""
    made = Ledger()
    for number in range(len(servers[0]) - 1):
        looks = []
        for i, (place, *words) in enumerate(servers):
            word = OK if words[number] == "ok" else words[number]
            looks.append(
                seen(
                    number * every,
                    word,
                    key=key,
                    subject=f"{place} {i}",
                    place=place,
                    detail=GOOD if word is OK else "broken",
                )
            )
        made.add(key, TIMING, looks)
    return made


@pytest.mark.parametrize(
    ("key", "diagnosis", "servers", "line"),
    [
        (
            KEY,
            Diagnosis.AUTHORITATIVE_DOWN,
            [["authoritative", "timeout", "ok", "timeout", "timeout", "ok"]],
            "shop.example A fails at 1 of 1 authoritative servers (1 timeout)",
        ),
        (
            KEY,
            Diagnosis.RESOLVER_FAULT,
            [
                ["authoritative", "ok", "ok", "ok", "ok", "ok"],
                ["recursive", "servfail", "ok", "servfail", "servfail", "ok"],
            ],
            "shop.example A fails at 1 of 1 resolvers (recursive 1: servfail), "
            "while 1 of 1 authoritative servers answer,",
        ),
        (
            KEY,
            Diagnosis.RESOLVER_FAULT,
            [["recursive", "servfail", "servfail"], ["recursive", "ok", "ok"]],
            "shop.example A fails at 1 of 2 resolvers (recursive 0: servfail), "
            "while 1 of 2 resolvers answer,",
        ),
        (
            PAGE,
            Diagnosis.SERVICE_DOWN,
            [["name", "timeout", "ok", "timeout", "timeout", "ok"]],
            "https://shop.example/ fails in 3 of the last 5 looks (3 timeout),",
        ),
        (
            PAGE,
            Diagnosis.SERVICE_DOWN,
            [["name", "ok", *["timeout"] * 4, "ok", *["timeout"] * 3, "ok"]],
            "https://shop.example/ fails in 7 of the last 9 looks (7 timeout),",
        ),
        (
            PAGE,
            Diagnosis.REGIONAL_FAILURE,
            [["name", "timeout", *["ok", "ok", "timeout"] * 4, "ok"]],
            "https://shop.example/ fails in 5 of the last 14 looks name 0 (5 timeout),",
        ),
        (PAGE, Diagnosis.SERVICE_DEGRADED, [["name", *["timeout"] * 9]], "broken,"),
        (
            PAGE,
            Diagnosis.SERVICE_DEGRADED,
            [["name", *["timeout", "ok", "ok", "ok"] * 3, "timeout"]],
            "https://shop.example/ fails in 4 of the last 13 looks name 0 (4 timeout),",
        ),
    ],
    ids=str,
)
def test_what_comes_and_goes_is_told_by_the_looks_that_failed(
    key: CheckKey, diagnosis: Diagnosis, servers: Sequence[Sequence[str]], line: str
) -> None:
    """Where the newest look of all was well, or there was nothing but failing, the line says so."""
    view = View(rounds(key, *servers), 30.0 * (len(servers[0]) - 2))

    assert cause(RULES[diagnosis], view) == line


given_words = st.sampled_from(["ok", "ok", "timeout", "nodata", "bogus", "wrong_answer"])


@given(
    st.sampled_from([KEY, PAGE]),
    st.integers(1, 20).flatmap(
        lambda length: st.lists(
            st.lists(given_words, min_size=length, max_size=length), min_size=2, max_size=4
        )
    ),
)
def test_no_line_tells_of_what_is_well(key: CheckKey, histories: list[list[str]]) -> None:
    """Whatever holds after whatever history, its line has reasons and no look that was well."""
    places = (["authoritative", "recursive"] if key is KEY else ["name", "address"]) * 2
    servers = [[place, *words] for place, words in zip(places, histories, strict=False)]
    ledger, now = rounds(key, *servers), 30.0 * (len(histories[0]) - 1)
    for rule in RULES.values():
        if rule.key == key and rule.judge(alone(ledger, now)).holds:
            line = cause(rule, View(ledger, now))
            assert not any(word in line for word in (GOOD, "None", "()", " 0 of ", "in 0 ")), line


ROUTE = CheckKey("shop", Kind.BGP, "192.0.2.0/24")
ROUTE_RULES = {rule.diagnosis: rule for rule in rules_for(ROUTE, TIMING, Severity.CRITICAL)}
SEEN = "192.0.2.0/24 by AS64500 is seen by 9 of 350 peers (3 %)"
LEFT = "9 of 350 peers (3 %) still reach its own origin"


@pytest.mark.parametrize(
    ("diagnosis", "feeds", "line"),
    [
        (
            Diagnosis.PREFIX_WITHDRAWN,
            [{"since": {"withdrawn": 1.0}}],
            "192.0.2.0/24 by AS64500 is seen by 9 of 350 peers (3 %),",
        ),
        (
            Diagnosis.PREFIX_WITHDRAWN,
            [{}, {"since": {"withdrawn": 1.0}}],
            "192.0.2.0/24 by AS64500 is seen by 9 of 350 peers (3 %) at 1 of 2 feeds,",
        ),
        (
            Diagnosis.ORIGIN_HIJACK,
            [{"since": {"origin": 1.0}, "foreign_origins": {"64667": 1.0, "64666": 12.0}}],
            f"192.0.2.0/24 is originated by AS64666 at 12 peer ASes, AS64667 at 1 peer AS; {LEFT},",
        ),
        (
            Diagnosis.ORIGIN_HIJACK,
            [
                {
                    "since": {"origin": 1.0},
                    "foreign_origins": {"64666": 12.0, "64667": 5.0},
                    "rpki_invalid": ["64666"],
                    "rpki_valid": ["64667"],
                },
                {},
            ],
            "192.0.2.0/24 is originated by AS64666 (RPKI invalid) at 12 peer ASes, "
            f"AS64667 (RPKI valid) at 5 peer ASes; {LEFT} at 1 of 2 feeds,",
        ),
        (Diagnosis.ORIGIN_HIJACK, [{"since": {"origin": 1.0}}], f"{SEEN},"),
        (
            Diagnosis.SUBPREFIX_HIJACK,
            [
                {
                    "since": {"more_specific": 1.0},
                    "more_specifics": {"192.0.2.0/25 AS64666": 40.0},
                }
            ],
            f"192.0.2.0/24 contains 192.0.2.0/25 by AS64666 at 40 peer ASes; {LEFT} "
            "for the rest of it,",
        ),
        (
            Diagnosis.ROUTE_LEAK,
            [{"since": {"path": 1.0}, "foreign_neighbours": {"64666": 40.0}}],
            f"192.0.2.0/24 is passed on by AS64666 at 40 peer ASes; {LEFT},",
        ),
    ],
)
def test_the_line_of_a_route(diagnosis: Diagnosis, feeds: list[dict], line: str) -> None:
    """A page about a route names who does what at how many ASes, and the share that is left."""
    ledger = Ledger()
    looks = [
        seen(
            0,
            "withdrawn",
            key=ROUTE,
            place=f"feed {i}",
            detail=SEEN,
            share=0.03,
            holding=9,
            of=350,
            **facts,
        )
        for i, facts in enumerate(feeds)
    ]
    ledger.add(ROUTE, TIMING, looks)
    assert cause(ROUTE_RULES[diagnosis], View(ledger, 0)) == line
