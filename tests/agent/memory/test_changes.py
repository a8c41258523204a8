"""What changed: each change once, and none where only a rotation goes on or the agent restarts."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import cycle, islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import KEY, TIMING, seen
from vedette.agent.memory.changes import AT_MOST, CALM, RESTLESS, Changes
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.memory.statements import keep_past
from vedette.agent.memory.store import Store
from vedette.checks.finding import Kind, Observation, Verdict

EVERY = 30.0
HOUR = 3600.0
HTTP = CheckKey("shop", Kind.HTTP, "https://shop.example/")
ROUTE = CheckKey("shop", Kind.BGP, "192.0.2.0/24")
ONE, TWO, THREE = (f"192.0.2.{n}" for n in (1, 2, 3))


class Watcher:
    """Looks round by round, every EVERY seconds, and collects what is told."""

    def __init__(self, changes: Changes | None = None, key: CheckKey = KEY) -> None:
        self.changes = changes or Changes()
        self.key = key
        self.ledger = Ledger()
        self.at = 0.0
        self.events: list[Event] = []

    def look(self, *looks: Observation) -> None:
        """Take in one round."""
        self.ledger.add(self.key, TIMING, looks)
        events, _ = self.changes.see(self.key, self.ledger.of(self.key))
        self.events += events
        self.at += EVERY

    def answers(self, *sets: Sequence[str], place: str = "authoritative") -> None:
        """Take in one round in which ns0, ns1 and so on answer these sets."""
        self.look(
            *(
                seen(self.at, subject=f"ns{n}", place=place, answers=tuple(answers))
                for n, answers in enumerate(sets)
            )
        )

    @property
    def story(self) -> list[tuple[float, str, str, str]]:
        """When, what was before, what is after, and where."""
        return [
            (event.at, *(" ".join(event.detail[word]) for word in ("before", "after")),
             str(event.detail["server"]))
            for event in self.events
        ]  # fmt: skip


def watched(sets: Sequence[Sequence[str]]) -> Watcher:
    """Return who has seen one server answer these, one a round."""
    watcher = Watcher()
    for answers in sets:
        watcher.answers(answers)
    return watcher


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        ([[ONE]] * 40, []),
        ([[ONE]] * CALM + [[TWO]], [(CALM * EVERY, ONE, TWO, "ns0")]),
        ([[ONE]] * CALM + [[]], [(CALM * EVERY, ONE, "", "ns0")]),
        ([[ONE]] * (CALM - 1) + [[TWO]] * (CALM - 1), []),
        ([[ONE]] * (CALM - 1) + [[TWO]] * CALM, [((CALM - 1) * EVERY, ONE, TWO, "ns0")]),
        (
            [[ONE]] * CALM + [[TWO]] * CALM + [[ONE]],
            [(CALM * EVERY, ONE, TWO, "ns0"), (2 * CALM * EVERY, TWO, ONE, "ns0")],
        ),
        (
            [[ONE]] * CALM + [[TWO]] + [[THREE]] * CALM,
            [(CALM * EVERY, ONE, TWO, "ns0"), ((CALM + 1) * EVERY, TWO, THREE, "ns0")],
        ),
        ([[ONE, TWO]] * CALM + [[TWO, THREE]], [(CALM * EVERY, f"{ONE} {TWO}", f"{TWO} {THREE}",
                                                 "ns0")]),
    ],
    ids=["same", "new", "emptied", "young", "stood", "there and back", "by way of", "in part"],
)  # fmt: skip
def test_a_change_is_told_when_it_is_one(
    sets: Sequence[Sequence[str]], told: Sequence[tuple[float, str, str, str]]
) -> None:
    """After calm a change is told at once, else once it stands, dated when it was first seen."""
    assert watched(sets).story == told


@given(st.lists(st.sampled_from([(ONE,), (TWO,), (THREE,), ()]), min_size=1, max_size=RESTLESS - 1),
       st.integers(CALM, 2 * CALM))  # fmt: skip
def test_each_real_change_is_told_exactly_once(sets: list[tuple[str, ...]], looks: int) -> None:
    """What stands and then is another, is one event, and what stays is none."""
    story = watched([answers for answers in sets for _ in range(looks)]).story
    changes = [(" ".join(a), " ".join(b)) for a, b in pairwise(sets) if a != b]
    assert [(before, after) for _, before, after, _ in story] == changes


@given(st.integers(2, 16), st.integers(1, CALM - 1), st.integers(0, 200))
def test_a_rotation_gives_none(pool: int, looks: int, rounds: int) -> None:
    """Whatever goes round a pool, looks apart, is no change, however long it goes on."""
    sets = [(f"192.0.2.{n}",) for n in range(pool) for _ in range(looks)]
    assert watched(list(islice(cycle(sets), rounds))).events == []


@given(st.lists(st.sampled_from([ONE, TWO, THREE]), max_size=400))
def test_whatever_goes_on_there_is_a_bound(answers: list[str]) -> None:
    """No sequence of answers gives more events in an hour than it may; each tells of two values."""
    watcher = watched([[one] for one in answers])
    for event in watcher.events:
        assert event.detail["before"] != event.detail["after"]
        hour = [one for one in watcher.events if 0 <= one.at - event.at < HOUR]
        assert len(hour) <= AT_MOST


def test_what_begins_to_rotate_is_told_until_it_is_known_to() -> None:
    """A server that changes after long rests is told of a few times, then not before it rests."""
    watcher = watched([[one] for one in (ONE, TWO) * 8 for _ in range(CALM)])
    assert len(watcher.events) == RESTLESS - 1
    for _ in range(int(HOUR / EVERY)):
        watcher.answers([THREE])
    assert watcher.story[-1][2:] == (THREE, "ns0")
    assert len(watcher.events) == RESTLESS


def test_the_first_server_is_told_and_the_others_follow() -> None:
    """One change that reaches servers one after another is one event; so is its way back."""
    watcher = Watcher()
    for _ in range(CALM):
        watcher.answers([ONE], [ONE], [ONE])
    rounds = [([ONE], [TWO], [ONE]), ([TWO], [TWO], [ONE]), ([TWO], [TWO], [TWO])]
    back = [([TWO], [TWO], [ONE]), ([ONE], [TWO], [ONE]), ([ONE], [ONE], [ONE])]
    for one in rounds + [rounds[-1]] * CALM + back + [back[-1]] * CALM:
        watcher.answers(*one)
    assert [one[1:] for one in watcher.story] == [(ONE, TWO, "ns1"), (TWO, ONE, "ns2")]


def test_a_server_that_alone_goes_elsewhere_is_told() -> None:
    """That another server has changed does not excuse a different change, or an old answer."""
    watcher = Watcher()
    for _ in range(CALM):
        watcher.answers([ONE], [ONE])
    for one in [([TWO], [TWO])] * CALM + [([TWO], [THREE])] * CALM + [([TWO], [ONE])]:
        watcher.answers(*one)
    assert [one[1:] for one in watcher.story] == [
        (ONE, TWO, "ns0"),
        (TWO, THREE, "ns1"),
        (THREE, ONE, "ns1"),
    ]


def test_what_saw_nothing_changes_nothing() -> None:
    """Timeouts, errors and looks that could not be made say nothing of the record."""
    watcher = watched([[ONE]] * CALM)
    for word in ("timeout", "servfail", "refused", "lame", Verdict.UNKNOWN):
        watcher.look(seen(watcher.at, word, subject="ns0", answers=(), rcode="SERVFAIL"))
    watcher.answers([ONE])
    assert watcher.events == []
    watcher.look(seen(watcher.at, "nxdomain", subject="ns0", answers=(), rcode="NXDOMAIN"))
    assert watcher.story == [(watcher.at - EVERY, ONE, "", "ns0")]


def test_where_a_name_leads_is_its_answer() -> None:
    """Of a server that knows only a CNAME, the CNAME is what changes."""
    watcher = Watcher()
    for target in ["a.cdn.example"] * CALM + ["b.cdn.example"]:
        link = (f"shop.example -> {target}",)
        watcher.look(seen(watcher.at, subject="ns0", answers=(), chain=link))
    assert [one[1:3] for one in watcher.story] == [("CNAME a.cdn.example", "CNAME b.cdn.example")]


def test_servers_that_replace_all_others_are_held_against_them() -> None:
    """A name that is moved to other servers, which answer otherwise, has changed."""
    watcher = watched([[ONE]] * CALM)
    for _ in range(CALM):
        watcher.look(seen(watcher.at, subject="other", answers=(TWO,)))
    assert [one[1:] for one in watcher.story] == [(ONE, TWO, "other")]
    for _ in range(CALM):
        watcher.look(*(seen(watcher.at, subject=s, answers=(TWO,)) for s in ("other", "third")))
    assert len(watcher.events) == 1


def test_a_new_server_beside_others_begins_as_it_is() -> None:
    """A resolver, or one of several servers, that answers otherwise from the start is no change."""
    watcher = watched([[ONE]] * CALM)
    for _ in range(2 * CALM):
        watcher.look(
            seen(watcher.at, subject="ns0", answers=(ONE,)),
            seen(watcher.at, subject="ns1", answers=(TWO,)),
            seen(watcher.at, subject="9.9.9.9", place="recursive", answers=(THREE,)),
        )
    assert watcher.events == []


def zone(at: float, serials: Mapping[str, int], texts: Sequence[str]) -> list[Observation]:
    """Return the looks at a zone as a whole."""
    facts = {server: float(serial) for server, serial in serials.items()}
    return [
        seen(at, subject="s", place="agreement", zone="shop.example", serials=facts),
        seen(at, subject="d", place="delegation", zone="shop.example", delegation=tuple(texts)),
    ]


def test_a_zone_is_told_once_whatever_checks_look_at_it() -> None:
    """Serial and delegation of a zone are its own, not of each check of a name in it."""
    changes = Changes()
    twins = [Watcher(changes, CheckKey("shop", Kind.DNS, f"{n}.shop.example A")) for n in range(3)]
    for round_ in range(2 * CALM):
        late = round_ >= CALM
        for twin in twins:
            serials = {"ns1": 8 if late else 7, "ns2": 8 if round_ > CALM else 7}
            texts = ["ns1.shop.example", "ns1.shop.example 192.0.2.9"] if late else ["ns1.other"]
            twin.look(*zone(twin.at, serials, texts))
    assert [str(event) for twin in twins for event in twin.events] == [
        "serial_changed shop/0.shop.example A: shop.example: before 7; after 8; server ns1",
        "name_servers_changed shop/0.shop.example A: shop.example: appeared ns1.shop.example, "
        "ns1.shop.example 192.0.2.9; vanished ns1.other",
    ]


def certificate(at: float, serial: str, issuer: str = "CN=Good", subject: str = "by name"):
    """Return a look that saw this certificate."""
    return seen(
        at, key=HTTP, subject=subject, place="name", certificate_sha256=f"f{serial}{issuer}",
        certificate_serial=serial, certificate_issuer=issuer, certificate_not_after=86400.0,
    )  # fmt: skip


def test_a_certificate_is_told_with_its_issuer_and_end() -> None:
    """Another serial or issuer is a change, also on a look that fails for it; once for all."""
    watcher = Watcher(key=HTTP)
    for serial, issuer in [("01", "CN=Good")] * CALM + [("02", "CN=Evil")] * CALM:
        watcher.look(
            certificate(watcher.at, serial, issuer),
            certificate(watcher.at, serial, issuer, subject=ONE),
        )
    (event,) = watcher.events
    assert (event.name, event.subject) == (EventName.CERTIFICATE_CHANGED, HTTP.check)
    assert event.detail == {
        "before": "serial 01 of CN=Good until 1970-01-02 00:00:00 UTC",
        "after": "serial 02 of CN=Evil until 1970-01-02 00:00:00 UTC",
        "address": "by name",
    }


PART = "192.0.2.0/25 AS64666"


def routes(*rounds: Mapping[str, Mapping[str, float]] | None, feeds: Sequence[str] = ("ris-live",)):
    """Return what is told of feeds that see these strangers; None is a look that saw nothing."""
    watcher = Watcher(key=ROUTE)
    for facts in rounds:
        verdict, share = (Verdict.OK, {"share": 1.0}) if facts is not None else ("unseeded", {})
        watcher.look(
            *(
                seen(watcher.at, verdict, key=ROUTE, subject=ROUTE.check, place=feed, **share,
                     **(facts or {}))
                for feed in feeds
            )
        )  # fmt: skip
    return watcher.events


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([{}], []),
        ([{}, {"more_specifics": {PART: 1.0}}], [("more_specific_changed", "appeared", [PART])]),
        (
            [{"more_specifics": {PART: 1.0}}, {}],
            [("more_specific_changed", "appeared", [PART]),
             ("more_specific_changed", "vanished", [PART])],
        ),
        ([{}, None, {"foreign_origins": {"1": 9.0}}], [("origin_changed", "appeared", ["1"])]),
        ([{"foreign_origins": {"1": 9.0}}, None], [("origin_changed", "appeared", ["1"])]),
        ([{}, {"foreign_neighbours": {"7": 2.0}}], []),
        ([{}, {"foreign_neighbours": {"7": 3.0}}], [("neighbour_changed", "appeared", ["7"])]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("feeds", [("ris-live",), ("bmp", "ris-live")])
def test_routes_that_change_are_told_once(
    looks: list[Mapping[str, Mapping[str, float]] | None],
    told: list[tuple[str, str, list[str]]],
    feeds: Sequence[str],
) -> None:
    """A stranger is told of at once when it comes and goes, by the first feed that sees it."""
    events = routes(*looks, feeds=feeds)
    assert [
        (event.name, word, texts)
        for event in events
        for word, texts in event.detail.items()
        if word != "feed"
    ] == told
    assert all(event.detail["feed"] == feeds[0] for event in events)


def test_what_the_rate_forbids_is_counted() -> None:
    """Servers that each change now and then share one bound; what is more is told as a number."""
    watcher = Watcher()
    servers = [[f"198.51.100.{n}"] for n in range(2 * AT_MOST)]
    for _ in range(CALM):
        watcher.answers(*servers)
    for n in range(len(servers)):
        servers[n] = [f"203.0.113.{n}"]
        watcher.answers(*servers)
    assert len(watcher.events) == AT_MOST
    for _ in range(int(HOUR / EVERY)):
        watcher.answers(*servers)
    assert [event.detail for event in watcher.events[AT_MOST:]] == [{"more": str(AT_MOST)}]


def restarted(changes: Changes, folder: Path) -> Changes:
    """Return what the next process knows that keeps its state in *folder*."""
    with closing(Store(folder)) as store:
        store.write(map(keep_past, changes.due()))
    with closing(Store(folder)) as store:
        return Changes(store.pasts())


looks = st.lists(st.sampled_from([(ONE,), (TWO,), (ONE, TWO), ()]), max_size=40)


@given(looks, st.integers(0, 40))
def test_a_restart_gives_none_and_loses_none(sets: list[tuple[str, ...]], at: int) -> None:
    """The same is told of the same looks, wherever between them the agent is restarted."""
    watcher = Watcher()
    for n, answers in enumerate(sets):
        if n == at:
            with tempfile.TemporaryDirectory() as folder:
                watcher.changes = restarted(watcher.changes, Path(folder))
        watcher.answers(answers)
    assert watcher.story == watched(sets).story


@pytest.mark.parametrize(
    ("key", "look"),
    [
        (HTTP, lambda at, n: [certificate(at, str(n))]),
        (KEY, lambda at, n: zone(at, {"ns1": n}, ["ns1"])),
        (KEY, lambda at, n: zone(at, {"ns1": 1}, [f"ns{n}"])),
        (
            ROUTE,
            lambda at, n: [
                seen(at, key=ROUTE, subject=ROUTE.check, place="bmp", share=1.0,
                     foreign_origins={str(n): 1.0})
            ],
        ),
    ],
    ids=["certificate", "serial", "delegation", "origin"],
)  # fmt: skip
def test_what_changed_while_nobody_looked_is_told_at_the_first_look(
    key: CheckKey, look: Callable[[float, int], list[Observation]], tmp_path: Path
) -> None:
    """After a restart the first look is held against what was known: the same is no change."""
    watcher = Watcher(key=key)
    for _ in range(CALM):
        watcher.look(*look(watcher.at, 1))
    before = len(watcher.events)
    watcher.changes, watcher.ledger = restarted(watcher.changes, tmp_path), Ledger()
    watcher.look(*look(watcher.at, 1))
    assert len(watcher.events) == before
    watcher.changes, watcher.ledger = restarted(watcher.changes, tmp_path), Ledger()
    watcher.look(*look(watcher.at, 2))
    assert len(watcher.events) == before + 1


def test_what_is_kept_is_kept_once() -> None:
    """A past that has not changed is due no more, until a day has gone by."""
    watcher = watched([[ONE]] * CALM)
    assert [past.subject for past in watcher.changes.due()] == [KEY.check]
    watcher.answers([ONE])
    assert [*watcher.changes.due()] == []
    watcher.at += 86400
    watcher.answers([ONE])
    assert len([*watcher.changes.due()]) == 1


def test_a_clock_set_back_tells_nothing_twice() -> None:
    """Looks dated before the earlier ones are judged by their order."""
    watcher = watched([[ONE]] * CALM + [[TWO]] * CALM)
    watcher.at -= HOUR
    for _ in range(3 * CALM):
        watcher.answers([TWO])
    watcher.answers([THREE])
    assert [one[1:3] for one in watcher.story] == [(ONE, TWO), (TWO, THREE)]
