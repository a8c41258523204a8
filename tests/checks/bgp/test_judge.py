"""From how a prefix stands to verdict, reason and sentence."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from vedette.checks.bgp.judge import holds, judge, leading
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.foreign import Foreign
from vedette.checks.bgp.rib.standing import Standing
from vedette.checks.bgp.rpki.payloads import Validity
from vedette.checks.bgp.rpki.validation import Validation
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Verdict

WATCH = Watch("192.0.2.0/24", frozenset({64500}))
GONE = {Reason.WITHDRAWN: 5.0}


def standing(
    holding: int = 10,
    of: int = 10,
    unknown: int = 0,
    *,
    conditions: dict[Reason, float] | None = None,
    foreign: Iterable[Foreign] = (),
    fell_at: float | None = None,
    collapsed: bool = True,
    drains: bool = False,
) -> Standing:
    return Standing(
        share=holding / of if of else 0.0,
        holding=holding,
        of=of,
        unknown=unknown,
        enough=True,
        origins={64500: holding} | {row.asn: row.peers for row in foreign},
        announced=frozenset({64500}),
        neighbours={64496: holding},
        collectors=20,
        foreign=tuple(foreign),
        conditions=conditions or {},
        in_doubt=frozenset(),
        fell_at=fell_at,
        collapsed=collapsed,
        drains=drains,
        since=5.0,
    )


def stranger(reason: Reason, prefix: str = WATCH.prefix, peers: int = 12) -> Foreign:
    return Foreign(reason, prefix, 64666, peers, peers, 6.0)


@pytest.mark.parametrize(
    ("holding", "conditions", "reason"),
    [
        (10, {}, None),
        (6, {}, None),
        (5, {Reason.PARTIALLY_WITHDRAWN: 4.0}, Reason.PARTIALLY_WITHDRAWN),
        (2, GONE, Reason.WITHDRAWN),
        (10, {Reason.ORIGIN: 4.0}, Reason.ORIGIN),
        (10, {Reason.PATH: 4.0, Reason.MORE_SPECIFIC: 3.0}, Reason.MORE_SPECIFIC),
    ],
)
def test_the_reason_is_what_came_first(
    holding: int, conditions: dict[Reason, float], reason: Reason | None
) -> None:
    """What is wrong makes it fail, and what was wrong first is the reason."""
    finding = judge(WATCH, standing(holding, conditions=conditions), feed="ris-live")
    assert finding.reason is reason
    assert finding.verdict is (Verdict.FAILING if reason else Verdict.OK)


@pytest.mark.parametrize(
    ("reason", "holding", "conditions", "expected"),
    [
        (Reason.WITHDRAWN, 8, {}, False),
        (Reason.WITHDRAWN, 7, {}, None),
        (Reason.WITHDRAWN, 2, GONE, True),
        (Reason.PARTIALLY_WITHDRAWN, 2, GONE, None),
        (Reason.PARTIALLY_WITHDRAWN, 5, {Reason.PARTIALLY_WITHDRAWN: 4.0}, True),
        (Reason.PARTIALLY_WITHDRAWN, 8, {}, False),
        (Reason.ORIGIN, 10, {}, False),
        (Reason.ORIGIN, 10, {Reason.ORIGIN: 4.0}, True),
    ],
)
def test_between_withdrawn_and_recovered_nothing_is_said(
    reason: Reason, holding: int, conditions: dict[Reason, float], expected: bool | None
) -> None:
    """A withdrawal is over at four fifths of the peers; below, it neither holds nor is over."""
    assert holds(reason, standing(holding, conditions=conditions)) is expected


@pytest.mark.parametrize(
    ("fell_at", "how", "expected"),
    [
        (3.0, "collapsed", None),  # the own routes went first: others are seen because of that
        (33.0, "collapsed", None),  # it shows first where they go first, long before most are gone
        (34.0, "collapsed", True),  # the foreign origin came first, and has nothing to do with that
        (3.0, "drains", None),
        (34.0, "drains", True),
        (3.0, "", True),  # most peers have had the right one all the time
        (None, "", True),
    ],
)
def test_order_is_kept(fell_at: float | None, how: str, expected: bool | None) -> None:
    """A foreign origin is a symptom of a collapse that it comes with, or after."""
    stands = standing(
        conditions={Reason.ORIGIN: 4.0},
        fell_at=fell_at,
        collapsed=how == "collapsed",
        drains=how == "drains",
    )
    assert holds(Reason.ORIGIN, stands) is expected


def test_detail_and_facts() -> None:
    """The sentence has numbers, and a foreign origin beside the withdrawal is named."""
    seen = standing(3, 350, conditions=GONE, foreign=(stranger(Reason.ORIGIN),), fell_at=3.0)
    finding = judge(WATCH, seen, feed="ris-live")
    assert finding.detail == (
        "192.0.2.0/24 by AS64500 is seen by 3 of 350 peers (1 %); 12 peers see it by AS64666"
    )
    assert finding.facts == {
        "share": 0.0086, "holding": 3, "of": 350, "unknown": 0, "collectors": 20,
        "origins": {"64500": 3.0, "64666": 12.0}, "neighbours": {"64496": 3.0},
        "feed": "ris-live", "since": {"withdrawn": 5.0}, "undecided": ["partially_withdrawn"],
        "taken": False, "foreign_origins": {"64666": 12.0}, "more_specifics": {},
        "foreign_neighbours": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "holding", "peers", "taken"),
    [
        (Reason.ORIGIN, 4, 6, True),
        (Reason.ORIGIN, 0, 9, True),
        (Reason.ORIGIN, 0, 8, False),  # two of ten have no route at all
        (Reason.ORIGIN, 4, 5, False),
        (Reason.ORIGIN, 10, 3, False),  # nobody has lost it
        (Reason.PATH, 4, 6, False),
    ],
)
def test_who_follows_a_stranger_is_taken(
    reason: Reason, holding: int, peers: int, taken: bool
) -> None:
    """A prefix is taken where nearly all of ten who lost it have it by a foreign origin."""
    stands = standing(holding, foreign=[stranger(reason, peers=peers)])
    assert judge(WATCH, stands, feed="ris-live").facts["taken"] is taken


def test_details_of_parts_and_paths() -> None:
    """A more-specific is named with its origin, a foreign neighbour with what it does."""
    rows = [stranger(Reason.MORE_SPECIFIC, "192.0.2.0/25", 1), stranger(Reason.PATH, peers=40)]
    rows += [stranger(Reason.PATH, peers=2)] * 2
    finding = judge(replace(WATCH, origins={1, 64500}), standing(foreign=rows), feed="ris-live")
    assert finding.detail == (
        "192.0.2.0/24 by AS1 or AS64500 is seen by 10 of 10 peers (100 %); "
        "1 peer sees 192.0.2.0/25 by AS64666; 40 peers see it passed on by AS64666 and 2 more"
    )
    assert finding.facts["more_specifics"] == {"192.0.2.0/25 AS64666": 1.0}


def test_an_invalid_own_route_is_a_reason_of_its_own() -> None:
    """What relying parties drop fails although every peer that we see has it."""
    finding = judge(WATCH, standing(), feed="ris-live", invalid_since=7.0)
    assert (finding.reason, finding.facts["since"]) == (Reason.RPKI_INVALID, {"rpki_invalid": 7.0})


@pytest.mark.parametrize(
    ("own", "said", "undecided"),
    [
        (Validity.VALID, "", ["origin"]),
        (Validity.NOT_FOUND, "", ["origin"]),
        (Validity.INVALID, "; it is RPKI-invalid, so networks that validate drop it", ["origin"]),
        (None, "", ["origin", "rpki_invalid"]),
    ],
)
def test_what_a_validator_says_is_told(own: Validity | None, said: str, undecided: object) -> None:
    """The own route's state and those of strangers are facts; an unknown one is not over."""
    seen = standing(conditions={Reason.ORIGIN: 6.0}, fell_at=3.0)
    foreign = {"64666": Validity.VALID, "64667": Validity.INVALID, "64668": Validity.NOT_FOUND}
    finding = judge(WATCH, seen, feed="ris-live", validation=Validation(own, foreign, 90.0))
    assert finding.detail == f"192.0.2.0/24 by AS64500 is seen by 10 of 10 peers (100 %){said}"
    assert (finding.facts["rpki"], finding.facts["undecided"]) == (own, undecided)
    assert finding.facts["roa_expires_at"] == 90.0
    assert (finding.facts["rpki_valid"], finding.facts["rpki_invalid"]) == (["64666"], ["64667"])


def test_a_symptom_is_no_reason() -> None:
    """A foreign origin that a collapse let show makes nothing fail, and is not over either."""
    seen = standing(3, 350, conditions=GONE | {Reason.ORIGIN: 4.0}, fell_at=3.0)
    finding = judge(WATCH, seen, feed="ris-live")
    assert (finding.reason, finding.facts["since"]) == (Reason.WITHDRAWN, {"withdrawn": 5.0})
    assert finding.facts["undecided"] == ["partially_withdrawn", "origin"]


def test_leading() -> None:
    """Of what began at once, the gravest leads; of nothing, nothing does."""
    assert leading({Reason.PATH: 1.0, Reason.WITHDRAWN: 1.0}) is Reason.WITHDRAWN
    assert leading({}) is None


def test_unknown() -> None:
    """Silence, a missing seed, too small a baseline and lost sessions are UNKNOWN."""
    silent = judge(WATCH, standing(0, 9), feed="ris-live", silence="it is quiet")
    unseeded = judge(WATCH, None, feed="ris-live")
    lost = judge(WATCH, standing(0, 4, 5), feed="ris-live")
    few = judge(WATCH, replace(standing(0, 1, 1), enough=False), feed="ris-live")
    assert {f.verdict for f in (silent, unseeded, lost, few)} == {Verdict.UNKNOWN}
    assert silent.reason is lost.reason is Reason.FEED_STALE
    assert unseeded.reason is few.reason is Reason.UNSEEDED
    assert lost.detail == "the sessions of 5 of 9 peers with 192.0.2.0/24 are down"
    assert few.detail == "too few peers ever had 192.0.2.0/24 to judge by: 2"
    assert [f.facts.get("too_few") for f in (silent, unseeded, lost, few)] == [None, None, None, 2]


def test_strangers_are_judged_however_few_had_the_prefix() -> None:
    """A hijack of a prefix that two peers had, or a feed never, is one; its end is UNKNOWN."""
    hijacked = replace(standing(0, 0), enough=False, conditions={Reason.ORIGIN: 50.0})
    found = judge(WATCH, hijacked, feed="bmp", invalid_since=40.0)
    assert (found.verdict, found.reason) == (Verdict.FAILING, Reason.ORIGIN)
    assert found.facts["since"] == {"origin": 50.0}
    assert (found.facts["too_few"], found.facts["share"]) == (0, None)
    over = judge(WATCH, replace(hijacked, conditions={}), feed="bmp", silence="has no router")
    assert (over.reason, over.facts["too_few"]) == (Reason.FEED_STALE, 0)


def test_strangers_are_judged_though_most_sessions_are_down() -> None:
    """What is heard of a hijack is one, and says nothing of what was wrong beside it."""
    strangers = [stranger(Reason.ORIGIN, peers=3)]
    few = standing(1, 4, 6, conditions={Reason.ORIGIN: 50.0}, foreign=strangers, collapsed=False)
    own = Validation(Validity.VALID, {})
    found = judge(WATCH, few, feed="ris-live", validation=own)
    assert (found.verdict, found.reason, found.facts["share"]) == (
        Verdict.FAILING,
        Reason.ORIGIN,
        None,
    )
    assert found.detail == (
        "the sessions of 6 of 10 peers with 192.0.2.0/24 are down; 3 peers see it by AS64666"
    )
    right = judge(WATCH, replace(few, share=1.0), feed="ris-live", validation=own)
    for finding in (found, right):
        assert finding.facts["undecided"] == ["withdrawn", "partially_withdrawn", "rpki_invalid"]
