"""A page as an alert at Debian's Alertmanager: it stands while it is told of, and ends with it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.exporters.test_email import TEXT
from tests.exporters.test_pagerduty_encode import PAGE
from tests.servers.alertmanager import alertmanager
from tests.servers.app import serving
from tests.servers.process import free_port
from vedette.agent.clock import SteadyClock
from vedette.exporters.alertmanager import Alertmanager, AlertmanagerSettings, labels
from vedette.exporters.page import Action, Delivery, Outcome, Page, Severity
from vedette.exporters.post import Answer
from vedette.exporters.reach import Reach

DELIVERED, RETRY, REJECTED, _ = Outcome
RESOLVE = replace(PAGE, action=Action.RESOLVE, summary="well again")
NOW = SteadyClock().now


@asynccontextmanager
async def pager(
    *urls: str, now: Callable[[], float] = NOW, credential: str | None = None, **more: Any
) -> AsyncIterator[Alertmanager]:
    """Make a pager that tells the time by *now*, and close it."""
    settings = AlertmanagerSettings.model_validate({"urls": urls, **more})
    made = Alertmanager("am", settings, now=now, credential=credential, reach=Reach(), timeout=5)
    try:
        yield made
    finally:
        await made.close()


async def test_an_alert_stands_at_every_member(tmp_path: Path) -> None:
    """Trigger, repetition and resolve reach all members; the alert says what the page says."""
    with alertmanager(tmp_path / "a") as a, alertmanager(tmp_path / "b") as b:
        async with pager(a.url, f"{b.url}/", labels={"team": "dns"}) as sender:
            details = {**PAGE.details, "runbook": "https://run.test/dns"}
            page = replace(PAGE, began_at=NOW() - 60, details=details)
            assert (await sender.send(page)).outcome is DELIVERED
            ((first,), (second,)) = a.alerts(), b.alerts()
            assert (await sender.repeat()).outcome is DELIVERED
            assert len(a.alerts()) == 1
            assert (await sender.send(RESOLVE)).outcome is DELIVERED
            assert a.names([]) == b.names([]) == []
    assert first["labels"] == second["labels"]
    assert first["labels"] == {
        "alertname": "record_emptied",
        "service": "dynamodb",
        "severity": "critical",
        "deployment": "vedette",
        "incident": "vedette/dynamodb",
        "subject": "dynamodb.us-east-1.amazonaws.com A",
        "team": "dns",
    }
    assert first["annotations"]["summary"] == "dynamodb: record_emptied"
    assert "evidence: 4 of 4 servers answer NODATA" in first["annotations"]["description"]
    assert "fra-1" in first["annotations"]["description"]
    assert first["annotations"]["runbook_url"] == "https://run.test/dns"
    assert first["status"]["state"] == "active"


async def test_a_member_that_forgot_is_told_again(tmp_path: Path) -> None:
    """A member that was away, or lost its memory, has what stands after the next repetition."""
    with alertmanager(tmp_path / "a") as a:
        async with pager(a.url) as sender:
            await sender.send(replace(PAGE, began_at=NOW()))
            await sender.send(replace(PAGE, key="vedette/x", service="x", began_at=NOW()))
            await sender.send(replace(RESOLVE, key="vedette/x", service="x"))
            with alertmanager(tmp_path / "b") as b:
                sender._urls.append(f"{b.url}/api/v2/alerts")
                assert b.alerts() == []
                await sender.repeat()
                assert b.names(["record_emptied"]) == ["record_emptied"]


async def test_a_former_life_is_taken_over(tmp_path: Path) -> None:
    """What stood when the agent ended is told again, and ended, by the next one."""
    with alertmanager(tmp_path / "a") as a:
        page = replace(PAGE, began_at=NOW() - 60)
        async with pager(a.url) as sender:
            sender.stand([page])
            await sender.repeat()
            assert a.names(["record_emptied"]) == ["record_emptied"]
            await sender.send(RESOLVE)
            assert a.names([]) == []


async def test_an_end_of_a_former_life_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that was away at an end hears of it, also from an agent that began anew since."""
    heard: list[tuple[int, int]] = []
    now = [1000.0]

    async def post(_url: str, standing: Sequence[Page], ended: Sequence[object]) -> Answer:
        heard.append((len(standing), len(ended)))
        return Answer(Delivery(outcome=Outcome.DELIVERED))

    async with pager("http://am", now=lambda: now[0]) as sender:
        monkeypatch.setattr(sender, "_post", post)
        sender.stand([], [(replace(PAGE, action=Action.RESOLVE), 900.0)])
        for now[0] in (1000.0, 1700.0, 1900.0):
            await sender.repeat()

    assert heard == [(0, 1), (0, 1)]


async def test_another_headline_ends_the_alert_before(tmp_path: Path) -> None:
    """Where the cause of an incident changes, one alert stands, of the new name, and ends."""
    with alertmanager(tmp_path / "a") as a:
        async with pager(a.url) as sender:
            page = replace(PAGE, began_at=NOW() - 60)
            await sender.send(page)
            better = replace(page, diagnosis="prefix_withdrawn", severity=Severity.ERROR)
            await sender.send(better)
            assert a.names(["prefix_withdrawn"]) == ["prefix_withdrawn"]
            await sender.send(page)
            await sender.repeat()
            assert a.names(["record_emptied"]) == ["record_emptied"]
            await sender.send(replace(RESOLVE, diagnosis="something_else"))
            assert a.names([]) == []


@pytest.mark.parametrize("ahead", [-7200.0, 7200.0], ids=["behind", "ahead"])
async def test_a_wrong_clock_loses_no_alert(tmp_path: Path, ahead: float) -> None:
    """Where our clock is two hours off, alerts begin and end by the member's."""
    with alertmanager(tmp_path / "a") as a:
        async with pager(a.url, now=lambda: NOW() + ahead) as sender:
            await sender.send(replace(PAGE, began_at=NOW() + ahead))
            assert a.names(["record_emptied"]) == ["record_emptied"]
            await sender.send(RESOLVE)
            assert a.names([]) == []


class Member:
    """A member that answers as it is told, with nothing of Alertmanager's behind it."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.headers: list[dict[str, str]] = []
        self.bodies: list[list[dict[str, Any]]] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one call, of a megabyte at most."""
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.json())
        return web.Response(status=self.status, text="s3cret-token")


@asynccontextmanager
async def members(*statuses: int) -> AsyncIterator[tuple[Sequence[str], Sequence[Member]]]:
    urls, made = [], [Member(status) for status in statuses]
    async with AsyncExitStack() as stack:
        for member in made:
            app = web.Application()
            app.router.add_post("/api/v2/alerts", member.answer)
            urls.append(f"http://127.0.0.1:{await stack.enter_async_context(serving(app))}")
        yield urls, made


@pytest.mark.parametrize("date", [253402300799.0, -62135596800.0], ids=["9999", "0001"])
async def test_a_date_that_no_clock_shows_is_none(
    date: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member, or a proxy before it, that dates its answers absurdly is told by our own clock."""

    async def post(*_: object, **__: object) -> Answer:
        return Answer(Delivery(outcome=Outcome.DELIVERED), date)

    async with pager("http://am") as sender:
        monkeypatch.setattr(sender._poster, "post", post)
        for again in (sender.send(PAGE), sender.send(PAGE), sender.repeat()):
            assert (await again).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("answered", [True, False], ids=["end answered", "end under way"])
async def test_a_repetition_undoes_no_end(answered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one that is under way reaches a member after the end, that is told once more."""
    came: list[str] = []
    late, slow, told = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def post(_url: str, body: bytes, **_: object) -> Answer:
        (alert,) = json.loads(body)
        if alert["endsAt"] > "1970-01-01T01":  # it stands
            await late.wait()
        came.append(alert["endsAt"])
        told.set()
        if not (answered or late.is_set()):
            await slow.wait()
        return Answer(Delivery(outcome=Outcome.DELIVERED), None)

    async with pager("http://am", now=lambda: 1000.0) as sender:
        monkeypatch.setattr(sender._poster, "post", post)
        sender.stand([PAGE])
        repeating = asyncio.create_task(sender.repeat())
        await asyncio.sleep(0)
        ending = asyncio.create_task(sender.send(RESOLVE))
        await told.wait()
        late.set()
        await repeating
        slow.set()
        await ending

    assert came[0] == came[-1] == "1970-01-01T00:16:40.000+00:00"
    assert len(came) == 3


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [((200, 500), DELIVERED), ((500, 200), DELIVERED), ((400, 503), RETRY), ((400, 400), REJECTED)],
)
async def test_one_member_is_enough(statuses: tuple[int, ...], outcome: Outcome) -> None:
    """A page that one member has is delivered, whatever became of it at the others."""
    async with members(*statuses) as (urls, _), pager(*urls) as sender:
        seen = await sender.send(PAGE)
    assert seen.outcome is outcome
    assert seen.detail


async def test_however_much_stands_a_proxy_takes_it() -> None:
    """A hundred alerts with long details pass where a body may have a megabyte, as all do alone."""
    async with members(200) as (urls, (member,)), pager(*urls) as sender:
        details = {str(n): "x" * 1000 for n in range(15)}
        pages = [replace(PAGE, key=f"vedette/{n}", details=details) for n in range(100)]
        sender.stand(pages, [(replace(RESOLVE, key="vedette/over"), NOW())])
        assert (await sender.repeat()).outcome is DELIVERED
    told = [alert["labels"]["incident"] for body in member.bodies for alert in body]
    assert sorted(told) == sorted([*(page.key for page in pages), "vedette/over"])


async def test_a_dead_member_is_named() -> None:
    """Who did not take a page is said with it."""
    async with members(200) as (urls, _), pager(*urls, f"http://127.0.0.1:{free_port()}") as sender:
        seen = await sender.send(PAGE)
    assert seen.outcome is DELIVERED
    assert seen.detail.startswith("accepted by 1 of 2: ")


@pytest.mark.parametrize(
    ("more", "header"),
    [
        ({"token_env": "X"}, "Bearer s3cret-token"),
        ({"username": "me", "password_env": "X"}, "Basic bWU6czNjcmV0LXRva2Vu"),
    ],
)
async def test_a_credential_is_given_and_never_shown(more: dict[str, str], header: str) -> None:
    """A member is shown the token or password, and nobody else, though it repeats it."""
    async with (
        members(500) as (urls, (member,)),
        pager(*urls, credential="s3cret-token", **more) as sender,
    ):
        seen = await sender.send(PAGE)
    assert member.headers[0]["Authorization"] == header
    assert seen.detail == "500 [credential]"


@given(st.builds(replace, st.just(PAGE), diagnosis=TEXT, key=TEXT, subject=TEXT, source=TEXT))
def test_labels_do_not_tell_who_looks(page: Page) -> None:
    """Agents that see the same make the same alert, and no label is empty."""
    assert labels(page, {}) == labels(replace(page, source="other"), {})
    assert all(labels(page, {}).values())
