"""Who owns an address: range files of clouds and tables of AS numbers, as they are published.

AWS ip-ranges.json (docs.aws.amazon.com/vpc/latest/userguide/aws-ip-ranges.html), Google's
cloud.json (support.google.com/a/answer/10026322), Azure's service tags (ServiceTags_Public.json),
Fastly's public-ip-list (developer.fastly.com/reference/api/utils/public-ip-list), lists of one
prefix a line (cloudflare.com/ips-v4), and tables `start,end,asn[,...]` or `prefix,asn[,...]`.
"""

import csv
import ipaddress
import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vedette.agent.audit.part import FailureDomain, Kind

Owned = tuple[str, frozenset[FailureDomain]]
"""A prefix, and what hangs together behind it."""
_NOBODY: frozenset[FailureDomain] = frozenset()


class NetworksError(Exception):
    """A file that is none of these; the message says what is wrong with it."""


@dataclass(slots=True)
class Networks:
    """Owners of addresses, by prefixes of any length and by ranges: one table's do not overlap."""

    _prefixes: dict[tuple[int, int], dict[int, frozenset[FailureDomain]]] = field(
        default_factory=dict
    )
    _tables: list[dict[int, list[tuple[int, int, frozenset[FailureDomain]]]]] = field(
        default_factory=list
    )

    def add(self, text: str, provider: str | None = None) -> None:
        """Add a file's *text*; a bare list of prefixes is *provider*'s; raise NetworksError."""
        try:
            self._add(text, provider)
        except (
            ValueError, KeyError, TypeError, AttributeError, RecursionError, csv.Error
        ) as error:  # fmt: skip
            raise NetworksError(
                f"is no list of networks that we know ({error}): expected AWS's, Google's, Azure's "
                "or Fastly's JSON, one prefix a line, or start,end,asn"
            ) from None

    def _add(self, text: str, provider: str | None) -> None:
        if not text.strip():
            raise ValueError("it is empty")
        if text.lstrip().startswith(("{", "[")):
            for prefix, domains in _published(json.loads(text)):
                self._put(prefix, domains)
            return
        self._tables.append({4: [], 6: []})
        for row in _rows(text):
            if len(row) >= 3 and _is_address(row[0]):
                self._put_range(row[0], row[1], _asn(row[2]))
            elif len(row) >= 2:
                self._put(row[0], _asn(row[1]))
            elif provider is None:
                raise ValueError("one prefix a line, and nobody said whose: add provider")
            else:
                self._put(row[0], _cloud(provider.lower()))
        for ranges in self._tables[-1].values():
            ranges.sort(key=lambda one: one[0])

    def _put(self, prefix: str, domains: frozenset[FailureDomain]) -> None:
        network = ipaddress.ip_network(prefix.strip())
        table = self._prefixes.setdefault((network.version, network.prefixlen), {})
        start = int(network.network_address)
        table[start] = table.get(start, _NOBODY) | domains

    def _put_range(self, first: str, last: str, domains: frozenset[FailureDomain]) -> None:
        start, end = ipaddress.ip_address(first), ipaddress.ip_address(last)
        if start.version != end.version or int(end) < int(start):
            raise ValueError(f"{first} to {last} is no range")
        if domains:
            self._tables[-1][start.version].append((int(start), int(end), domains))

    def owners(self, address: str) -> frozenset[FailureDomain]:
        """Return all that *address* hangs on, as far as the files tell."""
        parsed = ipaddress.ip_address(address)
        number, bits = int(parsed), parsed.max_prefixlen
        found = {one for table in self._tables for one in _in(table[parsed.version], number)}
        for (version, length), owned in self._prefixes.items():
            if version == parsed.version:
                shift = bits - length
                found |= owned.get(number >> shift << shift, _NOBODY)
        return frozenset(found)


def _in(
    ranges: Sequence[tuple[int, int, frozenset[FailureDomain]]], number: int
) -> frozenset[FailureDomain]:
    at = bisect_right(ranges, number, key=lambda one: one[0]) - 1
    return ranges[at][2] if at >= 0 and number <= ranges[at][1] else _NOBODY


def _rows(text: str) -> Iterator[Sequence[str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    delimiter = "\t" if lines and "\t" in lines[0] else ","
    for row in csv.reader(lines, delimiter=delimiter):
        yield [cell.strip() for cell in row]


def _asn(text: str) -> frozenset[FailureDomain]:
    number = int(text.upper().removeprefix("AS"))
    # Tables write 0 for what nobody announces.
    return frozenset({FailureDomain(Kind.ASN, str(number))}) if number else _NOBODY


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _published(document: Mapping[str, object]) -> Iterator[Owned]:
    """Return the prefixes of a cloud's own document, told apart by their keys."""
    if "values" in document:
        yield from _azure(_items(document["values"]))
    elif "addresses" in document:
        for key in ("addresses", "ipv6_addresses"):
            for prefix in _texts(document.get(key, [])):
                yield prefix, _cloud("fastly")
    elif "prefixes" in document:
        both = [*_items(document["prefixes"]), *_items(document.get("ipv6_prefixes", []))]
        for item in both:
            yield _amazon_or_google(item)
    else:
        raise ValueError("none of the keys prefixes, values and addresses is there")


def _amazon_or_google(item: Mapping[str, object]) -> Owned:
    for key in ("ip_prefix", "ipv6_prefix"):
        if key in item:
            return str(item[key]), _cloud("aws", str(item.get("region", "")))
    for key in ("ipv4Prefix", "ipv6Prefix"):
        if key in item:
            return str(item[key]), _cloud("gcp", str(item.get("scope", "")))
    raise ValueError("an item of prefixes has no prefix")


def _azure(values: Sequence[Mapping[str, object]]) -> Iterator[Owned]:
    for value in values:
        properties = value["properties"]
        if not isinstance(properties, Mapping):
            raise TypeError("properties is no object")
        for prefix in _texts(properties["addressPrefixes"]):
            yield prefix, _cloud("azure", str(properties.get("region", "")))


def _cloud(provider: str, region: str = "") -> frozenset[FailureDomain]:
    whole = FailureDomain(Kind.PROVIDER, provider)
    if not region or region.lower() == "global":
        return frozenset({whole})
    return frozenset({whole, FailureDomain(Kind.REGION, f"{provider}/{region.lower()}")})


def _items(value: object) -> Sequence[Mapping[str, object]]:
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise TypeError("expected a list of objects")
    return value


def _texts(value: object) -> Sequence[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError("expected a list of prefixes")
    return value
