"""A Prometheus with the compiled rules says what an agent's own engine says."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.agent.rules.timelines import FAILING, OK, PEERS, UNKNOWN, Said, Timeline, differences
from vedette.agent.alarms.agreement import Vantage
from vedette.agent.alarms.fleet import SILENT_AFTER
from vedette.checks.finding import Verdict

LASTING = 6
"""Seconds for which everything stays at least as it is where looks alone decide."""
QUORUMS = ("{}", "{when_short: degrade}")
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
sure = st.tuples(*(st.sampled_from(Verdict) for _ in range(3)), st.sampled_from((OK, FAILING)))
seeing = st.tuples(*(st.sampled_from(Verdict) for _ in range(4)))


def timelines(
    names: tuple[str, ...],
    says: st.SearchStrategy[Said],
    least: int = 1,
) -> st.SearchStrategy:
    """Return moments, a second apart, in runs of *least* seconds or more."""
    moments = st.fixed_dictionaries(dict.fromkeys(names, says))
    return st.lists(st.tuples(moments, st.integers(least, 9)), min_size=3, max_size=9).map(
        lambda runs: [moment for moment, seconds in runs for _ in range(seconds)]
    )


@COUNTED
@given(moments=timelines(ALONE, seeing))
def test_one_vantage(moments, tmp_path: Path) -> None:
    """Whatever one vantage sees, blindness included, the alerts are the alarms."""
    timeline = Timeline().live(moments)
    assert differences(timeline, timeline.firing(tmp_path)) == []


@COUNTED
@given(moments=timelines(FLEET, sighted))
def test_a_fleet(moments, tmp_path: Path) -> None:
    """Whatever three vantages of three providers see, the alerts are what their quorum says."""
    timeline = Timeline(peers=PEERS).live(moments)
    assert differences(timeline, timeline.firing(tmp_path)) == []


@COUNTED
@given(moments=timelines(ALONE, seeing))
def test_composite_alarms(moments, tmp_path: Path) -> None:
    """Rules over alarms, whose faults have held already, hold when an agent's do."""
    timeline = Timeline(COMPOSITES).live(moments)
    assert differences(timeline, timeline.firing(tmp_path), of_any=True) == []


OVER_CHECKS = """\
- {name: empty, rule: 'ALARM("shop.example A:nodata")', hold: 0s, clear: 2s}
- name: either
  hold: 0s
  clear: 0s
  rule: ALARM("https://shop.example/:timeout") OR ALARM("https://bank.example/")
- name: all
  hold: 0s
  rule: >-
    AT_LEAST(3, ALARM, ("shop.example A", "https://shop.example/", "https://bank.example/:timeout"))
- {name: unlike, rule: 'NOT OK("shop.example A") AND OK("https://bank.example/")', hold: 2s}
- {name: never, rule: 'ALARM("https://shop.example/:status")', hold: 0s}
"""


@COUNTED
@given(moments=timelines(ALONE, sighted, least=LASTING))
def test_rules_over_checks(moments, tmp_path: Path) -> None:
    """Rules over checks, and over what they fail for, hold when an agent's do.

    What fails does so for long enough to be seen by both: a Prometheus waits for a look more.
    """
    timeline = Timeline(OVER_CHECKS).live(moments)
    assert differences(timeline, timeline.firing(tmp_path), of_any=True) == []


@COUNTED
@given(moments=timelines(FLEET, sighted, least=LASTING))
def test_rules_over_checks_of_a_fleet(moments, tmp_path: Path) -> None:
    """What a check is, by the quorum of those who look at it, is the same to both."""
    timeline = Timeline(OVER_CHECKS, peers=PEERS).live(moments)
    assert differences(timeline, timeline.firing(tmp_path), of_any=True) == []


UNSEEN = """\
- {name: breached, missing: breaching, hold: 0s, clear: 0s, rule: 'ALARM("https://shop.example/")'}
- {name: excused, missing: notBreaching, hold: 0s, clear: 0s, rule: ALARM("shop.example A")}
- {name: lost, hold: 0s, clear: 0s, rule: INSUFFICIENT_DATA("https://bank.example/")}
- name: both
  hold: 0s
  clear: 0s
  rule: ALARM(lost) AND NOT INSUFFICIENT_DATA("shop.example A")
"""


@COUNTED
@given(moments=timelines(ALONE, sure, least=LASTING))
def test_what_is_missing(moments, tmp_path: Path) -> None:
    """What is not seen is missing once it could have been, at the start and after blindness.

    Where sight itself is not known, a Prometheus waits as after blindness, and an agent does not.
    """
    timeline = Timeline(UNSEEN).live(moments)
    assert differences(timeline, timeline.firing(tmp_path), of_any=True) == []


@COUNTED
@given(moments=timelines(FLEET, seeing, least=LASTING))
def test_composite_alarms_of_a_fleet_of_which_some_go_blind(moments, tmp_path: Path) -> None:
    """What people were woken for is ended by a quorum, and not by those that are left."""
    moments = [moment | {"here": (*moment["here"][:3], OK)} for moment in moments]
    timeline = Timeline(COMPOSITES, peers=PEERS).live(moments)
    assert differences(timeline, timeline.firing(tmp_path), of_any=True) == []


@COUNTED
@given(
    moments=timelines(FLEET, seeing, least=LASTING),
    quorum=st.sampled_from(QUORUMS),
)
def test_a_fleet_of_which_some_go_blind(moments, quorum: str, tmp_path: Path) -> None:
    """Where others go blind, the alerts are the alarms, whatever becomes of a quorum too short.

    The agent itself sees: one that does not judges nobody, and a Prometheus has all votes.
    """
    moments = [moment | {"here": (*moment["here"][:3], OK)} for moment in moments]
    timeline = Timeline(peers=PEERS, quorum=quorum).live(moments)
    assert differences(timeline, timeline.firing(tmp_path), of_any=True) == []


@pytest.mark.parametrize(
    ("quorum", "silent"), [("{}", "de"), ("{when_short: degrade}", "bcde")], ids=["hold", "degrade"]
)
def test_who_is_silent_keeps_no_alert(quorum: str, silent: str, tmp_path: Path) -> None:
    """Where enough see it well, a fault ends though the others are not scraped any more."""
    peers = tuple(Vantage(name, f"of {name}") for name in "bcde")
    failing, well = (dict.fromkeys(("here", *"bcde"), (one,) * 3 + (OK,)) for one in (FAILING, OK))
    left = well | dict.fromkeys(silent)
    timeline = Timeline(COMPOSITES, peers=peers, quorum=quorum)
    timeline.live([*[failing] * 20, *[left] * int(SILENT_AFTER + 20)])
    fired = timeline.firing(tmp_path)

    assert {diagnosis for _, diagnosis, _ in fired[19]} >= {"record_emptied", "most"}
    assert fired[-1] == frozenset()


def test_nobody_is_silent_at_the_start(tmp_path: Path) -> None:
    """Who has not been scraped yet may still see a fault: what one sees well is not known to be."""
    seen = {"here": (OK,) * 4, "there": (UNKNOWN,) * 3 + (OK,), "yonder": None}
    well = '- {name: well, hold: 0s, rule: OK("shop.example A")}'
    timeline = Timeline(well, peers=PEERS).live([seen] * 20)

    assert timeline.states[-1] == timeline.firing(tmp_path)[-1] == frozenset()


def test_nobody_sees(tmp_path: Path) -> None:
    """While nobody sees, what a fleet that makes do with those left has told stays as it is."""
    failing, blind = (dict.fromkeys(FLEET, (FAILING,) * 3 + (one,)) for one in (OK, FAILING))
    timeline = Timeline(peers=PEERS, quorum=QUORUMS[1]).live([*[failing] * 8, *[blind] * 8])
    assert frozenset() != timeline.states[-1] <= timeline.firing(tmp_path)[-1]
