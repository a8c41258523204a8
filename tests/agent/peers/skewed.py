"""`python -m tests.agent.peers.skewed SECONDS CONFIG`: the agent, with its wall clock that far off.

Only the one reading of the wall clock differs; all else is what `vedette run` does.
"""

import asyncio
import logging
import signal
import sys
import time
from pathlib import Path

from vedette.agent.clock import SteadyClock
from vedette.agent.config import parse, read_text
from vedette.agent.daemon import Agent
from vedette.agent.serving import web
from vedette.agent.surroundings import Surroundings


async def run(off: float, path: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    around = Surroundings(clock=SteadyClock(wall=lambda: time.time() + off))
    text = read_text(path)
    await web.run(Agent(parse(text, path), path.parent, text, around), stop)


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    asyncio.run(run(float(sys.argv[1]), Path(sys.argv[2])))
