"""What is true of every command before it begins."""

import resource
import signal
from asyncio import Event
from collections.abc import Iterator
from types import ModuleType
from typing import cast

import pytest

from tests.test_configs import commands
from vedette.agent import cli, reload
from vedette.agent.cli.process import FILES, allow_files
from vedette.agent.cli.run import _until_signalled

_SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["check", "dns", "x.example", "--server", ""], "--server"),
        (["check", "dns", "x.example", "--server="], "--server"),
        (["check", "dns", "x.example", "--root-hints", " "], "--root-hints"),
        (["check", "http", "http://127.0.0.1:1/", "--at", ""], "--at"),
        (["check", "bgp", "192.0.2.0/24", "--origin", ""], "--origin"),
        (["run", "--config", ""], "--config"),
        (["bgp", "init", "--asn", "1", "--url", ""], "--url"),
        (["demo", "--incident", ""], "--incident"),
        (["validate", ""], "an argument"),
        (["replay", ""], "an argument"),
    ],
)
def test_a_value_that_is_empty_is_not_taken_for_none(
    words: list[str], name: str, capsys: pytest.CaptureFixture[str], hangups: None
) -> None:
    """`--server "$RESOLVER"` without the variable is wrong usage: it asked somebody else."""
    assert cli.main(words) == 2
    told = f"vedette: {name} is empty: give it a value, or leave it out\n"
    assert capsys.readouterr() == ("", told)


@pytest.mark.parametrize("words", [["--web.route-prefix", ""], ["--web.external-url="]])
def test_flags_of_blackbox_may_be_empty(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """blackbox_exporter takes an empty flag for its default, and so do we."""
    assert cli.main(["blackbox", *words, "--config.file", "/no/such/file"]) == 1
    assert "is empty" not in capsys.readouterr().err


def test_a_url_may_end_with_an_empty_value(capsys: pytest.CaptureFixture[str]) -> None:
    """What follows the = of a URL is the URL's."""
    assert cli.main(["check", "http", "http://127.0.0.1:1/?q="]) == 1
    assert "is empty" not in capsys.readouterr().err


def test_a_hangup_while_run_is_loaded_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, hangups: None
) -> None:
    """Loading takes half a second, in which SIGHUP would end the process without a word."""
    load, heard = cli.import_module, []

    def loading(name: str) -> ModuleType:
        heard.append(signal.getsignal(signal.SIGHUP))
        return load(name)

    monkeypatch.setattr(cli, "import_module", loading)
    assert cli.main(["run", "--config", "/no/such/file"]) == 2
    assert heard == [signal.SIG_IGN]


@pytest.mark.parametrize("came", [[], [signal.SIGHUP]])
async def test_a_hangup_while_the_config_is_read_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, hangups: None, came: list[int]
) -> None:
    """The file may have changed after it was read: it is read again as soon as the agent runs."""
    asked = []

    async def runs(_document: object, _stop: Event, hangup: Event, **_: object) -> None:
        asked.append(hangup.is_set())

    monkeypatch.setattr(reload, "run", runs)
    await _until_signalled(cast("reload.Document", None), came)
    assert asked == [bool(came)]


@pytest.fixture
def hangups() -> Iterator[None]:
    """Hear signals afterwards as before."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ((1024, 524_288), (FILES, 524_288)),
        ((1024, 4096), (4096, 4096)),
        ((1024, resource.RLIM_INFINITY), (FILES, resource.RLIM_INFINITY)),
        ((100_000, 524_288), None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), None),
    ],
)
def test_the_agent_takes_what_files_it_may_have(
    given: tuple[int, int], left: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand are soon taken by strangers, and no look or page could be made; more stay more."""
    kept: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: given)
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: kept.append(limits))
    allow_files()

    assert kept == ([] if left is None else [left])


@pytest.mark.parametrize("name", commands())
def test_each_command_that_is_listed_is_one(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What the list names tells how it is used, by that name."""
    with pytest.raises(SystemExit) as ended:
        cli.main([*name.split(), "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: vedette {name} ")
