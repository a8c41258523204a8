"""Three daemons in three network namespaces, cut apart in every way, and what is paged."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.peers.islands import another_world, world
from tests.agent.peers.scenes import SCENES, one_not_taken, played


@pytest.fixture
def alone() -> Iterator[None]:
    """Give the test a network of its own."""
    with another_world():
        yield


async def test_two_providers_page_and_one_does_not(alone: None, tmp_path: Path) -> None:
    """Each scene holds, one after the other, with the clock of one agent an hour off."""
    async with world(tmp_path, skewed="sgp-1") as w:
        seen = {name: await played(w, scene) for name, scene in SCENES.items()}
    assert [name for name, seconds in seen.items() if seconds is None] == ["one alone"]
    for name, seconds in seen.items():
        print(f"{name}: {'no page' if seconds is None else f'paged after {seconds:.1f} s'}")


async def test_who_is_not_heard_in_time_wakes_nobody_again(alone: None, tmp_path: Path) -> None:
    """What two agents have told is not told once more by the third, when it is over."""
    async with world(tmp_path) as w:
        await played(w, one_not_taken)
