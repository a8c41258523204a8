"""Which prefixes are worth telling: nearly everything that a collector says is of no interest."""

import ipaddress
from collections.abc import Iterable

from vedette.checks.bgp.prefix import canonical

_BITS = {4: 32, 6: 128}
_HEAD = {4: 16, 6: 32}
"""How many leading bits of a prefix are looked up before anything else is done with it."""
_MOST_FREE_BITS = 12
"""A watched prefix shorter than its head by more is not spelled out into heads."""
_MEMO = 65536


class Interest:
    """The watched prefixes and all that is inside them, as octets or as text.

    Not for several threads: what was found is kept, within bounds.
    """

    def __init__(self, prefixes: Iterable[str]) -> None:
        """Take prefixes of both versions; raise ValueError for what is none."""
        self._networks: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        self._watched = frozenset(map(canonical, prefixes))
        for text in self._watched:
            network = ipaddress.ip_network(text)
            kept = _BITS[network.version] - network.prefixlen
            of_length = self._networks[network.version].setdefault(network.prefixlen, set())
            of_length.add(int(network.network_address) >> kept)
        self._heads4, self._heads6 = self._heads(4), self._heads(6)
        self._octets: dict[int, dict[bytes, str | None]] = {4: {}, 6: {}}
        self._texts: dict[str, str | None] = {}

    def watches(self, prefix: str) -> bool:
        """Whether a canonical *prefix* is watched itself, and not as a part of another."""
        return prefix in self._watched

    def of_octets(self, raw: bytes, version: int) -> str | None:
        """Return the canonical text of NLRI (RFC 4271 section 4.3), or None.

        *raw* is a length octet, no greater than the *version*'s 32 or 128, and as many octets as
        that takes.
        """
        if version == 4:
            if raw[0] >= 16 and self._heads4 is not None and raw[1:3] not in self._heads4:
                return None
        elif raw[0] >= 32 and self._heads6 is not None and raw[1:5] not in self._heads6:
            return None
        memo = self._octets[version]
        try:
            return memo[raw]
        except KeyError:
            if len(memo) >= _MEMO:
                memo.clear()
            missing = _BITS[version] // 8 + 1 - len(raw)
            found = memo[raw] = self._find(
                int.from_bytes(raw[1:] + bytes(missing)), raw[0], version
            )
            return found

    def of_text(self, text: str) -> str | None:
        """Return the canonical text, or None; raise ValueError for what is no prefix."""
        try:
            return self._texts[text]
        except KeyError:
            network = ipaddress.ip_network(canonical(text))
            if len(self._texts) >= _MEMO:
                self._texts.clear()
            found = self._texts[text] = self._find(
                int(network.network_address), network.prefixlen, network.version
            )
            return found

    def _find(self, address: int, length: int, version: int) -> str | None:
        bits = _BITS[version]
        for watched, networks in self._networks[version].items():
            if watched <= length and address >> (bits - watched) in networks:
                network = ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network
                return str(network((address >> (bits - length) << (bits - length), length)))
        return None

    def _heads(self, version: int) -> frozenset[bytes] | None:
        """Return the first octets of all that is watched; None where that would be too much."""
        head = _HEAD[version]
        found: set[bytes] = set()
        for length, networks in self._networks[version].items():
            free = max(0, head - length)
            if free > _MOST_FREE_BITS:
                return None
            for network in networks:
                first = network >> (length - head) if length > head else network << free
                found.update(n.to_bytes(head // 8) for n in range(first, first + (1 << free)))
        return frozenset(found)
