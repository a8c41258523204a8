"""What TLS is to every kind: whom a context trusts, and the chain that a session was sent.

Rule: no socket. What is made of files is made again when they change, and never for each use.
"""

import logging
import os
import ssl
import sys
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

_DER = 2  # _ssl.ENCODING_DER


def trust(context: ssl.SSLContext, ca_file: str | None) -> None:
    """Have *context* trust *ca_file* alone, or else the system; or raise ValueError."""
    if ca_file is None:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # ssl.SSLError is one: a file without certificates
        raise ValueError(f"cannot read certificates from {ca_file}: {error.strerror}") from error
    # What the user names is trusted, be it a root, an intermediate or the server's own certificate.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN


def trusted_paths(ca_file: str | None) -> tuple[str, ...]:
    """Return the files and folders that `trust` reads."""
    if ca_file is not None:
        return (ca_file,)
    system = ssl.get_default_verify_paths()
    return tuple(path for path in (system.cafile, system.capath) if path is not None)


class Renewed(Generic[T]):
    """What *make* makes of the files at *paths*, renewed with them.

    *make* raises ValueError for files that cannot be used. Where there is something from before,
    that stays in use until they can be, and the log says so once.
    """

    def __init__(self, make: Callable[[], T], paths: Sequence[str]) -> None:
        self._make = make
        self._paths = paths
        self._stamps: list[_Stamp] | None = None
        self._made: T | None = None
        self._fault = ""

    def current(self) -> T:
        """Return what is made of the files as they are; raise ValueError where nothing ever was."""
        stamps = [_stamp(path) for path in self._paths]
        if stamps != self._stamps:
            self._renew(stamps)
        if self._made is None:
            raise ValueError(self._fault)
        return self._made

    def _renew(self, stamps: "list[_Stamp]") -> None:
        try:
            made = self._make()
        except ValueError as error:
            # What could not be read is tried again; what was read and is wrong has to change first.
            self._stamps = stamps if isinstance(error.__cause__, ssl.SSLError) else None
            if self._made is not None and self._fault != str(error):
                log.warning("%s: what was read before stays in use", error)
            self._fault = str(error)
        else:
            self._stamps, self._made, self._fault = stamps, made, ""


_Stamp = tuple[int, int, int] | None


def _stamp(path: str) -> _Stamp:
    """Return what differs where the file does: change time, size and number; None without one."""
    try:
        seen = os.stat(path)  # noqa: PTH116 - a Path costs as much again
    except OSError:
        return None
    return seen.st_ctime_ns, seen.st_size, seen.st_ino


def chain(session: Any, which: str = "unverified") -> tuple[bytes, ...]:  # noqa: ANN401 - see below
    """Return the chain as sent ("unverified"), also after a failure, or as "verified", in DER."""
    # Interned: the interpreter's cache of attributes would keep every call's own string.
    name = sys.intern(f"get_{which}_chain")
    if hasattr(session, name):
        return tuple(getattr(session, name)() or ())
    # Public only from Python 3.13 on, and typeshed lacks it.
    sent = getattr(session._sslobj, name)() or ()  # noqa: SLF001
    return tuple(certificate.public_bytes(_DER) for certificate in sent)
