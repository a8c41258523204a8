"""What looks at a page mean: down, degraded, a bad certificate, and when it is none of them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import alone
from vedette.agent.alarms.alarm import Evidence, Memory, State, step
from vedette.agent.diagnoses.http import (
    LEAST,
    PACE,
    SHARE,
    WINDOW,
    intermittent,
    service_down,
    slow_edges,
)
from vedette.agent.diagnoses.names import RANK, Diagnosis
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.diagnoses.view import View, voice
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey, Ledger, Series
from vedette.agent.paging.headline import cause
from vedette.checks.finding import Fact, Finding, Kind, Observation, Verdict
from vedette.checks.http.reason import Reason
from vedette.checks.settings import Missing
from vedette.exporters.page import Severity

OK, FAILING, UNKNOWN = Verdict
TIMING = Timing(every=30, timeout=5, hold=15, clear=600)
URL = "https://shop.example/"
KEY = CheckKey("shop", Kind.HTTP, URL)
RULES = {rule.diagnosis: rule for rule in rules_for(KEY, TIMING, Severity.CRITICAL)}
DOWN, DEGRADED, CERTIFICATE = (
    Diagnosis.SERVICE_DOWN,
    Diagnosis.SERVICE_DEGRADED,
    Diagnosis.CERTIFICATE_INVALID,
)
EXPIRED, NAME = Reason.TLS_EXPIRED, Reason.TLS_NAME
Word = Verdict | Reason


def seen(at: float, word: Word, place: str, subject: str, **facts: Fact) -> Observation:
    verdict = word if isinstance(word, Verdict) else FAILING
    reason = {OK: None, UNKNOWN: Reason.UNREACHABLE}.get(verdict, word)
    finding = Finding(
        verdict=verdict,
        reason=Reason.STATUS if reason is FAILING else reason,
        detail=f"{URL} at {subject} says {word}",
        facts=facts,
    )
    return Observation(
        service="shop",
        check=URL,
        kind=Kind.HTTP,
        vantage="here",
        subject=subject,
        place=place,
        finding=finding,
        started_at=at,
        seconds=0.0,
    )


def by_name(word: Word, at: float = 0, **facts: Fact) -> Observation:
    return seen(at, word, "name", "by name", **facts)


def edges(*words: Word, at: float = 0, place: str = "address", **facts: Fact) -> list[Observation]:
    return [seen(at, word, place, f"192.0.2.{i}", **facts) for i, word in enumerate(words, 1)]


def ledger(*rounds: Sequence[Observation]) -> Ledger:
    made = Ledger()
    for round_ in rounds:
        made.add(KEY, TIMING, round_)
    return made


def holding(*looks: Observation, at: float = 0) -> set[Diagnosis]:
    fleet = alone(ledger(looks), at)
    return {diagnosis for diagnosis, rule in RULES.items() if rule.judge(fleet).holds}


def test_a_remembered_address_at_which_nobody_can_look_is_no_fault() -> None:
    """Not even where what is missing is taken for bad: a host may have no route to it for ever."""
    made, breaching = Ledger(), replace(TIMING, missing=Missing.BREACHING)
    for at in range(3):
        made.add(KEY, breaching, [by_name(OK, at), *edges(UNKNOWN, at=at, remembered=True)])
    fleet = alone(made, 2)

    assert not [diagnosis for diagnosis, rule in RULES.items() if rule.judge(fleet).holds]


def line(diagnosis: Diagnosis, *rounds: Sequence[Observation], at: float = 0) -> str:
    return cause(RULES[diagnosis], View(ledger(*rounds), at))


ONE_DEAD = [OK, OK, Reason.CONNECT_REFUSED, OK, OK, OK]


@pytest.mark.parametrize(
    ("looks", "diagnoses"),
    [
        ([by_name(OK), *edges(OK, OK)], set()),
        ([by_name(OK), *edges(*ONE_DEAD)], {DEGRADED}),
        ([by_name(Reason.DNS), *edges(OK, OK)], {DOWN}),
        ([by_name(Reason.DNS), *edges(*ONE_DEAD)], {DOWN}),
        (edges(*ONE_DEAD), {DEGRADED}),
        (edges(FAILING, FAILING), {DEGRADED}),
        ([by_name(OK), *edges(FAILING, FAILING)], {DEGRADED}),
        ([by_name(OK), *edges(OK, FAILING, remembered=True)], set()),
        (edges(FAILING, place="standby"), {DEGRADED}),
        (edges(EXPIRED, place="standby"), {DEGRADED}),
        ([by_name(EXPIRED), *edges(EXPIRED, EXPIRED)], {DOWN, CERTIFICATE}),
        ([by_name(NAME)], {DOWN, CERTIFICATE}),
        ([by_name(Reason.TLS_UNTRUSTED)], {DOWN, CERTIFICATE}),
        ([by_name(Reason.TLS_HANDSHAKE)], {DOWN}),
        ([by_name(OK), *edges(EXPIRED, OK, OK)], {DEGRADED}),
        ([by_name(OK), *edges(EXPIRED, EXPIRED, OK)], {DEGRADED, CERTIFICATE}),
        ([by_name(OK), *edges(NAME, NAME, remembered=True)], set()),
        ([by_name(OK, certificate_expiring=True)], {CERTIFICATE}),
        ([by_name(OK), *edges(OK, OK, certificate_expiring=True)], {CERTIFICATE}),
        (edges(OK, place="standby", certificate_expiring=True), {CERTIFICATE}),
    ],
)
def test_diagnoses(looks: list[Observation], diagnoses: set[Diagnosis]) -> None:
    """By name alone says down; addresses and a standby say degraded; a certificate says itself."""
    assert holding(*looks) == diagnoses


@pytest.mark.parametrize(
    ("address", "words", "is_down"),
    [
        ("192.0.2.3", ONE_DEAD, False),
        ("192.0.2.1", ONE_DEAD, True),
        ("192.0.2.3", [OK, FAILING, FAILING], True),
        ("192.0.2.3", [UNKNOWN, UNKNOWN, FAILING], True),
        ("198.51.100.1", ONE_DEAD, True),
    ],
)
def test_one_dead_address_is_not_the_service(
    address: str, words: list[Word], is_down: bool
) -> None:
    """A look by name that met the one dead address of many met an address; any other met a fault.

    The address must be seen to fail itself, and most of the others to serve.
    """
    looks = [by_name(Reason.CONNECT_REFUSED, address=address), *edges(*words)]

    assert (DOWN in holding(*looks)) is is_down
    assert (DEGRADED in holding(*looks)) is not is_down


WELL = [OK] * 6
LAST_DEAD = [*[OK] * 5, Reason.CONNECT_REFUSED]


@pytest.mark.parametrize(
    ("during", "after", "newest", "is_down"),
    [
        (LAST_DEAD, LAST_DEAD, (OK, "192.0.2.1"), False),
        (LAST_DEAD, WELL, (OK, "192.0.2.6"), False),
        (LAST_DEAD, WELL, (FAILING, "192.0.2.6"), False),
        (LAST_DEAD, [OK] * 5, (OK, "192.0.2.1"), False),
        ([FAILING] * 6, WELL, (OK, "192.0.2.1"), True),
        (WELL, WELL, (OK, "192.0.2.1"), True),
    ],
    ids=["others answer", "it is back", "it is just back", "it has left", "all failed", "none did"],
)
def test_a_bad_address_makes_no_outage_once_it_is_over(
    during: list[Word], after: list[Word], newest: tuple[Word, str], is_down: bool
) -> None:
    """Looks by name that met the one bad address of many are none, whatever the newest shows."""
    rounds = [
        [by_name(FAILING, at, address="192.0.2.6"), *edges(*during, at=at)]
        for at in (0, 30, 60, 90)
    ]
    word, address = newest
    last = [by_name(word, 120, address=address), *edges(*after, at=120)]

    assert RULES[DOWN].judge(alone(ledger(*rounds, last), 120)).holds is is_down


@pytest.mark.parametrize(
    ("words", "is_refused"),
    [([EXPIRED, OK, OK], False), ([EXPIRED, EXPIRED, OK], True), ([FAILING, OK, UNKNOWN], True)],
)
def test_one_edge_with_a_bad_certificate_is_not_the_service(
    words: list[Word], is_refused: bool
) -> None:
    """Whether people are woken is not left to which address a look by name came to."""
    looks = [by_name(EXPIRED, address="192.0.2.1"), *edges(*words)]

    assert (CERTIFICATE in holding(*looks)) is is_refused
    assert {DOWN, DEGRADED} & holding(*looks) == {DOWN if is_refused else DEGRADED}


def test_a_standby_whose_certificate_is_renewed_is_well_again() -> None:
    """What is told ahead of a failover target has an end, too."""
    ending = edges(OK, place="standby", certificate_expiring=True)
    renewed = alone(ledger(ending, edges(OK, at=1, place="standby")), 1)

    assert RULES[CERTIFICATE].judge(renewed).holds is False


def test_severities() -> None:
    """Degraded is a warning at most; a certificate is grave when it is refused, and else is not."""
    refused = alone(ledger([by_name(EXPIRED)]), 0)
    ending = alone(ledger([by_name(OK, certificate_expiring=True)]), 0)

    assert RULES[DEGRADED].severity is Severity.WARNING
    assert RULES[CERTIFICATE].graded(refused).severity is Severity.CRITICAL
    assert RULES[CERTIFICATE].graded(ending).severity is Severity.WARNING


def test_the_certificate_leads() -> None:
    """A page that is down for its certificate says certificate; degraded leads nothing."""
    assert RANK[CERTIFICATE] < RANK[DOWN] < RANK[DEGRADED]


def words_at(words: str, every: float = 30) -> Series:
    """Return a series by name: `x` failed, `.` was OK and `?` is unknown, oldest first."""
    made = Series(KEY, "by name", "name", TIMING)
    for i, word in enumerate(words):
        made.add(by_name({"x": FAILING, ".": OK, "?": UNKNOWN}[word], every * i))
    return made


def waves(words: str) -> Evidence:
    series = words_at(words)
    return intermittent(voice(series, series.last.started_at), TIMING.hold)


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        ("." * 30, False),
        ("x", False),
        ("x.x", False),
        ("x.x.x", True),
        ("x" + "." * 9 + "x" + "." * 9 + "x" + "." * 9, True),
        ("x" + "." * 10 + "x" + "." * 12 + "x" + "." * 9, False),
        ("x.x." + "." * 30 + "x", False),
        ("." * 20 + "xxxxxxxx" + "..", False),
        ("." * 20 + "xxxxxxxx", False),
        ("xx.xx.xx.", False),
        (".x.x.x" + "?" * 3, None),
        ("x?x.x.x", False),
        ("x?.x?.x?.", True),
        ("x?x?x?x", False),
    ],
)
def test_waves(words: str, holds: bool | None) -> None:
    """A tenth of the looks of a quarter of an hour, three at least, and no whole outage."""
    assert waves(words).holds is holds


@given(st.text("x.?", min_size=1, max_size=70))
def test_waves_by_definition(words: str) -> None:
    """The share is that of the looks within the window that are known and in no outage."""
    kept = words[-60:]
    inside = [w for i, w in enumerate(reversed(kept)) if 30 * i < WINDOW][::-1]
    runs = "".join(inside).split(".")
    bad = sum(run.count("x") for run in runs if len(run.strip("?")) < 2)
    known = bad + inside.count(".")
    expected = bad >= LEAST and bad >= SHARE * known

    assert waves(words).holds is (None if words[-1] == "?" else expected)


@pytest.mark.parametrize(("every", "bad", "holds"), [(9, 9, True), (11, 8, False), (30, 3, False)])
def test_a_tenth_is_of_all_looks_however_often_they_come(every: int, bad: int, holds: bool) -> None:
    """Of ninety looks in a quarter of an hour nine must fail; three are enough of thirty."""
    series = words_at(("." * (every - 1) + "x") * bad, every=10)

    assert intermittent(voice(series, 10.0 * every * bad), TIMING.hold).holds is holds


@pytest.mark.parametrize("place", ["address", "standby"])
def test_an_address_that_comes_and_goes_is_trouble_as_the_page_itself_would_be(place: str) -> None:
    """Looks at one address that fail now and then make the page degraded, since the first."""
    rounds = [
        [by_name(OK, 30.0 * i), *edges(FAILING if i % 4 == 1 else OK, OK, at=30.0 * i, place=place)]
        for i in range(13)
    ]
    evidence = RULES[DEGRADED].judge(alone(ledger(*rounds), 360))

    assert evidence == Evidence(True, 30, 270)


apart = st.lists(st.integers(0, 14).map(lambda half: 2 * half), max_size=5, unique=True)


@given(apart, st.integers(0, 5))
def test_a_blip_counts_once(blips: list[int], seconds: int) -> None:
    """However many looks each second have seen how long it lasts."""
    made = Series(KEY, "by name", "name", TIMING)
    for i in range(30):
        made.add(by_name(FAILING if i in blips else OK, 30.0 * i))
        if i in blips:
            for second in range(1, seconds + 1):
                made.add(by_name(FAILING if second < seconds else OK, 30.0 * i + second))
    known = 30 + (len(blips) if seconds else 0)
    expected = len(blips) >= LEAST and len(blips) >= SHARE * known

    assert intermittent(voice(made, 30.0 * 30), TIMING.hold).holds is expected


def test_it_neither_flaps_nor_stays() -> None:
    """One of four looks fails for an hour: one alarm, which clears when all is well again."""
    made, memory, states = Ledger(), Memory(), []
    for i in range(300):
        now = 30.0 * i
        bad = 40 <= i < 160 and i % 4 == 0
        made.add(KEY, TIMING, [by_name(FAILING if bad else OK, now)])
        evidence = RULES[DEGRADED].judge(alone(made, now))
        memory = step(memory, evidence, hold=TIMING.hold, clear=TIMING.clear, now=now)
        states.append(memory.state)

    changes = [i for i, state in enumerate(states[1:], 1) if state is not states[i - 1]]
    assert [states[i] for i in changes] == [State.ALARM, State.OK]
    assert changes[0] - 40 <= 600 / 30
    assert changes[1] - 160 <= 1500 / 30


def test_an_outage_leaves_no_degradation_behind() -> None:
    """What was down and is well again is not called degraded for a quarter of an hour."""
    rounds = [[by_name(FAILING if 5 <= i < 15 else OK, 30.0 * i)] for i in range(40)]
    for until in range(1, len(rounds)):
        now = rounds[until][0].started_at

        assert not RULES[DEGRADED].judge(alone(ledger(*rounds[: until + 1]), now)).holds


def test_latency_is_the_rule_of_the_check() -> None:
    """A slow edge is one that the check calls slow, and is reported as that address."""
    looks = [by_name(OK), *edges(OK, Reason.SLOW, OK)]

    assert holding(*looks) == {DEGRADED}
    assert "at 1 of 3 addresses (192.0.2.2: slow)" in line(DEGRADED, looks)


@pytest.mark.parametrize(
    ("diagnosis", "looks", "said"),
    [
        (
            DEGRADED,
            [by_name(OK), *edges(*ONE_DEAD)],
            f"{URL} fails at 1 of 6 addresses (192.0.2.3: connect_refused),",
        ),
        (
            DEGRADED,
            edges(FAILING, place="standby"),
            f"{URL} fails as a standby at 1 of 1 addresses (192.0.2.1: status),",
        ),
        (
            DEGRADED,
            [by_name(OK), *edges(OK, OK), *edges(FAILING, place="standby", status=503)],
            f"{URL} fails as a standby at 1 of 3 addresses (192.0.2.1: status 503),",
        ),
        (CERTIFICATE, [by_name(OK), *edges(OK, NAME, NAME)], f"{URL} at 192.0.2.2 says tls_name,"),
        (
            CERTIFICATE,
            [by_name(FAILING), *edges(OK, certificate_expiring=True)],
            f"{URL} at 192.0.2.1 says OK,",
        ),
    ],
)
def test_headlines(diagnosis: Diagnosis, looks: list[Observation], said: str) -> None:
    """The line names the addresses that fail, or quotes what was seen of the certificate."""
    assert line(diagnosis, looks) == said


def test_headline_of_waves() -> None:
    """Where nothing fails at present, the line says how many of how many looks did."""
    rounds = [
        [by_name(FAILING if i % 4 == 0 else OK, 30.0 * i), *edges(OK, at=30.0 * i)]
        for i in range(20)
    ]

    said = line(DEGRADED, *rounds, at=570)
    assert said == f"{URL} fails in 5 of the last 20 looks by name (5 status),"


@pytest.mark.parametrize(
    ("second", "facts", "said"),
    [
        (FAILING, {"remembered": True}, "5 of the last 20 looks by name (5 status, such as 503)"),
        (FAILING, {}, "5 of the last 20 looks by name (5 status, such as 503)"),
        (OK, {}, "7 of the last 20 looks at 192.0.2.1 (7 status)"),
    ],
    ids=["only remembered", "everywhere", "at one address"],
)
def test_headline_of_waves_names_what_is_judged(
    second: Word, facts: dict[str, Fact], said: str
) -> None:
    """An address is blamed that comes and goes more than others, and is looked at for itself."""
    rounds = []
    for i in range(20):
        word, at = FAILING if i % 3 == 0 else OK, 30.0 * i
        name = by_name(FAILING if i % 4 == 1 else OK, at, status=503)
        addresses = edges(word, second if word is FAILING else OK, at=at, **facts)
        rounds.append([name, *addresses])

    assert line(DEGRADED, *rounds, at=570) == f"{URL} fails in {said},"


def test_service_down_without_a_look_by_name() -> None:
    """Where nobody looks by name, nobody can say down or well."""
    voices = View(ledger(edges(FAILING, OK)), 0).of(KEY)

    assert service_down(voices).holds is None


def test_looks_of_a_blind_vantage_are_no_waves() -> None:
    """What failed while we saw nothing at all counts for nothing afterwards."""
    made = Ledger()
    for i, word in enumerate("x.x.x"):
        made.add(KEY, TIMING, [by_name(FAILING if word == "x" else OK, 30.0 * i)])
    made.disregard([])
    for i in range(5, 8):
        made.add(KEY, TIMING, [by_name(OK, 30.0 * i)])

    assert RULES[DEGRADED].judge(alone(made, 210)).holds is False


def paced(*seconds: float, looks: int = PACE) -> Ledger:
    """Return a ledger of *looks* rounds at addresses that take so long."""
    rounds = [
        [by_name(OK, at), *(e._replace(seconds=s) for e, s in zip(made, seconds, strict=True))]
        for at in range(0, 30 * looks, 30)
        if (made := edges(*[OK] * len(seconds), at=at))
    ]
    return ledger(*rounds)


@pytest.mark.parametrize(
    ("seconds", "slow"),
    [
        ((0.1, 0.1, 0.1, 2.0), True),
        ((0.1, 0.1, 2.0), True),
        ((0.1, 0.1, 0.59), False),
        ((1.0, 1.0, 1.0, 2.9), False),
        ((1.0, 1.0, 1.0, 3.1), True),
        ((0.1, 2.0), False),
        ((0.1, 2.0, 2.0, 2.0), False),
        ((2.0, 2.0, 2.0), False),
    ],
)
def test_an_edge_is_slow_by_what_the_others_take(seconds: tuple[float, ...], slow: bool) -> None:
    """One of three addresses or more is slow at thrice the usual time and half a second more."""
    fleet = alone(paced(*seconds), 30.0 * PACE)
    evidence = RULES[DEGRADED].judge(fleet)

    assert (evidence.holds is True) == slow
    assert RULES[DOWN].judge(fleet).holds is False
    if slow:
        assert (evidence.began_at, evidence.seen_at) == (0, 30.0 * (PACE - 1))
        assert f"is slow at 1 of {len(seconds)} addresses (192.0.2." in cause(
            RULES[DEGRADED], fleet.views["here"]
        )


def test_disturbed_looks_make_no_slow_edge() -> None:
    """Looks that took long for our own sake are left out, however many they are."""
    made = paced(0.1, 0.1, 0.1)
    for at in range(30 * PACE, 60 * PACE, 30):
        late = [e._replace(seconds=4.0) for e in edges(OK, at=at, disturbed=True)]
        made.add(KEY, TIMING, [by_name(OK, at), *late, *edges(OK, OK, OK, at=at)[1:]])

    assert RULES[DEGRADED].judge(alone(made, 60.0 * PACE)).holds is False


def test_an_address_that_fails_is_not_slow() -> None:
    """What takes its time to fail is told as failing, and makes none of the others slow."""
    rounds = [
        [
            by_name(OK, at),
            *(e._replace(seconds=s) for e, s in zip(made, (0.1, 0.1, 4.0), strict=True)),
        ]
        for at in range(0, 30 * PACE, 30)
        if (made := edges(OK, OK, FAILING, at=at))
    ]
    assert "fails at 1 of 3 addresses" in line(DEGRADED, *rounds, at=30 * PACE)
    assert not slow_edges(View(ledger(*rounds), 30 * PACE).of(KEY))


def test_a_slow_look_or_two_are_no_slow_edge() -> None:
    """Before there are enough looks nobody is slow, nor where most of the newest were quick."""
    few = alone(paced(0.1, 0.1, 2.0, looks=PACE - 1), 30.0 * PACE)
    assert RULES[DEGRADED].judge(few).holds is False

    made = paced(0.1, 0.1, 0.1, looks=3)
    for at in (90, 120):
        slow = [
            e._replace(seconds=s)
            for e, s in zip(edges(OK, OK, OK, at=at), (0.1, 0.1, 4), strict=True)
        ]
        made.add(KEY, TIMING, [by_name(OK, at), *slow])
    assert RULES[DEGRADED].judge(alone(made, 121)).holds is False
