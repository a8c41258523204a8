"""A process of its own that reads by pybgpstream and writes a line of JSON for each element.

Standard input has one line with what is wanted. A line of standard output is a list that begins
with a letter, the first four of which are libbgpstream's: A and R (collector, peer's address, its
AS number, time, prefix, AS path), W (the same without the path), S (with the new state in place of
the prefix), N (time: records came that had nothing of interest), or E (a sentence). What is said to
a person, by libbgpstream too, goes to standard error.
"""

import ctypes
import json
import signal
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any

_PR_SET_PDEATHSIG = 1
_SIGN_OF_LIFE = 1.0


def main() -> int:
    """Read until the stream ends, or whoever started this is gone; return the exit code."""
    _die_with_parent()
    try:
        library = import_module("pybgpstream")
    except ImportError as error:
        print(f"pybgpstream cannot be loaded: {error}", file=sys.stderr)
        return 1
    wanted = json.loads(sys.stdin.readline())
    stream = library.BGPStream(
        from_time=wanted["from"],
        data_interface=wanted["interface"],
        projects=wanted["projects"],
        collectors=wanted["collectors"],
    )
    for key, value in wanted["options"].items():
        stream.set_data_interface_option(wanted["interface"], key, value)
    for prefix in wanted["prefixes"]:
        stream.add_filter("prefix-more", prefix)
    _write(stream.records())
    return 0


def _write(records: Any) -> None:  # noqa: ANN401 - the library has no types
    """Write rows as they come, and a sign of life once a second."""
    written_at = 0.0
    for record in records:
        rows = list(_rows(record))
        if not rows and time.monotonic() - written_at > _SIGN_OF_LIFE:
            rows = [["N", record.time]]
        if rows:
            written_at = time.monotonic()
            sys.stdout.writelines(json.dumps(row) + "\n" for row in rows)
            sys.stdout.flush()


def _rows(record: Any) -> Iterator[list[Any]]:  # noqa: ANN401
    """Yield what a record says, copied: an element's memory is used again by the next one."""
    if record.status.startswith("corrupted") or record.status == "unknown":
        yield ["E", f"a record of {record.collector or 'no collector'} is {record.status}"]
    elif record.status == "valid":
        for element in record:
            head = [element.type, record.collector, element.peer_address, element.peer_asn]
            fields = element.fields
            if element.type == "S":
                yield [*head, element.time, fields.get("new-state")]
            elif element.type == "W":
                yield [*head, element.time, fields["prefix"]]
            else:
                yield [*head, element.time, fields["prefix"], fields.get("as-path", "")]


def _die_with_parent() -> None:
    """A read that blocks in C for ever would not notice that nobody listens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
