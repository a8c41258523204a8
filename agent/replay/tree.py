"""The name space of a scenario: its zones, and made-up servers for all that lies above them.

Rule: pure.
"""

from collections.abc import Mapping, Sequence

from vedette.agent.replay.scenario import NameServer, Zone

# Addresses between carriers and their customers (RFC 6598), which no incident is about.
ROOT = (NameServer(name="a.root.invalid", address="100.64.0.1"),)


def _above(zone: str, number: int) -> tuple[NameServer, ...]:
    return tuple(
        NameServer(name=f"{letter}.servers.{zone}", address=f"100.64.{1 + number}.{i}")
        for i, letter in enumerate("ab", 1)
    )


class Tree:
    """All zones with their servers, from the root down; names are without a final dot."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        known = {zone.zone: zone.ns for zone in zones}
        hosts = [server.name for servers in known.values() for server in servers]
        tops = dict.fromkeys(name.rpartition(".")[2] for name in (*known, *hosts))
        made = {top: _above(top, i) for i, top in enumerate(tops) if top not in known}
        self.made = frozenset({".", *made})
        """The zones above those of the scenario: what they say of other names is not known."""
        self.zones: Mapping[str, Sequence[NameServer]] = {".": ROOT, **made, **known}
        self.addresses: dict[str, list[str]] = {}
        for servers in self.zones.values():
            for server in servers:
                self.addresses.setdefault(server.name, [])
                if server.address not in self.addresses[server.name]:
                    self.addresses[server.name].append(server.address)

    def zone_of(self, name: str, among: Sequence[str] | None = None) -> str | None:
        """Return the deepest zone that holds *name*, of *among* or of all."""
        zones = [zone for zone in (self.zones if among is None else among) if inside(name, zone)]
        return max(zones, key=lambda zone: 0 if zone == "." else 1 + zone.count("."), default=None)

    def served_by(self, address: str) -> Sequence[str]:
        """Return the zones that the server at *address* has."""
        return [
            zone
            for zone, servers in self.zones.items()
            if any(server.address == address for server in servers)
        ]

    def cut_below(self, zone: str, name: str) -> str | None:
        """Return the zone that *zone* delegates and that holds *name*; None without one."""
        below = [
            other
            for other in self.zones
            if other != zone and inside(other, zone) and inside(name, other)
        ]
        return min(below, key=lambda other: other.count("."), default=None)


def inside(name: str, zone: str) -> bool:
    """Whether *name* is *zone* or below it."""
    return zone in {".", name} or name.endswith(f".{zone}")
