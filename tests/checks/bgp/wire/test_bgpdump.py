"""bgpdump as a second opinion on every MRT file of the shared data."""

import ipaddress
import shutil
import subprocess
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from tests.checks.bgp.made import shared
from tests.checks.bgp.wire.made import Everything
from vedette.checks.bgp.prefix import canonical
from vedette.checks.bgp.update import Announce, Withdraw
from vedette.checks.bgp.wire.mrt import Session, open_

Row = tuple[str, str, str, str]
"""A or W, the time, the peer, and the prefix."""

PARTS = (
    *(f"1{n}" for n in (807, 824, 839, 854, 909, 924, 939, 954)),
    *(f"2{n}" for n in ("009", "026", "041", "056", "111", "126")),
)
FILES = (
    "mrt/bview.20020722.2337.gz",
    "mrt/bview.ipv4_unicast_add_path.gz",
    "mrt/bview.ipv6_unicast_add_path.gz",
    "mrt/rrc00.updates.20190101.0000.gz",
    "mrt/updates.20070211.0141.gz",
    "mrt/updates.20100722.2015.gz",
    "mrt/updates.20160811.1600.gz",
    "mrt/updates.et-header.2015.gz",
    "mrt/updates.long_withdrawal.gz",
    "mrt/updates.nlri_mask_trailing_bits.gz",
    *(f"routeviews2-2008-02-24/updates.20080224.{part}.bz2" for part in PARTS),
)
WITH_MULTICAST = {name for name in FILES if "20070211" in name or "20080224" in name}
"""What bgpdump -m does not tell apart and we do not read."""
ALSO_ERRORS = {"mrt/updates.nlri_mask_trailing_bits.gz": 1}
"""bgpdump says nothing of the octet behind the last prefix of this file, which is none."""

address = cache(lambda text: str(ipaddress.ip_address(text)))


def bgpdump(path: Path, *options: str) -> str:
    """Return what bgpdump prints of a file; skip where it is not installed."""
    program = shutil.which("bgpdump")
    if program is None:
        pytest.skip("bgpdump is not installed")
    command = [program, *options, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


def theirs(path: Path) -> Counter[Row]:
    """Return bgpdump's routes, those of tables as announcements."""
    rows = Counter[Row]()
    for line in bgpdump(path, "-m").splitlines():
        _, at, kind, peer, asn, prefix, *_ = line.split("|", 6)
        if kind != "STATE" and asn != "0":  # a router's own route, which is of no peer
            rows["W" if kind == "W" else "A", at, address(peer), prefix] += 1
    return rows


def multicast(path: Path) -> Counter[Row]:
    """Return the multicast routes, which only bgpdump's long form tells apart."""
    rows, at, peer, kind = Counter[Row](), "", "", ""
    for record in bgpdump(path).split("\n\n"):
        for line in record.splitlines() if "Multicast" in record else ():
            if line.startswith("TIME: "):
                time = datetime.strptime(line[6:], "%m/%d/%y %H:%M:%S").replace(tzinfo=UTC)
                at = str(int(time.timestamp()))
            elif line.startswith("FROM: "):
                peer = address(line.split()[1])
            elif line in ("ANNOUNCE", "WITHDRAW"):
                kind = line[0]
            elif line.startswith("  "):
                rows[kind, at, peer, line.strip()] += 1
    return rows


def ours(path: Path) -> tuple[Counter[Row], int]:
    """Return our routes, and how many errors there were."""
    rows, errors = Counter[Row](), list[str]()
    with open_(path) as stream:
        for update in Session("rrc00", Everything(), errors.append).read(stream):
            if isinstance(update, Announce | Withdraw):
                at = str(int(update.at)) if update.at % 1 == 0 else f"{update.at:.6f}"
                rows[type(update).__name__[0], at, update.peer.address, update.prefix] += 1
    return rows, len(errors)


@pytest.mark.parametrize("name", FILES)
def test_the_same_routes_as_bgpdump(name: str) -> None:
    """Each announcement and withdrawal of bgpdump's is ours, at its time and of its peer."""
    path = shared(name)
    expected = theirs(path)
    if name in WITH_MULTICAST:
        expected -= multicast(path)

    rows, errors = ours(path)

    assert (rows.total(), errors) == (expected.total(), ALSO_ERRORS.get(name, 0))
    missing = Counter(
        {(*row[:3], canonical(row[3])): count for row, count in (expected - rows).items()}
    )
    assert missing == rows - expected  # where bgpdump spells a prefix otherwise


def test_no_file_is_left_out() -> None:
    """All MRT files of the shared data are held against bgpdump, which can read each of them."""
    root = shared("")
    found = [*root.glob("mrt/*"), *root.glob("routeviews2*/updates.*")]

    assert {str(path.relative_to(root)) for path in found} == set(FILES)
