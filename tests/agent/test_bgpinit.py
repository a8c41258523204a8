"""`vedette bgp init`: what RIPEstat says of an AS becomes YAML that a person can check."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.ripestat import RipeStat, ripestat
from vedette.agent.cli import main
from vedette.agent.config import parse

BEGINS, ENDS = "2026-05-27T16:00:00", "2026-06-10T16:00:00"
HEAD = "agent: {name: a, domain: {provider: p}}\nservices:\n  - name: ours\n"


def announced(*prefixes: str) -> dict[str, Any]:
    """Return the data of announced-prefixes in which these were there all the time."""
    rows = [
        {"prefix": prefix, "timelines": [{"starttime": BEGINS, "endtime": ENDS}]}
        for prefix in prefixes
    ]
    return {
        "prefixes": rows, "query_starttime": BEGINS, "query_endtime": ENDS, "resource": "64500",
        "latest_time": ENDS, "earliest_time": "2000-08-01T00:00:00",
    }  # fmt: skip


def neighbour(asn: int, kind: str = "left", v4: int = 100, v6: int = 0) -> dict[str, Any]:
    return {"asn": asn, "type": kind, "power": 7, "v4_peers": v4, "v6_peers": v6}


def neighbours(*rows: dict[str, Any]) -> dict[str, Any]:
    at = "2026-06-09T00:00:00"
    return {
        "resource": "64500", "query_starttime": at, "query_endtime": at, "latest_time": at,
        "earliest_time": "2019-06-02T00:00:00", "neighbours": list(rows),
        "neighbour_counts": {"left": 2, "right": 1, "unique": 4, "uncertain": 1},
    }  # fmt: skip


@pytest.fixture
def world() -> Iterator[RipeStat]:
    """RIPEstat, which finds no fault with what it was asked."""
    with ripestat() as server:
        server.data["announced-prefixes"] = announced("192.0.2.0/24", "2001:db8::/32")
        server.data["asn-neighbours"] = neighbours(neighbour(64510, v6=9), neighbour(64511, v4=300))
        yield server
        assert server.violations == []


def init(world: RipeStat, capsys: pytest.CaptureFixture[str], asn: str = "64500") -> str:
    assert main(["bgp", "init", "--asn", asn, "--url", world.url]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_the_part_is_what_the_as_announces(
    world: RipeStat, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each prefix has the AS as its origin, and the neighbours of its IP version, best first."""
    assert yaml.safe_load(init(world, capsys, "AS64500")) == {
        "bgp": [
            {"prefix": "192.0.2.0/24", "origins": [64500], "neighbours": [64511, 64510]},
            {"prefix": "2001:db8::/32", "origins": [64500], "neighbours": [64510]},
        ]
    }
    assert sorted(world.asked) == ["announced-prefixes", "asn-neighbours"]


def test_the_part_is_valid_in_a_config(world: RipeStat, capsys: pytest.CaptureFixture[str]) -> None:
    """Put under a service, it passes the checks of start-up."""
    world.data["announced-prefixes"] = announced("10.0.0.0/16", "10.0.1.0/24", "2001:db8::/32")
    text = HEAD + "".join(f"    {line}\n" for line in init(world, capsys).splitlines())
    [service] = parse(text, Path("vedette.yaml")).services
    assert [check.prefix for check in service.bgp] == [
        "10.0.0.0/16",
        "10.0.1.0/24",
        "2001:db8::/32",
    ]


def test_comments_say_where_each_value_is_from_and_when(
    world: RipeStat, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person can ask the same again, and knows how old the answers are."""
    out = init(world, capsys)
    assert (
        f"# prefix, more_specifics: {world.url}/announced-prefixes/data.json?resource=AS64500"
        in out
    )
    assert "#   2026-05-27 16:00:00 UTC to 2026-06-10 16:00:00 UTC" in out
    assert f"# neighbours: {world.url}/asn-neighbours/data.json?resource=AS64500" in out
    assert "#   2026-06-09 00:00:00 UTC" in out


def test_prefixes_inside_others_are_more_specifics_on_purpose(
    world: RipeStat, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is announced inside a prefix by the same AS is listed there, at every level."""
    world.data["announced-prefixes"] = announced("10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24")
    parts = {
        row["prefix"]: row.get("more_specifics", [])
        for row in yaml.safe_load(init(world, capsys))["bgp"]
    }
    assert parts == {
        "10.0.0.0/8": ["10.1.0.0/16", "10.1.1.0/24"],
        "10.1.0.0/16": ["10.1.1.0/24"],
        "10.1.1.0/24": [],
    }


def test_what_is_announced_no_more_is_a_comment(
    world: RipeStat, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prefix that is gone is not watched, and one that came and went is pointed out."""
    data = announced("192.0.2.0/24", "198.51.100.0/24")
    data["prefixes"][0]["timelines"][0]["endtime"] = "2026-06-01T08:00:00"
    data["prefixes"][1]["timelines"] = [
        {"starttime": BEGINS, "endtime": "2026-05-30T00:00:00"},
        {"starttime": "2026-06-02T08:00:00", "endtime": ENDS},
    ]
    world.data["announced-prefixes"] = data
    out = init(world, capsys)
    assert [row["prefix"] for row in yaml.safe_load(out)["bgp"]] == ["198.51.100.0/24"]
    assert "# 192.0.2.0/24 is not announced any more since 2026-06-01 08:00:00 UTC" in out
    assert "# it came and went: announced anew at 2026-06-02 08:00:00 UTC" in out


def test_only_those_that_pass_routes_on_are_neighbours(
    world: RipeStat, capsys: pytest.CaptureFixture[str]
) -> None:
    """Customers are none, and an uncertain one is for a person to decide."""
    world.data["asn-neighbours"] = neighbours(
        neighbour(64510), neighbour(64520, "right"), neighbour(64530, "uncertain")
    )
    out = init(world, capsys)
    assert yaml.safe_load(out)["bgp"][0]["neighbours"] == [64510]
    assert "#   those that are yours: 64530" in out
    assert "64520" not in out


def test_too_many_neighbours_are_left_to_be_learned(
    world: RipeStat, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list of hundreds would be wrong the next day; a comment says that it is left out."""
    world.data["asn-neighbours"] = neighbours(*(neighbour(65000 + n) for n in range(51)))
    out = init(world, capsys)
    assert "neighbours" not in yaml.safe_load(out)["bgp"][0]
    assert "#   51 for IPv4 are left out: without a list they are learned" in out
    assert "who forges the origin and draws most peers away is taken for a new one" in out


def test_rows_that_cannot_be_read_are_skipped_and_said(
    world: RipeStat, capsys: pytest.CaptureFixture[str]
) -> None:
    """One odd row does not cost the others."""
    world.data["announced-prefixes"]["prefixes"] += [{"prefix": "nonsense", "timelines": []}, 7]
    endless = neighbour(64512) | {"v4_peers": float("inf")}
    world.data["asn-neighbours"]["neighbours"].append(endless)
    out = init(world, capsys)
    assert len(yaml.safe_load(out)["bgp"]) == 2
    assert "# 3 rows of the answers could not be read" in out


@pytest.mark.parametrize(
    ("data", "status", "complaint"),
    [
        (b"<html>", 200, "the answer is not JSON"),
        (b"[]", 200, "the answer has no data.prefixes"),
        (b'{"status": "error", "data": {}}', 200, "the answer's status is 'error'"),
        (b"{}", 503, "answered HTTP 503"),
        ({"prefixes": [{}], "query_starttime": BEGINS, "query_endtime": ENDS}, 200, "no row of"),
        (announced() | {"query_endtime": None}, 200, "data.query_endtime cannot be read"),
        (announced(), 200, "AS64500 announced nothing that RIPEstat saw between 2026-05-27"),
    ],
    ids=["no JSON", "no data", "an error", "HTTP 503", "odd rows", "no time", "nothing"],
)
def test_what_ripestat_cannot_say_is_one_sentence(
    data: Any, status: int, complaint: str, world: RipeStat, capsys: pytest.CaptureFixture[str]
) -> None:
    """No part is written without an answer: one sentence on standard error, and status 1."""
    world.data["announced-prefixes"], world.status = data, status
    assert main(["bgp", "init", "--asn", "64500", "--url", world.url]) == 1
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert complaint in err


@pytest.mark.parametrize("asn", ["0", "AS", "-1", "4294967296", "3.5"])
def test_an_as_number_is_checked(asn: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no AS number is wrong usage, and nobody is asked."""
    with pytest.raises(SystemExit) as caught:
        main(["bgp", "init", f"--asn={asn}", "--url", "http://127.0.0.1:9/data"])
    assert caught.value.code == 2
    assert "--asn" in capsys.readouterr().err
