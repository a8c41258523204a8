"""Tokens by client credentials: asked for once, used until they end, never told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest

from tests.checks.http.looking import checking, resolver
from tests.checks.http.raw import raw
from vedette.checks.finding import Finding, Verdict
from vedette.checks.http.authentication import OAuth2, Secrets
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.http.target import parse_url
from vedette.checks.http.tokens import Tokens
from vedette.checks.policy import Forbidden, Policy

SECRET = "hunter/2 é"


@dataclass
class Login:
    """A server of tokens, and of pages for those who have one."""

    answer: bytes = b""
    status: int = 200
    port: int = 0
    refuses: bool = False
    wants_form: int = 0
    """The status for those who prove themselves by a header, where only the form is read."""
    asked: list[bytes] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def give(self, **document: object) -> None:
        self.answer = json.dumps(document).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
        if head.startswith("POST /token "):
            body = await reader.readexactly(int(fields["Content-Length"]))
            who = fields.get("Authorization", "")
            self.asked.append(f"{who}|".encode() + body)
            status, answer = (who and self.wants_form) or self.status, self.answer
        else:
            self.shown.append(fields.get("Authorization", ""))
            status, answer = (401 if self.refuses else 200), b""
        writer.write(
            f"HTTP/1.1 {status} Said\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer
        )
        await writer.drain()


@asynccontextmanager
async def login() -> AsyncIterator[Login]:
    server = Login()
    server.give(access_token="t0k3n", token_type="Bearer", expires_in=3600)
    async with raw(server.serve) as port:
        server.port = port
        yield server


def check_of(server: Login, **rules: object):
    base = f"http://127.0.0.1:{server.port}"
    oauth2 = {"token_url": f"{base}/token", "client_id": "me:2", "client_secret_env": "UNREAD"}
    return checking(
        f"{base}/",
        oauth2={**oauth2, "scopes": ["read", "write"]},
        secrets=Secrets(credential=SECRET),
        **rules,
    )


async def looked(check) -> Finding:
    return await check.looks()[0].once()


async def test_one_token_serves_many_looks() -> None:
    """A token is asked for with the client's credentials, once, also by looks side by side."""
    async with login() as server:
        check = check_of(server, at=["name", "127.0.0.1"])
        findings = await asyncio.gather(*(look.once() for look in check.looks()))
        findings.append(await looked(check))

    assert [finding.verdict for finding in findings] == [Verdict.OK] * 3, findings
    assert server.shown == ["Bearer t0k3n"] * 3
    # RFC 6749 section 2.3.1: me%3A2:hunter%2F2+%C3%A9
    assert server.asked == [
        b"Basic bWUlM0EyOmh1bnRlciUyRjIrJUMzJUE5|grant_type=client_credentials&scope=read+write"
    ]


@pytest.mark.parametrize("status", [400, 401])
async def test_a_login_that_reads_the_form_alone(status: int) -> None:
    """Who refuses the header gets the secret in the body, as by Go, and from then on at once."""
    async with login() as server:
        server.wants_form = status
        server.give(access_token="t0k3n", expires_in=1)
        check = check_of(server)
        findings = [await looked(check)]
        check._tokens.refused()
        findings.append(await looked(check))

    form = b"|grant_type=client_credentials&scope=read+write&client_id=me%3A2&client_secret=hunter"
    assert [finding.verdict for finding in findings] == [Verdict.OK] * 2, findings
    assert [asked.startswith(form) for asked in server.asked] == [False, True, True]


@pytest.mark.parametrize(("lasts", "asked"), [(1, 2), (30, 2), (3600, 1), (None, 1), ("x", 1)])
async def test_a_token_is_used_until_it_ends(lasts: object, asked: int) -> None:
    """A token is used for as long as it lasts, and not in its last seconds."""
    async with login() as server:
        server.give(access_token="t0k3n", expires_in=lasts)
        check = check_of(server)
        await looked(check)
        check._tokens._until -= 2  # two seconds later
        await looked(check)

    assert len(server.asked) == asked


async def test_a_refused_token_is_not_used_again() -> None:
    """After a 401 the next look asks for a new token; the look itself asks no second time."""
    async with login() as server:
        server.refuses = True
        check = check_of(server)
        findings = [await looked(check), await looked(check)]

    assert [finding.reason for finding in findings] == [Reason.STATUS] * 2
    assert (len(server.asked), len(server.shown)) == (2, 2)


@pytest.mark.parametrize(
    ("status", "answer", "reason", "words"),
    [
        (400, b'{"error": "invalid_client", "hint": "hunter"}', Reason.STATUS, "it answered 400"),
        (200, b"<html>", Reason.JSON, "its answer is not JSON"),
        (200, b"[" * 9000, Reason.JSON, "its answer is not JSON"),
        (200, b"{}", Reason.JSON, "its answer has no access_token"),
        (200, b"[]", Reason.JSON, "its answer has no access_token"),
        (200, b'{"access_token": "a\\r\\nb"}', Reason.JSON, "its answer has no access_token"),
    ],
)
async def test_no_token(status: int, answer: bytes, reason: Reason, words: str) -> None:
    """Without a token the look fails in the phase `token`, in words that hold no secret."""
    async with login() as server:
        server.status, server.answer = status, answer
        finding = await looked(check_of(server))

    assert (finding.verdict, finding.reason) == (Verdict.FAILING, reason)
    assert finding.facts == {"phase": "token"}
    assert f"no token from http://127.0.0.1:{server.port}/token: {words}" in finding.detail
    assert "hunter" not in finding.detail
    assert server.shown == []


async def test_a_dead_login() -> None:
    """A server of tokens that cannot be reached is named, with its own reason."""
    async with login() as server:
        check = check_of(server)
    finding = await looked(check)

    assert finding.reason is Reason.CONNECT_REFUSED
    assert "no token from" in finding.detail


@pytest.mark.parametrize("host", ["127.0.0.1", "login.test"])
async def test_a_login_where_nobody_may_be_asked(host: str) -> None:
    """The policy is asked about where the token comes from, by the address of its name."""
    nowhere = Policy((), [ip_network("127.0.0.0/8")])
    async with login() as server:
        settings = OAuth2(
            token_url=f"http://{host}:{server.port}/token", client_id="me", client_secret_env="X"
        )
        asking = Request(target=parse_url(settings.token_url))
        tokens = Tokens(settings, SECRET, asking, resolver("127.0.0.1"), permit=nowhere.permit)
        with pytest.raises(Forbidden, match=r"no token from .*: 127\.0\.0\.1 may not be"):
            await tokens.authorization(asyncio.get_running_loop().time() + 2, 2)

    assert server.asked == []


async def test_a_silent_login() -> None:
    """A server of tokens that says nothing ends the look at its deadline."""

    async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with raw(silent) as port:
        finding = await looked(check_of(Login(port=port), timeout=0.2))

    assert finding.reason is Reason.TIMEOUT
    assert "no token from" in finding.detail
