"""What befalls a fleet: who is cut off, blind, dead or alone, and what may be paged meanwhile.

Each scene begins with all well, ends where that comes back by itself, and returns the seconds from
the fault to its page, if it has one. What it holds: never a page on the word of one provider (a
warning of those who are too few to agree wakes nobody), always one where two distinct ones agree,
and one incident at the receiver. Together they open five critical incidents: a sixth within ten
minutes would be one of a storm.
"""

import json
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from tests.agent.peers.islands import (
    CONTROL,
    EVERY,
    HOLD,
    SERVICE_KEY,
    TARGET,
    Island,
    World,
)
from tests.servers.pagerduty import PagerDutyServer

Scene = Callable[[World], Awaitable[float | None]]

LOOKS = int(HOLD / EVERY) + 4
"""Looks after which what one agent thinks would have been paged, if it alone could page."""


async def _looks(world: World, *islands: Island) -> None:
    """Wait until each of these has looked so often at the service."""
    name, check = "vedette_probe_duration_seconds_count", "api.shop.test A"
    for island in islands:
        before = await world.value(island, name, check=check) or 0.0

        async def enough(island: Island = island, before: float = before) -> bool:
            return (await world.value(island, name, check=check) or 0.0) >= before + LOOKS

        await world.until(enough, f"{island.name} looks {LOOKS} times")


async def _paged(world: World, known: int) -> float:
    """Wait for the page of the service; it must be the only one since *known*."""
    took = await world.until(lambda: world.accused, "the page of the service")
    assert len(world.pages(known)) == 1
    return took


async def _mended(world: World, known: int) -> None:
    """Give the name its address back; there was one incident, and it is over."""
    world.serve(empty=False)
    await world.until(lambda: not world.accused, "the end of the incident")
    assert [one.status for one in world.pages(known)] == ["resolved"]


async def one_alone(world: World) -> None:
    """One agent loses its way to the service, and sees all else: its word is not enough."""
    known = len(world.pages())
    fra = world.islands[0]
    fra.lose(TARGET)

    async def failing() -> bool:
        return await world.value(fra, "vedette_probe_state", state="FAILING") == 1

    await world.until(failing, "the service fails for one")
    await _looks(world, fra)
    assert world.pages(known) == []
    fra.find(TARGET)


async def one_cut_off(world: World) -> float:
    """One uplink is down while the record is emptied: the two others agree."""
    known, nyc = len(world.pages()), world.islands[1]
    nyc.cut()
    world.serve(empty=True)
    took = await _paged(world, known)
    nyc.join()
    await _mended(world, known)
    return took


async def two_cut_off(world: World) -> float:
    """Two uplinks are down: the third says nothing until one of them is back."""
    known = len(world.pages())
    fra, nyc, sgp = world.islands
    fra.cut()
    nyc.cut()
    world.serve(empty=True)
    await _looks(world, sgp)
    assert world.pages(known) == []
    nyc.join()
    took = await _paged(world, known)
    fra.join()
    await _mended(world, known)
    return took


async def cut_from_each_other(world: World) -> float:
    """All see the fault and none of the others: nobody pages until they can talk."""
    known = len(world.pages())
    for island in world.islands:
        island.lose(*(other.address for other in world.islands if other is not island))
    world.serve(empty=True)
    await _looks(world, *world.islands)
    assert world.pages(known) == []
    for island in world.islands:
        island.find(*(other.address for other in world.islands if other is not island))
    took = await _paged(world, known)
    await _mended(world, known)
    return took


async def one_blind(world: World) -> float:
    """One uplink leads to the others alone: it accuses nobody, and the two others agree."""
    known, nyc = len(world.pages()), world.islands[1]
    nyc.lose(TARGET, CONTROL)
    await _looks(world, nyc)
    assert world.pages(known) == []
    world.serve(empty=True)
    took = await _paged(world, known)
    nyc.find(TARGET, CONTROL)
    await _mended(world, known)
    return took


async def one_killed(world: World) -> float:
    """One agent is dead: of the two that agree the clock of one is an hour off."""
    known, fra = len(world.pages()), world.islands[0]
    fra.end(signal.SIGKILL)
    world.serve(empty=True)
    took = await _paged(world, known)
    fra.start()
    await _mended(world, known)
    return took


async def one_silent(world: World) -> float:
    """One agent is dead for minutes: those who are left warn of it, and take it back later."""
    fra = world.islands[0]
    fra.end(signal.SIGKILL)

    def warned() -> bool:
        return any(
            one.dedup_key == f"vedette/{fra.name}" and one.status != "resolved"
            for one in world.pagerduty.incidents
        )

    took = await world.until(warned, "the warning that one is silent", patience=180)
    fra.start()
    await world.until(lambda: not warned(), "the end of the warning")
    return took


async def one_not_taken(world: World) -> float:
    """One agent's calls for help are not taken, also when all is over: nobody is called again."""
    known, nyc = len(world.pages()), world.islands[1]

    async def busy(server: PagerDutyServer, _: web.Request, body: bytes) -> web.StreamResponse:
        event = json.loads(body)
        of_nyc = event.get("payload", {}).get("source") == nyc.name
        return web.Response(status=500) if of_nyc else await server.take(body)

    world.pagerduty.script = deque([busy] * 1000)
    world.serve(empty=True)
    took = await _paged(world, known)

    async def all_call() -> bool:
        said = [one["payload"]["source"] for one in world.pagerduty.accepted if "payload" in one]
        others = {one.name for one in world.islands if one is not nyc}
        return others <= {*said} and bool(await world.value(nyc, "vedette_pages_undelivered"))

    await world.until(all_call, "all have seen it, each in a second of its own")
    await _mended(world, known)

    async def all_told() -> bool:
        owed = [await world.value(one, "vedette_pages_undelivered") for one in world.islands]
        # Each sees the end in a second of its own.
        return owed == [0, 0, 0] and resolved() == len(world.islands)

    def resolved() -> int:
        said = [one["event_action"] for one in world.pagerduty.accepted]
        return said.count("resolve")

    await world.until(all_told, "everybody has said all that it has to say")
    assert await world.value(nyc, "vedette_pages_total", outcome="superseded")
    assert [one.status for one in world.pages(known)] == ["resolved"]
    assert {one["dedup_key"] for one in world.pagerduty.accepted} == {SERVICE_KEY}
    return took


async def played(world: World, scene: Scene) -> float | None:
    """Play *scene* once all is well."""
    await world.settled()
    return await scene(world)


SCENES: Mapping[str, Scene] = {
    scene.__name__.replace("_", " "): scene
    for scene in (
        one_alone, one_cut_off, two_cut_off, one_killed, one_blind, cut_from_each_other,
    )
}  # fmt: skip
