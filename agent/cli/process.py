"""What a process that serves is given: files enough, and the fastest loop that is installed."""

import asyncio
import resource
from collections.abc import Coroutine

FILES = 65_536
"""How many files and sockets a process that serves may have open, where it is let."""


def allow_files() -> None:
    """Allow FILES, or what the system lets us: most give 1024 to who does not ask.

    Strangers whose TLS has not begun have one each for ten seconds; probes and pages need some too.
    """
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    if resource.RLIM_INFINITY != allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def run_loop(work: Coroutine[None, None, None]) -> None:
    """Run *work* on uvloop where the extra is installed, else on asyncio's loop."""
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)
