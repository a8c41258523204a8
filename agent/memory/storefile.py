"""The state file itself: its form, and what becomes of it when disk or power fail.

A damaged file is set aside, and what can be read of it goes into a new one. One that can be read
but not written, damaged or not, is gone on from in memory. Whatever is lost, an agent that watches
is worth more.
"""

import fcntl
import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vedette.agent.memory.schema import VERSION, prepare

log = logging.getLogger(__name__)

FILE = "vedette.db"


class StoreError(Exception):
    """The state cannot be read or written; the message names the file and the remedy."""


_MAGIC = b"SQLite format 3\x00"
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNWRITABLE = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}
)
_SUFFIXES = ("", "-wal", "-shm")
_LOCK = "vedette.lock"
_ASIDE = 5
"""Damaged files that are kept: the first ones, and in the last place the newest."""


Identity = tuple[int, int]
"""What a file has for itself: its device, and its number there."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open database; *frozen* where it is a copy in memory of a file that cannot be written."""

    db: sqlite3.Connection
    frozen: bool = False


def open_to_write(path: Path) -> Opened:
    """Open the file, or the best that can be made of it; raise StoreError."""
    try:
        try:
            return Opened(open_or_renew(path))
        except (OSError, sqlite3.Error) as error:
            is_refused = isinstance(error, OSError) or _code(error) in _UNWRITABLE
            if is_refused and path.is_file():
                return Opened(_in_memory(path, error), frozen=True)
            raise
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error


def look_into(path: Path) -> Opened:
    """Open the file to read it while another process may be writing; raise StoreError."""
    try:
        return Opened(_look_into(path))
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep other processes from writing state to *folder* meanwhile; raise StoreError if one does.

    The kernel lets go of it however the process ends. Where there can be no lock nobody is refused:
    that the folder cannot be written is told by who writes to it.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((folder / _LOCK).open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"{folder.resolve()} has the state of another agent that runs: stop that, or "
                "choose another agent.state_dir"
            ) from None
        except OSError as error:
            log.debug("%s cannot be locked: %s", folder, error)
        yield


def _unusable(path: Path, error: Exception) -> StoreError:
    if isinstance(error, FileExistsError):
        return StoreError(
            f"{path.parent} is a file, not a folder: remove it or choose another agent.state_dir"
        )
    return StoreError(
        f"{path} cannot be opened ({error}): mend it or choose another agent.state_dir"
    )


def identity(path: Path) -> Identity | None:
    """Return which file that is, whatever its name; None where it cannot be seen."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_dev, seen.st_ino


def is_gone(path: Path, known: Identity | None) -> bool:
    """Whether the file that was *known* is there no more; one that cannot be seen now may be."""
    try:
        seen = path.stat()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return known is not None and known != (seen.st_dev, seen.st_ino)


def set_aside(path: Path) -> Path | None:
    """Have what is at *path* keep another name, which is returned; raise OSError."""
    aside = _aside(path) if path.exists() else None
    if aside is not None:
        _rename(path, aside)
    remove(path)  # what is left is of a file that is gone
    return aside


def remove(path: Path) -> None:
    """Remove the file, with what belongs to it; raise OSError."""
    for suffix in _SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def open_or_renew(path: Path) -> sqlite3.Connection:
    """Open the file to write it, or in place of a damaged one a new one with what that held.

    Raise OSError or sqlite3.Error.
    """
    try:
        return open_file(path)
    except sqlite3.Error as error:
        if _code(error) in _DAMAGED and _was_ours(path):
            return _renewed(path, error)
        raise


def open_file(path: Path) -> sqlite3.Connection:
    """Open the file to write it, made or brought to this version where need be.

    Raise OSError or sqlite3.Error, also where the file is damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    db.text_factory = _text
    with _closed_in_vain(db):
        version = _version(db, path)
        db.execute("PRAGMA journal_mode = WAL")
        # In this mode each commit is on the disk, log and all, before it returns.
        db.execute("PRAGMA synchronous = FULL")
        _check(db)
        prepare(db, version)
    return db


@contextmanager
def _closed_in_vain(db: sqlite3.Connection) -> Iterator[None]:
    """Close *db* where the block finds it of no use; raise sqlite3.Error where it is damaged."""
    try:
        yield
    except UnicodeDecodeError:  # the damage is in what SQLite quotes of its schema
        db.close()
        raise _corrupt("its schema is no text") from None
    except BaseException:
        db.close()
        raise


def _text(octets: bytes) -> str:
    """Return text of the file, which a bad disk may have changed: that is for its reader to say."""
    return octets.decode(errors="replace")


def _code(error: sqlite3.Error) -> int:
    """Return what kind of error it is, without its details."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _corrupt(said: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(said)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _check(db: sqlite3.Connection) -> None:
    ((said,),) = db.execute("PRAGMA quick_check(1)").fetchall()
    if said != "ok":
        raise _corrupt(said.splitlines()[-1])


def _was_ours(path: Path) -> bool:
    """Whether the file was a database once: what else has its name is not ours to move."""
    with path.open("rb") as file:
        return _MAGIC.startswith(file.read(len(_MAGIC)))


def _renewed(path: Path, error: sqlite3.Error) -> sqlite3.Connection:
    """Set a damaged file aside and return a new one with what can be read of it."""
    aside = _aside(path)
    _rename(path, aside)
    try:
        db = open_file(path)
        with _closed_in_vain(db), closing(sqlite3.connect(aside, isolation_level=None)) as damaged:
            saved = _salvage(damaged, db)
    except (OSError, sqlite3.Error):  # there may be no room for another file
        _rename(aside, path)
        raise
    log.error(
        "%s was damaged (%s) and is kept as %s: %d rows of it could be read, and the agent goes on "
        "with these; what still fails is paged again under its key", path, error, aside, saved,
    )  # fmt: skip
    return db


def _rename(path: Path, other: Path) -> None:
    """Have a file, with what belongs to it, take another name, and the place of who has that."""
    for suffix in _SUFFIXES:
        there = other.with_name(other.name + suffix)
        try:
            path.with_name(path.name + suffix).rename(there)
        except FileNotFoundError:
            there.unlink(missing_ok=True)


def _aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists() and number < _ASIDE:
        number += 1
    return aside


def _salvage(damaged: sqlite3.Connection, db: sqlite3.Connection) -> int:
    """Copy into *db* the rows that can be read of a damaged file, and return how many they are."""
    before = db.total_changes
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    # Else a file that is shorter than it says is not read at all.
    damaged.execute("PRAGMA writable_schema = ON")
    for table in tables:
        columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
        named = ", ".join(f'"{column}"' for column in ["rowid", *columns])
        into = f'"{table}" ({named}) VALUES (?{", ?" * len(columns)})'
        db.execute("BEGIN")
        for row in _readable(damaged, f'SELECT {named} FROM "{table}"'):  # noqa: S608
            db.execute(f"INSERT OR IGNORE INTO {into}", row)
        db.execute("COMMIT")
    return db.total_changes - before


def _readable(damaged: sqlite3.Connection, sql: str) -> Iterator[tuple[object, ...]]:
    """Yield rows from the first to where the file ends, and from the last."""
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            yield from damaged.execute(f"{sql} ORDER BY rowid {order}")


def _in_memory(path: Path, error: Exception) -> sqlite3.Connection:
    """Return a copy in memory of a file that cannot be written now, or what can be read of it."""
    try:
        db = _copied(path)
    except sqlite3.Error as damage:
        if _code(damage) not in _DAMAGED or not _was_ours(path):
            raise
        db, saved = _salvaged(path)
        said = f"cannot be written ({error}) and is damaged ({damage}): {saved} rows can be read"
    else:
        said = f"cannot be written ({error})"
    log.error(
        "%s %s: going on from what it holds, in memory; make it writable, and nothing is lost",
        path, said,
    )  # fmt: skip
    return db


def _copied(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.text_factory = _text
    journal = _log_of(path)
    with _closed_in_vain(db):
        try:
            # In place, as the disk that is full may be that of temporary files too.
            with closing(
                _reading(path, is_logged=journal.exists() and journal.stat().st_size > 0)
            ) as file:
                file.backup(db)
        except sqlite3.Error:
            with _elsewhere(path) as file:
                file.backup(db)
        _check(db)
        prepare(db, _version(db, path))
    return db


def _salvaged(path: Path) -> tuple[sqlite3.Connection, int]:
    """Return what can be read of a damaged file that cannot be written, and how many rows it is.

    Its log is read, too, where there is room for a copy of both.
    """
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.text_factory = _text
    prepare(db, VERSION)
    try:
        with _elsewhere(path) as damaged:
            return db, _salvage(damaged, db)
    except OSError:
        with closing(_reading(path, is_logged=False)) as damaged:
            return db, _salvage(damaged, db)


@contextmanager
def _elsewhere(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of the file in a folder that can be written, as its log may ask for that."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in _SUFFIXES[:2]:
            with suppress(FileNotFoundError):
                shutil.copy(path.with_name(path.name + suffix), folder)
        with closing(sqlite3.connect(Path(folder) / path.name, isolation_level=None)) as copy:
            yield copy


def _look_into(path: Path) -> sqlite3.Connection:
    """Open the file to read it while another process may be writing."""
    if not path.exists():
        raise StoreError(f"{path} does not exist: no agent has kept anything there yet")
    # Without a log nobody has the file open; to say so spares us files of our own beside it, which
    # a reader may not be permitted to make.
    with ExitStack() as opened:
        db = opened.enter_context(closing(_reading(path, is_logged=_log_of(path).exists())))
        if _version(db, path) < VERSION:
            raise StoreError(f"{path} was written by an older Vedette: start the agent to renew it")
        opened.pop_all()
    return db


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _reading(path: Path, *, is_logged: bool) -> sqlite3.Connection:
    """Open the file and make nothing; what *is_logged* beside it is read, too."""
    how = "mode=ro" if is_logged else "immutable=1"
    db = sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=1.0)
    db.text_factory = _text
    return db


def _version(db: sqlite3.Connection, path: Path) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise StoreError(f"{path} was written by a newer Vedette: run that one")
    return version
