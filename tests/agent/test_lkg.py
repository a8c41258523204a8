"""`vedette lkg`: what an operator pins a name with, and what is said where there is nothing."""

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.daemon import vedette
from tests.servers.process import need
from vedette.agent.cli import main
from vedette.agent.cli.lkg import Sets, _rpz
from vedette.agent.memory.lastgood import DELEGATION, Configuration, Generation
from vedette.agent.memory.statements import keep_configurations, keep_generations
from vedette.agent.memory.store import Store

CONFIG = """\
agent: {name: fra-1, domain: {provider: here}, state_dir: state of it}
services:
  - name: shop
    dns:
      - {name: api.shop.test}
      - {name: api.shop.test, type: AAAA}
      - {name: api.shop.test, type: MX}
      - {name: "*.shop.test"}
      - {name: www.shop.test, type: CNAME}
controls: {dns: [{name: control.test}]}
"""
KEPT = {
    ("api.shop.test", "A"): [("192.0.2.1", "192.0.2.2"), ("192.0.2.7",)],
    ("api.shop.test", "AAAA"): [("2001:db8::1",)],
    ("api.shop.test", "MX"): [("10 mail.shop.test.",)],
    ("*.shop.test", "A"): [("192.0.2.3",)],
    ("www.shop.test", "CNAME"): [("edge.cdn.test",)],
    ("shop.test", DELEGATION): [("ns1.shop.test", "ns2.shop.test")],
    ("other.test", DELEGATION): [("ns1.other.test",)],
    ("control.test", "A"): [("192.0.2.8",)],
    ("formerly.test", "A"): [("192.0.2.9",)],
}


def generations(name: str, type_: str, *sets: tuple[str, ...]) -> list[Generation]:
    return [
        Generation(name, type_, answers, 1000.0 - i, 1600.0 - i, whole=i == 0)
        for i, answers in enumerate(sets)
    ]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config file with a state beside it, in which sets and configurations are kept."""
    store = Store(tmp_path / "state of it")
    for (name, type_), sets in KEPT.items():
        store.write(keep_generations(generations(name, type_, *sets)))
    kept = [Configuration(f"# {word}\n", 1.0, 2.0) for word in ("new", "old")]
    store.write(keep_configurations(kept))
    store.close()
    path = tmp_path / "vedette.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], config: Path) -> Callable[..., str]:
    """What runs the command, which goes well, and returns what it printed."""

    def run(*more: str) -> str:
        assert main(["lkg", "--config", str(config), *more]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return run


def test_the_table_shows_every_generation(said: Callable[..., str]) -> None:
    """A person sees name, type, generation, answers and date of what the services' names had."""
    lines = [line.split() for line in said().splitlines()]

    assert lines[0] == ["name", "type", "generation", "answers", "since"]
    assert ["api.shop.test", "A", "0", "192.0.2.1", "1970-01-01", "00:16:40", "UTC"] in lines
    assert ["192.0.2.2"] in lines
    assert ["api.shop.test", "A", "1", "192.0.2.7", "1970-01-01", "00:16:39", "UTC"] in lines
    assert ["shop.test", "DELEGATION", "0", "ns1.shop.test"] in [line[:4] for line in lines]
    assert {line[0] for line in lines}.isdisjoint({"control.test", "formerly.test", "other.test"})


def test_hosts_are_the_newest_addresses(said: Callable[..., str]) -> None:
    """Lines for /etc/hosts name the newest addresses of hosts, and nothing else."""
    lines = said("--format", "hosts").splitlines()

    assert [line for line in lines if not line.startswith("#")] == [
        "192.0.2.1 api.shop.test",
        "192.0.2.2 api.shop.test",
        "2001:db8::1 api.shop.test",
    ]
    assert any("*.shop.test" in line for line in lines if line.startswith("#"))


def test_json_is_one_document(said: Callable[..., str]) -> None:
    """A program gets all generations with their times in epoch seconds."""
    told = json.loads(said("--format", "json"))

    assert told["agent"] == "fra-1"
    sets = {(one["name"], one["type"]): one["generations"] for one in told["last_known_good"]}
    assert set(sets) == set(list(KEPT)[:6])
    assert sets["api.shop.test", "A"] == [
        {
            "answers": ["192.0.2.1", "192.0.2.2"],
            "since": 1000.0,
            "promoted_at": 1600.0,
            "whole": True,
        },
        {"answers": ["192.0.2.7"], "since": 999.0, "promoted_at": 1599.0, "whole": False},
    ]


def records(zone: str, folder: Path) -> set[tuple[str, str, str]]:
    """Return owner, type and data of what BIND reads from *zone*, which must please it."""
    path = folder / "zone"
    path.write_text(zone)
    ran = subprocess.run(
        [need("named-checkzone"), "-D", "rpz.test", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr + zone
    rows = [line.split(maxsplit=4) for line in ran.stdout.splitlines() if " IN " in line]
    return {(owner.removesuffix(".rpz.test."), type_, data) for owner, _, _, type_, data in rows}


def test_the_policy_zone_is_one_to_bind(said: Callable[..., str], tmp_path: Path) -> None:
    """named-checkzone takes the zone and finds in it the newest answers, their names absolute."""
    zone = said("--format", "rpz")

    assert f"; no policy for shop.test {DELEGATION}: ns1.shop.test, ns2.shop.test" in zone
    assert {row for row in records(zone, tmp_path) if row[1] not in ("SOA", "NS")} == {
        ("api.shop.test", "A", "192.0.2.1"),
        ("api.shop.test", "A", "192.0.2.2"),
        ("api.shop.test", "AAAA", "2001:db8::1"),
        ("api.shop.test", "MX", "10 mail.shop.test."),
        ("*.shop.test", "A", "192.0.2.3"),
        ("www.shop.test", "CNAME", "edge.cdn.test."),
    }


ANSWERS = {
    "A": ["192.0.2.1", "192.0.2.2"],
    "AAAA": ["2001:db8::1"],
    "CNAME": ["edge.cdn.test"],
    "PTR": ["shop.test"],
    "NS": ["ns1.shop.test", "ns2.shop.test"],
    "DNAME": ["other.test"],
    "DS": ["1 13 2 " + "ab" * 32],
    "MX": ["10 mail.shop.test.", "0 ."],
    "SRV": ["1 2 5060 sip.shop.test."],
    "TXT": ['"v=spf1 -all; \\"quoted\\""', '"a" "b"'],
    "CAA": ['0 issue "ca.test"'],
    "HTTPS": ['1 . alpn="h2,h3"'],
    "SOA": ["ns.shop.test. hostmaster.shop.test. 1 2 3 4 5"],
    DELEGATION: ["ns1.shop.test"],
}
NAMES = st.sampled_from([".", "test", "shop.test", "*.test", "_sip._tcp.test", "0/26.2.0.192.test"])


@given(
    st.dictionaries(st.tuples(NAMES, st.sampled_from(list(ANSWERS))), st.integers(1, 2), min_size=8)
)
def test_any_sets_make_a_zone(chosen: dict[tuple[str, str], int]) -> None:
    """Whatever types a name has, the zone's own syntax and its rule about CNAMEs are kept."""
    sets: Sets = {
        (name, type_): generations(name, type_, tuple(ANSWERS[type_][:count]))
        for (name, type_), count in chosen.items()
    }
    rows = [line.split(maxsplit=2) for line in _rpz(sets, "fra-1", 1e9) if line[0] not in ";$@"]
    types: dict[str, set[str]] = {}
    for owner, type_, _ in rows:
        types.setdefault(owner, set()).add(type_)

    assert {(owner, type_) for owner, some in types.items() for type_ in some} <= set(sets)
    assert all(some == {"CNAME"} for some in types.values() if "CNAME" in some)


def test_any_sets_please_bind(tmp_path: Path) -> None:
    """BIND takes a zone with every type that there may be, at every name."""
    names = ["test", "shop.test", "*.test", "_sip._tcp.test", "0/26.2.0.192.test", "."]
    sets = {
        (name, type_): generations(name, type_, tuple(answers))
        for name in names
        for type_, answers in ANSWERS.items()
    }
    lone = {("alias.test", "CNAME"): generations("alias.test", "CNAME", ("edge.cdn.test",))}
    rows = records("\n".join(_rpz({**sets, **lone}, "fra-1", 1e9)) + "\n", tmp_path)

    assert ("alias.test", "CNAME", "edge.cdn.test.") in rows
    assert {type_ for owner, type_, _ in rows if owner == "shop.test"} == {
        "A", "AAAA", "PTR", "MX", "SRV", "TXT", "CAA", "HTTPS",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong", ["agent: {state_dir: state of it}\n", "agent:\n  state_dir: state of it # here\n\tbad"]
)
def test_the_last_good_configuration(said: Callable[..., str], config: Path, wrong: str) -> None:
    """The newest text is printed as it was, however wrong the file is that names its place."""
    config.write_text(wrong)

    assert said("--format", "config") == "# new\n"


@pytest.mark.parametrize("format_", ["hosts", "rpz", "json", "config", None])
@pytest.mark.parametrize("empty", [True, False], ids=["empty store", "no store"])
def test_nothing_is_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, format_: str | None, empty: bool
) -> None:
    """Where nothing is kept one line says so, standard output stays empty, and the exit is 1."""
    if empty:
        Store(tmp_path / "state of it").close()
    path = tmp_path / "vedette.yaml"
    path.write_text(CONFIG)
    more = ["--format", format_] if format_ else []

    assert main(["lkg", "--config", str(path), *more]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith(f"vedette: {tmp_path / 'state of it' / 'vedette.db'} ")
    assert (tmp_path / "state of it").exists() == empty


def test_a_wrong_config_is_said_as_validate_says_it(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    """All faults of the config are listed, and the exit is 2."""
    config.write_text(CONFIG.replace("name: fra-1", "name: ''").replace("provider", "colour"))
    ran = main(["validate", str(config)]), capsys.readouterr()

    assert ran[0] == 2
    assert len(ran[1].err.splitlines()) == 3
    assert (main(["lkg", "--config", str(config)]), capsys.readouterr()) == ran


def test_what_was_good_is_told_to_who_may_read_no_secret(
    said: Callable[..., str], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files of secrets that are away, as systemd's are while the agent is dead, are not missed."""
    config.write_text(f"{CONFIG}pagers: [{{pagerduty: {{routing_key_file: gone/key}}}}]\n")

    assert main(["validate", str(config)]) == 2
    capsys.readouterr()
    assert "192.0.2.1 api.shop.test\n" in said("--format", "hosts")


async def refused(path: Path, text: str) -> tuple[list[str], list[str]]:
    """Return the faults of *text* at *path*, and what `vedette run` adds to them."""
    await asyncio.to_thread(path.write_text, text)
    faults = await vedette("validate", str(path))
    ran = await vedette("run", "--config", str(path))
    assert (ran.status, ran.out) == (faults.status, "") == (2, "")
    assert ran.err.startswith(faults.err)
    return faults.err.splitlines(), ran.err.removeprefix(faults.err).splitlines()


async def test_run_points_at_the_last_good_configuration(config: Path) -> None:
    """A config that is wrong is refused with its faults, and then how to get the last good one."""
    faults, (line,) = await refused(config, CONFIG.replace("services", "servces"))

    assert len(faults) == 2
    assert "1970-01-01 00:00:02 UTC" in line
    assert line.endswith(f": vedette lkg --config {config} --format config")


async def test_run_points_nowhere_when_nothing_is_kept(tmp_path: Path) -> None:
    """Without a kept configuration a wrong one is refused with its faults alone."""
    faults, more = await refused(tmp_path / "vedette.yaml", "agent: {}\n")

    assert (len(faults), more) == (3, [])
    assert [path.name for path in tmp_path.iterdir()] == ["vedette.yaml"]  # noqa: ASYNC240
