"""The blackbox.yml in use: loaded at the start, and again when it has changed and somebody asks."""

import logging
from collections.abc import Callable
from pathlib import Path

from vedette.agent.blackbox.document import ModulesError, parse
from vedette.agent.blackbox.modules import Modules

log = logging.getLogger(__name__)


class Loaded:
    """The modules of *path*; a file that cannot be used leaves those from before."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        """Raise ModulesError where the file cannot be used."""
        self._path = path
        self._now = now
        self._text: str | None = None
        self.modules = Modules()
        self.successful = False
        self.succeeded_at = 0.0
        self.reload()

    def reload(self) -> None:
        """Read the file, unless it is as it was; raise ModulesError where it cannot be used."""
        try:
            text = _text(self._path)
            if text != self._text:
                self.modules = parse(text, str(self._path))
                self._text = text
        except ModulesError:
            self.successful = False
            raise
        self.successful, self.succeeded_at = True, self._now()

    def try_reload(self) -> None:
        """Reload, and log where that fails."""
        try:
            self.reload()
        except ModulesError as error:
            log.error("the config stays as it was: %s", error)  # noqa: TRY400 - the user's fault


def read_modules(path: Path) -> Modules:
    """Read *path*; raise ModulesError where it cannot be used."""
    return parse(_text(path), str(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ModulesError(f"error reading config file: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ModulesError(f"error reading config file: {path}: it is not UTF-8 text") from None
