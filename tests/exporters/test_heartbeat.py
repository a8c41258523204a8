"""Dead man's switches: what each call asks for, what is taken for heard, and no secret told."""

import pytest

from tests.servers.deadman import receiver
from vedette.exporters.heartbeat import DeadMansSwitch, Signal
from vedette.exporters.page import Delivery, Outcome
from vedette.exporters.reach import Reach

SECRET = "3f2b1c9e-5ec2-4e70-8a11"


async def called(switch: DeadMansSwitch, *signals: Signal, text: str = "") -> list[Delivery]:
    """Return what came of a call for each signal."""
    try:
        return [await switch.call(signal, text) for signal in signals]
    finally:
        await switch.close()


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_a_call_is_one_request(method: str) -> None:
    """The URL is asked for once by the method of the config, and 2xx is heard."""
    async with receiver() as (url, calls):
        switch = DeadMansSwitch("hb", f"{url}/ping/{SECRET}?m=1", Reach(), method=method)
        (delivery,) = await called(switch, Signal.ALIVE)
    assert calls == [(method, f"/ping/{SECRET}?m=1", "")]
    assert delivery.outcome is Outcome.DELIVERED


async def test_suffixes_follow_the_path() -> None:
    """Start and fail go to the path with their suffix, before the query, with the reason."""
    async with receiver() as (url, calls):
        switch = DeadMansSwitch("hb", f"{url}/{SECRET}?m=1", Reach(), suffixes=["start", "fail"])
        await called(switch, Signal.START, Signal.FAIL, text="no look was made")
    assert calls == [
        ("POST", f"/{SECRET}/start?m=1", "no look was made"),
        ("POST", f"/{SECRET}/fail?m=1", "no look was made"),
    ]


@pytest.mark.parametrize(
    ("suffixes", "knows"), [([], ["", ""]), (["fail"], ["", "fail"]), (["start"], ["", "start"])]
)
def test_only_known_suffixes_are_used(suffixes: list[str], knows: list[str]) -> None:
    """A switch that is one URL is told nothing but that the agent is alive."""
    switch = DeadMansSwitch("hb", "http://127.0.0.1/x", Reach(), suffixes=suffixes)
    assert [signal for signal in Signal if switch.knows(signal)] == sorted(set(knows))


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_anything_but_2xx_is_not_heard(status: int) -> None:
    """A switch that was deleted, or that fails, has not heard; its answer is not repeated."""
    async with receiver(status) as (url, _):
        (delivery,) = await called(DeadMansSwitch("hb", f"{url}/{SECRET}", Reach()), Signal.ALIVE)
    assert delivery.outcome is not Outcome.DELIVERED
    assert delivery.detail == f"status {status}"


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:1/{SECRET}",
        f"http://{SECRET}.test:1/{SECRET}",
        f"http://me:{SECRET}@127.0.0.1:1/{SECRET}?k={SECRET}",
    ],
)
async def test_what_goes_wrong_holds_no_secret(url: str) -> None:
    """Where nobody answers, the words say so without the path, the query or the password."""
    (delivery,) = await called(DeadMansSwitch("hb", url, Reach(), timeout=2), Signal.ALIVE)
    assert delivery.outcome is Outcome.RETRY
    assert f"/{SECRET}" not in delivery.detail
    assert f"{SECRET}@" not in delivery.detail
