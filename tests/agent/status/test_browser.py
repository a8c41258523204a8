"""The page in a real browser: accessible in each state, live, and calm about it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tests.agent.status.made import agents
from tests.agent.status.made import page as page_of
from tests.agent.status.stage import chromium, replayed, served
from vedette.agent.alarms.incidents import Incident
from vedette.agent.daemon import Agent
from vedette.agent.memory.pages import Row
from vedette.agent.paging.ended import Ended
from vedette.agent.paging.queue import Waiting
from vedette.agent.status.address import incident_id
from vedette.exporters.page import Delivery, Outcome

AMAZON, QUAD_ONE = "dynamodb-2025-10-20", "quad-one-2025-07-14"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 780}


async def looked_at(browser: Browser, url: str, scheme: str, size: dict[str, int]) -> Page:
    """Open *url*; what the browser complains of is kept on the page."""
    context = await browser.new_context(color_scheme=scheme, viewport=size)
    page = await context.new_page()
    page.complaints = []
    page.on("console", lambda told: page.complaints.append(told.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    await page.goto(url)
    return page


async def problems(page: Page) -> list[str]:
    """Return what axe finds, what the browser said, and whether anything is too wide."""
    found = (await Axe().run(page)).response["violations"]
    told = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*told, *page.complaints, *(["wider than the screen"] if wide else [])]


async def faults(browser: Browser, agent: Agent, paths: list[str]) -> dict[str, list[str]]:
    """Return the problems of all *paths*: by day on a desk, by night on a phone."""
    found = {}
    async with served(agent) as url:
        for path in paths:
            for scheme, size in (("light", DESK), ("dark", PHONE)):
                page = await looked_at(browser, url + path, scheme, size)
                if told := await problems(page):
                    found[f"/{path} {scheme}"] = told
                await page.context.close()
    return found


STATES = {
    "quiet": (AMAZON, -60.0, []),
    "incident": (AMAZON, 120.0, []),
    "routes": (QUAD_ONE, 150.0, []),
    "blind and undelivered": (AMAZON, 200.0, [30.0]),
}


@pytest.mark.parametrize("state", STATES)
def test_accessible(state: str) -> None:
    """In each state axe finds nothing, the browser is content, and a phone can show all of it."""
    incident, seconds, cut_off = STATES[state]

    async def look() -> dict[str, list[str]]:
        async with chromium() as browser:
            return await faults(browser, agent, paths)

    with replayed(incident, seconds, cut_off) as agent:
        known = agent.store.incidents()
        paths = ["", *(f"incidents/{incident_id(one)}" for one in known[:1])]
        if state == "quiet":
            paths += ["incidents", "services", "services/dynamodb-us-east-1"]
        assert bool(known) is (state != "quiet")
        assert asyncio.run(look()) == {}


def test_notices_fit_a_phone(tmp_path) -> None:
    """A pager's answer with a long address in it, and a pager's long name, are told in full."""

    async def look() -> dict[str, list[str]]:
        async with chromium() as browser:
            return await faults(browser, agent, [""])

    with agents(tmp_path) as make:
        agent, call = make("fra-1"), page_of("the cause")
        answer = (
            "it answers 400: see https://developer.pagerduty.example/docs/events/trigger-events/"
        )
        refused = Ended(
            Row(1, "second", call, 0.0),
            agent.now(),
            Delivery(outcome=Outcome.REJECTED, detail=answer),
        )
        agent.outbox.ended.append(refused)
        agent.outbox._queue.add(Waiting(Row(2, f"the-{'long-' * 9}one", call, agent.now())))
        assert asyncio.run(look()) == {}


@pytest.fixture
async def page(tmp_path) -> AsyncIterator[tuple[Page, Agent]]:
    """A page that lives, of an agent that a test may change."""
    with agents(tmp_path) as make:
        agent = make("fra-1")
        async with served(agent) as url, chromium() as browser:
            page = await looked_at(browser, url, "light", DESK)
            yield page, agent


async def test_live_and_calm(page: tuple[Page, Agent]) -> None:
    """What changes is shown and said once; focus, opened details and scroll stay as they were."""
    shown, agent = page
    await shown.evaluate("document.querySelector('details').open = false")
    await shown.focus("summary")
    await shown.evaluate("document.querySelector('summary').kept = true")
    rule = next(iter(agent.engine.rules.values()))
    now = agent.now()
    agent.engine.open["k"] = Incident(
        "k", rule.service, rule.id, now, {rule.id: now}, ((rule.id, now),)
    )
    await shown.wait_for_selector("article.incident", timeout=10_000)

    assert await shown.evaluate("document.activeElement.kept") is True
    assert await shown.evaluate("document.querySelector('details').open") is False
    assert "1 open incident" in await shown.title()
    assert str(rule.diagnosis) in (await shown.text_content("#spoken") or "")
    assert shown.complaints == []


async def test_a_page_that_is_old_says_so(page: tuple[Page, Agent]) -> None:
    """Without an answer for a while, the page does not go on looking as if all were well."""
    shown, _ = page
    await shown.clock.install()
    await shown.reload()
    await shown.context.set_offline(True)
    await shown.clock.run_for(60_000)
    await shown.wait_for_function("document.getElementById('contact').textContent", timeout=10_000)

    assert "what stands here is old" in (await shown.text_content("#contact") or "")


async def test_by_keyboard(page: tuple[Page, Agent]) -> None:
    """The first key leads past the menu, and what has the focus is outlined."""
    shown, _ = page
    await shown.keyboard.press("Tab")
    assert await shown.evaluate("document.activeElement.className") == "skip"
    assert await shown.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await shown.keyboard.press("Enter")
    assert shown.url.endswith("#main")
