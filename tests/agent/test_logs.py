"""Log lines: one for each change, with its fields, in a form that a machine or a person reads."""

import io
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.agent.daemon import SERVICE, SERVICE_KEY, world
from vedette.agent import logs
from vedette.agent.config.vantage import LogSettings

log = logging.getLogger("vedette.somewhere")


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave the log as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # those of pytest are not to be closed
    yield
    root.handlers[:], root.level = handlers, level


def written(settings: LogSettings, stream: io.StringIO | None = None) -> str:
    """Return what is written of some records."""
    stream = stream or io.StringIO()
    logs.configure(settings, stream)
    log.debug("unseen")
    log.warning('%s is "empty"', "api", extra={"service": "shop", "key": "vedette/shop"})
    logging.getLogger("some.library").error("it\nbroke")
    logging.getLogger("apscheduler.scheduler").info("added a job")
    try:
        int("a bug")
    except ValueError:
        log.exception("checking")
    return stream.getvalue()


def test_logfmt_is_a_line_of_pairs() -> None:
    """Where nobody looks, a record is one line of pairs, with its fields, whatever it holds."""
    first, second, third = written(LogSettings()).splitlines()
    stamp, _, rest = first.partition(" ")
    assert stamp.startswith("ts=20")
    assert stamp.endswith("Z")
    assert rest == 'level=warning msg="api is \\"empty\\"" service=shop key=vedette/shop'
    assert second.endswith("msg=it\\nbroke")
    assert "ValueError: invalid literal" in third
    assert "Traceback" in third


@pytest.mark.parametrize("form", ["console", "json", "logfmt"])
def test_what_others_say_moves_no_cursor_and_begins_no_line(form: Any) -> None:
    """A name or an answer that is logged cannot pass for a line, and no terminal obeys it."""
    stream = io.StringIO()
    logs.configure(LogSettings(format=form), stream)
    log.warning("heard %s", "\x1b[2J\x9b", extra={"key": "a\r\nts=1 level=info"})
    text = stream.getvalue()
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    assert "ts=1 level=info" in text


def test_json_is_a_document_a_line() -> None:
    """Each line is an object with the same names."""
    lines = written(LogSettings(format="json")).splitlines()
    first, second, third = (json.loads(line) for line in lines)
    assert first.pop("ts").endswith("Z")
    assert first == {
        "msg": 'api is "empty"', "level": "warning", "service": "shop", "key": "vedette/shop",
    }  # fmt: skip
    assert second["msg"] == "it\nbroke"
    assert "ValueError: invalid literal" in third["exception"]


def test_people_at_a_terminal_read_lines_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets what is easy to read, in colours unless NO_COLOR says otherwise."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in written(LogSettings(), Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    text = written(LogSettings(), Terminal())
    assert "\x1b[" not in text
    assert 'api is "empty"' in text
    assert "service=shop" in text
    assert "msg=" not in text


@pytest.mark.parametrize(("level", "lines"), [("debug", 4), ("info", 3), ("error", 2)])
def test_the_level_says_what_is_left_out(level: Any, lines: int) -> None:
    """What is below the level is not written, and libraries do not chat at any but debug."""
    text = written(LogSettings(level=level, format="json"))
    assert len(text.splitlines()) == lines
    assert "added a job" not in text


def test_a_reader_that_has_stopped_holds_nobody_up() -> None:
    """What finds no room in a pipe is lost at once; when it is read again the log says how much."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with os.fdopen(writing, "w", encoding="utf-8") as stream, closing(io.FileIO(reading)) as reader:
        logs.configure(LogSettings(format="logfmt"), stream)
        long = "x" * 5_000
        began_at = time.monotonic()
        for number in range(100):
            log.warning("%d %s", number, long)
        took = time.monotonic() - began_at
        kept = (reader.read(1 << 20) or b"").decode().splitlines()
        log.warning("read again")
        after = (reader.read(1 << 20) or b"").decode().splitlines()

    whole = [line for line in kept if line.endswith(f'{long}"')]
    assert 5 < len(whole) < 100
    assert took < 10 * logs._PATIENCE / 1000
    *_, lost, last = after
    assert lost.startswith("ts=")
    assert lost.endswith(f'msg="{100 - len(whole)} lines of the log are lost: nobody read them"')
    assert last.endswith('msg="read again"')


async def test_an_incident_is_few_lines_and_a_probe_is_none(tmp_path: Path) -> None:
    """Healthy looks leave no line; an alarm, its page and their ends leave one each."""
    async with world(tmp_path, start=False) as w:
        path = tmp_path / "vedette.yaml"
        config = yaml.safe_load(path.read_text())
        config["agent"]["log"] = {"format": "json"}
        path.write_text(yaml.safe_dump(config))
        await w.daemon.start()
        await w.well()
        before = len(w.daemon.output.splitlines())
        await w.daemon.looks(10)
        assert len(w.daemon.output.splitlines()) <= before + 1  # its config proves good
        w.empty()
        await w.told(("trigger", SERVICE_KEY))
        w.restore()
        await w.told(("trigger", SERVICE_KEY), ("resolve", SERVICE_KEY))
        await w.daemon.sees("vedette_pages_undelivered", 0)
        lines = [json.loads(line) for line in w.daemon.output.splitlines()]
    alarms = [
        (line["level"], line["state"])
        for line in lines
        if line.get("diagnosis") == "record_emptied" and "state" in line
    ]
    assert alarms == [("warning", "ALARM"), ("info", "OK")]
    pages = [line for line in lines if line.get("key") == SERVICE_KEY]
    assert {line["service"] for line in pages} == {SERVICE}
    assert pages[0]["diagnosis"] == "record_emptied"
    assert pages[0]["msg"].startswith(f"opened {SERVICE_KEY}: record_emptied: ")
