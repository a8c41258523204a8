"""How the agent logs: lines for people or machines, of our own code and of libraries alike.

Code logs through the standard library; here its records become structlog's, with their fields.
Rule: a line is a change that somebody may want to find. A healthy probe leaves none.
"""

import logging
import os
import select
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from vedette.agent.alarms.alarm import Memory, State
from vedette.agent.composite.alarm import Alarm
from vedette.agent.config.vantage import LogSettings

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

log = logging.getLogger(__name__)

_LIBRARIES: Mapping[str, int] = {"apscheduler": logging.WARNING, "asyncio": logging.WARNING}
"""What libraries say of each thing that they do is of no use to anybody here."""
_CONTROLS = {
    number: f"\\x{number:02x}"
    for number in (*range(32), *range(127, 160))
    if chr(number) not in "\n\t"
}
"""What moves a terminal's cursor; the forms themselves see to what ends a line."""

_PIECE = 1000
"""Characters that are written at a time: a pipe with any room takes 4096 octets at once."""
_PATIENCE = 100
"""Milliseconds for which a reader who is busy is waited for, once until he reads again."""


class _Lines(logging.StreamHandler[TextIO]):
    """Writes to *stream*, and waits for nobody who has stopped reading it.

    A log driver whose receiver is down reads no more, and an agent that waits for it is dead. What
    finds no room is lost, and that is told as soon as there is some.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lost, self._cut, self._writable = 0, "", select.poll()
        try:
            self._writable.register(stream.fileno(), select.POLLOUT)
            self._has_end = True
        except OSError:  # it is in memory
            self._has_end = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it."""
        try:
            lost = self._lost
            if lost and self._write(self.format(_loss(lost))):
                self._lost = 0
            if self._lost or not self._write(self.format(record)):
                self._lost += 1
        except Exception:  # noqa: BLE001 - as the class above has it
            self.handleError(record)

    def _write(self, line: str) -> bool:
        """Write *line*, and return whether there was room for all of it."""
        line = f"{self._cut}{line}{self.terminator}"
        for start in range(0, len(line), _PIECE):
            if not self._has_room():
                self._cut = self.terminator if start else self._cut
                return False
            self.stream.write(line[start : start + _PIECE])
            self.stream.flush()
        self._cut = ""
        return True

    def _has_room(self) -> bool:
        return not self._has_end or bool(self._writable.poll(0 if self._lost else _PATIENCE))


def _loss(lines: int) -> logging.LogRecord:
    said = "%d lines of the log are lost: nobody read them"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, said, (lines,), None)


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Have every log record written to *stream*, standard error at first, as *settings* say."""
    import structlog  # noqa: PLC0415 - with all that it loads; most commands log nothing

    stream = stream or sys.stderr
    form = settings.format or ("console" if stream.isatty() else "logfmt")
    handler = _Lines(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _harmless,
                *_form(form, stream),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.level.upper(), force=True)
    for name, level in _LIBRARIES.items():
        logging.getLogger(name).setLevel(level)


def changed(rule: Alarm, memory: Memory) -> None:
    """Log that an alarm began or ended; that it was well all the time is no news."""
    if memory.state is State.ALARM or memory.began_at:
        log.log(
            logging.WARNING if memory.state is State.ALARM else logging.INFO,
            "%s is %s", _named(rule), memory.state,
            extra={"service": rule.service, "diagnosis": rule.diagnosis, "state": memory.state},
        )  # fmt: skip


def _named(rule: Alarm) -> str:
    """Return what it is of what; an alarm of the user's own is nothing but itself."""
    return " of ".join(dict.fromkeys((str(rule.diagnosis), rule.subject)))


def _harmless(_logger: object, _method: str, fields: "EventDict") -> "EventDict":
    """Escape what a name or an answer may have in it to have a terminal obey."""
    for key, value in fields.items():
        if isinstance(value, str):
            fields[key] = value.translate(_CONTROLS)
    return fields


def _form(form: str, stream: TextIO) -> Sequence["Processor"]:
    """Return what makes a line of a record's fields."""
    import structlog  # noqa: PLC0415

    if form == "console":
        colors = stream.isatty() and not os.environ.get("NO_COLOR")
        return [
            structlog.dev.ConsoleRenderer(
                colors=colors,
                timestamp_key="ts",
                exception_formatter=structlog.dev.plain_traceback,  # no other shows no variables
            )
        ]
    whole: list[Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("msg"),
    ]
    if form == "json":
        return [*whole, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [*whole, structlog.processors.LogfmtRenderer(key_order=["ts", "level", "msg"])]
