"""What is true of every command before it begins."""

import signal
from asyncio import Event
from collections.abc import Iterator
from types import ModuleType
from typing import cast

import pytest

from vedette.agent import cli, reload
from vedette.agent.cli.run import _until_signalled

_SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


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
