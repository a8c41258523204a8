"""All vantages at one moment: what each sees, and whether it sees at all.

Rule: no I/O, no clock; time is passed in.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from vedette.agent.agreement import Quorum, Votes, longest
from vedette.agent.alarm import UNDECIDED, Evidence
from vedette.agent.diagnoses.sight import Sight, sight, unless_blind
from vedette.agent.diagnoses.view import View
from vedette.agent.ledger import CheckKey, Ledger

SILENT_AFTER = 66.0
"""Seconds without a look from a vantage after which it is silent: as long as a look of a check that
looks every half minute says anything."""


class Fleet:
    """The ledgers of all vantages as of *now*."""

    def __init__(
        self,
        ledgers: Mapping[str, Ledger],
        quorum: Quorum,
        controls: Sequence[CheckKey],
        now: float,
    ) -> None:
        self.now, self.own, self.quorum = now, quorum.own, quorum
        self.views = {name: View(ledger, now) for name, ledger in ledgers.items()}
        self._ledgers = ledgers
        self._unheard: set[str] = set()
        self.sights = {name: self._sight(name, controls) for name in ledgers}

    def _sight(self, name: str, controls: Sequence[CheckKey]) -> Sight:
        """Judge a vantage by its controls; one that says nothing sees nothing, as far as we know.

        Until it is silent, one that was never heard may do either.
        """
        ledger = self._ledgers[name]
        # While we did not see ourselves, nobody could be heard.
        heard_at = max(ledger.newest_at, self._ledgers[self.own].blind_at)
        silent_at = heard_at + SILENT_AFTER
        is_silent = self.now > silent_at
        if name == self.own or not (is_silent or ledger.is_empty):
            view = self.views[name]
            return ledger.recall(
                ("sight", *controls), controls, self.now, lambda: sight(view, controls)
            )
        self._unheard.add(name)
        return Sight(Evidence(True, silent_at, self.now) if is_silent else UNDECIDED, -math.inf)

    def votes(self, key: CheckKey, judge: Callable[[View], Evidence]) -> Votes:
        """Return what *judge* says of the check *key* at each vantage that runs it, or may."""
        return {
            name: unless_blind(judge(view), self.sights[name])
            for name, view in self.views.items()
            if self._ledgers[name].runs(key) or name in self._unheard
        }

    def recalled(
        self, key: CheckKey, judge: Callable[[View], Evidence], beside: Sequence[CheckKey] = ()
    ) -> Votes:
        """Return the votes of a *judge* that goes by nothing but the checks *key* and *beside*.

        It is the same function each time, and is only asked where it may say something new.
        """

        def recalling(view: View) -> Evidence:
            return view.recall(judge, (key, *beside))

        return self.votes(key, recalling)

    def well_at(self, key: CheckKey | None) -> Sequence[tuple[str, str]]:
        """Return the vantages and places at which a check is well; nothing where it is not at all.

        While they stay the same, so does what is said of the check. What a vantage that does not
        see looks at counts for nothing; that it does not see is part of it.
        """
        well: list[tuple[str, str]] = []
        for name, view in self.views.items():
            if key is None:
                return ()
            if not self.sees(name):
                well += [(name, "unseen")] if name in self._unheard or view.of(key) else []
                continue
            places = view.well_at(key)
            if not places and view.of(key):
                return ()
            well += [(name, place) for place in places]
        return [*well, ("", "short")] if well and self.is_short else well

    def sees(self, name: str) -> bool:
        """Whether the vantage *name* is known to see the internet."""
        return self.sights[name].blind.holds is False

    def blind(self, name: str) -> Evidence:
        """Return whether *name* is blind or silent, which only one who sees can tell."""
        return self.sights[name].blind if name == self.own or self.sees(self.own) else UNDECIDED

    def agreed(self, votes: Votes) -> Evidence:
        """Return what the quorum says; a fleet that is short of it believes those that are left."""
        silent = [name for name in self._unheard if self.sights[name].blind.holds]
        evidence = self.quorum.judge(votes, silent)
        return anybody(votes) if self.is_short and not evidence.holds else evidence

    @cached_property
    def is_short(self) -> bool:
        """Whether fewer providers see the internet than must agree."""
        return len(self.quorum.providers(filter(self.sees, self.sights))) < self.quorum.need(
            self.quorum.vantages
        )


def anybody(votes: Votes) -> Evidence:
    """Return what one vantage says first; False where none of those that know does."""
    holding = [evidence for evidence in votes.values() if evidence.holds]
    if holding:
        return min(holding, key=longest)
    known = any(evidence.holds is False for evidence in votes.values())
    return Evidence(False) if known else UNDECIDED


def everybody(votes: Votes) -> Evidence:
    """Return what all vantages say that know, since the last of them does; else False."""
    if any(evidence.holds is False for evidence in votes.values()):
        return Evidence(False)
    holding = [evidence for evidence in votes.values() if evidence.holds]
    return max(holding, key=lambda evidence: evidence.began_at, default=UNDECIDED)
