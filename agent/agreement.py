"""What several vantages say together: a quorum over failure domains, in three values.

Two vantages of one provider are one voice: what broke there may have broken both.
Rule: pure; no I/O, no clock; time is passed in.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from vedette.agent.alarm import UNDECIDED, Evidence

Votes = Mapping[str, Evidence]
"""What each vantage that may speak says of one thing; those that are not heard are undecided."""


@dataclass(frozen=True, slots=True)
class Vantage:
    """One agent by its failure domains."""

    name: str
    provider: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many distinct providers must agree, of the *vantages* that are configured; we are *own*.

    One agent alone works: no more are needed than there are providers.
    """

    own: str
    vantages: Mapping[str, Vantage]
    agree: int = 2

    def need(self, names: Iterable[str]) -> int:
        """Return how many must agree where the vantages of these *names* are asked."""
        return max(1, min(self.agree, len(self.providers(names))))

    def providers(self, names: Iterable[str]) -> set[str]:
        """Return the providers of the vantages of these *names*."""
        return {self.vantages[name].provider for name in names if name in self.vantages}

    def judge(self, votes: Votes, silent: Collection[str] = ()) -> Evidence:
        """Return what the quorum says: since the last provider needed said so.

        A provider says so when one of its vantages does. It is false where even all that are
        undecided could not make it true; those that are *silent* decide nothing any more.
        """
        if not self.providers(votes):
            return UNDECIDED
        need = self.need(votes)
        first: dict[str, Evidence] = {}
        for name, evidence in votes.items():
            if evidence.holds and name in self.vantages:
                provider = self.vantages[name].provider
                known = first.get(provider, evidence)
                first[provider] = min(known, evidence, key=longest)
        if len(first) >= need:
            began_at = sorted(e.began_at for e in first.values())[need - 1]
            seen_at = sorted((e.seen_at for e in first.values()), reverse=True)[need - 1]
            return Evidence(True, began_at, max(began_at, seen_at))
        undecided = self.providers(
            name for name, e in votes.items() if e.holds is None and name not in silent
        )
        return UNDECIDED if len(undecided | first.keys()) >= need else Evidence(False)


def longest(evidence: Evidence) -> tuple[float, float]:
    """Order what holds in any order of votes: what began first, of those what was seen last."""
    return evidence.began_at, -evidence.seen_at


def share(votes: Votes) -> tuple[int, int]:
    """Return how many vantages say so, and how many say anything."""
    decided = [evidence.holds for evidence in votes.values() if evidence.holds is not None]
    return sum(decided), len(decided)
