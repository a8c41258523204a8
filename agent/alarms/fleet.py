"""All vantages at one moment: what each sees, and whether it sees at all.

Rule: no I/O, no clock; time is passed in.
"""

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from vedette.agent.alarms.agreement import Quorum, Votes, longest
from vedette.agent.alarms.alarm import DENIED, UNDECIDED, Evidence
from vedette.agent.diagnoses.sight import Sight, blindness, proven_at
from vedette.agent.diagnoses.view import View
from vedette.agent.memory.ledger import CheckKey, Ledger, T

SILENT_AFTER = 66.0
"""Seconds without a look from a vantage after which it is silent: as long as a look of a check that
looks every half minute says anything."""


class _InForce(NamedTuple):
    """A quorum as it is *now*: whether those who see are too few, and even those who may see.

    *leaving* are those that decide nothing.
    """

    now: Quorum
    is_short: bool
    is_beyond_reach: bool
    leaving: Collection[str]


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
        self._controls = controls
        self._votes: dict[Callable[[View], Evidence], Votes] = {}
        self._quorums: dict[str, _InForce] = {}
        self._said: dict[Hashable, Any] = {}
        self._proven_at: dict[str, float] = {}
        self._running: dict[CheckKey, Sequence[tuple[str, View | None]]] = {}
        self.unheard: set[str] = set()
        self.unproven: set[CheckKey] = set()
        """The checks at which something is said to be wrong, and sight is not proven since."""
        self.blindness = {name: self._blindness(name) for name in ledgers}

    @property
    def sights(self) -> Mapping[str, Sight]:
        """What of each vantage says whether it sees."""
        return {name: Sight(e, self.proven_at(name)) for name, e in self.blindness.items()}

    def _blindness(self, name: str) -> Evidence:
        """Judge a vantage by its controls; one that says nothing sees nothing, as far as we know.

        Until it is silent, one that was never heard may do either.
        """
        ledger, silent_from = self._ledgers[name], silent_at(name, self._ledgers, self.own)
        is_silent = self.now > silent_from
        if name == self.own or not (is_silent or ledger.is_empty):
            view, controls = self.views[name], self._controls
            return ledger.recall("blindness", controls, self.now, blindness, view, controls)
        self.unheard.add(name)
        return Evidence(True, silent_from, self.now) if is_silent else UNDECIDED

    def proven_at(self, name: str) -> float:
        """Return until when it is proven that the vantage *name* sees."""
        if name in self.unheard:
            return -math.inf
        if name not in self._proven_at:
            view, controls = self.views[name], self._controls
            self._proven_at[name] = self._ledgers[name].recall(
                "proven", controls, self.now, proven_at, view, controls, each_look=True
            )
        return self._proven_at[name]

    def look_again(self) -> None:
        """Forget what was said of each check: more may be seen by now. Who sees stays as it is."""
        for view in self.views.values():
            view.look_again()
        self._votes.clear()
        self._said.clear()
        self._running.clear()

    def votes(self, key: CheckKey, judge: Callable[[View], Evidence]) -> Votes:
        """Return what *judge* says of the check *key* at each vantage that runs it, or may."""
        votes = {}
        for name, view in self._voters(key):
            evidence = judge(view) if view is not None else UNDECIDED
            if evidence.holds and self.proven_at(name) < evidence.began_at:
                self.unproven.add(key)
                evidence = UNDECIDED
            votes[name] = evidence
        return votes

    def _voters(self, key: CheckKey) -> Sequence[tuple[str, View | None]]:
        """Return who runs the check *key*, or may, with the views of those that see."""
        if key not in self._running:
            self._running[key] = [
                (name, view if self.sees(name) else None)
                for name, view in self.views.items()
                if self._ledgers[name].runs(key) or name in self.unheard
            ]
        return self._running[key]

    def recalled(
        self, key: CheckKey, judge: Callable[[View], Evidence], beside: Sequence[CheckKey] = ()
    ) -> Votes:
        """Return the votes of a *judge* that goes by nothing but the checks *key* and *beside*.

        It is the same function each time, and is only asked where it may say something new.
        """
        if judge not in self._votes:
            keys = (key, *beside)
            self._votes[judge] = self.votes(key, lambda view: view.recall(judge, keys))
        return self._votes[judge]

    def once(self, what: Hashable, make: Callable[[], T]) -> T:
        """Return what *make* makes of this moment, made once; *what* is its name."""
        if what not in self._said:
            self._said[what] = make()
        said: T = self._said[what]
        return said

    def sees(self, name: str) -> bool:
        """Whether the vantage *name* is known to see the internet."""
        return self.blindness[name].holds is False

    @property
    def unsighted(self) -> Sequence[str]:
        """The vantages that are not known to see the internet."""
        return [name for name in self.views if not self.sees(name)]

    def blind(self, name: str) -> Evidence:
        """Return whether *name* is blind or silent, which only one who sees can tell."""
        return self.blindness[name] if name == self.own or self.sees(self.own) else UNDECIDED

    def agreed(self, votes: Votes, service: str = "") -> Evidence:
        """Return what the quorum about *service* says.

        A fleet that is short of it believes those that are left.
        """
        quorum = self._in_force(service)
        evidence = quorum.now.judge(votes, quorum.leaving)
        return anybody(votes) if quorum.is_beyond_reach and not evidence.holds else evidence

    def is_short(self, service: str = "") -> bool:
        """Whether fewer domains see the internet than must agree about *service*."""
        return self._in_force(service).is_short

    def shortage(self, service: str = "") -> str:
        """Say by how much the fleet is short of a quorum about *service*; nothing if it is not.

        Who sees nothing has no word on who else does.
        """
        if not self.sees(self.own):
            return ""
        return self.quorum.of(service).shortage(filter(self.sees, self.views))

    def _in_force(self, service: str) -> _InForce:
        """Return the quorum as it is now, and whether those who see can make it up."""
        name = service if service in self.quorum.services else ""
        if name not in self._quorums:
            left = [one for one in self.views if self._may_see(one)]
            now = self.quorum.of(name).left(left)
            is_short = now.is_short(filter(self.sees, self.views))
            # Where enough see, the rest leaves it to them, be it silent or blind.
            missing = self.unheard if is_short else self.views
            leaving = [one for one in missing if self.blindness[one].holds]
            self._quorums[name] = _InForce(now, is_short, now.is_short(left), leaving)
        return self._quorums[name]

    def _may_see(self, name: str) -> bool:
        """Whether the vantage *name* sees, or may: to one that is cut off all others fall silent.

        Such a one knows only of those that have told so themselves that they see nothing.
        """
        if self.sees(name) or self.sees(self.own) or name == self.own:
            return self.sees(name)
        return name in self.unheard or self.blindness[name].holds is None


def silent_at(name: str, ledgers: Mapping[str, Ledger], own: str) -> float:
    """Return from when on the vantage *name* is silent, if nothing more is heard of it."""
    # While we did not see ourselves, nobody could be heard.
    heard_at = max(ledgers[name].newest_at, ledgers[own].blind_at)
    return math.inf if name == own else heard_at + SILENT_AFTER


def anybody(votes: Votes) -> Evidence:
    """Return what one vantage says first; False where none of those that know does."""
    holding = [evidence for evidence in votes.values() if evidence.holds]
    if holding:
        return min(holding, key=longest)
    known = any(evidence.holds is False for evidence in votes.values())
    return DENIED if known else UNDECIDED


def everybody(votes: Votes) -> Evidence:
    """Return what all vantages say that know, since the last of them does; else False."""
    if any(evidence.holds is False for evidence in votes.values()):
        return DENIED
    holding = [evidence for evidence in votes.values() if evidence.holds]
    return max(holding, key=lambda evidence: evidence.began_at, default=UNDECIDED)
