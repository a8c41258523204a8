"""RIS Live and RIPEstat as one agent meets them: real frames over a WebSocket without a network."""

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import aiohttp

from vedette.agent.replay.routes import FIRST_ASN, Class, RouteWorld, Shift, address, is_inside
from vedette.agent.replay.scenario import FeedOf, Scenario
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.feed.seeding import Tables
from vedette.checks.bgp.feed.times import Times
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.ripestat import state as ripestat
from vedette.checks.bgp.settings import RisLiveSettings
from vedette.checks.bgp.sources.rislive import RisLive
from vedette.checks.bgp.watch import Watch

KEEPALIVE = 30.0
"""Seconds between two signs of life of a collector."""
WITHDRAWN_WITHIN = 2.0
RESENT_WITHIN = 30.0

Now = Callable[[], float]


class Collectors:
    """What a feed's collectors send to all that listen; *world* is what their peers hold."""

    def __init__(self, scenario: Scenario, feed: FeedOf, world: RouteWorld, now: Now) -> None:
        self.name = feed.source
        self._collectors = feed.collectors
        self._world = world
        self._started_at = scenario.started_at
        self._now = now
        self._listeners: list[Connection] = []
        self.up = True
        self._gone: set[str] = set()

    # The world's events.

    async def run(self, scenario: Scenario) -> None:
        """Tell what happens, each thing at its time, for as long as the incident lasts."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_alive())
            group.create_task(self._tell_shifts())
            for change in scenario.timeline:
                if change.feed and change.feed.source == self.name:
                    group.create_task(
                        self._change_feed(change.t, change.feed.state, change.feed.collector)
                    )

    async def _tell_shifts(self) -> None:
        for at, shifts in self._world.shifts():
            await self._sleep_until(at)
            self._tell(self._updates(shifts))

    async def _change_feed(self, at: float, state: str, collector: str | None) -> None:
        await self._sleep_until(at)
        match state:
            case "down":
                self.up = False
            case "one_collector_reset":
                assert collector is not None
                self._gone.add(collector)
                await self._spread(self._losses(collector), WITHDRAWN_WITHIN)
            case _:
                back = set(self._collectors) if not self.up else set(self._gone)
                self.up = True
                self._gone.clear()
                for listener in self._listeners:
                    listener.acknowledge()
                await self._spread(self._returns(back), RESENT_WITHIN)

    async def _spread(self, groups: Sequence[list[str]], seconds: float) -> None:
        for group in groups:
            self._tell(group, even_of_the_gone=True)
            await asyncio.sleep(seconds / (len(groups) + 1))

    async def _keep_alive(self) -> None:
        while True:
            first = {self.collector(peer): peer for peer in reversed(range(self._peers))}
            alive = [first[one] for one in self._collectors if one in first]
            self._tell([self._frame(p, {"type": "KEEPALIVE"}) for p in alive])
            await asyncio.sleep(KEEPALIVE)

    async def _sleep_until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self._now()))

    # Frames.

    @property
    def _peers(self) -> int:
        return max((table.peers for table in self._world.prefixes.values()), default=0)

    def collector(self, peer: int) -> str:
        """Return whose peer it is."""
        return self._collectors[peer % len(self._collectors)]

    def _updates(self, shifts: Sequence[Shift]) -> list[str]:
        return [
            self._update(shift.prefix, shift.peer, shift.now)
            for shift in shifts
            if self.collector(shift.peer) not in self._gone
        ]

    def _update(self, prefix: str, peer: int, now: Class | None) -> str:
        if now is None:
            return self._frame(peer, {"type": "UPDATE", "withdrawals": [prefix]})
        path = self._world.prefixes[prefix].path(peer, now)
        announced = [{"next_hop": address(peer), "prefixes": [prefix]}]
        return self._frame(peer, {"type": "UPDATE", "path": path, "announcements": announced})

    def _frame(self, peer: int, message: dict[str, Any]) -> str:
        data = {
            "timestamp": self._started_at + self._now(),
            "peer": address(peer),
            "peer_asn": str(FIRST_ASN + peer),
            "host": self.collector(peer),
            **message,
        }
        return json.dumps({"type": "ris_message", "data": data})

    def _losses(self, collector: str) -> list[list[str]]:
        return [
            [
                *(self._update(prefix, peer, None) for prefix in self._world.prefixes),
                self._frame(peer, {"type": "RIS_PEER_STATE", "state": "down"}),
            ]
            for peer in range(self._peers)
            if self.collector(peer) == collector
        ]

    def _returns(self, collectors: Collection[str]) -> list[list[str]]:
        at = self._now()
        held = {prefix: table.held(at) for prefix, table in self._world.prefixes.items()}
        return [
            [
                self._frame(peer, {"type": "RIS_PEER_STATE", "state": "connected"}),
                *(
                    self._update(prefix, peer, classes[peer])
                    for prefix, classes in held.items()
                    if peer < len(classes) and classes[peer] is not None
                ),
            ]
            for peer in range(self._peers)
            if self.collector(peer) in collectors
        ]

    def _tell(self, frames: Sequence[str], *, even_of_the_gone: bool = False) -> None:
        if not self.up and not even_of_the_gone:
            return
        for listener in self._listeners:
            listener.hear(frames)

    # What one agent asks for.

    def connect(self, listener: "Connection") -> None:
        """Send all that comes to *listener*, from now on."""
        self._listeners.append(listener)

    def disconnect(self, listener: "Connection") -> None:
        """Send nothing more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def table(self, prefix: str, at: float) -> bytes:
        """Return RIPEstat's bgp-state document of a prefix and all inside it."""
        rows = [
            {
                "target_prefix": one,
                "source_id": f"{self.collector(peer)}-{address(peer)}",
                "path": table.path(peer, held),
            }
            for one, table in self._world.prefixes.items()
            if is_inside(one, prefix)
            for peer, held in enumerate(table.held(at))
            if held is not None and self.collector(peer) not in self._gone
        ]
        stamp = self._started_at + at
        return json.dumps({"data": {"timestamp": stamp, "bgp_state": rows}}).encode()


class Message(NamedTuple):
    """What a WebSocket gives to its reader."""

    type: aiohttp.WSMsgType
    data: str


class Connection:
    """One agent's WebSocket; *up* tells whether anything passes its uplink."""

    close_code = None

    def __init__(self, collectors: Collectors, up: Callable[[], bool]) -> None:
        self._collectors = collectors
        self._up = up
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._delayed: list[str] = []
        self._unanswered = 0
        collectors.connect(self)

    async def receive(self) -> Message:
        """Return what comes next."""
        return await self._messages.get()

    async def send_str(self, text: str) -> None:
        """Take a ping or a subscription."""
        if json.loads(text)["type"] == "ping":
            if self._collectors.up and self._up():
                self.hear(['{"type":"pong"}'])
        else:
            self._unanswered += 1
            self.acknowledge()

    def acknowledge(self) -> None:
        """Answer the subscriptions, if that is possible."""
        if self._collectors.up and self._up():
            self.hear(['{"type":"ris_subscribe_ok","data":{}}'] * self._unanswered)
            self._unanswered = 0

    def hear(self, frames: Sequence[str]) -> None:
        """Deliver *frames*, or keep them until the uplink is back: TCP loses nothing."""
        if not self._up():
            self._delayed += frames
            return
        delayed, self._delayed = self._delayed, []
        for frame in (*delayed, *frames):
            self._messages.put_nowait(Message(aiohttp.WSMsgType.TEXT, frame))

    async def close(self) -> None:
        """Hang up."""
        self._collectors.disconnect(self)


class Stream(RisLive):
    """RIS Live's own source, which connects to the scenario's collectors."""

    def __init__(
        self,
        collectors: Collectors,
        routes: Routes,
        times: Times,
        *,
        now: Now,
        up: Callable[[], bool],
        woken: Callable[[], None],
    ) -> None:
        super().__init__(routes.watched, "wss://replayed.invalid/", now, times)
        self.name = collectors.name
        self._collectors = collectors
        self._up = up
        self._woken = woken

    async def _connected(
        self,
        session: aiohttp.ClientSession,  # noqa: ARG002 - nothing leaves this process
    ) -> aiohttp.ClientWebSocketResponse:
        if not self._up():
            await asyncio.get_running_loop().create_future()
        return Connection(self._collectors, self._up)  # type: ignore[return-value]

    def _take(self, text: str, intake: Intake) -> None:
        super()._take(text, intake)
        self._woken()


class Documents(Tables):
    """RIPEstat's documents, made of what the collectors' peers hold."""

    def __init__(
        self,
        collectors: Collectors,
        routes: Routes,
        now: Now,
        world_now: Now,
        up: Callable[[], bool],
    ) -> None:
        super().__init__("https://replayed.invalid/", routes, now)
        self._collectors = collectors
        self._world_now = world_now
        self._up = up

    async def _fetch(
        self,
        session: aiohttp.ClientSession,  # noqa: ARG002 - nothing leaves this process
        prefix: str,
        at: float | None = None,
    ) -> ripestat.Seed:
        if not (self._up() and self._collectors.up):
            await asyncio.sleep(ripestat.SECONDS)
            raise ripestat.SeedError("RIPEstat did not answer in time")
        then = self._world_now()
        if at is not None:
            then = min(then, at - self._now() + then)
        return ripestat.parse(self._collectors.table(prefix, then))


def feed_of(
    collectors: Collectors,
    watches: Collection[Watch],
    settings: RisLiveSettings,
    *,
    now: Now,
    world_now: Now,
    up: Callable[[], bool],
    woken: Callable[[], None],
) -> Feed:
    """Return an agent's feed of what *collectors* send; *now* is its clock."""
    routes, times = Routes(watches), Times()
    return Feed(
        Stream(collectors, routes, times, now=now, up=up, woken=woken),
        routes,
        Intake(now),
        tables=Documents(collectors, routes, now, world_now, up),
        stale_after=settings.stale_after,
        times=times,
    )
