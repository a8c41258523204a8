"""Which collectors speak, and which of their peer sessions are up, by what a source says.

Rule: no I/O, no clock; *now* is the receiver's epoch seconds.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from vedette.checks.bgp.feed.health import CollectorHealth
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.rib.peers import MOST


@dataclass(slots=True)
class _Collector:
    since: float
    heard_at: float | None = None
    up: set[Peer] = field(default_factory=set)
    down: set[Peer] = field(default_factory=set)
    silent: bool = False


class Sessions:
    """The sessions heard of since the source was last begun."""

    def __init__(self) -> None:
        self._collectors: dict[str, _Collector] = {}
        self._count = 0

    def expect(self, collectors: Iterable[str], now: float) -> None:
        """Note that *collectors* should be heard from now on."""
        for name in collectors:
            self._of(name, now)

    def heard(self, peer: Peer, now: float) -> bool:
        """Note that *peer* speaks, so its session is up; True, once, if its collector was down."""
        collector = self._collectors.get(peer.collector) or self._of(peer.collector, now)
        collector.heard_at = now
        if peer not in collector.up:
            self._note(peer, collector.up, collector.down)
        if not collector.silent:
            return False
        collector.silent = False
        return True

    def is_down(self, peer: Peer) -> bool:
        """Whether the session of *peer* is known to be down."""
        collector = self._collectors.get(peer.collector)
        return collector is not None and (collector.silent or peer in collector.down)

    def down(self, peer: Peer, now: float) -> None:
        """Note that the session of *peer* ended."""
        collector = self._of(peer.collector, now)
        collector.heard_at = now
        self._note(peer, collector.down, collector.up)

    def collector_down(self, name: str, now: float) -> None:
        """Note that nothing comes from a collector any more: it takes its sessions along."""
        collector = self._of(name, now)
        collector.silent = True
        collector.down |= collector.up
        collector.up.clear()

    def lose_unheard(self, name: str, now: float) -> bool:
        """Take a collector for down that never spoke; True, once, where that is news."""
        collector = self._of(name, now)
        if collector.silent or collector.heard_at is not None:
            return False
        self.collector_down(name, now)
        return True

    def silent(self, now: float, after: float) -> Iterator[str]:
        """Yield the collectors that said nothing for *after* seconds while another one spoke."""
        heard = [c.heard_at for c in self._collectors.values() if c.heard_at is not None]
        if not heard or now - max(heard) > after / 3:
            return
        for name, collector in self._collectors.items():
            last = collector.since if collector.heard_at is None else collector.heard_at
            if not collector.silent and now - last > after:
                yield name

    def health(self) -> Mapping[str, CollectorHealth]:
        """Return what is known of each collector."""
        return {
            name: CollectorHealth(len(c.up), len(c.down), c.heard_at, c.silent)
            for name, c in sorted(self._collectors.items())
        }

    def _of(self, name: str, now: float) -> _Collector:
        collector = self._collectors.get(name)
        if collector is None:
            collector = _Collector(now)
            if len(self._collectors) < MOST:
                self._collectors[name] = collector
        return collector

    def _note(self, peer: Peer, here: set[Peer], there: set[Peer]) -> None:
        """Count *peer* here and no longer *there*; more than a feed may have are not counted."""
        if peer in there:
            there.remove(peer)
        elif peer not in here:
            if self._count >= MOST:
                return
            self._count += 1
        here.add(peer)
