"""What the documents show works: links, configs, commands, and the first five minutes."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from tests.agent.daemon import ROUTING_KEY, Daemon, world
from tests.agent.peers.islands import another_world
from tests.agent.test_reload import reload
from tests.documents import DOCUMENTS, NOT_OURS, ROOT, Block, anchors, blocks, code, links, prose
from tests.servers.process import need
from tests.test_configs import commands
from tests.waiting import until
from vedette.agent.cli import bgpinit, main, parser
from vedette.agent.config import Config, read
from vedette.agent.config.pagers import KINDS
from vedette.agent.diagnoses.names import RANK, Diagnosis

START = ROOT / "docs" / "start.md"
DIAGNOSES = ROOT / "docs" / "diagnoses.md"
OURS = [one for one in DOCUMENTS if one.parent.name != "vedette"]
"""All but the chart's: its values are the chart's tests' to judge."""
BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]
SHELL = [block for block in BLOCKS if block.language in ("", "sh", "console")]
CONFIGS = [
    block
    for document in OURS
    for block in blocks(document)
    if block.language == "yaml" and block.mark != NOT_OURS
]


def named(thing: Path | Block) -> str:
    """Return how pytest calls a document or a block."""
    return str(thing.relative_to(ROOT)) if isinstance(thing, Path) else str(thing)


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(document: Path) -> None:
    """What a document leads to is there, with the heading that is named."""
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


# Configs

BASE: Mapping[str, Any] = {
    "agent": {"name": "here", "domain": {"provider": "one"}},
    "services": [
        {"name": "shop", "dns": [{"name": "shop.example"}]},
        {"name": "dns-provider", "dns": [{"name": "dns.example"}]},
    ],
    "peers": [
        {
            "name": "there",
            "url": "http://127.0.0.1:1",
            "domain": {"provider": "two"},
            "token_file": "peer.token",
        }
    ],
}
"""What a fragment is laid over: two services and a second provider."""


def whole(shown: object) -> Mapping[str, Any]:
    """Return the config that *shown* is a part of: some of its blocks, or pagers."""
    if isinstance(shown, list):
        assert all(set(one) & set(KINDS) for one in shown), "which block is it of?"
        shown = {"pagers": shown}
    assert isinstance(shown, dict)
    assert set(shown) <= set(Config.model_fields), f"not of a config: mark it <!-- {NOT_OURS} -->"
    if {"agent", "services"} <= set(shown):
        return shown
    return {**BASE, **shown, "agent": {**BASE["agent"], **shown.get("agent", {})}}


def make_files(folder: Path, config: object) -> None:
    """Make what *config* reads from files; every secret is another one."""
    authority = trustme.CA()
    own = authority.issue_cert("fra-1.example.net")
    for number, (key, name) in enumerate(named_files(config)):
        path = folder / name
        if key in ("ca_file", "client_ca_file"):
            authority.cert_pem.write_to_path(path)
        elif key in ("cert_file", "client_cert"):
            path.write_bytes(b"".join(one.bytes() for one in own.cert_chain_pems))
        elif key in ("key_file", "client_key"):
            own.private_key_pem.write_to_path(path)
        elif key == "url_file":
            path.write_text("https://switch.example.net/0123456789\n")
        else:
            path.write_text(ROUTING_KEY if key == "routing_key_file" else f"{number:064x}")


def named_files(config: object) -> Iterator[tuple[str, str]]:
    """Return each key that names a file, with the name."""
    if isinstance(config, dict):
        for key, value in config.items():
            if isinstance(value, str) and re.search(r"_file$|^client_(cert|key)$", key):
                yield key, value
            yield from named_files(value)
    elif isinstance(config, list):
        for one in config:
            yield from named_files(one)


@pytest.mark.parametrize("block", CONFIGS, ids=named)
def test_every_config_is_valid(block: Block, tmp_path: Path) -> None:
    """A config that a document shows starts, and so does one that has the fragment it shows."""
    config = whole(yaml.safe_load(block.text))
    make_files(tmp_path, config)
    path = tmp_path / "vedette.yaml"
    path.write_text(yaml.safe_dump(config))
    assert read(path)


# Commands

STANDS_FOR = {
    "FILE…": "FILE",
    "SCENARIO…": "SCENARIO",
    "N": "64500",
    "ASN": "64500",
    "PREFIX": "192.0.2.0/24",
    "URL": "https://shop.example/",
    "NAME": "shop.example",
    "PID": "1",
}
OFFLINE = ("validate", "rules", "lkg")
"""Commands that need nothing but files; `demo` and `replay` have tests of their own."""
LISTED: Mapping[str, int] = {"lkg": 1}
"""How a command ends that does not end with 0: nothing is kept yet."""


def lines(block: Block) -> Iterator[str]:
    """Return the commands of *block* without prompt and comment, each in one line."""
    text = block.text.replace("\\\n", " ")
    for line in text.splitlines():
        yield re.sub(r"\s+#.*$", "", line.strip().removeprefix("$ "))


def vedette(line: str) -> list[str] | None:
    """Return the arguments where *line* calls vedette."""
    found = re.match(r"(?:\S*/)?vedette (?!helm)(.*?)(?: ?[<>|].*)?$", line)
    if not found or not re.match(r"(?:[\w./-]*/bin/)?vedette ", line):
        return None
    words = shlex.split(found[1])
    return [STANDS_FOR.get(word, word) for word in words]


def parses(words: list[str]) -> bool:
    """Whether the command line of today takes *words*."""
    if words[:2] == bgpinit.NAME.split():
        words = [bgpinit.NAME, *words[2:]]
    try:
        parser(words[0]).parse_args(words)
    except SystemExit as ended:
        return ended.code == 0
    return True


SHOWN = sorted(
    {line for block in SHELL for line in lines(block) if vedette(line)}
    | {one for document in DOCUMENTS for one in code(document) if vedette(one)}
)


@pytest.mark.parametrize("line", [one for one in SHOWN if "[" not in one])
def test_every_command_is_one(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a document shows of vedette is taken by its command line, or is a command's name."""
    words = vedette(line)
    assert words
    names = {*commands(), *(one.split()[0] for one in commands())}
    assert " ".join(words) in names or parses(words), capsys.readouterr().err


def test_commands_are_shown() -> None:
    """The search for commands finds some, in blocks and between words."""
    assert len(SHOWN) > 20


@pytest.mark.parametrize(
    "line", sorted({line for block in SHELL for line in lines(block) if line.startswith("make ")})
)
def test_every_make_has_its_target(line: str) -> None:
    """What a document shows of make is a target."""
    subprocess.run(
        ["/bin/sh", "-c", line.replace("make ", "make --dry-run ", 1)],
        cwd=ROOT, check=True, capture_output=True, timeout=60,
    )  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder as the documents mean it: the repository, with a config of one's own."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "helm").symlink_to(ROOT / "helm")
    (tmp_path / "vedette.yaml").write_text(started()[0])
    (tmp_path / "FILE").write_text(started()[0])
    shutil.copy(ROOT / "configs" / "blackbox.yml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{sys.prefix}/bin:{os.environ['PATH']}")
    return tmp_path


def is_offline(line: str) -> bool:
    """Whether *line* can run with what a checkout has."""
    words = vedette(line)
    if words is None:
        return line.startswith("promtool ")
    if "--config.check" in words:
        return True
    return words[0] in OFFLINE and not any(word.startswith("/") for word in words)


RUN = {
    tuple(filter(is_offline, lines(block))): str(block)
    for block in SHELL
    if any(map(is_offline, lines(block)))
}


@pytest.mark.parametrize("shown", RUN, ids=RUN.values())
def test_commands_without_a_network_run(
    shown: Sequence[str], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What needs files alone ends as it should, line after line."""
    for line in shown:
        words = vedette(line)
        if words and ">" not in line:  # without the half second that Python takes to start
            status = main(words)
            said = capsys.readouterr()
        else:
            need(line.split()[0])
            ran = subprocess.run(
                ["/bin/sh", "-c", line],
                cwd=checkout, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            status, said = ran.returncode, ran.stderr
        assert status == LISTED.get(line.split()[1], 0), (line, said)


# The first five minutes


def started() -> list[str]:
    """Return the configs of docs/start.md: a whole one, pagers, and the rehearsal."""
    return [block.text for block in blocks(START) if block.language == "yaml"]


@contextmanager
def alone() -> Iterator[None]:
    """Give this thread a network that leads nowhere."""
    with another_world():
        subprocess.run([need("ip"), "link", "set", "lo", "up"], check=True)
        yield


async def test_the_config_to_start_with_runs(checkout: Path) -> None:
    """It serves its status page, its metrics and its health, also where there is no network."""
    with alone():
        daemon = Daemon(checkout / "vedette.yaml", 9469)
        await daemon.start()
        try:

            async def ready() -> bool:
                return (await daemon.get("/-/ready"))[0] == 200

            await until(ready, lambda: daemon.output)
            assert "shop.example" in (await daemon.get("/services/shop"))[1]
            assert await daemon.value("vedette_build_info") == 1
        finally:
            await daemon.end()


async def test_the_rehearsal_pages_and_resolves(tmp_path: Path) -> None:
    """The service that cannot be well brings a page, and its removal the resolve."""
    _, pagers, rehearsal = map(yaml.safe_load, started())
    assert [set(one) for one in pagers["pagers"]] == [{"pagerduty"}]
    (service,) = rehearsal["services"]
    service["dns"][0]["name"] = "no-such-name.shop.test"
    key = f"vedette/{service['name']}"
    async with world(tmp_path) as w:
        await w.well()
        await reload(w, lambda config: config["services"].append(service))
        await w.told(("trigger", key))
        assert w.events[0]["payload"]["summary"].startswith(
            "record_emptied: no-such-name.shop.test A is empty at "
        )
        await reload(w, lambda config: config["services"].pop())
        await w.told(("trigger", key), ("resolve", key))


def test_the_chart_renders_as_the_page_says(checkout: Path) -> None:
    """`helm template` of the chart needs nothing else, and has the quickstart's config."""
    (line,) = {line for block in blocks(START) for line in lines(block) if line.startswith("helm ")}
    helm = need(f"{sys.prefix}/bin/helm3")
    ran = subprocess.run(
        [helm, *shlex.split(line)[1:]],
        cwd=checkout, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "kind: StatefulSet" in ran.stdout
    services = read(ROOT / "configs" / "quickstart.yaml").services
    assert all(f"name: {service.name}" in ran.stdout for service in services)


# Diagnoses


def sections() -> Mapping[str, str]:
    """Return the sections of docs/diagnoses.md by their headings."""
    parts = re.split(r"^## (.+)$", DIAGNOSES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_diagnosis_has_a_section() -> None:
    """There is one for each name of the closed list, and no other."""
    assert sorted(sections()) == sorted(Diagnosis)


@pytest.mark.parametrize("diagnosis", Diagnosis)
def test_a_section_says_what_to_do(diagnosis: Diagnosis) -> None:
    """It shows the first line of a page, and what to look at, to do and to expect."""
    text = sections()[diagnosis]
    (page,) = re.findall(r"^> (.*)$", text, re.MULTILINE)
    assert re.fullmatch(rf"{diagnosis}: .* since \d\d:\d\d:\d\d UTC([,;] .*)?", page)
    assert re.findall(r"^\*\*([\w ]+)\*\*", text, re.MULTILINE) == [
        "Look first", "Do", "Usually", "A symptom",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "cell"),
    [(DIAGNOSES, r"\[(\w+)\]\(#\1\)"), (ROOT / "README.md", r"^\| `([a-z_]+)` \|")],
    ids=["diagnoses", "README"],
)
def test_the_table_is_in_the_order_of_causes(document: Path, cell: str) -> None:
    """All are told, and what explains more comes first, as the engine has it."""
    table = [line for line in prose(document).splitlines() if line.startswith("|")]
    told = [one for one in re.findall(cell, "\n".join(table), re.MULTILINE) if one in {*Diagnosis}]
    ranked = sorted(Diagnosis, key=RANK.__getitem__)
    ourselves = [Diagnosis.VANTAGE_BLIND, Diagnosis.FEED_STALE]
    assert told == [*(one for one in ranked if one not in ourselves), *ourselves]
