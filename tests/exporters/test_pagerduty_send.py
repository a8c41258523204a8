"""One attempt against the double: each answer has its outcome, and the key never comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.exporters.test_pagerduty_encode import KEY, PAGE
from tests.servers.pagerduty import (
    PagerDutyServer,
    Step,
    accepts_too_late,
    answers,
    echoes,
    garbles,
    hangs,
    resets,
)
from tests.servers.process import free_port
from tests.waiting import until
from vedette.exporters.pace import Pace
from vedette.exporters.page import Action, Delivery, Outcome, Pager
from vedette.exporters.pagerduty import PER_MINUTE, PagerDuty, PagerDutySettings
from vedette.exporters.post import LONGEST_WAIT, retry_after
from vedette.exporters.reach import Reach

RESOLVE = replace(PAGE, action=Action.RESOLVE)
WEDNESDAY = "Wed, 21 Oct 2026 07:28:00 GMT"


@asynccontextmanager
async def pager_at(url: str, *, patience: float = 5.0, key: str = KEY) -> AsyncIterator[Pager]:
    settings = PagerDutySettings(routing_key_file="unread", url=url)
    pager = PagerDuty("pd", settings, key, reach=Reach(), pace=Pace(PER_MINUTE), timeout=patience)
    try:
        yield pager
    finally:
        await pager.close()


async def delivery(step: Step, *, patience: float = 5.0) -> Delivery:
    async with PagerDutyServer([step]) as server, pager_at(server.url, patience=patience) as pager:
        return await pager.send(PAGE)


async def test_an_incident_opens_updates_closes_and_opens_anew() -> None:
    """Triggers of a key update one incident until a resolve, after which one opens a new one."""
    async with PagerDutyServer() as server, pager_at(server.url) as pager:
        for page in (PAGE, replace(PAGE, summary="worse"), RESOLVE, PAGE):
            assert (await pager.send(page)).outcome is Outcome.DELIVERED
    assert [(i.status, len(i.events)) for i in server.incidents] == [
        ("resolved", 3),
        ("triggered", 1),
    ]
    assert server.incidents[0].summary == "worse"


async def test_the_request_is_plain() -> None:
    """The request is JSON of ours, with no cookie, and names the pager by its configured name."""
    async with PagerDutyServer() as server, pager_at(server.url) as pager:
        await pager.send(PAGE)
        assert pager.name == "pd"
    headers = server.requests[0].headers
    assert (headers["Content-Type"], headers["User-Agent"]) == ("application/json", "Vedette")
    assert "Cookie" not in headers


async def test_cookies_are_not_kept() -> None:
    """A cookie that the answer sets is not sent with the next page."""
    sets = answers(503, headers={"Set-Cookie": "a=b"})
    async with PagerDutyServer([sets]) as server, pager_at(server.url) as pager:
        await pager.send(PAGE)
        await pager.send(PAGE)
    assert "Cookie" not in server.requests[1].headers


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment does not come between us and PagerDuty."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    async with PagerDutyServer() as server, pager_at(server.url) as pager:
        assert (await pager.send(PAGE)).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (202, Outcome.DELIVERED),
        (200, Outcome.RETRY),
        (204, Outcome.RETRY),
        (307, Outcome.RETRY),
        (400, Outcome.REJECTED),
        (403, Outcome.REJECTED),
        (404, Outcome.REJECTED),
        (408, Outcome.RETRY),
        (413, Outcome.REJECTED),
        (429, Outcome.RETRY),
        (500, Outcome.RETRY),
        (503, Outcome.RETRY),
        (599, Outcome.RETRY),
    ],
)
async def test_each_status_has_its_outcome(status: int, outcome: Outcome) -> None:
    """Only 202 is a delivery, only a client error that would come again a rejection."""
    assert (await delivery(answers(status, headers={"Location": "/"}))).outcome is outcome


@pytest.mark.parametrize("step", [resets, garbles], ids=["reset", "garbage"])
async def test_a_broken_answer_is_worth_another_try(step: Step) -> None:
    """A connection that breaks, or bytes that are no HTTP, mean RETRY with a reason."""
    seen = await delivery(step)
    assert seen.outcome is Outcome.RETRY
    assert seen.detail


async def test_silence_ends_at_the_timeout() -> None:
    """A server that never answers costs the timeout and means RETRY."""
    assert await delivery(hangs, patience=0.1) == Delivery(
        outcome=Outcome.RETRY, detail="no answer within 0.1 s"
    )


async def test_a_page_taken_after_we_gave_up_is_not_doubled() -> None:
    """When the 202 came too late, the second try updates the incident that the first opened."""
    async with (
        PagerDutyServer([accepts_too_late]) as server,
        pager_at(server.url, patience=0.1) as pager,
    ):
        assert (await pager.send(PAGE)).outcome is Outcome.RETRY
        await until(lambda: server.accepted)
    async with PagerDutyServer() as again, pager_at(again.url) as pager:
        again.incidents = server.incidents
        assert (await pager.send(PAGE)).outcome is Outcome.DELIVERED
    assert [len(incident.events) for incident in again.incidents] == [2]


async def test_a_rejection_says_why() -> None:
    """PagerDuty's message and errors are in the detail."""
    async with PagerDutyServer() as server, pager_at(server.url, key="short") as pager:
        seen = await pager.send(PAGE)
    assert seen.outcome is Outcome.REJECTED
    assert seen.detail.startswith("400 Event object is invalid: Length of 'routing_key'")


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "500"),
        ("<h1>no\r\n\x1b[31mluck</h1>", "500 <h1>no [31mluck</h1>"),
        ("[1]", "500 [1]"),
        ('{"errors": "text"}', "500 text"),
        ('{"errors": 7}', "500 7"),
        ('{"message": "m", "errors": [1, "b"]}', "500 m: 1; b"),
        ("[" * 60_000, "500 " + "[" * 299 + "…"),
    ],
)
async def test_any_answer_becomes_one_short_line(text: str, detail: str) -> None:
    """Whatever the body, the detail is one printable line of bounded length."""
    assert (await delivery(answers(500, text))).detail == detail


async def test_an_echoed_routing_key_is_scrubbed(caplog: pytest.LogCaptureFixture) -> None:
    """An answer that repeats the request does not bring the key into detail, repr or log."""
    caplog.set_level(0)
    async with (
        PagerDutyServer([echoes, answers(500, KEY.lower())]) as server,
        pager_at(server.url) as pager,
    ):
        seen = [await pager.send(PAGE), await pager.send(PAGE)]
        said = f"{seen} {pager!r} {vars(pager)['_settings']!r} {caplog.text}".lower()
    assert KEY.lower() not in said
    assert "[routing key]" in seen[0].detail
    assert seen[1].detail == "500 [routing key]"


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [
        (429, "30", 30),
        (429, "3600", LONGEST_WAIT),
        *((status, "3600", None) for status in (200, 302, 408, 425, 500, 503)),
    ],
)
async def test_only_a_limit_on_calls_asks_a_pager_to_wait(
    status: int, asked: str, seconds: float | None
) -> None:
    """A 429 with Retry-After tells the outbox how long to wait, within reason; no other answer."""
    seen = await delivery(answers(status, headers={"Retry-After": asked}))
    assert (seen.outcome, seen.retry_after) == (Outcome.RETRY, seconds)


@pytest.mark.parametrize(
    ("asked", "date", "seconds"),
    [
        (None, WEDNESDAY, None),
        ("0", None, 0),
        (" 120 ", None, 120),
        ("9" * 400, None, 3600),
        ("Wed, 21 Oct 2026 07:29:30 GMT", WEDNESDAY, 90),
        ("Wednesday, 21-Oct-26 07:29:30 GMT", WEDNESDAY, 90),
        ("Wed Oct 21 07:29:30 2026", WEDNESDAY, 90),
        ("Wed, 21 Oct 2026 07:00:00 GMT", WEDNESDAY, 0),
        ("Wed, 21 Oct 2026 07:29:30 GMT", None, None),
        ("Wed, 21 Oct 2026 07:29:30 GMT", "today", None),
        ("Wed, 21 Oct 2026 07:29:30 +99999999999999999", WEDNESDAY, None),
        ("-5", WEDNESDAY, None),
        ("1.5", WEDNESDAY, None),
        ("²", WEDNESDAY, None),
        ("soon", WEDNESDAY, None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(
    asked: str | None, date: str | None, seconds: float | None
) -> None:
    """Seconds count as they are, a date from the answer's Date, and nonsense not at all."""
    headers = {"Retry-After": asked, "Date": date}
    given = {name: value for name, value in headers.items() if value is not None}
    assert retry_after(given, 3600) == seconds


async def test_close_may_come_at_any_time() -> None:
    """Closing an unused or closed pager does nothing, and a closed one opens again when used."""
    async with PagerDutyServer() as server, pager_at(server.url) as pager:
        await pager.close()
        await pager.send(PAGE)
        await pager.close()
        await pager.close()
        assert (await pager.send(RESOLVE)).outcome is Outcome.DELIVERED


async def test_a_change_is_told_where_it_is_wanted() -> None:
    """A change event has the published form, and goes to the endpoint of changes, if wanted."""
    taken: list[tuple[str, dict[str, Any]]] = []

    async def take(request: web.Request) -> web.Response:
        taken.append((request.path, await request.json()))
        return web.json_response({"status": "success"}, status=202)

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    async with TestServer(app) as server:
        url = str(server.make_url("/v2/enqueue"))
        for wanted in (False, True):
            settings = PagerDutySettings(routing_key_file="unread", url=url, change_events=wanted)
            pager = PagerDuty("pd", settings, KEY, reach=Reach(), pace=Pace(PER_MINUTE))
            told = await pager.tell("c" * 2000, "fra-1", 1_760_925_600.25)
            await pager.close()
            assert (told is not None) == wanted
    ((path, event),) = taken
    assert path == "/v2/change/enqueue"
    assert event.keys() == {"routing_key", "payload"}
    assert event["routing_key"] == KEY
    assert event["payload"].pop("summary") == "c" * 1023 + "…"
    assert event["payload"] == {"source": "fra-1", "timestamp": "2025-10-20T02:00:00.250+00:00"}
