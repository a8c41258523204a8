"""The graph: parts of the fleet and of what it watches, and the failure domains they hang on.

Rule: pure; what was looked up is passed in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What sort of thing fails as a whole."""

    PROVIDER = "provider"
    REGION = "region"
    ACCOUNT = "account"
    CLUSTER = "cluster"
    ASN = "asn"
    DNS = "dns"


@dataclass(frozen=True, slots=True, order=True)
class FailureDomain:
    """Something that fails as a whole; a region bears its provider's name: `aws/us-east-1`."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"AS{self.name}" if self.kind is Kind.ASN else f"{self.kind} {self.name}"


class Role(StrEnum):
    """What a part is to the fleet."""

    VANTAGE = "vantage"
    PAGER = "pager"
    HEARTBEAT = "heartbeat"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Way:
    """One of several things of which one is enough, and all that it hangs on."""

    name: str
    domains: frozenset[FailureDomain]


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a part cannot be without; any one of *ways* is enough."""

    what: str
    ways: Sequence[Way]

    def is_lost_with(self, domain: FailureDomain) -> bool:
        """Whether no way is left once *domain* fails."""
        return bool(self.ways) and all(domain in way.domains for way in self.ways)


@dataclass(frozen=True, slots=True)
class Part:
    """A vantage, a pager, a heartbeat or a service, with what it needs.

    *voice* names the domain that counts in a quorum: two vantages that share it are one.
    """

    role: Role
    name: str
    needs: Sequence[Need]
    voice: str = ""

    def __str__(self) -> str:
        return f"{self.role} {self.name}"

    def lost_with(self, domain: FailureDomain) -> Need | None:
        """Return the first need that fails together with *domain*."""
        return next((need for need in self.needs if need.is_lost_with(domain)), None)

    @property
    def domains(self) -> frozenset[FailureDomain]:
        """All that it hangs on in any way."""
        return frozenset(d for need in self.needs for way in need.ways for d in way.domains)


def of_role(parts: Iterable[Part], *roles: Role) -> Iterator[Part]:
    """Return those of *parts* that are one of *roles*."""
    return (part for part in parts if part.role in roles)
