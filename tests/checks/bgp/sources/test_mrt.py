"""The MRT source: files that grow, rotate and break, and those of a real BIRD."""

import bz2
import gzip
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.checks.bgp.sources.listening import listening
from tests.checks.bgp.wire.made import (
    AT,
    PEER,
    Everything,
    bgp4mp,
    body,
    held,
    index_table,
    message,
    nlri,
    rib,
    update,
)
from tests.servers.bird import bird
from tests.servers.gobgp import gobgp
from tests.servers.speaker import Route, speaker
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.settings import MrtSettings
from vedette.checks.bgp.sources.mrt import SETTLED, Files, Mrt, mrt_feed
from vedette.checks.bgp.update import Announce, EndOfRib, PeerState, Update, Withdraw
from vedette.checks.bgp.watch import Watch
from vedette.checks.bgp.wire.interest import Interest

NOW = 1_700_000_000.0
V4, V6 = "198.51.100.0/24", "2001:db8:5::/48"


def announced(number: int) -> bytes:
    """Return a record of a second of its own, in which a prefix of its own is announced."""
    return update(AT + number, announced=[nlri(f"10.0.{number}.0/24")], path=(64511, 64500))


def written(path: Path, octets: bytes, age: float = 0.0, *, mode: str = "wb") -> None:
    """Write a file as if it had been written *age* seconds before NOW."""
    with path.open(mode) as file:
        file.write(octets)
    os.utime(path, (NOW - age, NOW - age))


def files(folder: Path, **settings: object) -> Files:
    return Files(MrtSettings(files=f"{folder}/*", **settings), Everything())  # type: ignore[arg-type]


def poll(following: Files, now: float = NOW) -> tuple[list[str], list[str]]:
    """Return the third octets of the prefixes that one poll tells of, and the errors."""
    told: list[str] = []
    errors: list[str] = []
    for batch in following.batches(now):
        told += [u.prefix.split(".")[2] for u in batch.updates if isinstance(u, Announce)]
        errors += batch.errors
    return told, errors


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress], ids=["plain", "gz", "bz2"])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_file_that_grows(tmp_path: Path, pack: Callable[[bytes], bytes], step: int) -> None:
    """Wherever the writer pauses, each record is told once, and nothing is an error."""
    packed = pack(b"".join(map(announced, range(20))))
    packed += pack(b"".join(map(announced, range(20, 25))))
    following, told = files(tmp_path), list[str]()
    for start in range(0, len(packed), step):
        written(tmp_path / "updates", packed[start : start + step], mode="ab")
        more, errors = poll(following)
        told += more
        assert errors == []
    assert told == [str(number) for number in range(25)]
    assert poll(following, NOW + SETTLED + 1) == ([], [])
    following.close()


def test_files_in_the_order_of_their_writing(tmp_path: Path) -> None:
    """Names do not matter: `log.2` of a rotation is older than `log.1`; equal times go by name."""
    for number, (name, age) in enumerate([("log.2", 9), ("log.1", 6), ("a", 3), ("b", 3)]):
        written(tmp_path / name, announced(number), age)
    following = files(tmp_path)
    assert poll(following) == (["0", "1", "2", "3"], [])
    assert poll(following) == ([], [])
    following.close()


def test_rotation(tmp_path: Path) -> None:
    """A renamed file is read on, within the pattern or out of it, and not read anew."""
    (tmp_path / "old").mkdir()
    written(tmp_path / "log", announced(0))
    following = files(tmp_path)
    assert poll(following) == (["0"], [])
    (tmp_path / "log").rename(tmp_path / "log.1")
    written(tmp_path / "log.1", announced(1), mode="ab")
    written(tmp_path / "log", announced(2), -1)
    assert poll(following) == (["1", "2"], [])
    written(tmp_path / "log", announced(3)[:20], mode="ab")
    (tmp_path / "log").rename(tmp_path / "old/log")
    assert poll(following) == ([], [])
    written(tmp_path / "old/log", announced(3)[20:], mode="ab")
    assert poll(following) == (["3"], [])
    assert poll(following, NOW + SETTLED + 1) == ([], [])
    following.close()


def test_a_file_is_cut_and_written_anew(tmp_path: Path) -> None:
    """A file that became shorter, or begins otherwise, is another file."""
    log = tmp_path / "log"
    written(log, announced(0) + announced(1))
    following = files(tmp_path)
    poll(following)
    written(log, announced(2))
    assert poll(following) == (["2"], [])
    written(log, announced(3) + announced(4) + announced(5))
    assert poll(following) == (["3", "4", "5"], [])
    following.close()


def test_two_files_that_grow_in_turns(tmp_path: Path) -> None:
    """A record that is half written in one file does not spoil the next file."""
    following = files(tmp_path)
    written(tmp_path / "a", announced(0)[:30])
    assert poll(following) == ([], [])
    written(tmp_path / "b", announced(1))
    assert poll(following) == (["1"], [])
    written(tmp_path / "a", announced(0)[30:], mode="ab")
    assert poll(following) == (["0"], [])
    following.close()


def test_a_record_that_ends_after_its_file_was_taken_for_complete(tmp_path: Path) -> None:
    """A writer that pauses for long within a record is told of, and what it adds is read on."""
    following = files(tmp_path)
    written(tmp_path / "log", announced(0) + announced(1)[:30])
    assert poll(following) == (["0"], [])
    assert poll(following, NOW + SETTLED + 1) == ([], ["log: it ends within a record"])
    written(tmp_path / "log", announced(1)[30:] + announced(2), mode="ab")
    assert poll(following) == (["1", "2"], [])
    following.close()


def test_old_files_are_left_alone(tmp_path: Path) -> None:
    """What was last written more than max_age ago is not read, until it grows."""
    written(tmp_path / "old", announced(0), 3601)
    written(tmp_path / "new", announced(1), 3599)
    following = files(tmp_path, max_age="1h")
    assert poll(following) == (["1"], [])
    written(tmp_path / "old", announced(2), mode="ab")
    assert poll(following) == (["0", "2"], [])
    following.close()


def test_broken_files(tmp_path: Path) -> None:
    """Each fault is told once, by the file's name, and the other files are read."""
    whole = gzip.compress(b"".join(map(announced, range(50))))
    written(tmp_path / "a.gz", whole[: len(whole) // 2], 100)
    written(tmp_path / "b.gz", whole[:40] + b"\xff" * 40 + whole[80:], 99)
    written(tmp_path / "c.mrt", announced(60)[:-1], 98)
    written(tmp_path / "d.bz2", b"BZh9" + bytes(100), 97)
    written(tmp_path / "e.mrt", announced(61) + bgp4mp(b"?") + announced(62), 96)
    written(tmp_path / "f", b"", 95)
    following = files(tmp_path)
    told, errors = poll(following)
    assert told[-2:] == ["61", "62"]
    assert [error.split(":")[0] for error in errors] == ["a.gz", "b.gz", "c.mrt", "d.bz2", "e.mrt"]
    assert errors[0] == "a.gz: it ends within a record"
    assert errors[1].startswith("b.gz: it cannot be read: ")
    assert poll(following) == ([], [])
    following.close()


async def test_no_file() -> None:
    """A pattern that finds nothing is said, and is not up."""
    settings = MrtSettings(files="/nonexistent/*.mrt", every=0.1)
    feed = mrt_feed([Watch(V4, frozenset({64500}))], settings, lambda: NOW)
    assert feed.source == "mrt"
    async with listening(Mrt(settings, Everything(), lambda: NOW), lambda: NOW) as heard:
        await heard.until(lambda: bool(heard.intake.trouble))
        assert heard.intake.trouble == "finds no file /nonexistent/*.mrt"
        assert heard.intake.up_at is None


async def test_what_is_old_is_not_believed_though_it_is_read_now(tmp_path: Path) -> None:
    """After a restart beside a collector that stopped, its files say nothing until it goes on."""
    written(tmp_path / "updates", announced(0), age=1801)
    settings = MrtSettings(files=f"{tmp_path}/*", every=0.1)
    async with listening(Mrt(settings, Everything(), lambda: NOW), lambda: NOW) as heard:
        await heard.until(lambda: bool(heard.intake.trouble))
        assert heard.intake.trouble == "has been silent for more than 1800 s"
        assert (len(heard.updates), heard.intake.up_at) == (1, None)
        written(tmp_path / "updates", announced(1), mode="ab")
        await heard.until(lambda: heard.intake.up_at is not None)
        assert (len(heard.updates), heard.intake.trouble) == (2, "")


async def test_nothing_is_dropped(tmp_path: Path) -> None:
    """However much there is to read, it waits until there is room."""
    record = update(announced=[nlri(V4)] * 500, path=(64511,))
    written(tmp_path / "updates", record * 300)
    source = Mrt(MrtSettings(files=f"{tmp_path}/*", every=0.1), Interest([V4]), lambda: NOW)
    async with listening(source, lambda: NOW) as heard:
        await heard.until(lambda: len(heard.updates) == 150_000)
        assert heard.intake.drops == 0


async def test_messages_of_bird(tmp_path: Path) -> None:
    """BIRD's dump of a session with GoBGP, as it grows: ADD-PATH, wide AS numbers, both versions.

    A prefix is withdrawn when its last path is, and a session that ends is down, not withdrawn.
    """
    one, other = (speaker(n, 4_200_000_000 + n, add_path=True) for n in (11, 12))
    first, second = Route(V4, (4_200_000_099, 64500)), Route(V4, (64501, 64500))
    with bird(tmp_path / "bird", one, other) as server, gobgp(tmp_path / "go", other, one) as go:
        settings = MrtSettings(files=str(server.messages), collector="bird", every=0.1)
        source = Mrt(settings, Interest([V4, V6]), time.time)
        async with listening(source, time.time) as heard:
            await heard.until(lambda: heard.of(PeerState) == [(True,)])
            go.announce(first, second, Route(V6), Route("203.0.113.0/24"))
            await heard.until(lambda: len(heard.of(Announce)) == 3)
            assert sorted(heard.of(Announce)) == [
                (V4, (other.asn, *second.path)),
                (V4, (other.asn, *first.path)),
                (V6, (other.asn,)),
            ]
            go.withdraw(second)
            await heard.until(lambda: len(heard.of(Announce)) == 4)
            assert heard.of(Announce)[3] == (V4, (other.asn, *first.path))
            go.withdraw(first, Route(V6))
            await heard.until(lambda: len(heard.of(Withdraw)) == 2)
            assert sorted(heard.of(Withdraw)) == [(V4,), (V6,)]
            server.hang_up()
            await heard.until(lambda: heard.of(PeerState) == [(True,), (False,)])
            assert len(heard.of(Withdraw)) == 2
            assert {each.peer for each in heard.updates} == {Peer("bird", other.host)}  # type: ignore[union-attr]
            assert (heard.intake.errors, heard.intake.up_at is not None) == (0, True)


async def test_tables_of_bird(tmp_path: Path) -> None:
    """A RIB dump of BIRD's tells who holds what, and once it is complete, that this was all."""
    one, other = (speaker(n, 4_200_000_000 + n) for n in (13, 14))
    with (
        bird(tmp_path / "bird", one, other, period=1) as server,
        gobgp(tmp_path / "go", other, one) as go,
    ):
        messages = MrtSettings(files=str(server.messages), every=0.1)
        async with listening(Mrt(messages, Everything(), time.time), time.time) as heard:
            await heard.until(lambda: heard.of(PeerState) == [(True,)])
            go.announce(Route(V4, (64500,)), Route(V6))
            await heard.until(lambda: len(heard.of(Announce)) == 2)
        before = len(server.tables())
        await heard.until(lambda: len(server.tables()) > before + 1)
    table = server.tables()[-1]
    told: list[Update] = []
    settings = MrtSettings(files=str(table), collector="bird")
    for batch in Files(settings, Interest([V4, V6])).batches(time.time() + SETTLED + 1):
        assert batch.errors == []
        told += batch.updates
    held = {(u.peer.address, u.prefix, u.path) for u in told if isinstance(u, Announce)}
    assert held == {(other.host, V4, (other.asn, 64500)), (other.host, V6, (other.asn,))}
    ends = {(u.peer.address, u.version) for u in told if isinstance(u, EndOfRib)}
    assert {(other.host, 4), (other.host, 6)} <= ends


def test_peer_of_a_record(tmp_path: Path) -> None:
    """The collector's name is the setting's, since MRT has none."""
    written(tmp_path / "updates", announced(0))
    following = files(tmp_path, collector="rrc00")
    (batch,) = following.batches(NOW)
    assert batch.records == 1
    assert batch.updates[0].peer == Peer("rrc00", PEER)  # type: ignore[union-attr]
    following.close()


def dump(at: int, *prefixes: str, by: Sequence[int] = (0, 1, 2)) -> bytes:
    """Return a RIB dump as of *at*, in which the peers of these numbers have *prefixes*."""
    peers = [(f"198.51.100.{n}", 64511 + n, 2) for n in range(10)]
    routes = [(n, held((64511 + n, 64500))) for n in by]
    tables = (rib(2, prefix, *routes, at=at) for prefix in prefixes)
    return index_table(*peers, at=at) + b"".join(tables)


@pytest.mark.parametrize("cut", [0, 1], ids=["whole", "cut off"])
def test_dumps_alone_tell_of_a_withdrawal(tmp_path: Path, cut: int) -> None:
    """A prefix that a whole dump does not list any more is withdrawn; of half a dump, it is not."""
    routes = Routes([Watch(V4, frozenset({64500}))], learn=True)
    following = files(tmp_path)
    first = dump(int(NOW) - 600, V4, "10.0.0.0/8")
    second = dump(int(NOW) - 300, "10.0.0.0/8", "11.0.0.0/8")
    for name, octets, age in (("1", first, 590), ("2", second[: len(second) - cut], 290)):
        written(tmp_path / name, octets, age)
        for batch in following.batches(NOW - age + SETTLED + 1):
            for said in batch.updates:
                routes.apply(said, NOW)
    following.close()
    standing = routes.standing(V4)
    assert standing is not None
    assert (standing.holding, standing.of) == ((3, 3) if cut else (0, 3))


def stood(folder: Path, routes: Routes, *dumps: bytes) -> tuple[int, int, int]:
    """Return who has V4, of whom, and who is unknown, after *dumps*, ten minutes apart."""
    following = files(folder)
    for number, octets in enumerate(dumps):
        written(folder / str(number), octets, age := 600 * (len(dumps) - number))
        for batch in following.batches(NOW - age + SETTLED + 1):
            for said in batch.updates:
                routes.apply(said, NOW - age + SETTLED)
    following.close()
    standing = routes.standing(V4)
    assert standing is not None
    return standing.holding, standing.of, standing.unknown


def test_a_peer_that_dumps_list_no_more_is_unknown(tmp_path: Path) -> None:
    """Whose session went between two dumps has no route for ever, and hides no withdrawal."""
    at, ten, rest = int(NOW) - 1800, range(10), range(3, 10)
    routes = Routes([Watch(V4, frozenset({64500}))], learn=True)
    dumps = [
        dump(at, V4, "10.0.0.0/8", by=ten),
        dump(at + 600, V4, "10.0.0.0/8", by=rest),
        dump(at + 1200, "10.0.0.0/8", by=rest),
    ]
    assert stood(tmp_path, routes, *dumps[:2]) == (7, 7, 3)
    assert stood(tmp_path, routes, *dumps) == (0, 7, 3)
    assert set(routes.standing(V4).conditions) == {Reason.WITHDRAWN}  # type: ignore[union-attr]


def test_dumps_of_other_tables_say_nothing_of_a_peer(tmp_path: Path) -> None:
    """Another router's dump, or that of the other IP version, lists nobody of this one's."""
    at = int(NOW) - 1800
    routes = Routes([Watch(V4, frozenset({64500}))], learn=True)
    other = dump(at + 600, "10.0.0.0/8", by=[9]).replace(b"view", b"VIEW")
    v6 = index_table(("198.51.100.9", 64520, 2), at=at + 1200)
    v6 += rib(4, V6, (0, held((64520, 64500))), at=at + 1200)
    assert stood(tmp_path, routes, dump(at, V4), other, v6) == (3, 3, 0)


@pytest.mark.parametrize(("left", "expected"), [(95, (0, 10, 0)), (89, (10, 10, 0))])
def test_a_dump_that_is_much_shorter_is_a_part_of_one(
    tmp_path: Path, left: int, expected: tuple[int, int, int]
) -> None:
    """What a dump lacks whose writer was stopped is not gone, unless the next is as short."""
    at, others = int(NOW) - 1800, [f"10.{n}.0.0/16" for n in range(120)]
    routes = Routes([Watch(V4, frozenset({64500}))], learn=True)
    long = dump(at, V4, *others[:99], by=range(10))
    short = [dump(at + age, *others[:left], by=range(10)) for age in (600, 1200)]
    assert stood(tmp_path, routes, long, short[0]) == expected
    assert stood(tmp_path, routes, long, *short) == (0, 10, 0)


def test_a_restart_beside_a_dump_that_is_cut_off_withdraws_nothing(tmp_path: Path) -> None:
    """Who is remembered, and not in the part of a dump that can be read, is unknown."""
    routes = Routes([Watch(V4, frozenset({64500}))], learn=True)
    peers = {Peer("mrt", f"198.51.100.{n}"): NOW - 900 for n in range(3)}
    routes.restore(V4, peers, NOW)
    half = dump(int(NOW) - 600, "10.0.0.0/8", "11.0.0.0/8")[:-1]
    assert stood(tmp_path, routes, half) == (0, 0, 3)


@pytest.mark.parametrize("second", [(V4,), ("10.0.0.0/8",)], ids=["same size", "other size"])
def test_a_dump_is_written_over_the_one_before_it(tmp_path: Path, second: tuple[str, ...]) -> None:
    """A complete file that is written anew is read anew to its end, also where it is as long."""
    following, ends = files(tmp_path), list[float]()
    for at, prefixes in ((NOW - 600, (V4,)), (NOW - 300, second)):
        written(tmp_path / "rib", dump(int(at), *prefixes), NOW - at)
        for now in (at + 5, at + SETTLED + 1, at + SETTLED + 6):
            told = [update for batch in following.batches(now) for update in batch.updates]
            ends += [said.at for said in told if isinstance(said, EndOfRib)]
    following.close()
    assert ends == [NOW - 600] * 3 + [NOW - 300] * 3


def test_a_table_tells_the_messages_of_other_files_which_paths_there_are(tmp_path: Path) -> None:
    """A path that goes leaves the other one that a table dump, a file of its own, has listed."""
    routes = [(0, held((64511, origin))) for origin in (64500, 64501)]
    table = index_table((PEER, 64511, 2)) + rib(8, V4, *routes, path_id=0)
    gone = message(body(withdrawn=[nlri(V4, 1)]))
    written(tmp_path / "rib", table, age=200)
    written(tmp_path / "updates", bgp4mp(gone, subtype=9, at=AT + 60), age=100)
    told = [update for batch in files(tmp_path).batches(NOW) for update in batch.updates]
    assert told[-1] == Announce(Peer("mrt", PEER), 64511, V4, (64511, 64500), AT + 60)
