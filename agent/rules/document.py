"""Rules as the YAML that Prometheus reads.

Rule: pure. https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
"""

import textwrap
from collections.abc import Iterable, Iterator

import yaml

from vedette.agent.rules.alerts import Alert
from vedette.agent.rules.promql import duration
from vedette.agent.rules.voting import Recording
from vedette.agent.rules.words import literal


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_multi_representer(str, _text)
_Dumper.add_representer(str, _text)


def written(
    name: str, rules: Iterable[Recording | Alert], interval: float, notes: Iterable[str]
) -> str:
    """Return the file with the group *name*; *notes* stand above it as comments."""
    group = {"name": name, "interval": duration(interval), "rules": [*map(_rule, rules)]}
    text = yaml.dump(
        {"groups": [group]}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000
    )
    return "".join(_comments(notes)) + text


def _comments(notes: Iterable[str]) -> Iterator[str]:
    for note in notes:
        yield textwrap.fill(note, 98, initial_indent="# ", subsequent_indent="#   ") + "\n"


def _rule(rule: Recording | Alert) -> dict[str, object]:
    if isinstance(rule, Recording):
        return {"record": rule.record, "expr": rule.expr, "labels": dict(rule.labels)}
    return {
        "alert": rule.alert,
        "expr": rule.expr,
        **({"for": duration(rule.for_)} if rule.for_ else {}),
        **({"keep_firing_for": duration(rule.keep_firing_for)} if rule.keep_firing_for else {}),
        "labels": {name: literal(value) for name, value in rule.labels.items()},
        "annotations": dict(rule.annotations),
    }
