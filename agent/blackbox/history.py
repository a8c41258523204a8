"""The probes that `/` and `/logs` can tell of: the newest, and the failures among those before."""

import logging
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import gmtime, strftime

from vedette.agent.blackbox.document import dump
from vedette.agent.blackbox.probe import Line, Probe

LEVELS = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warn",
    logging.ERROR: "error",
}
"""How levels are called here and on the command line."""


@dataclass(frozen=True, slots=True)
class Result:
    """A probe that has ended; its report is written when somebody reads it."""

    id: int
    probe: Probe
    text: str
    """Its metrics."""
    success: bool

    def report(self) -> str:
        """Return what `debug=true` shows: log, metrics and the module, its secrets masked."""
        about = {"module": self.probe.name, "target": self.probe.target}
        lines = "".join(logfmt(line, about) + "\n" for line in self.probe.lines)
        return (
            f"Logs for the probe:\n{lines}\n\n\n"
            f"Metrics that would have been returned:\n{self.text}\n\n\n"
            f"Module configuration:\n{dump(self.probe.module)}"
        )


class History:
    """Keeps the *limit* newest results, and as many older ones that are failures."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._newest: deque[Result] = deque()
        self._failures: deque[Result] = deque(maxlen=limit)

    def add(self, probe: Probe, text: str, *, success: bool) -> Result:
        """Keep a probe that has ended, and return it with its number."""
        result = Result(self._count, probe, text, success)
        self._count += 1
        self._newest.append(result)
        if len(self._newest) > self._limit:
            oldest = self._newest.popleft()
            if not oldest.success:
                self._failures.append(oldest)
        return result

    def __iter__(self) -> Iterator[Result]:
        """Return the results, newest first."""
        yield from reversed(self._newest)
        yield from reversed(self._failures)

    def by_id(self, number: int) -> Result | None:
        """Return the result of that number, None where it is not kept."""
        return next((each for each in self if each.id == number), None)

    def by_target(self, target: str, module: str) -> Result | None:
        """Return the newest result of *target*, by *module* unless that is ""."""
        return next(
            (r for r in self if r.probe.target == target and module in {"", r.probe.name}), None
        )


def logfmt(line: Line, about: Mapping[str, object]) -> str:
    """Return *line* as `key=value` pairs, *about* before its own."""
    part = f"{line.at % 1:.3f}"[1:]
    stamp = strftime("%Y-%m-%dT%H:%M:%S", gmtime(line.at)) + part + "Z"
    pairs = {**about, "level": LEVELS[line.level], "msg": line.message, **line.pairs}
    return f"ts={stamp} {written(pairs)}"


def written(pairs: Mapping[str, object]) -> str:
    """Return *pairs* as logfmt, values in quotes where they need them."""
    return " ".join(f"{key}={_value(value)}" for key, value in pairs.items())


def _value(value: object) -> str:
    text = str(value)
    if text and not any(character in ' ="\\' or character < " " for character in text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.replace("\r", "\\r").replace("\t", "\\t")
