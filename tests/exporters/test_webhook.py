"""A page as a signed request: a receiver that follows the published scheme knows it for ours."""

import asyncio
import base64
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exporters.test_email import TEXT
from tests.exporters.test_pagerduty_encode import PAGE
from tests.servers.process import free_port
from tests.servers.stream import stream_server
from tests.servers.webhook import WebhookReceiver
from vedette.exporters.page import Action, Delivery, Outcome, Page
from vedette.exporters.reach import Reach
from vedette.exporters.signature import signing_key
from vedette.exporters.webhook import VERSION, Signed, Webhook, encode

DELIVERED, RETRY, REJECTED, _ = Outcome
NOW = 1_760_925_630.0
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


async def sent(url: str, *pages: Page) -> list[Delivery]:
    """Return what becomes of *pages*, or of one, that are sent to *url*."""
    sender = Webhook("hook", Signed(url, SECRET, Reach(), now=lambda: NOW, timeout=2))
    try:
        return [await sender.send(page) for page in pages or [PAGE]]
    finally:
        await sender.close()


async def test_a_page_is_known_for_ours() -> None:
    """Everything of a page is in the body, under a version, and a second try has the same id."""
    async with WebhookReceiver(signing_key(SECRET), NOW) as receiver:
        done = await sent(receiver.url, PAGE, PAGE, replace(PAGE, action=Action.RESOLVE))
    assert [one.outcome for one in done] == [DELIVERED] * 3
    assert receiver.ids[0] == receiver.ids[1] != receiver.ids[2]
    assert receiver.bodies[2]["type"] == "page.resolve"
    assert receiver.bodies[0] == {
        "type": "page.trigger",
        "timestamp": "2025-10-20T02:00:00.250+00:00",
        "version": VERSION,
        "data": {
            "key": "vedette/dynamodb",
            "action": "trigger",
            "severity": "critical",
            "summary": "dynamodb: record_emptied",
            "service": "dynamodb",
            "diagnosis": "record_emptied",
            "subject": "dynamodb.us-east-1.amazonaws.com A",
            "source": "fra-1",
            "began_at": 1_760_925_600.25,
            "details": {
                "evidence": "4 of 4 servers answer NODATA",
                "agents": ["fra-1", "nyc-1"],
            },
        },
    }


async def test_another_secret_is_refused() -> None:
    """A receiver with another secret does not take the page, and says so."""
    async with WebhookReceiver(signing_key("another secret of 24 bytes"), NOW) as receiver:
        (seen,) = await sent(receiver.url)
    assert (seen.outcome, seen.detail) == (REJECTED, "401 not yours")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, DELIVERED), (202, DELIVERED), (302, RETRY), (404, REJECTED), (410, REJECTED),
     (429, RETRY), (500, RETRY), (503, RETRY)],
)  # fmt: skip
async def test_each_status_has_its_outcome(status: int, outcome: Outcome) -> None:
    """Any 2xx takes the page; the URL, which may be a secret, is in no message, nor is a part."""
    async with WebhookReceiver(signing_key(SECRET), NOW, [status]) as receiver:
        (seen,) = await sent(f"{receiver.url}?sig=5ec2e7")
    assert seen.outcome is outcome
    assert "t0ps3cret" not in f"{seen}"
    assert "5ec2e7" not in seen.detail


async def answered(answer: bytes, path: str) -> Delivery:
    """Return what becomes of a page where the receiver reads it and answers so."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.findall(rb"(?i)content-length: (\d+)", head)[0]))
        writer.write(answer)
        await writer.drain()
        await reader.read()

    async with stream_server(talk) as server:
        (seen,) = await sent(f"http://{server}/{path}")
    return seen


async def test_what_is_no_answer_is_told_without_the_url() -> None:
    """It is no status that is told, and no part of the URL, however that is spelt on the way."""
    seen = await answered(b"HTTP/1.1 200 OK\r\nwhat\r\n\r\n", "hook/%740ps3cret")
    assert seen.outcome is RETRY
    assert seen.detail.startswith("the answer is not HTTP: ")
    assert "t0ps3cret" not in seen.detail


@pytest.mark.parametrize(
    "said",
    ["/hooks/T0ken5ec2e7t0ps3cret?k=9", r'{"no":"\/hooks\/T0ken5ec2e7t0ps3cret"}', "no hook {}"],
)
async def test_a_refusal_is_told_without_the_token_of_the_url(said: str) -> None:
    """However much of a URL that is a secret a receiver says, its token is in no message."""
    token = "T0ken5ec2e7t0ps3cret"
    body = said.format(token) if "{}" in said else said
    answer = f"HTTP/1.1 404 Not Found\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    seen = await answered(answer.encode(), f"hooks/{token}?k=9")
    assert seen.outcome is REJECTED
    assert seen.detail.startswith("404 ")
    assert token not in seen.detail


async def test_a_long_header_undoes_no_delivery() -> None:
    """A page that was taken is not sent again and again for what a proxy adds to the answer."""
    policy = b"Content-Security-Policy: default-src " + b"https://cdn.example " * 1000
    seen = await answered(b"HTTP/1.1 204 No Content\r\n" + policy + b"\r\n\r\n", "hook")
    assert seen.outcome is DELIVERED, seen


async def test_nobody_listens() -> None:
    """A refused connection is worth another try, and does not tell the URL's path."""
    (seen,) = await sent(f"http://127.0.0.1:{free_port()}/t0ps3cret")
    assert seen.outcome is RETRY
    assert "t0ps3cret" not in seen.detail


@given(
    st.builds(replace, st.just(PAGE), summary=TEXT, key=TEXT, details=st.dictionaries(TEXT, TEXT))
)
def test_any_page_is_json(page: Page) -> None:
    """No page is lost for a character that JSON cannot hold."""
    assert encode(page).decode()
