"""`vedette bgp`: recorded routes in, events and sentences out, whatever the files are like."""

import bz2
import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.agent.daemon import VEDETTE
from tests.checks.bgp.made import ORIGIN, PREFIX, address, rows, shared, update
from tests.checks.bgp.wire import made
from vedette.agent.cli import main
from vedette.agent.routes.recordings import collector_of

AT = 1_700_000_000
PEERS = 10
CONFIG = f"""\
agent: {{name: fra-1, domain: {{provider: here}}}}
services:
  - name: shop
    clear: 60s
    bgp:
      - {{prefix: {PREFIX}, origins: [{ORIGIN}]}}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "vedette.yaml"
    path.write_text(CONFIG)
    return str(path)


def frame(number: int, at: float, **said: Any) -> str:
    """Return a line of RIS Live in which the *number*-th peer, of its own AS, says something."""
    data = update(number, AT + at, **said) | {"peer_asn": str(64000 + number)}
    return json.dumps({"type": "ris_message", "data": data}) + "\n"


def held(at: float, numbers: Any = range(PEERS)) -> str:
    return "".join(frame(n, at, announced=[PREFIX]) for n in numbers)


def lost(at: float, numbers: Any = range(PEERS)) -> str:
    return "".join(frame(n, at, withdrawn=[PREFIX]) for n in numbers)


def record(number: int, at: int, **said: Any) -> bytes:
    """Return an MRT record in which the *number*-th peer says something."""
    nlri = {key: [made.nlri(prefix) for prefix in prefixes] for key, prefixes in said.items()}
    path = (64000 + number, ORIGIN) if "announced" in said else None
    body = made.message(made.body(**nlri, path=path))  # type: ignore[arg-type]
    return made.bgp4mp(body, peer=address(number), asn=64000 + number, at=AT + at)


def mrt(at: int, *, has: bool, numbers: Any = range(PEERS)) -> bytes:
    key = "announced" if has else "withdrawn"
    return b"".join(record(n, at, **{key: [PREFIX]}) for n in numbers)


def written(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Return the command's exit status, output and complaints."""
    status = main(["bgp", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def events(out: str) -> list[tuple[float, str]]:
    return [(e["t"] - AT, e["event"]) for e in map(json.loads, out.splitlines())]


WITHDRAWN = [(130, "withdrawn"), (360, "recovered")]


def test_an_event_is_one_line_of_json(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line has the eight keys, with numbers as numbers and the data's own time."""
    file = written(tmp_path, "live.json", held(0) + lost(100, range(9)) + held(300) + held(400))
    status, out, err = run(file, "--watch", config, "--json", capsys=capsys)
    assert (status, err) == (0, "")
    assert events(out) == WITHDRAWN
    assert json.loads(out.splitlines()[0]) == {
        "t": AT + 130,
        "prefix": PREFIX,
        "event": "withdrawn",
        "share": 0.1,
        "peers": 1,
        "of": 10,
        "origins": {"64500": 1},
        "detail": "192.0.2.0/24 by AS64500 is seen by 1 of 10 peers (10 %)",
    }


def test_a_person_gets_a_timeline_and_counts(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --json each event is a line with its time in UTC, and the last line counts."""
    file = written(tmp_path, "live.json", held(0) + lost(100) + held(300) + held(400))
    status, out, _ = run(file, "--watch", config, capsys=capsys)
    first, second, last = out.splitlines()
    assert status == 0
    assert first.startswith("2023-11-14 22:15:30 UTC  withdrawn            192.0.2.0/24 by AS64500")
    assert second.endswith("is seen by 10 of 10 peers (100 %) again; it was lost 4 min 20 s ago")
    assert last.startswith("1 file, 40 elements, 0 errors, 2 events, ")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress], ids=["plain", "gz", "bz2"])
@pytest.mark.parametrize("kind", ["mrt", "json"])
def test_files_are_told_by_what_is_in_them(
    pack: Any, kind: str, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """MRT and RIS Live's lines are read plain, as gzip and as bzip2, whatever their names are."""
    if kind == "mrt":
        steps = ((0, True), (100, False), (300, True), (400, True))
        content = b"".join(mrt(at, has=has) for at, has in steps)
    else:
        content = (held(0) + lost(100) + held(300) + held(400)).encode()
    file = written(tmp_path, "recorded", pack(content))
    status, out, err = run(file, "--watch", config, "--json", capsys=capsys)
    assert (status, events(out), err) == (0, WITHDRAWN, "")


def test_files_are_merged_by_time(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files that overlap, in any order and of several collectors, are one story."""
    even, odd = range(0, PEERS, 2), range(1, PEERS, 2)
    files = [
        written(tmp_path, "later.json", held(300, odd) + held(400, odd)),
        written(tmp_path, "rrc00.mrt", mrt(0, has=True, numbers=even) + mrt(100, has=False)),
        written(tmp_path, "rrc00.b.mrt", mrt(300, has=True, numbers=even)),
        written(tmp_path, "odd.json", held(0, odd) + lost(100, odd)),
    ]
    _, out, err = run(*files, "--watch", config, "--json", capsys=capsys)
    assert (events(out), err) == (WITHDRAWN, "")


def test_an_event_is_due_until_the_last_record_whatever_that_is_about(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record of no interest shows that time passed; where the data ends sooner nothing is due."""
    content = mrt(0, has=True) + mrt(100, has=False)
    for at, expected in ((129, []), (131, [(130, "withdrawn")])):
        late = record(0, at, announced=["203.0.113.0/24"])
        file = written(tmp_path, "updates", content + late)
        _, out, _ = run(file, "--watch", config, "--json", capsys=capsys)
        assert events(out) == expected


def test_the_seed_is_the_baseline_and_names_the_collector(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Peers that said nothing are known by the seed, and MRT's are taken for those of the seed."""
    state = [
        {"target_prefix": PREFIX, "source_id": source, "path": path} for source, path in rows(PEERS)
    ]
    document = {"status": "ok", "data": {"timestamp": AT, "bgp_state": state}}
    seed = written(tmp_path, "seed", gzip.compress(json.dumps(document).encode()))
    file = written(tmp_path, "updates", mrt(100, has=False, numbers=range(9)) + mrt(140, has=False))
    _, out, err = run(file, "--watch", config, "--seed", seed, "--json", capsys=capsys)
    [event] = map(json.loads, out.splitlines())
    assert (event["event"], event["peers"], event["of"], err) == ("withdrawn", 1, PEERS, "")


def test_a_seed_of_later_is_said_to_be_of_no_use(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A seed of today says nothing about what was recorded before, and that is told."""
    document = {"status": "ok", "data": {"timestamp": AT + 9000, "bgp_state": []}}
    seed = written(tmp_path, "seed", json.dumps(document))
    file = written(tmp_path, "updates", mrt(0, has=True) + mrt(100, has=False) + mrt(200, has=True))
    status, out, err = run(file, "--watch", config, "--seed", seed, "--json", capsys=capsys)
    assert (status, events(out)) == (0, [(130, "withdrawn")])
    assert err == (
        "vedette bgp: the seed is of 2023-11-15 00:43:20 UTC, when the files have ended: "
        "it was not used\n"
    )


def test_the_vrps_of_the_config_are_what_routes_are_validated_by(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a file of VRPs beside the config an own route that is invalid is an event."""
    roas = {"roas": [{"asn": "AS64499", "prefix": PREFIX, "maxLength": 24, "ta": "test"}]}
    written(tmp_path, "vrps.json", json.dumps(roas))
    config = written(tmp_path, "vedette.yaml", CONFIG + "rpki: {file: vrps.json}\n")
    file = written(tmp_path, "updates", mrt(0, has=True) + mrt(40, has=True))
    _, out, err = run(file, "--watch", config, "--json", capsys=capsys)
    assert (events(out), err) == ([(30, "rpki_invalid")], "")
    written(tmp_path, "vrps.json", "{}")
    status, _, err = run(file, "--watch", config, "--json", capsys=capsys)
    assert (status, err) == (2, f"vedette bgp: {tmp_path}/vrps.json has no VRP\n")


@pytest.mark.parametrize(
    ("path", "collector"),
    [
        ("rrc00.updates.20190101.0000.gz", "rrc00"),
        ("route-views2.bz2", "route-views2"),
        ("archive/RRC21/2016.08/updates.20160811.1600.gz", "rrc21"),
        ("updates.20080224.1807.bz2", "mrt"),
        ("routes", "mrt"),
    ],
)
def test_a_file_names_its_collector_where_it_can(path: str, collector: str) -> None:
    """The name up to its first dot, or a folder of an archive, is the collector's."""
    assert collector_of(Path(path)) == collector


GOOD = mrt(0, has=True) + mrt(100, has=False)
REST = mrt(300, has=True) + mrt(400, has=True)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (GOOD + made.bgp4mp(bytes(5), at=AT + 150) + REST, "once"),
        (GOOD + b"garbage in the middle of the file" + REST, "a record's header is garbled"),
        (GOOD + REST + mrt(500, has=True)[:-20], "a file ends within a record"),
        (GOOD + record(3, 40_000_000, announced=[PREFIX]) + REST, "hours ahead"),
        (gzip.compress(GOOD + REST)[:-4], "cannot be read to its end"),
        (held(0) + lost(100) + "{not JSON\n" + held(300) + held(400), "the frame is not JSON"),
        (held(0) + lost(100) + "x" * 2_000_000 + "\n" + held(300) + held(400), "million char"),
        (
            held(0) + '{"type":"ris_error","data":{"message":"no"}}\n' + lost(100)
            + held(300) + held(400),
            "RIS Live complained: no",
        ),
    ],
    ids=[
        "a short record", "garbage", "a cut record", "a time far off", "a cut gzip", "no JSON",
        "an endless line", "an error of the server's",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_counted_and_the_rest_is(
    content: Any, complaint: str, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad record is a sentence on standard error, and hides nothing that comes after it."""
    file = written(tmp_path, "bad", content)
    status, out, err = run(file, "--watch", config, "--json", capsys=capsys)
    assert (status, events(out)) == (0, WITHDRAWN)
    assert len(err.splitlines()) == 1
    assert complaint in err
    assert f"(once, first in {file})" in err


def test_errors_of_a_kind_are_one_sentence(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten thousand errors are as many lines as there are kinds of them, and few at that."""
    odd = "".join(f'{{"type":"odd{n}"}}\n' for n in range(5000))
    file = written(tmp_path, "odd", held(0) + "{}\n" * 5000 + odd)
    status, _, err = run(file, "--watch", config, capsys=capsys)
    assert status == 0
    assert len(err.splitlines()) <= 22
    assert "(5,000 times, first in" in err.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["{tmp}/nowhere", "--watch", "{config}"], "{tmp}/nowhere cannot be read: No such file"),
        (["{tmp}", "--watch", "{config}"], "{tmp} cannot be read: Is a directory"),
        (["{config}", "--watch", "{config}"], "{config}: nothing can be read in it: expected MRT"),
        (["{config}", "--watch", "{tmp}/nowhere"], "{tmp}/nowhere:1: cannot be read"),
        (["{config}", "--watch", "{other}"], "{other} watches no prefix: give one of its services"),
        (["{config}", "--watch", "{config}", "--seed", "{tmp}/no"], "{tmp}/no cannot be read: No"),
        (["{config}", "--watch", "{config}", "--seed", "{config}"], "{config} is no seed: the"),
    ],
    ids=["no file", "a folder", "another kind", "no config", "no prefix", "no seed", "a bad seed"],
)
def test_what_cannot_be_used_is_one_sentence_and_2(
    arguments: list[str],
    complaint: str,
    config: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An unusable file is named with what is wrong with it, and there is no traceback."""
    other = CONFIG.replace("bgp:", "dns:").replace(f"prefix: {PREFIX}, origins: [64500]", "name: a")
    names = {"tmp": tmp_path, "config": config, "other": written(tmp_path, "other.yaml", other)}
    status, _, err = run(*(a.format(**names) for a in arguments), "--json", capsys=capsys)
    assert status == 2
    assert err.removeprefix("vedette bgp: ").startswith(complaint.format(**names))


def test_an_empty_file_is_a_quiet_collector(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Collectors write empty files when nothing happens: nothing is wrong with one."""
    file = written(tmp_path, "updates", "")
    assert run(file, "--watch", config, "--json", capsys=capsys) == (0, "", "")


def test_real_files_of_every_age_are_read(config: str) -> None:
    """MRT from 2002 to 2019 and RIS Live's frames of both shapes go through the command."""
    files = [*shared("mrt").iterdir(), *shared("rislive").iterdir()]
    done = subprocess.run(
        [VEDETTE, "bgp", *files, "--watch", config], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    counted = int(done.stdout.splitlines()[-1].split()[2].replace(",", ""))
    assert counted > 900_000
