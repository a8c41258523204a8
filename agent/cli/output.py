"""Where commands write, and how they complain."""

import sys


def complain(*lines: str) -> int:
    """Write *lines* to standard error and return the exit status of wrong usage or config."""
    for line in lines:
        sys.stderr.write(f"{line}\n")
    return 2
