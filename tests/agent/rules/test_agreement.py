"""A Prometheus with the compiled rules says what an agent's own engine says."""

import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.agent.rules.timelines import OK, PEERS, Said, Timeline, differences
from vedette.checks.finding import Verdict

ALONE, FLEET = ("here",), ("here", "there", "yonder")
COUNTED = settings(
    max_examples=int(os.environ.get("VEDETTE_TIMELINES", "6")),
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

COMPOSITES = """\
- name: both
  hold: 0s
  rule: >-
    ALARM("shop/service_down/https://shop.example/") AND
    NOT ALARM("bank/service_down/https://bank.example/")
- name: most
  missing: ignore
  hold: 0s
  clear: 0s
  rule: >-
    AT_LEAST(2, NOT OK, ("shop/service_down/https://shop.example/",
    "bank/service_down/https://bank.example/", "shop/record_emptied/shop.example A"))
- name: guarded
  missing: notBreaching
  service: shop
  severity: warning
  hold: 0s
  rule: OK(most) AND (ALARM(both) OR ALARM("shop/record_emptied/shop.example A"))
"""

sighted = st.tuples(*(st.sampled_from(Verdict) for _ in range(3)), st.just(OK))
seeing = st.tuples(*(st.sampled_from(Verdict) for _ in range(4)))


def timelines(names: tuple[str, ...], says: st.SearchStrategy[Said]) -> st.SearchStrategy:
    """Return moments, a second apart, in runs of some seconds."""
    moments = st.fixed_dictionaries(dict.fromkeys(names, says))
    return st.lists(st.tuples(moments, st.integers(1, 9)), min_size=3, max_size=9).map(
        lambda runs: [moment for moment, seconds in runs for _ in range(seconds)]
    )


@COUNTED
@given(moments=timelines(ALONE, seeing))
def test_one_vantage(moments, tmp_path: Path) -> None:
    """Whatever one vantage sees, blindness included, the alerts are the alarms."""
    timeline = Timeline().live(moments)
    assert differences(timeline.states, timeline.firing(tmp_path)) == []


@COUNTED
@given(moments=timelines(FLEET, sighted))
def test_a_fleet(moments, tmp_path: Path) -> None:
    """Whatever three vantages of three providers see, the alerts are what their quorum says."""
    timeline = Timeline(peers=PEERS).live(moments)
    assert differences(timeline.states, timeline.firing(tmp_path)) == []


@COUNTED
@given(moments=timelines(ALONE, seeing))
def test_composite_alarms(moments, tmp_path: Path) -> None:
    """Rules over alarms, whose faults have held already, hold when an agent's do."""
    timeline = Timeline(COMPOSITES).live(moments)
    assert differences(timeline.states, timeline.firing(tmp_path), of_any=True) == []
