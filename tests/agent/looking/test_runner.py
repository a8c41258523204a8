"""Whatever a look does, there is one observation of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest

from tests.virtual import in_virtual_time, virtual
from vedette.agent.looking.runner import RunnerReason, look_all
from vedette.checks.finding import Finding, Kind, Look, Observation, Verdict

LIMIT = 7.0


@dataclass
class Made:
    """A check that looks as it is told, under the name of each way."""

    ways: dict[str, Callable[[], Awaitable[Finding]]]
    name: str = "made"
    kind: Kind = Kind.HTTP

    def looks(self) -> Sequence[Look]:
        return [Look(subject, "name", once) for subject, once in self.ways.items()]


async def fine() -> Finding:
    await asyncio.sleep(2)
    return Finding(verdict=Verdict.OK)


async def hangs() -> Finding:
    await asyncio.Event().wait()
    raise AssertionError


async def breaks() -> Finding:
    await asyncio.sleep(1)
    raise ZeroDivisionError


async def times_out_by_itself() -> Finding:
    raise TimeoutError


def looked(**ways: Callable[[], Awaitable[Finding]]) -> dict[str, Observation]:
    async def main() -> Sequence[Observation]:
        clock = asyncio.get_running_loop().time
        return await look_all(
            Made(ways), service="s", vantage="v", limit=LIMIT, now=lambda: 1000 + clock()
        )

    return {seen.subject: seen for seen in in_virtual_time(main())}


def test_overrun_is_unknown_at_the_limit() -> None:
    """A look that outlives its limit is UNKNOWN with overrun, at the limit."""
    seen = looked(hangs=hangs)["hangs"]

    assert (seen.finding.verdict, seen.finding.reason) == (Verdict.UNKNOWN, RunnerReason.OVERRUN)
    assert seen.seconds == pytest.approx(LIMIT)


@pytest.mark.parametrize("once", [breaks, times_out_by_itself])
def test_exception_is_our_bug(
    once: Callable[[], Awaitable[Finding]], caplog: pytest.LogCaptureFixture
) -> None:
    """An exception is UNKNOWN with internal_error and leaves a traceback in the log."""
    seen = looked(broken=once)["broken"]

    assert seen.finding.verdict is Verdict.UNKNOWN
    assert seen.finding.reason is RunnerReason.INTERNAL_ERROR
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_other_looks_are_unaffected() -> None:
    """Subjects are looked at side by side; one that hangs or breaks costs the others nothing."""
    seen = looked(hangs=hangs, breaks=breaks, fine=fine)

    assert list(seen) == ["hangs", "breaks", "fine"]
    assert seen["fine"].finding.verdict is Verdict.OK
    assert seen["fine"].seconds == pytest.approx(2)
    assert {one.started_at for one in seen.values()} == {1000}


def test_observation_says_who_and_what() -> None:
    """An observation names its service, check, kind, vantage, subject and place."""
    seen = looked(fine=fine)["fine"]

    assert (seen.service, seen.check, seen.kind, seen.vantage) == ("s", "made", Kind.HTTP, "v")
    assert (seen.subject, seen.place) == ("fine", "name")


@virtual
async def test_being_stopped_is_no_finding() -> None:
    """An agent that stops cancels its looks instead of blaming anybody."""
    task = asyncio.create_task(
        look_all(Made({"h": hangs}), service="s", vantage="v", limit=LIMIT, now=lambda: 0)
    )
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
