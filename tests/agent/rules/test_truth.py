"""What a rule is as PromQL is what it is to an agent, whatever is known of what it names."""

from itertools import product
from pathlib import Path

import pytest

from tests.servers import promtool
from vedette.agent.alarms.alarm import State
from vedette.agent.composite.evaluate import evaluate
from vedette.agent.composite.parse import parse
from vedette.agent.composite.rule import Ref
from vedette.agent.composite.standing import Standing as Stands
from vedette.agent.rules.promql import TRUE
from vedette.agent.rules.truth import Standing, Truth, truth

VALUES = {State.ALARM: 1.0, State.OK: 0.0, State.INSUFFICIENT_DATA: None}
MOMENTS = list(product(State, repeat=3))
"""Each way in which a, b and c may stand."""


def standing(ref: Ref) -> Standing:
    series = f'it{{name="{ref.name}"}}'
    alarm = Truth(f"count({series} == 1)", f"count({series} == 0)")
    return Standing(alarm, f"count({series})", TRUE)


@pytest.mark.parametrize(
    "text",
    [
        "ALARM(a) AND OK(b) OR NOT ALARM(c)",
        "NOT (ALARM(a) OR INSUFFICIENT_DATA(b)) AND (OK(c) OR TRUE)",
        "ALARM(a) AND FALSE OR ALARM(b) AND TRUE",
        *(f"AT_LEAST({need}, {state}, (a, b, c))" for need in (1, 2, 3) for state in State),
        *(f"AT_LEAST({need}, NOT {state}, (a, b, c))" for need in (1, 2, 3) for state in State),
        "NOT AT_LEAST(67%, OK, (a, b, c)) OR INSUFFICIENT_DATA(a)",
    ],
)
def test_every_rule_is_the_same_in_three_values(text: str, tmp_path: Path) -> None:
    """True, false and undecided are so at the same states of what the rule names."""
    rule = parse(text)
    said = truth(rule, standing)
    expr = (
        f'label_replace(({said.true}) * 0 + 1, "is", "true", "", "") or '
        f'label_replace(({said.false}) * 0, "is", "false", "", "")'
    )
    series = {
        f'it{{name="{name}"}}': [VALUES[moment[n]] for moment in MOMENTS]
        for n, name in enumerate("abc")
    }
    (tmp_path / "rules.yaml").write_text("groups: []\n")
    found = promtool.evaluate(tmp_path / "rules.yaml", series, expr)

    words = {True: {frozenset({("is", "true")})}, False: {frozenset({("is", "false")})}}
    for at, moment in enumerate(MOMENTS):
        stands = {name: Stands(state, 0) for name, state in zip("abc", moment, strict=True)}
        holds = evaluate(rule, lambda ref, at=stands: at[ref.name], since=0, now=1).evidence.holds
        assert found[at] == words.get(holds, set()), moment
