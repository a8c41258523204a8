"""The agent as a process: what changes in a real zone is an event, and stands on the page."""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.agent.daemon import CHECK, HOST, SERVICE, SERVICE_KEY, World, world, zones
from tests.servers.nsd import Nsd
from tests.waiting import until
from vedette.agent.memory.changes import CALM
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.store import Store

TRIGGER = ("trigger", SERVICE_KEY)
ANSWERS, SERIAL = EventName.ANSWERS_CHANGED, EventName.SERIAL_CHANGED
CERTIFICATE = EventName.CERTIFICATE_CHANGED


HEALTHY = "api A 127.0.0.1\n"


@asynccontextmanager
async def pair(folder: Path) -> AsyncIterator[tuple[World, Callable[[int, str], None]]]:
    """Open a world whose zone has two servers, and return how to give both serial and records."""
    with Nsd.serving(zones(HEALTHY)) as twin:
        async with world(folder, twins=[twin]) as w:

            def serve(serial: int, records: str) -> None:
                texts = zones(records)
                changed = texts["shop.test"].replace("hostmaster 1 ", f"hostmaster {serial} ")
                for server in (w.nsd, twin):
                    server.serve({**texts, "shop.test": changed})

            yield w, serve


def happened(state: Path, *names: EventName) -> list[Event]:
    """Return the events of the service with these names, the oldest first."""
    with closing(Store(state, read_only=True)) as store:
        events = store.events(SERVICE, 0, 1e12, 100)
    return [event for event in reversed(events) if event.name in names]


def told(events: list[Event]) -> list[tuple[object, object]]:
    """Return what was before and after."""
    return [(event.detail["before"], event.detail["after"]) for event in events]


async def test_the_page_tells_what_changed_before(tmp_path: Path) -> None:
    """Serial and answers that changed are told once, on the page and below the open incident."""
    state = tmp_path / "state"
    async with pair(tmp_path) as (w, serve):
        await w.well()
        await w.daemon.looks(CALM + 1)
        assert happened(state, *EventName) == happened(state, EventName.LAST_KNOWN_GOOD_PROMOTED)
        serve(7, HEALTHY)
        await w.daemon.sees("vedette_events_total", event=SERIAL)
        await w.daemon.looks(CALM + 1)
        serve(8, "api TXT left-behind\n")
        await w.told(TRIGGER)
        lines = w.events[0]["payload"]["custom_details"]["changes"]
        # Of two servers, whichever is looked at first is told.
        said = {line.split(" UTC ")[1].partition(" at ")[0] for line in lines}
        before = {
            f"answers of {CHECK} went from 127.0.0.1 to nothing",
            "serial of shop.test went from 1 to 7",
        }
        # The serial that came with the fault may be seen only after the page has left.
        assert before <= said <= before | {"serial of shop.test went from 7 to 8"}
        assert len(said) == len(lines)
        assert lines == sorted(lines, key=lambda line: line[:23], reverse=True)
        _, shown = await w.daemon.get("/")
        assert all(f"<li>{line}</li>" in shown for line in lines)
        await w.daemon.looks(CALM + 1)
        assert await w.daemon.value("vedette_events_total", event=ANSWERS) == 1
        assert await w.daemon.value("vedette_events_total", event=SERIAL) == 2
        assert w.daemon.output.count(f"serial_changed {SERVICE}/{CHECK}: shop.test: before 7") == 1


async def test_what_changed_while_the_agent_was_down_is_told(tmp_path: Path) -> None:
    """A restart tells nothing by itself, and the first look after it tells what has changed."""
    state = tmp_path / "state"
    async with pair(tmp_path) as (w, serve):
        await w.well()
        await w.daemon.looks(CALM + 1)
        await w.daemon.end()
        await w.daemon.start()
        await w.well()
        await w.daemon.looks(CALM + 1)
        assert happened(state, ANSWERS, SERIAL, CERTIFICATE) == []
        await w.daemon.end()
        serve(2, HEALTHY + "api A 127.0.0.2\n")
        await w.daemon.start()
        await until(lambda: len(happened(state, ANSWERS, SERIAL)) == 2, lambda: w.daemon.output)
        # What was told outlives even a kill: nothing is told again.
        await w.daemon.end(signal.SIGKILL)
        await w.daemon.start()
        await w.daemon.looks(CALM + 1)
        (serial,), (answers,) = (happened(state, name) for name in (SERIAL, ANSWERS))
        assert told([serial, answers]) == [
            (["1"], ["2"]),
            (["127.0.0.1"], ["127.0.0.1", "127.0.0.2"]),
        ]
        assert (serial.subject, answers.subject) == ("shop.test", f"{HOST} A")
