"""Real withdrawals of 24 February 2008 (RouteViews route-views2) through frames, routes, judge."""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Set
from pathlib import Path

import pytest

from tests.checks.bgp.made import shared
from tests.servers import mrt
from vedette.checks.bgp.frames import Announce, Event, PeerState, Withdraw, parse
from vedette.checks.bgp.judge import judge
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.ripestat import parse as parse_seed
from vedette.checks.bgp.routes import Routes

HOLD = 30.0


class Alarms:
    """When `withdrawn` first held for 30 s, per prefix, looking after every second with news."""

    def __init__(self, routes: Routes, origins: dict[str, int]) -> None:
        self.routes, self.origins = routes, origins
        self.since: dict[str, float] = {}
        self.fired: dict[str, float] = {}
        self.reasons: dict[str, set[str]] = defaultdict(set)

    def look(self, prefix: str, at: float) -> None:
        origins = {self.origins[prefix]}
        visibility = self.routes.share(prefix, origins)
        finding = judge(prefix, origins, visibility, feed="rv2")
        self.reasons[prefix].add(str(finding.reason))
        if finding.reason is Reason.WITHDRAWN:
            self.since.setdefault(prefix, at)
        else:
            self.since.pop(prefix, None)

    def tick(self, at: float) -> None:
        for prefix, since in self.since.items():
            if at - since >= HOLD:
                self.fired.setdefault(prefix, since + HOLD)


def replay(folder: Path, start: float) -> Alarms:
    truth = json.loads((folder / "truth.json").read_text())["prefixes"]
    origins = {prefix: row["origin"] for prefix, row in truth.items()}
    routes = Routes({prefix: {origin} for prefix, origin in origins.items()})
    seed = parse_seed(gzip.decompress((folder / "seed.json.gz").read_bytes()))
    for prefix, holders in seed.routes.items():
        routes.seed(prefix, holders, seed.at)
    alarms = Alarms(routes, origins)
    touched: set[str] = set()
    second = start
    for path in sorted(folder.glob("updates*.bz2")):
        for at, text in mrt.frames(path, "rv2", origins):
            if at < start:
                continue
            if at > second:
                for prefix in touched:
                    alarms.look(prefix, second)
                touched.clear()
                second = at
                alarms.tick(at)
            for event in parse(text):
                touched |= apply(event, routes)
    return alarms


def apply(event: Event, routes: Routes) -> Set[str]:
    """Put one event into *routes* and return the prefixes that it may change."""
    match event:
        case Announce(peer, _, prefix, path, at):
            routes.announce(peer, prefix, path, at)
            return {prefix}
        case Withdraw(peer, _, prefix, at):
            routes.withdraw(peer, prefix, at)
            return {prefix}
        case PeerState(peer, False, at):
            routes.peer_down(peer, at)
            return set(routes.watched)
        case _:
            return set()


def test_real_withdrawals_are_seen_in_time_and_stable_prefixes_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every withdrawn prefix alarms within a minute of when it is due; stable and dip never do."""
    folder = shared("routeviews2-2008-02-24")
    truth = json.loads((folder / "truth.json").read_text())

    alarms = replay(folder, truth["start"])

    rows = truth["prefixes"]
    fired = Counter(rows[prefix]["class"] for prefix in alarms.fired)
    known = Counter(row["class"] for row in rows.values())
    due = {p: row["due"] for p, row in rows.items() if row["class"] == "withdrawn"}
    late = {
        p: alarms.fired.get(p, 0) - at
        for p, at in due.items()
        if alarms.fired.get(p, 1e12) > at + 60
    }
    exact = sum(alarms.fired.get(p) == at for p, at in due.items())
    with capsys.disabled():
        print(f"\nwithdrawn for 30 s, by class: {dict(fired)} of {dict(known)}")
        print(f"recall {1 - len(late) / len(due):.3f}, {exact} of {len(due)} at the due second")
    assert late == {}
    assert fired["stable"] == fired["dip"] == 0
    stable = [p for p, row in rows.items() if row["class"] == "stable"]
    assert all(alarms.reasons[p] <= {"None"} for p in stable)
