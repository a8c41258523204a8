"""The pybgpstream source: its parent against stand-ins for the reader, and the reader itself.

libbgpstream is not in Debian, so the last tests skip where it is not installed.
"""

import asyncio
import json
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.checks.bgp.made import shared
from tests.checks.bgp.sources.listening import Listening, listening
from tests.checks.bgp.wire.made import PEER, nlri, update
from tests.waiting import until
from vedette.checks.bgp.feed.feed import SourceLostError
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.settings import BgpStreamSettings
from vedette.checks.bgp.sources.bgpstream import MOST_OCTETS, READER, BgpStream
from vedette.checks.bgp.update import Announce, PeerState, Withdraw
from vedette.checks.bgp.wire import mrt
from vedette.checks.bgp.wire.interest import Interest

NOW = 1_700_000_000.0
PREFIX, INSIDE = "192.0.2.0/24", "192.0.2.128/25"
RRC = Peer("rrc00", PEER)

needs_library = pytest.mark.skipif(
    find_spec("_pybgpstream") is None, reason="libbgpstream is not installed"
)


def settings(**values: object) -> BgpStreamSettings:
    """Return settings unchecked, since the check asks for the library."""
    return BgpStreamSettings.model_construct(**values)  # type: ignore[arg-type]


def reader(tmp_path: Path, script: str) -> tuple[str, ...]:
    """Return a stand-in for the reader; it has read `wanted` and can `say` a row."""
    head = (
        "import json, os, sys, time\n"
        "wanted = json.loads(sys.stdin.readline())\n"
        "def say(*row): print(json.dumps(row), flush=True)\n"
    )
    path = tmp_path / "reader.py"
    path.write_text(head + script)
    return (sys.executable, str(path))


def source(command: tuple[str, ...], **values: object) -> BgpStream:
    return BgpStream([PREFIX], settings(**values), lambda: NOW, command)


async def lost(one: BgpStream, intake: Intake) -> str:
    """Follow until the source is lost, and return why."""
    with pytest.raises(SourceLostError) as caught:
        async with asyncio.timeout(20):
            await one.follow(intake)
    return str(caught.value)


async def test_every_kind_of_row(tmp_path: Path) -> None:
    """Announcements, RIB entries, withdrawals and states become updates; what is foreign does not.

    Sets stay sets, confederations are left out, and a row in between shows that it lives.
    """
    script = f"""
say("A", "rrc00", "{PEER}", 64511, {NOW}, "{PREFIX}", "64511 (65001 65002) 64500 {{64501,64502}}")
say("R", "rrc00", "{PEER}", 64511, {NOW}, "{INSIDE}", "")
say("A", "rrc00", "{PEER}", 64511, {NOW}, "10.0.0.0/8", "64511")
say("W", "rrc00", "{PEER}", 64511, {NOW}, "{PREFIX}")
say("S", "rrc00", "{PEER}", 64511, {NOW}, "IDLE")
say("S", "rrc00", "{PEER}", 64511, {NOW}, "ESTABLISHED")
say("N", {NOW - 60})
say("E", "a record of rrc00 is corrupted-record")
time.sleep(60)
"""
    async with listening(source(reader(tmp_path, script)), lambda: NOW) as heard:
        await heard.until(lambda: heard.intake.errors == 1)
        assert heard.updates == [
            Announce(RRC, 64511, PREFIX, (64511, 64500, (64501, 64502)), NOW),
            Announce(RRC, 64511, INSIDE, (64511,), NOW),
            Withdraw(RRC, 64511, PREFIX, NOW),
            PeerState(RRC, False, NOW),
            PeerState(RRC, True, NOW),
        ]
        assert heard.intake.last_error == "a record of rrc00 is corrupted-record"
        assert heard.intake.frames == 7
        assert heard.intake.up_at == NOW


async def test_what_is_wanted(tmp_path: Path) -> None:
    """The reader is told what to read, for live sources from *history* ago on."""
    script = 'print(json.dumps(wanted), file=sys.stderr); say("E", json.dumps(wanted))'
    for given, expected in (
        (
            {"history": 60.0, "collectors": ["rrc00"]},
            {
                "projects": ["ris-live"],
                "collectors": ["rrc00"],
                "interface": "broker",
                "options": {},
                "prefixes": [PREFIX],
                "from": int(NOW) - 60,
            },
        ),
        (
            {"interface": "singlefile", "options": {"upd-file": "/x"}},
            {
                "projects": [],
                "collectors": [],
                "interface": "singlefile",
                "options": {"upd-file": "/x"},
                "prefixes": [PREFIX],
                "from": None,
            },
        ),
    ):
        intake = Intake(lambda: NOW)
        await lost(source(reader(tmp_path, script), **given), intake)
        assert json.loads(intake.last_error) == expected


@pytest.mark.parametrize(
    "line",
    ["", "{", "5", "[]", "[[]]", '["A"]', '["Z",1]', '["E"]', '["N","x"]', "[" * 100_000]
    + [
        json.dumps(row)
        for row in (
            ["A", "rrc00", PEER, 64511, NOW, PREFIX],
            ["A", "rrc00", PEER, 64511, NOW, PREFIX, 5],
            ["A", "rrc00", PEER, 64511, NOW, PREFIX, "64511 x"],
            ["A", "rrc00", PEER, 64511, NOW, 5, "64511"],
            ["A", "rrc00", PEER, -1, NOW, PREFIX, "64511"],
            ["A", "rrc00", "somewhere", 64511, NOW, PREFIX, "64511"],
            ["A", ["rrc00"], PEER, 64511, NOW, PREFIX, "64511"],
            ["W", "rrc00", PEER, 64511, "now", PREFIX],
            ["W", "rrc00", PEER, 64511, 1000 * NOW, PREFIX],
            ["W", "rrc00", PEER, 64511, float("nan"), PREFIX],
            ["W", "rrc00", PEER, 64511, NOW, "192.0.2.0/33"],
            ["X", "rrc00", PEER, 64511, NOW, PREFIX],
        )
    ],
)
def test_garbled_rows(line: str) -> None:
    """Whatever the reader writes is an error that is counted, never an exception."""
    intake = Intake(lambda: NOW)
    source(READER)._take(line.encode() + b"\n", intake)
    assert (intake.errors, intake.take(9)) == (1, [])


async def test_the_reader_dies(tmp_path: Path) -> None:
    """How it ended is said in a clause, with the last that it said to a person."""
    script = 'print("one"); print("a\\nlibbgpstream: no", file=sys.stderr); sys.exit(3)'
    intake = Intake(lambda: NOW)
    why = await lost(source(reader(tmp_path, script)), intake)
    assert why == "the reader ended with 3: libbgpstream: no"
    assert intake.errors == 1
    why = await lost(source(reader(tmp_path, "os.kill(os.getpid(), 9)")), intake)
    assert why == "the reader ended with -9"
    why = await lost(source((sys.executable, "-c", "")), intake)
    assert why == "the reader ended with 0"


async def test_a_silent_reader_is_ended(tmp_path: Path) -> None:
    """The library blocks for ever where nothing comes; then its process is killed."""
    script = f'open("{tmp_path}/pid", "w").write(str(os.getpid())); time.sleep(600)'
    one = source(reader(tmp_path, script), stale_after=1.0)
    why = await lost(one, Intake(lambda: NOW))
    assert why == "the reader said nothing for 1 s"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a_line_without_an_end(tmp_path: Path) -> None:
    """What is read at a time is bounded."""
    script = f'sys.stdout.write("x" * {4 * MOST_OCTETS}); sys.stdout.flush(); time.sleep(600)'
    why = await lost(source(reader(tmp_path, script)), Intake(lambda: NOW))
    assert why == "the reader wrote a line without an end"


async def test_a_talkative_reader(tmp_path: Path) -> None:
    """What it writes to standard error does not stop it, however much that is."""
    script = 'sys.stderr.write("x" * 5_000_000); say("N", 1)'
    intake = Intake(lambda: NOW)
    await lost(source(reader(tmp_path, script)), intake)
    assert intake.frames == 1


async def test_a_flood_waits_for_room(tmp_path: Path) -> None:
    """A reader that writes faster than is applied is stopped by its pipe, and nothing is lost."""
    script = f"""
for n in range(100_000):
    print('["W", "rrc00", "{PEER}", 64511, 1, "{PREFIX}"]')
sys.stdout.flush()
time.sleep(600)
"""
    async with listening(source(reader(tmp_path, script)), lambda: NOW) as heard:
        await heard.until(lambda: len(heard.intake) > 32_768)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(heard.intake) < 40_000
        await heard.until(lambda: len(heard.updates) == 100_000)
        assert heard.intake.drops == 0


async def test_the_end_of_the_source_ends_the_reader(tmp_path: Path) -> None:
    """No process is left when the feed is."""
    script = f'open("{tmp_path}/pid", "w").write(str(os.getpid())); say("N", 1); time.sleep(600)'
    async with listening(source(reader(tmp_path, script)), lambda: NOW) as heard:
        await heard.until(lambda: heard.intake.frames == 1)
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings say how to install it; the reader itself says that it cannot be loaded."""
    monkeypatch.setitem(sys.modules, "pybgpstream", None)
    with pytest.raises(ValidationError, match=r"pip install 'vedette\[bgpstream\]'"):
        BgpStreamSettings()
    script = "import sys; sys.modules['pybgpstream'] = None; from runpy import run_module;"
    script += f"run_module('{READER[2]}', run_name='__main__')"
    why = await lost(source((READER[0], "-c", script)), Intake(lambda: NOW))
    assert why.startswith("the reader ended with 1: pybgpstream cannot be loaded: ")


@needs_library
async def test_the_library_reads_a_file(tmp_path: Path) -> None:
    """The reader asks pybgpstream for the watched prefixes, and copies what it says."""
    BgpStreamSettings()
    path = tmp_path / "updates.mrt"
    rest = [nlri("10.0.0.0/8"), nlri(INSIDE)]
    path.write_bytes(
        update(announced=[nlri(PREFIX), *rest], path=(64511, (64501, 64502)))
        + update(withdrawn=[nlri(PREFIX), nlri("10.0.0.0/8")])
    )
    heard = Listening(Intake(lambda: NOW))
    one = source(READER, interface="singlefile", options={"upd-file": str(path)})
    assert (await lost(one, heard.intake)).startswith("the reader ended with 0")
    assert heard.of(Announce) == [
        (PREFIX, (64511, (64501, 64502))),
        (INSIDE, (64511, (64501, 64502))),
    ]
    assert heard.of(Withdraw) == [(PREFIX,)]
    assert heard.intake.errors == 0


@needs_library
async def test_the_library_agrees_with_us() -> None:
    """The library and our reader of MRT tell the same of a recorded file."""
    path = shared("mrt/rrc00.updates.20190101.0000.gz")
    wanted = ["184.84.0.0/16", "2a00::/16", "103.0.0.0/12"]
    with mrt.open_(path) as stream:
        ours = [
            u
            for u in mrt.Session("singlefile", Interest(wanted), lambda _: None).read(stream)
            if isinstance(u, Announce | Withdraw)
        ]
    one = BgpStream(
        wanted,
        settings(interface="singlefile", options={"upd-file": str(path)}),
        time.time,
    )
    heard = Listening(Intake(time.time))
    following = asyncio.create_task(lost(one, heard.intake))
    await until(lambda: heard.updates is not None and following.done())
    theirs = [u for u in heard.updates if isinstance(u, Announce | Withdraw)]
    assert len(ours) > 100
    assert sorted(map(str, theirs)) == sorted(map(str, ours))
