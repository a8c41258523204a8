"""Which peer holds which prefix by which path, second by second.

Rule: pure; times are seconds after the incident's start. Peers are numbered from 0 on.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network
from typing import NamedTuple

from vedette.agent.replay.scenario import Route, Scenario
from vedette.checks.bgp.path import Path

FIRST_ASN = 4200000000
FILLER = 64511
_STEP, _OTHER_STEP = 197, 199


class Class(NamedTuple):
    """What tells routes of one prefix apart."""

    origin: int
    path_has: tuple[int, ...] | None


Shares = Mapping[Class, float]


class Shift(NamedTuple):
    """A peer now has another class of route to a prefix, or None."""

    prefix: str
    peer: int
    now: Class | None


@dataclass(frozen=True, slots=True)
class Phase:
    """From *at* on, every share moves in a straight line for *over* seconds."""

    at: float
    over: float
    before: Shares
    after: Shares

    def shares(self, at: float) -> Shares:
        """Return the shares at a time, in file order; what vanishes comes last."""
        done = 1.0 if at >= self.at + self.over else max(0.0, at - self.at) / self.over
        classes = [*self.after, *(one for one in self.before if one not in self.after)]
        now: dict[Class, float] = {}
        for one in classes:
            before, after = self.before.get(one, 0.0), self.after.get(one, 0.0)
            now[one] = before + (after - before) * done
        return now

    def seconds(self) -> Iterator[float]:
        """Yield the times at which something may change."""
        elapsed = 0
        while elapsed < self.over:
            yield self.at + elapsed
            elapsed += 1
        yield self.at + self.over


class PrefixRoutes:
    """The routes of one prefix at *peers* peers, of which *neighbours* are the fillers."""

    def __init__(self, prefix: str, peers: int, neighbours: Sequence[int]) -> None:
        self.prefix = prefix
        self.peers = peers
        step = _STEP if peers % _STEP else _OTHER_STEP
        self.ranks = [number * step % peers for number in range(peers)]
        self._fillers = neighbours or [FILLER]
        self._phases: list[Phase] = []

    def change(self, at: float, over: float, routes: Sequence[Route]) -> None:
        """Begin another phase; phases come in order of time."""
        after: dict[Class, float] = {}
        for route in routes:
            one = _class(route)
            after[one] = after.get(one, 0.0) + route.share
        before = self._phases[-1].shares(at) if self._phases else {}
        lasting = {one: share for one, share in before.items() if share > 0}
        self._phases.append(Phase(at, over, lasting, after))

    def held(self, at: float) -> list[Class | None]:
        """Return what each peer has."""
        begun = [phase for phase in self._phases if phase.at <= at] or self._phases[:1]
        by_rank = self._by_rank(begun[-1].shares(max(at, begun[-1].at)))
        return [by_rank[rank] for rank in self.ranks]

    def _by_rank(self, shares: Shares) -> list[Class | None]:
        by_rank: list[Class | None] = []
        for one, share in shares.items():
            by_rank += [one] * round(self.peers * share)
        return (by_rank + [None] * self.peers)[: self.peers]

    def shifts(self) -> Iterator[tuple[float, list[Shift]]]:
        """Yield what changes after the first phase has begun, in order of time."""
        held, counts = self.held(self._phases[0].at), None
        ends = [phase.at for phase in self._phases[2:]] + [math.inf]
        for phase, end in zip(self._phases[1:], ends, strict=False):
            for at in phase.seconds():
                if at >= end:
                    break
                shares = phase.shares(at)
                latest = [(one, round(self.peers * share)) for one, share in shares.items()]
                if latest == counts:
                    continue
                counts, before, held = latest, held, self.held(at)
                changed = [
                    Shift(self.prefix, peer, now)
                    for peer, (was, now) in enumerate(zip(before, held, strict=True))
                    if was != now
                ]
                if changed:
                    yield at, changed

    def path(self, peer: int, one: Class) -> Path:
        """Return the AS path of a peer, as its collector sees it."""
        if one.path_has is not None:
            return (FIRST_ASN + peer, *one.path_has, one.origin)
        filler = self._fillers[self.ranks[peer] % len(self._fillers)]
        return (FIRST_ASN + peer, filler, one.origin)


class RouteWorld:
    """All prefixes of a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        neighbours = {one.prefix: one.neighbours or [] for one in scenario.watch.bgp}
        self.prefixes: dict[str, PrefixRoutes] = {}
        self._rpki: list[tuple[float, str, Class, str]] = []
        lead = -float(scenario.lead_s)
        for healthy in scenario.healthy.bgp:
            known = neighbours.get(healthy.prefix, [])
            table = PrefixRoutes(healthy.prefix, healthy.peers, known)
            self.prefixes[healthy.prefix] = table
            self._change(table, lead, 0.0, healthy.routes)
        for change in scenario.timeline:
            if change.bgp:
                one = self.prefixes.get(change.bgp.prefix)
                if one is None:
                    prefix = change.bgp.prefix
                    cover = _cover(prefix, neighbours) or _cover(prefix, self.prefixes)
                    peers = self.prefixes[cover].peers
                    one = PrefixRoutes(prefix, peers, neighbours.get(cover, []))
                    self.prefixes[prefix] = one
                    self._change(one, lead, 0.0, [])
                self._change(one, change.t, change.bgp.over_s, change.bgp.routes)

    def _change(self, table: PrefixRoutes, at: float, over: float, routes: Sequence[Route]) -> None:
        table.change(at, over, routes)
        self._rpki += [(at, table.prefix, _class(route), route.rpki) for route in routes]

    def shifts(self) -> list[tuple[float, list[Shift]]]:
        """Return what changes after the lead-in, in order of time."""
        merged: dict[float, list[Shift]] = {}
        for table in self.prefixes.values():
            for at, shifts in table.shifts():
                merged.setdefault(at, []).extend(shifts)
        return sorted(merged.items())

    def validity(self, at: float) -> Mapping[tuple[str, int], str]:
        """Return the word of the RPKI about each prefix and origin at a time."""
        return {
            (prefix, one.origin): word for since, prefix, one, word in self._rpki if since <= at
        }


def address(peer: int) -> str:
    """Return a peer's address."""
    return f"198.18.{peer // 250}.{peer % 250 + 1}"


def _class(route: Route) -> Class:
    return Class(route.origin, None if route.path_has is None else tuple(route.path_has))


@lru_cache(maxsize=4096)
def is_inside(prefix: str, cover: str) -> bool:
    """Whether *prefix* is *cover* or a part of it."""
    inner, outer = ip_network(prefix), ip_network(cover)
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _cover(prefix: str, prefixes: Iterable[str]) -> str:
    """Return the longest of *prefixes* that *prefix* lies in; "" where there is none."""
    covers = [one for one in prefixes if is_inside(prefix, one)]
    return max(covers, key=lambda one: ip_network(one).prefixlen, default="")
