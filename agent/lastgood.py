"""Last-known-good answers: what a name answered when all was well."""

from collections.abc import Sequence

from vedette.agent.ledger import Series, deciding
from vedette.agent.store import Answers
from vedette.checks.finding import Verdict


class LastKnownGood:
    """The newest good answer set of each name and type.

    A set is taken only while most of a check's servers agree that all is well: a failing answer
    never becomes the good one.
    """

    def __init__(self, kept: Sequence[Answers] = ()) -> None:
        self._sets = {(good.name, good.type): good for good in kept}

    def learn(self, name: str, type_: str, series: Sequence[Series], now: float) -> Answers | None:
        """Take in a check's newest round; return the set if it is a new one, to be kept."""
        asked = deciding(series)
        good = [s for s in asked if s.verdict(now) is Verdict.OK]
        answers: set[str] = set()
        for one in good:
            facts = one.last.finding.facts.get("answers")
            if isinstance(facts, Sequence):
                answers.update(facts)
        if not answers or len(good) * 2 <= len(asked):
            return None
        before = self._sets.get((name, type_))
        if before and set(before.answers) == answers:
            return None
        self._sets[name, type_] = Answers(name, type_, tuple(sorted(answers)), now)
        return self._sets[name, type_]

    def of(self, name: str, type_: str) -> Answers | None:
        """Return the good set of one name and type."""
        return self._sets.get((name, type_))

    def addresses(self, host: str) -> Sequence[str]:
        """Return the addresses that *host* had when all was well, IPv4 first."""
        sets = (self._sets.get((host, type_)) for type_ in ("A", "AAAA"))
        return tuple(address for good in sets if good for address in good.answers)
