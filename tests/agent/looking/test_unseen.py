"""Of what nothing is seen, and what the log says of it."""

import asyncio
import logging

import pytest

from tests.agent.observations import KEY, TIMING, seen
from tests.virtual import virtual
from vedette.agent.looking.runner import RunnerReason
from vedette.agent.looking.unseen import TOLD_EVERY, Unseen, keep_telling, unseen
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.plan import Planned
from vedette.checks.dns.reason import Reason
from vedette.checks.finding import Finding, Kind, Verdict

NOW = 10_000.0
PREFIX = CheckKey("shop", Kind.BGP, "192.0.2.0/24")


@pytest.mark.parametrize(
    ("looked_at", "count"),
    [(None, 1), (NOW, 0), (NOW - TIMING.fresh_for, 0), (NOW - TIMING.fresh_for - 1, 1)],
)
def test_a_look_that_is_too_old_says_nothing(looked_at: float | None, count: int) -> None:
    """A check is unseen whose newest look is too old; one never looked at, as long after start."""
    ledger = Ledger()
    if looked_at is not None:
        ledger.add(KEY, TIMING, [seen(looked_at)])
    planned = Planned(key=KEY, timing=TIMING, check=None)
    started_at = NOW - TIMING.fresh_for - 1
    assert len(unseen([planned], ledger, started_at, NOW)) == count
    assert not unseen([planned], Ledger(), NOW, NOW)


BROKEN = Finding(verdict=Verdict.UNKNOWN, reason=RunnerReason.INTERNAL_ERROR)
UNASKED = Finding(verdict=Verdict.UNKNOWN, reason=Reason.UNREACHABLE)


@pytest.mark.parametrize(
    ("key", "nothing", "count"),
    [(KEY, BROKEN, 1), (KEY, UNASKED, 1), (PREFIX, BROKEN, 1), (PREFIX, UNASKED, 0)],
)
def test_a_look_that_saw_nothing_is_none(key: CheckKey, nothing: Finding, count: int) -> None:
    """A look that saw nothing is as none at all; a feed has an alarm of its own."""
    fresh = TIMING.fresh_for
    planned, ledger = Planned(key=key, timing=TIMING, check=None), Ledger()
    ledger.add(key, TIMING, [seen(NOW, key=key)])
    for at in (NOW + 30, NOW + fresh, NOW + fresh + 1):
        ledger.add(key, TIMING, [seen(at, key=key)._replace(finding=nothing)])
    assert not unseen([planned], ledger, NOW, NOW + fresh)
    assert len(unseen([planned], ledger, NOW, NOW + fresh + 1)) == count

    ledger.add(key, TIMING, [seen(NOW + fresh + 2, Verdict.FAILING, key=key)])
    assert not unseen([planned], ledger, NOW, NOW + fresh + 3)


def test_the_log_says_once_what_nothing_is_seen_of(caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be seen for one reason is one line with its cause, and one when it is over."""
    caplog.set_level(logging.INFO)
    ledger, told, keys = Ledger(), Unseen(), [KEY._replace(check=name) for name in ("a", "b", "c")]
    why = Finding(verdict=Verdict.UNKNOWN, reason=Reason.UNREACHABLE, detail="there is no route")
    for key in keys[:2]:
        ledger.add(key, TIMING, [seen(NOW, key=key)._replace(finding=why)])
    for found in ([], keys[:2], keys[:2], keys, keys[2:], []):
        told.tell(found, ledger)

    service = KEY.service
    assert caplog.messages == [
        f"nothing is seen of a of {service} and 1 more check: there is no route",
        f"nothing is seen of c of {service}: there was no look in time",
        f"something is seen again of a of {service} and 1 more check",
        f"something is seen again of c of {service}",
    ]


@virtual
async def test_the_log_is_told_of_all(caplog: pytest.LogCaptureFixture) -> None:
    """However many checks there are, one line tells of all that nothing is seen of for too long."""
    caplog.set_level(logging.INFO)
    keys = [KEY._replace(check=f"{number:03}") for number in range(250)]
    checks = [Planned(key=key, timing=TIMING, check=None) for key in keys]
    clock = asyncio.get_running_loop().time
    telling = asyncio.create_task(keep_telling(checks, Ledger(), clock(), clock))
    await asyncio.sleep(TIMING.fresh_for - 1)
    assert not caplog.messages
    await asyncio.sleep(3 * TOLD_EVERY)
    telling.cancel()
    assert caplog.messages == [
        f"nothing is seen of 000 of {KEY.service} and 249 more checks: there was no look in time"
    ]
