"""How every service stands: counts of what its checks say, and what of it is not well."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vedette.agent.memory.ledger import CheckKey, Ledger, Series
from vedette.agent.plan import CONTROLS
from vedette.agent.status.look import WORST_FIRST, Row, row
from vedette.agent.status.turns import in_turns
from vedette.checks.finding import Verdict

ROWS = 8
"""How many subjects that are not well are shown of a service among others."""


@dataclass(slots=True)
class Standing:
    """One service: subjects by what they say now, checks not looked at yet, and the worst of it."""

    name: str
    checks: int
    counts: Counter[Verdict] = field(default_factory=Counter)
    unseen: int = 0
    failing: list[Series] = field(default_factory=list)
    unknown: list[Series] = field(default_factory=list)

    @property
    def is_control(self) -> bool:
        """Whether these are the names of others, by which the vantage knows that it sees."""
        return self.name == CONTROLS

    @property
    def verdict(self) -> Verdict:
        """The worst that anything of it says; what nobody has looked at is unknown."""
        if self.counts[Verdict.FAILING]:
            return Verdict.FAILING
        return Verdict.UNKNOWN if self.counts[Verdict.UNKNOWN] or self.unseen else Verdict.OK

    @property
    def subjects(self) -> int:
        """How many subjects were looked at."""
        return self.counts.total()

    @property
    def more(self) -> int:
        """How many are not well beside those that are shown."""
        unwell = self.counts[Verdict.FAILING] + self.counts[Verdict.UNKNOWN]
        return unwell - min(ROWS, unwell)

    def rows(self, now: float) -> Sequence[Row]:
        """Return the first of what is not well, the failing before the unknown."""
        return [row(one, now) for one in [*self.failing, *self.unknown][:ROWS]]

    def take(self, series: Series, now: float) -> None:
        """Count in one more subject."""
        verdict = series.verdict(now)
        self.counts[verdict] += 1
        worst = self.failing if verdict is Verdict.FAILING else self.unknown
        if verdict is not Verdict.OK and len(worst) < ROWS:
            worst.append(series)


async def standings(
    checks: Mapping[str, Sequence[CheckKey]], ledger: Ledger, now: float
) -> Sequence[Standing]:
    """Return how each service stands, the failing first, then the unknown, each by name."""
    made = {name: Standing(name, len(keys)) for name, keys in checks.items()}
    keys = [key for name in made for key in checks[name]]
    async for key in in_turns(keys):
        standing, found = made[key.service], ledger.of(key)
        standing.unseen += not found
        for series in found:
            standing.take(series, now)
    by_verdict: dict[Verdict, list[Standing]] = {verdict: [] for verdict in WORST_FIRST}
    async for standing in in_turns(made.values()):
        by_verdict[standing.verdict].append(standing)
    return [standing for some in by_verdict.values() for standing in some]


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a longer list; *number* counts from 1."""

    rows: Sequence[Row]
    number: int
    pages: int
    total: int


async def subjects(
    keys: Sequence[CheckKey], ledger: Ledger, now: float, number: int, size: int
) -> Listed:
    """Return the page *number* of the subjects of *keys*, those that are not well first."""
    by_verdict: dict[Verdict, list[Series]] = {verdict: [] for verdict in WORST_FIRST}
    async for key in in_turns(keys):
        for series in ledger.of(key):
            by_verdict[series.verdict(now)].append(series)
    found = [series for some in by_verdict.values() for series in some]
    pages = max(1, -(-len(found) // size))
    number = min(max(1, number), pages)
    shown = found[(number - 1) * size : number * size]
    return Listed([row(series, now) for series in shown], number, pages, len(found))
