"""The commands as processes: exit status, what is printed where, and never a traceback."""

import asyncio
import json
import socket
from pathlib import Path

import pytest
import trustme

from tests.agent.daemon import Ran, vedette, zone
from tests.checks.bgp.made import ORIGIN, PREFIX, rows
from tests.servers.nginx import nginx
from tests.servers.nsd import nsd
from tests.servers.process import free_port
from tests.servers.responder import responder
from tests.servers.rislive import ris_live

FAULTY = """\
agent:
  name: ""
  domain: {provider: here, asn: 0}
  listen: "127.0.0.1:99999"
  colour: blue
defaults: {every: soon}
services:
  - name: shop
    dns:
      - {name: "not a name"}
      - {name: api.shop.test, type: AXFR}
    bgp:
      - {prefix: 192.0.2.1/24, origins: [64500]}
  - name: idle
pagers:
  - pagerduty: {routing_key_file: no-such-file}
"""
PLAIN = """\
agent:
  name: fra-1
  domain: {{provider: here}}
  listen: 127.0.0.1:{port}
  state_dir: {state}
  stub_zones: {{test: ["127.0.0.1:9"]}}
services:
  - {{name: shop, dns: [{{name: api.shop.test, servers: [authoritative]}}]}}
"""


def document(ran: Ran, check: str, verdict: str) -> dict:
    """Return the one observation of `--json`, after a look at the shape of the whole."""
    assert ran.err == ""
    told = json.loads(ran.out)
    assert list(told) == ["check", "verdict", "reason", "observations"]
    assert (told["check"], told["verdict"]) == (check, verdict)
    (seen,) = told["observations"]
    assert list(seen)[:4] == ["subject", "verdict", "reason", "seconds"]
    assert (seen["verdict"], seen["reason"]) == (told["verdict"], told["reason"])
    assert 0 < seen["seconds"] < 5
    assert (seen["reason"] is None) == (verdict == "OK")
    return seen


async def test_validate_lists_every_fault_by_file_and_line(tmp_path: Path) -> None:
    """Ten faults are ten lines `file:line: message`, in order, each at its own line."""
    path = tmp_path / "vedette.yaml"
    path.write_text(FAULTY)
    ran = await vedette("validate", str(path))
    assert (ran.status, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert all(line.startswith(f"{path}:") for line in lines), ran.err
    numbers = [int(line.removeprefix(f"{path}:").split(": ")[0]) for line in lines]
    assert numbers == [2, 3, 4, 5, 6, 10, 11, 13, 14, 16], ran.err
    # Start-up checks what validate checks.
    assert await vedette("run", "--config", str(path)) == ran


async def test_validate_accepts_what_starts(tmp_path: Path) -> None:
    """A config that starts is said to be valid, with what a careful person would still add."""
    path = tmp_path / "vedette.yaml"
    path.write_text(PLAIN.format(port=free_port(), state="./state"))
    ran = await vedette("validate", str(path))
    assert (ran.status, ran.err) == (0, "")
    assert f"{path}: valid: 1 service, 1 check, 0 controls, 0 pagers" in ran.out
    assert "no pager is configured" in ran.out


async def test_check_dns_at_a_real_server(tmp_path: Path) -> None:
    """Records are OK and exit 0; a name without them is nodata and exit 1."""
    with nsd({"shop.test": zone("api A 192.0.2.1\nbare TXT words\n")}) as server:
        full, bare, gone = await asyncio.gather(
            *(
                vedette("check", "dns", f"{name}.shop.test", "--server", str(server), "--json")
                for name in ("api", "bare", "gone")
            )
        )
        person = await vedette("check", "dns", "bare.shop.test", "--server", str(server))
    assert document(full, "api.shop.test A", "OK")["subject"] == str(server)
    assert full.status == 0
    assert document(bare, "bare.shop.test A", "FAILING")["reason"] == "nodata"
    assert bare.status == 1
    assert document(gone, "gone.shop.test A", "FAILING")["reason"] == "nxdomain"
    assert gone.status == 1
    assert (person.status, person.err) == (1, "")
    assert "bare.shop.test A: FAILING nodata" in person.out


async def test_check_dns_of_a_silent_server_fails() -> None:
    """Silence is failing, not unknown: exit 1 after the timeout."""
    async with responder(udp=lambda _: ()) as server:
        ran = await vedette(
            "check", "dns", "api.shop.test", "--server", str(server), "--timeout", "0.5", "--json"
        )
    assert document(ran, "api.shop.test A", "FAILING")["reason"] == "timeout"
    assert ran.status == 1


async def test_check_http(tmp_path: Path) -> None:
    """A page is OK, an error status, an untrusted certificate and a closed port are failing."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trust = ["--ca-file", str(tmp_path / "ca.pem")]
    closed = f"http://127.0.0.1:{free_port()}/"
    with nginx(tmp_path / "web", authority.issue_cert("127.0.0.1")) as web:
        plain, secure = f"http://127.0.0.1:{web.http}", f"https://127.0.0.1:{web.https}"
        asked = {
            f"{secure}/": (trust, "OK", None),
            f"{plain}/gone": ([], "FAILING", "status"),
            f"{secure}/host": ([], "FAILING", "tls_untrusted"),
            closed: ([], "FAILING", "connect_refused"),
        }
        ran = await asyncio.gather(
            *(vedette("check", "http", url, "--json", *more) for url, (more, *_) in asked.items())
        )
    for one, (url, (_, verdict, reason)) in zip(ran, asked.items(), strict=True):
        seen = document(one, url, verdict)
        assert reason is None or seen["reason"] == reason, seen
        assert one.status == (0 if verdict == "OK" else 1)


async def test_check_bgp() -> None:
    """Seen is OK, seen from elsewhere is failing, nobody to ask is unknown: exit 0, 1, 3."""
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)

        async def check(prefix: str, origin: int) -> Ran:
            return await vedette(
                "check", "bgp", prefix, "--origin", f"AS{origin}", "--seed", server.seed_url,
                "--json",
            )  # fmt: skip

        seen, foreign, unknown = await asyncio.gather(
            check(PREFIX, ORIGIN), check(PREFIX, ORIGIN + 1), check("198.51.100.0/24", ORIGIN)
        )
    assert document(seen, PREFIX, "OK")["facts"]["of"] == 10
    assert seen.status == 0
    document(foreign, PREFIX, "FAILING")
    assert foreign.status == 1
    assert document(unknown, "198.51.100.0/24", "UNKNOWN")["reason"] == "unseeded"
    assert unknown.status == 3


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["run"],
        ["check", "dns"],
        ["check", "dns", "192.0.2.1"],
        ["check", "dns", "api.shop.test", "AXFR"],
        ["check", "dns", "api.shop.test", "--stub-zone", "test"],
        ["check", "dns", "api.shop.test", "--stub-zone", "a..b=127.0.0.1"],
        ["check", "http", "ftp://api.shop.test/"],
        ["check", "http", "https://api.shop.test/", "--ca-file", "/no/such/file"],
        ["check", "bgp", "192.0.2.1/24", "--origin", "64500"],
        ["check", "bgp", "192.0.2.0/24", "--origin", "nobody"],
        ["validate", "/no/such/file"],
    ],
    ids=" ".join,
)
async def test_wrong_usage(arguments: list[str]) -> None:
    """Wrong usage is said on standard error, without a traceback, and exits 2."""
    ran = await vedette(*arguments)
    assert (ran.status, ran.out) == (2, ""), ran
    assert ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "dns", "a.example", "--server", "https://u:SEKRET@127.0.0.1:1/"],
        ["check", "dns", "a.example", "--stub-zone", "test=u:SEKRET@127.0.0.1:1"],
        ["check", "http", "http://u:SEKRET@127.0.0.1:1/"],
        ["check", "bgp", "192.0.2.0/24", "--origin", "1", "--seed", "http://u:SEKRET@127.0.0.1:1/"],
        ["bgp", "init", "--asn", "1", "--url", "http://u:SEKRET@127.0.0.1:1/"],
        ["bgp", "init", "--asn", "1", "--url", "ftp://u:SEKRET@127.0.0.1:1/"],
    ],
    ids=" ".join,
)
async def test_a_password_is_refused_and_not_shown(arguments: list[str]) -> None:
    """A password in an argument is refused in one sentence that does not repeat it: exit 2."""
    ran = await vedette(*arguments)
    assert (ran.status, ran.out) == (2, ""), ran
    (line,) = ran.err.splitlines()
    assert "no user name or password" in line
    assert "SEKRET" not in line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["dns", "x.example", "--timeout", "soon"], "--timeout: soon: expected a duration such as"),
        (["dns", "x.example", "--timeout", "0s"], "--timeout: 0s is not above 0"),
        (["dns", "x.example", "--root-hints", "{binary}"], "root hints {binary}: it is not UTF-8"),
        (
            ["dns", "x.example", "--trust-anchors", "{binary}"],
            "trust anchors {binary}: it is not UTF-8 text: save it as that",
        ),
        (
            ["bgp", PREFIX, "--origin", "64500", "--seed", "foo"],
            "--seed: foo: expected a URL with the scheme http or https",
        ),
    ],
)
async def test_wrong_values_are_told_with_a_remedy(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    """A value that is none is wrong usage, and the message says what would be one."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    ran = await vedette("check", *(one.format(binary=binary) for one in arguments))
    assert (ran.status, ran.out) == (2, "")
    assert told.format(binary=binary) in ran.err


async def test_a_timeout_is_written_as_in_a_config() -> None:
    """`--timeout 500ms` is half a second."""
    ran = await vedette("check", "http", "http://127.0.0.1:1/", "--timeout", "500ms", "--json")
    document(ran, "http://127.0.0.1:1/", "FAILING")


async def test_a_refused_connection_speaks_of_no_tls() -> None:
    """Who refuses to be asked is named, with what the system said."""
    url = f"http://127.0.0.1:{free_port()}/data"
    ran = await vedette("check", "bgp", PREFIX, "--origin", "64500", "--seed", url, "--json")
    detail = document(ran, PREFIX, "UNKNOWN")["detail"]
    address = url.split("/")[2]
    assert f"{url} cannot be asked: cannot connect to {address}: Connection refused" in detail


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("file", "is a file, not a folder: remove it or choose another agent.state_dir"),
        ("file/state", "/vedette.db cannot be opened"),
    ],
)
async def test_a_state_folder_that_cannot_be_is_one_sentence(
    tmp_path: Path, state: str, told: str
) -> None:
    """A state_dir that is a file, or below one, is named with the remedy: exit 2."""
    (tmp_path / "file").touch()
    path = tmp_path / "vedette.yaml"
    path.write_text(PLAIN.format(port=free_port(), state=f"./{state}"))
    ran = await vedette("run", "--config", str(path))
    assert ran.status == 2
    (line,) = ran.err.splitlines()
    assert line.startswith(f"vedette: {tmp_path}/{state}")
    assert told in line
    assert "agent.state_dir" in line


async def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """A listener that cannot be opened is named with the remedy: exit 2."""
    path = tmp_path / "vedette.yaml"
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        path.write_text(PLAIN.format(port=port, state="./state"))
        ran = await vedette("run", "--config", str(path))
    assert ran.status == 2
    (line,) = ran.err.splitlines()
    assert line.startswith(f"vedette: cannot listen at 127.0.0.1:{port} (")
    assert "change agent.listen" in line
