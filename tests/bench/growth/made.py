"""An agent with so many checks, which looks at nothing by itself: what it saw is made up."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.agent.observations import seen
from tests.bench.agents import config_of
from tests.bench.zone import NAMES
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.checks.finding import Verdict
from vedette.checks.net import Endpoint

SERVER = Endpoint("192.0.2.53", 53)


def text(size: int) -> str:
    """Return a config with *size* names, ten of each service."""
    return config_of(SERVER, NAMES[:size], 9469, every=30)


@contextmanager
def agent(size: int) -> Iterator[Agent]:
    """Give an agent of *size* checks; it closes with the block."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "vedette.yaml"
        path.write_text(text(size))
        made = Agent(read(path), path.parent)
        try:
            yield made
        finally:
            made.store.close()


def fill(agent: Agent, failing: int = 0, rounds: int = 1) -> None:
    """Let every check have been looked at; the first so many *failing* have failed."""
    now, facts = agent.now(), {"count": 2, "ttl": 60}
    for number, planned in enumerate(agent.plan.checks):
        word = "timeout" if number < failing else Verdict.OK
        for _ in range(rounds):
            look = seen(now, word, key=planned.key, place="recursive", seconds=0.002, **facts)
            agent.ledger.add(planned.key, planned.timing, [look])
