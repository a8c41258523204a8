"""The demo as a person starts it, and what its servers do that the story alone does not show."""

import asyncio
import io
import json
import subprocess

import pytest
from rich.console import Console

from tests.servers.pagerduty import faults
from tests.servers.process import need
from vedette.agent.cli import demo
from vedette.agent.demo.nameserver import NameServer
from vedette.agent.demo.screen import Screen, ScreenState

HOST = "api.shop.example"


class Kept(Screen):
    """A screen that remembers the last picture."""

    def show(self, state: ScreenState) -> None:
        self.last = state
        super().show(state)


async def test_the_agent_plays_its_part():
    """The real agent pages the cause once and resolves it, by events that PagerDuty would take."""
    out = io.StringIO()
    screen = Kept(Console(file=out, width=100, force_terminal=False))

    assert await demo.show(screen) == 0, out.getvalue()
    assert [event.action for event in screen.last.events] == ["trigger", "resolve"]
    assert [faults(json.dumps(event.body).encode()) for event in screen.last.events] == [[], []]
    assert {row.verdict for row in screen.last.rows} == {"OK"}


@pytest.mark.parametrize(
    ("name", "type_", "status", "answers", "authority"),
    [
        (HOST, "A", "NOERROR", 2, 0),
        (HOST, "AAAA", "NOERROR", 0, 1),
        ("nobody.shop.example", "A", "NXDOMAIN", 0, 1),
        ("example.com", "A", "REFUSED", 0, 0),
    ],
)
async def test_dig_understands_the_name_server(name, type_, status, answers, authority):
    """BIND's dig reads what is there, what is empty (with the SOA), and what is not served."""
    async with NameServer({"shop.example": {HOST: ["127.0.0.1", "127.0.0.2"]}}) as server:
        command = [need("dig"), "@127.0.0.1", "-p", str(server.port), "+notcp", name, type_]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=True, timeout=10
        )

    assert f"status: {status}" in done.stdout
    assert f"ANSWER: {answers}, AUTHORITY: {authority}" in done.stdout
    assert ("flags: qr aa" in done.stdout) == (status != "REFUSED")
