"""The ids of alarms by what they are about.

Rule: pure.
"""

from collections.abc import Iterable, Mapping

from vedette.agent.composite.alarm import Alarm
from vedette.agent.diagnoses.names import Rule
from vedette.agent.memory.ledger import CheckKey


def by_service(alarms: Mapping[str, Alarm]) -> dict[str, list[str]]:
    """Return the ids of *alarms* by their services."""
    found: dict[str, list[str]] = {}
    for id_, alarm in alarms.items():
        found.setdefault(alarm.service, []).append(id_)
    return found


def by_check(
    rules: Mapping[str, Rule], keys: Iterable[CheckKey]
) -> tuple[dict[CheckKey, list[str]], list[str]]:
    """Return the ids of *rules* by their checks, *keys* among these, and those that have none."""
    found: dict[CheckKey, list[str]] = {key: [] for key in keys}
    none: list[str] = []
    for id_, rule in rules.items():
        (none if rule.key is None else found.setdefault(rule.key, [])).append(id_)
    return found, none
