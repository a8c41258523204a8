"""How a peer is followed: what it says is filed under its name, whatever it says of itself."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from tests.agent.peers.test_wire import document, round_
from tests.servers.process import free_port
from tests.virtual import virtual
from tests.waiting import meanwhile, until
from vedette.agent.clock import SteadyClock
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.memory.statements import keep_receiver
from vedette.agent.memory.store import Store
from vedette.agent.peers import asking, follower, wire
from vedette.agent.peers.follower import LONGEST_PAUSE, Follower
from vedette.agent.peers.standing import Standing
from vedette.agent.peers.wire import Told
from vedette.agent.surroundings import Surroundings
from vedette.checks.finding import Kind

NOW = 1_764_000_000.0
TOKEN = "shared 0123456789abcdef"
KEY = CheckKey("shop", Kind.DNS, "a.test A")

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(autouse=True)
def first_pause(monkeypatch: pytest.MonkeyPatch) -> float:
    """Have all pauses begin with a shorter one than in earnest."""
    monkeypatch.setattr(follower, "FIRST_PAUSE", 0.1)
    return 0.1


class Peer:
    """A double of a peer, which answers by turns what a test wants, and then nothing any more."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []
        self.credentials: list[str | None] = []
        self.at: list[str] = []
        self.idle = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        self.at.append(request.get_extra_info("sockname")[0])
        self.credentials.append(request.headers.get("Authorization"))
        if not self.answers:
            self.idle.set()
            await asyncio.Event().wait()
        return await self.answers.pop(0)(request)


def says(**changes: Any) -> Answer:
    """Answer a document with these changes."""
    return writes(json.dumps(document(**changes)).encode())


def tells(check: str = "a.test A", **look: Any) -> dict[str, Any]:
    """Return a round of the check."""
    return round_(**look) | {"check": check}


def writes(body: bytes, status: int = 200, **headers: str) -> Answer:
    """Answer a body, whatever it is."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return answer


async def resets(request: web.Request) -> web.StreamResponse:
    """Answer nothing, and close."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def following(
    folder: Path, peer: Peer, host: str = "127.0.0.1", below: str = ""
) -> AsyncIterator[tuple[Agent, Standing]]:
    """Follow *peer* as an agent does that looks at nothing, and whose clock stands still."""
    app = web.Application()
    app.router.add_get(asking.OBSERVATIONS, peer.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    for address in ("127.0.0.1", "127.0.0.2"):
        await web.TCPSite(runner, address, port).start()
    (folder / "token").write_text(TOKEN)
    config = {
        "agent": {"name": "fra-1", "domain": {"provider": "hetzner"}},
        "services": [{"name": "shop", "dns": [{"name": "a.test"}]}],
        "peers": [
            {
                "name": "nyc-1",
                "url": f"http://{host}:{port}{below}",
                "domain": {"provider": "digitalocean", "region": "us-east"},
                "token_file": "token",
            }
        ],
        "paging": {"resolvers": []},
    }
    path = folder / "vedette.yaml"
    path.write_text(yaml.safe_dump(config))
    around = Surroundings(clock=SteadyClock(lambda: NOW, lambda: 0.0))
    agent = Agent(read(path), folder, None, around)
    one = agent.exchange.followers["nyc-1"]
    async with meanwhile(one.run()):
        yield agent, one.standing
    await runner.cleanup()
    agent.store.close()


async def test_what_it_sees_is_filed_under_its_name(tmp_path):
    """A look is stamped by its age at the sender, though the sender's clock is an hour off."""
    # Held for longer than the answer takes, so that its way counts as none, however busy we are.
    peer = Peer(says(clock=NOW + 3600, held=60.0, rounds=[tells(age=40, seconds=2)]))
    async with following(tmp_path, peer) as (agent, standing):
        await peer.idle.wait()
        (series,) = agent.ledgers["nyc-1"].of(KEY)
        assert series.last.vantage == "nyc-1"
        assert series.last.started_at == NOW - 42
        assert series.fresh_until == NOW - 40 + series.timing.fresh_for
        assert agent.ledgers["fra-1"].is_empty
        assert standing.is_up
        assert standing.offset == 3600
        assert standing.notes[1:] == ["its clock is 3600 s ahead"]
        assert peer.credentials == [f"Bearer {TOKEN}"] * 2


@pytest.mark.parametrize("off", [3600, -3600])
async def test_since_when_a_fault_lasts_is_told_by_our_clock(tmp_path, off):
    """A route is at fault for as long here as at a peer whose clock is wrong, at every answer."""

    def since() -> dict[str, float]:
        (series,) = agent.ledgers["nyc-1"].of(KEY)
        return series.last.finding.facts["since"]

    fault = {"since": {"withdrawn": NOW + off - 40}}
    told = tells(verdict="FAILING", reason="timeout", facts=fault)
    again = asyncio.Event()

    async def says_again(request: web.Request) -> web.StreamResponse:
        await again.wait()
        return await says(clock=NOW + off + 1, held=60.0, rounds=[told])(request)

    peer = Peer(says(clock=NOW + off, held=60.0, rounds=[told]), says_again)
    async with following(tmp_path, peer) as (agent, _):
        await until(lambda: agent.ledgers["nyc-1"].looked(KEY) == 1)
        first = since()
        assert first["withdrawn"] == NOW - 40
        again.set()
        await peer.idle.wait()
        assert agent.ledgers["nyc-1"].looked(KEY) == 2
        assert since() == first


@pytest.mark.parametrize("at", [1e300, -1e300])
async def test_no_fault_lasts_since_a_time_that_never_was(tmp_path, at):
    """It began by now and within the epoch, so that it can be written into a page."""
    told = tells(verdict="FAILING", reason="timeout", facts={"since": {"withdrawn": at}})
    async with following(tmp_path, peer := Peer(says(rounds=[told]))) as (agent, _):
        await peer.idle.wait()
        (series,) = agent.ledgers["nyc-1"].of(KEY)
        assert 0 <= series.last.finding.facts["since"]["withdrawn"] <= NOW


async def test_it_is_heard_where_nobody_knows_its_name(tmp_path):
    """A peer is found at the address that it had: an outage of DNS does not part a fleet."""
    with closing(Store(tmp_path / "state")) as store:
        store.write([keep_receiver("nyc-1.invalid", ["127.0.0.1"])])
    peer = Peer(says())
    async with following(tmp_path, peer, "nyc-1.invalid") as (_, standing):
        await asyncio.wait_for(peer.idle.wait(), 10)
        assert standing.is_up


async def test_who_does_not_answer_is_looked_for_elsewhere(tmp_path):
    """Where an address of a peer gives no answer, the next attempt begins with another one."""
    with closing(Store(tmp_path / "state")) as store:
        store.write([keep_receiver("nyc-1.invalid", ["127.0.0.2", "127.0.0.1"])])
    peer = Peer(resets, resets, says())  # an idempotent question is asked twice at once
    async with following(tmp_path, peer, "nyc-1.invalid"):
        await asyncio.wait_for(peer.idle.wait(), 10)
    assert peer.at[:3] == ["127.0.0.2", "127.0.0.2", "127.0.0.1"]


async def test_it_is_asked_for_what_is_newer(tmp_path):
    """The cursor of each answer comes with the next question, and the first has none."""
    peer = Peer(says(cursor="x-1"), says(cursor="x-2"))
    async with following(tmp_path, peer):
        await peer.idle.wait()
        assert [one["after"] for one in peer.asked] == ["", "x-1", "x-2"]
        assert {one["wait"] for one in peer.asked} == {"5"}


async def test_a_peer_that_always_has_more_keeps_nobody_busy(tmp_path):
    """Whatever it says that there is still to come, it is asked so many times a second at most."""
    clock, times = asyncio.get_running_loop().time, []

    async def more(request: web.Request) -> web.StreamResponse:
        times.append(clock())
        return await says(more=True)(request)

    peer = Peer(*[more] * 8)
    async with following(tmp_path, peer):
        await peer.idle.wait()
    assert times[-1] - times[0] >= 7 * follower.SHORTEST * 0.9


async def test_an_empty_answer_is_a_sign_of_life(tmp_path):
    """It keeps a peer from being silent that was heard before, and is no word of its own."""
    peer = Peer(says())
    async with following(tmp_path, peer) as (agent, standing):
        await peer.idle.wait()
        assert agent.ledgers["nyc-1"].is_empty
        assert standing.heard_at == pytest.approx(NOW, abs=1)
    peer = Peer(says(rounds=[tells(age=600)]), says())
    async with following(tmp_path, peer) as (agent, _):
        await peer.idle.wait()
        assert agent.ledgers["nyc-1"].newest_at == pytest.approx(NOW, abs=1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"agent": "sgp-1"}, "it says that its agent is 'sgp-1' and not 'nyc-1': mend the url"),
        ({"deployment": "lab"}, "it says that its deployment is 'lab' and not 'vedette'"),
    ],
)
async def test_nobody_speaks_for_another(tmp_path, changes, words):
    """The word of another agent, or of another fleet, is refused, and counts for nothing."""
    peer = Peer(says(rounds=[tells()], **changes), says(rounds=[tells()]))
    async with following(tmp_path, peer) as (agent, standing):
        await until(lambda: standing.refused[wire.Refusal.STRANGER])
        assert words in standing.error
        assert agent.ledgers["nyc-1"].is_empty
        await peer.idle.wait()  # the next answer is its own, and is heard
        assert not agent.ledgers["nyc-1"].is_empty


async def test_a_lie_about_the_domain_changes_nothing(tmp_path):
    """The quorum goes by the config's provider; what the peer says is told to who asks."""
    peer = Peer(says(domain={"provider": "hetzner", "region": "eu"}))
    async with following(tmp_path, peer) as (agent, standing):
        await peer.idle.wait()
        assert agent.plan.quorum.vantages["nyc-1"].provider == "digitalocean"
        assert standing.notes == ["it says that it is at hetzner/eu; digitalocean/us-east counts"]
        standing.says = Told("DigitalOcean", region="US-East")
        assert standing.notes == []


async def test_what_is_not_understood_costs_itself(tmp_path, caplog):
    """Unknown checks and broken rounds are counted, and the others are heard all the same."""
    rounds = [tells("other A"), tells(verdict="FAILING"), {"service": 1}, tells()]
    peer = Peer(says(rounds=rounds), says(rounds=rounds))
    async with following(tmp_path, peer) as (agent, standing):
        await peer.idle.wait()
        assert len(agent.ledgers["nyc-1"].of(KEY)[0].looks) == 2
        assert standing.refused == {
            wire.Refusal.UNKNOWN_CHECK: 2,
            wire.Refusal.MALFORMED: 4,
        }
        assert standing.is_up
        assert "this agent does not look at shop/dns/other A" in standing.notes
    assert [r.message for r in caplog.records if "contradicts" in r.message] == [
        "peer nyc-1: FAILING with reason None contradicts itself"
    ]


async def test_a_check_that_a_peer_has_given_up_is_no_stranger_any_more(tmp_path):
    """What an agent lacks of its peers' checks is told until they read a config without it."""
    other = [tells(check="other A")]
    peer = Peer(says(cursor="5f0c-1-0", rounds=other), says(cursor="5f0c-2-0"))
    async with following(tmp_path, peer) as (_, standing):
        await peer.idle.wait()
        assert "this agent does not look at shop/dns/other A" in standing.notes
    peer = Peer(says(cursor="5f0c-1-0", rounds=other), says(cursor="77aa-1-0", rounds=[tells()]))
    async with following(tmp_path, peer) as (_, standing):
        await peer.idle.wait()
        assert not standing.strangers


async def test_what_its_pagers_took_is_heard(tmp_path):
    """It is dated by its age; a list that is not understood costs itself, and no round."""
    accepted = {"pager": "oncall", "key": "vedette/shop", "age": 20}
    peer = Peer(
        says(clock=NOW - 3600, accepted=[accepted], resolved=[accepted | {"age": 5}]),
        says(accepted=[accepted | {"key": "lost"}, 3], rounds=[tells()]),
    )
    async with following(tmp_path, peer) as (agent, standing):
        await peer.idle.wait()
        caller = agent.exchange.hearsay.caller
        assert caller("oncall", "vedette/shop", NOW - 21) == "nyc-1"
        assert caller("oncall", "vedette/shop", NOW - 19) is None
        assert caller("oncall", "lost", NOW - 100) is None
        ended_at = agent.exchange.hearsay.ended_at
        assert ended_at("oncall", "vedette/shop") == pytest.approx(NOW - 5, abs=0.5)
        assert standing.refused == {wire.Refusal.MALFORMED: 1}
        assert standing.is_up
        assert not agent.ledgers["nyc-1"].is_empty


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (writes(b"", 401), "it answers 401: it does not know our credential: token_file must"),
        (writes(b"", 403), "it answers 403: it does not take us for a peer"),
        (writes(b"", 404), "it answers 404: it follows no peers: it must name this agent"),
        (writes(b"", 429), "it answers 429: it was shown a wrong credential too often"),
        (writes(b"", 500), "it answers 500: expected 200"),
        (writes(b"", 302, Location="http://127.0.0.1:1/"), "it answers 302: expected 200"),
        (
            writes(b"<html>", **{"Content-Type": "text/html"}),
            "it answers 200 with a page for people",
        ),
        (writes(b"<html>", 404, **{"Content-Type": "text/html"}), "it answers 404 with a page for"),
        (writes(b"\x00"), "its answer is not understood: JSON is malformed"),
        (writes(b"\xff" * 20, **{"Content-Encoding": "gzip"}), "Can not decode content-encoding"),
        (says(version=2), "it speaks version 2 of the peers' protocol"),
        (writes(b"x" * (wire.LARGEST + 1)), "its answer is larger than 8388608 octets"),
        (
            writes(
                zlib.compress(b" " * (wire.LARGEST * 4), wbits=31), **{"Content-Encoding": "gzip"}
            ),
            "its answer is larger than 8388608 octets",
        ),
    ],
)
async def test_what_is_wrong_is_told_in_words(tmp_path, answer, words):
    """Each way to fail is one sentence; the peer is asked again, and heard once it is mended."""
    peer = Peer(answer, says(rounds=[tells()]))
    async with following(tmp_path, peer) as (agent, standing):
        await until(lambda: standing.error != "not asked yet")
        assert words in standing.error
        assert TOKEN not in standing.error
        await peer.idle.wait()
        assert standing.is_up
        assert not agent.ledgers["nyc-1"].is_empty


async def test_a_path_that_is_wrong_is_told(tmp_path):
    """What a stranger would be told is said of a url only beside the path that it has too much."""
    async with following(tmp_path, Peer(), below="/status") as (_, standing):
        await until(lambda: standing.error != "not asked yet")
        assert standing.error == (
            "it answers 404: if nothing but an agent is there, leave /status out of the url; else "
            "it follows no peers: it must name this agent in its peers"
        )


async def test_a_peer_that_hangs_up_is_told(tmp_path):
    """A connection that ends without an answer, also when tried again, is one sentence too."""
    peer = Peer(resets, resets, says())
    async with following(tmp_path, peer) as (_, standing):
        await until(lambda: standing.error == "it closed the connection without an answer")
        await peer.idle.wait()
        assert standing.is_up


@virtual
async def rests(number: int, *, nudged: bool = False) -> list[float]:
    """Return the seconds of *number* pauses after one failure each."""
    one = Follower.__new__(Follower)
    one._pause, one._nudged = follower.FIRST_PAUSE, asyncio.Event()
    clock, lasted = asyncio.get_running_loop().time, []
    for _ in range(number):
        began = clock()
        if nudged:
            asyncio.get_running_loop().call_later(0.01, one._nudged.set)
        await one._rest()
        lasted.append(clock() - began)
    return lasted


def test_pauses_grow_up_to_half_a_minute(first_pause):
    """Each pause is at most twice the one before and half a minute, and at least half of that."""
    lasted = rests(12)
    for number, seconds in enumerate(lasted):
        most = min(first_pause * 2**number, LONGEST_PAUSE)
        assert most / 2 <= seconds <= most


def test_a_peer_that_asks_us_is_asked_soon(first_pause):
    """Who hears from a peer need not wait for the end of a long pause."""
    assert max(rests(10, nudged=True)) <= first_pause
