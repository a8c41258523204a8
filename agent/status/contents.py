"""What there is to show: the checks and the rules by service, in the order of their names."""

from collections.abc import Mapping, Sequence

from vedette.agent.daemon import Agent
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.plan import CONTROLS, Plan


class Contents:
    """The services of *agent*, made anew only when its plan is another one."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._plan: Plan | None = None
        self._checks: Mapping[str, Sequence[CheckKey]] = {}
        self._rules: Mapping[str, Sequence[str]] = {}
        self._keep_up()  # now, and not in the first turn of the loop that a reader asks for

    @property
    def checks(self) -> Mapping[str, Sequence[CheckKey]]:
        """The checks of each service, the services by name and the controls last; no feeds."""
        self._keep_up()
        return self._checks

    @property
    def rules(self) -> Mapping[str, Sequence[str]]:
        """The ids of the rules of whatever incidents may be of."""
        self._keep_up()
        return self._rules

    def _keep_up(self) -> None:
        plan = self._agent.plan
        if plan is self._plan:
            return
        self._plan = plan
        feeds = {feed.source for feed in plan.feeds}
        checks: dict[str, list[CheckKey]] = {}
        for key in sorted(one.key for one in plan.checks):
            if key.service not in feeds:
                checks.setdefault(key.service, []).append(key)
        if CONTROLS in checks:
            checks[CONTROLS] = checks.pop(CONTROLS)
        self._checks = checks
        rules: dict[str, list[str]] = {}
        for id_, rule in self._agent.engine.rules.items():
            rules.setdefault(rule.service, []).append(id_)
        self._rules = rules
