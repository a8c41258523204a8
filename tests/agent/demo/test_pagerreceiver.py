"""The demo's pager receiver is as strict as PagerDuty."""

import asyncio

import aiohttp
import pytest

from vedette.agent.demo.pagerreceiver import PagerReceiver, faults

KEY = "0123456789abcdef" * 2


def trigger(**changes):
    payload = {"summary": "it is down", "source": "demo-1", "severity": "critical"}
    body = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "k", "payload": payload}
    return body | changes


async def post(receiver, **how):
    async with (
        aiohttp.ClientSession() as session,
        session.post(receiver.url, **how) as answer,
    ):
        return answer.status, await answer.json()


async def test_accepts_and_keeps():
    """A good event is answered 202 with its key, and kept with its time."""
    async with PagerReceiver(lambda: 42.0) as receiver:
        status, answer = await post(receiver, json=trigger())

    (event,) = receiver.events
    assert (status, answer["status"], answer["dedup_key"]) == (202, "success", "k")
    assert (event.at, event.action, event.key) == (42.0, "trigger", "k")
    assert event.payload["summary"] == "it is down"


async def test_makes_a_key_where_there_is_none():
    """A trigger without dedup key gets one."""
    body = trigger()
    del body["dedup_key"]
    async with PagerReceiver(lambda: 0.0) as receiver:
        _, answer = await post(receiver, json=body)

    assert receiver.events[0].key == answer["dedup_key"]


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe", b"[]"])
async def test_refuses_what_is_no_event(data):
    """A body that is no JSON object is answered 400, and not kept."""
    async with PagerReceiver(lambda: 0.0) as receiver:
        status, answer = await post(receiver, data=data)

    assert (status, answer["status"]) == (400, "invalid event")
    assert not receiver.events


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (trigger(routing_key="short"), "routing_key"),
        (trigger(routing_key="f" * 32), "routing_key"),
        (trigger(event_action="shout"), "event_action"),
        (trigger(payload=None), "payload"),
        (trigger(payload={"summary": "s", "source": "x"}), "payload.severity"),
        (trigger(payload={"summary": "", "source": "x", "severity": "info"}), "payload.summary"),
        (trigger(payload={"summary": "s", "source": "x", "severity": "bad"}), "payload.severity"),
        (
            trigger(payload={"summary": "s" * 1025, "source": "x", "severity": "info"}),
            "payload.summary",
        ),
        (trigger(dedup_key="k" * 256), "dedup_key"),
        ({"routing_key": KEY, "event_action": "resolve"}, "dedup_key"),
    ],
)
def test_finds_the_fault(body, word):
    """One fault in an event is one message that names the field."""
    (message,) = faults(body, KEY)

    assert f"'{word}'" in message


def test_resolve_needs_no_payload():
    """A resolve with routing key and dedup key is complete."""
    assert faults({"routing_key": KEY, "event_action": "resolve", "dedup_key": "k"}) == []


async def test_waits_for_an_action():
    """A waiter gets the first event of its action, whether it came before or comes later."""
    async with PagerReceiver(lambda: 0.0) as receiver, asyncio.timeout(5):
        waiter = asyncio.create_task(receiver.wait_for("resolve"))
        await post(receiver, json=trigger())
        assert (await receiver.wait_for("trigger")).action == "trigger"
        assert not waiter.done()

        await post(receiver, json=trigger(event_action="resolve"))
        assert (await waiter).action == "resolve"
