"""From visibility to verdict."""

import pytest

from vedette.checks.bgp.judge import judge
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.routes import Visibility
from vedette.checks.finding import Verdict

PREFIX = "1.1.1.0/24"


def visibility(holding: int, of: int, unknown: int = 0, **origins: int) -> Visibility:
    return Visibility(
        share=holding / of if of else 0.0,
        holding=holding,
        of=of,
        unknown=unknown,
        origins={13335: holding} | {int(name[2:]): n for name, n in origins.items()},
        collectors=20,
        since=5.0,
    )


@pytest.mark.parametrize(
    ("holding", "of", "reason"),
    [
        (350, 350, None),
        (176, 350, None),
        (175, 350, Reason.PARTIALLY_WITHDRAWN),
        (71, 350, Reason.PARTIALLY_WITHDRAWN),
        (70, 350, Reason.WITHDRAWN),
        (0, 350, Reason.WITHDRAWN),
        (0, 0, Reason.WITHDRAWN),
    ],
)
def test_borders(holding: int, of: int, reason: Reason | None) -> None:
    """At most a fifth is withdrawn, at most a half partially."""
    finding = judge(PREFIX, [13335], visibility(holding, of), feed="ris-live")
    assert finding.reason is reason
    assert finding.verdict is (Verdict.FAILING if reason else Verdict.OK)


def test_detail_and_facts() -> None:
    """The sentence has numbers, and a foreign origin beside the withdrawal is named."""
    finding = judge(PREFIX, [13335], visibility(3, 350, as4755=12), feed="ris-live")
    assert finding.detail == (
        "1.1.1.0/24 by AS13335 is seen by 3 of 350 peers (1 %); 12 see it by AS4755"
    )
    assert finding.facts == {
        "share": 0.0086, "holding": 3, "of": 350, "unknown": 0,
        "origins": {"13335": 3.0, "4755": 12.0}, "collectors": 20, "feed": "ris-live",
    }  # fmt: skip


def test_unknown() -> None:
    """Silence, a missing seed and lost sessions are UNKNOWN, in that order."""
    silent = judge(PREFIX, [1], visibility(0, 9), feed="ris-live", silence="it is quiet")
    unseeded = judge(PREFIX, [1], None, feed="ris-live")
    lost = judge(PREFIX, [1], visibility(0, 4, 5), feed="ris-live")
    assert {f.verdict for f in (silent, unseeded, lost)} == {Verdict.UNKNOWN}
    assert silent.reason is lost.reason is Reason.FEED_STALE
    assert unseeded.reason is Reason.UNSEEDED
    assert lost.detail == "the sessions of 5 of 9 peers with 1.1.1.0/24 are down"
