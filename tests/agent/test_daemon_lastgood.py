"""The agent as a process: what it learns while all is well, and keeps when it is not."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.agent.daemon import (
    CHECK,
    HOST,
    SERVICE,
    SERVICE_KEY,
    Ran,
    World,
    until,
    vedette,
    world,
)
from tests.servers.process import free_port
from vedette.agent.memory.store import Store

TRIGGER = ("trigger", SERVICE_KEY)
PROMOTED, RETURNED = "last_known_good_promoted", "stale_answer_returned"


async def hosts(config: Path) -> list[str]:
    """Return the lines of `vedette lkg --format hosts` that are not comments."""
    ran = await vedette("lkg", "--config", str(config), "--format", "hosts")
    assert (ran.status, ran.err) == (0, "")
    return [line for line in ran.out.splitlines() if not line.startswith("#")]


async def serves(w: World, state: Path, *addresses: str) -> None:
    """Give the name *addresses* and wait until they are the last-known-good ones."""
    w.serve("".join(f"api A {address}\n" for address in addresses))

    def learnt() -> bool:
        with closing(Store(state, read_only=True)) as store:
            sets = [good.answers for good in store.last_known_good() if good.name == HOST]
        return sets[:1] == [addresses]

    await until(learnt, lambda: w.daemon.output)


async def test_what_was_good_outlives_an_emptied_record(tmp_path: Path) -> None:
    """The page and `vedette lkg` name the good addresses, in the incident and after a kill."""
    config = tmp_path / "vedette.yaml"
    async with world(tmp_path) as w:
        await w.well()
        w.empty()
        await w.told(TRIGGER)
        kept = w.events[0]["payload"]["custom_details"]["last_known_good"]
        assert kept[CHECK].startswith("127.0.0.1 (since")
        assert await hosts(config) == [f"127.0.0.1 {HOST}"]
        await w.daemon.looks(4)
        await w.daemon.end(signal.SIGKILL)
        assert await hosts(config) == [f"127.0.0.1 {HOST}"]
        await w.daemon.start()
        await w.daemon.looks(4)
        assert await hosts(config) == [f"127.0.0.1 {HOST}"]
        table = await vedette("lkg", "--config", str(config))
        assert [line.split()[:4] for line in table.out.splitlines()[1:]] == [
            [HOST, "A", "0", "127.0.0.1"]
        ]


async def test_an_old_answer_that_returns_is_an_event(tmp_path: Path) -> None:
    """Addresses that come back after newer ones are counted, logged and kept, once."""
    state = tmp_path / "state"
    async with world(tmp_path) as w:
        await serves(w, state, "127.0.0.1")
        await serves(w, state, "127.0.0.2", "127.0.0.3")
        assert await w.daemon.value("vedette_events_total", event=RETURNED) == 0
        promoted = await w.daemon.value("vedette_events_total", event=PROMOTED)
        await serves(w, state, "127.0.0.1")
        await w.daemon.looks(4)
        assert await w.daemon.value("vedette_events_total", event=RETURNED) == 1
        assert await w.daemon.value("vedette_events_total", event=PROMOTED) == promoted + 1
        server = str(w.nsd.endpoint)
        assert w.daemon.output.count(RETURNED) == 1
        with closing(sqlite3.connect(state / "vedette.db")) as database:
            rows = database.execute("SELECT * FROM event WHERE event = ?", [RETURNED]).fetchall()
        ((_, service, check, _, subject, detail),) = rows
        assert (service, check) == (SERVICE, CHECK)
        assert server in subject
        assert '"answers": ["127.0.0.1"], "good": ["127.0.0.2", "127.0.0.3"]' in detail


def configuration(state: Path) -> str | None:
    """Return the last good configuration that is kept in *state*, if any."""
    with closing(Store(state, read_only=True)) as store:
        return next((one.text for one in store.configurations()), None)


async def test_only_a_configuration_that_works_is_the_last_good_one(tmp_path: Path) -> None:
    """The running text is kept; one that cannot be read, or under which nothing is OK, never is."""
    path, state = tmp_path / "vedette.yaml", tmp_path / "state"
    async with world(tmp_path) as w:
        works = path.read_text()
        await until(lambda: configuration(state) == works, lambda: w.daemon.output)
        await w.daemon.end()
        path.write_text(works + "colour: blue\n")
        ran = await vedette("run", "--config", str(path))
        assert ran.status == 2
        assert f"vedette lkg --config {path} --format config" in ran.err.splitlines()[-1]
        printed = await vedette("lkg", "--config", str(path), "--format", "config")
        assert printed == Ran(0, works, "")
        # This one starts, and looks for everything where nothing is.
        nowhere = f"127.0.0.1:{free_port()}"
        lost = works.replace(str(w.nsd.endpoint), nowhere).replace(f":{w.web.https}/", ":9/")
        path.write_text(lost)
        await w.daemon.start()
        await w.daemon.looks(6)
        assert configuration(state) == works
        await w.daemon.end()
        works += "# and this one works again\n"
        path.write_text(works)
        await w.daemon.start()
        await until(lambda: configuration(state) == works, lambda: w.daemon.output)
