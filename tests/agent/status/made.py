"""An agent that looks at nothing by itself, and what it is made to have seen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.agent.observations import TIMING, seen
from vedette.agent.alarms.incidents import Incident
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.memory.pages import Row
from vedette.agent.paging.ended import Ended
from vedette.agent.paging.queue import Waiting
from vedette.checks.finding import Verdict
from vedette.exporters.page import Action, Delivery, Outcome, Page, Severity

EVIL = "<script>alert(1)&amp;\"'</script>"
CONFIG = """\
agent: {{name: {agent!r}, domain: {{provider: lab}}}}
services:
  - name: {name!r}
    http: [{{url: "https://shop.example/"}}]
    bgp: [{{prefix: 192.0.2.0/24, origins: [64500, 64501]}}]
rpki: {{file: vrps.json}}
"""

Make = Callable[[str], Agent]


@contextmanager
def agents(folder: Path) -> Iterator[Make]:
    """Give what makes an agent by the name of its service."""
    made: list[Agent] = []

    def make(name: str, text: str = CONFIG) -> Agent:
        home = folder / str(len(made))
        home.mkdir()
        path = home / "vedette.yaml"
        path.write_text(text.format(agent=f"{name} 1", name=name))
        made.append(Agent(read(path), home))
        return made[-1]

    yield make
    for agent in made:
        agent.store.close()


def page(text: str, action: Action = Action.TRIGGER, **details: object) -> Page:
    """Return a page that says *text* everywhere."""
    return Page(
        key=text, action=action, severity=Severity.ERROR, summary=text, service=text,
        diagnosis=text, subject=text, source=text, began_at=0.0, details=details,
    )  # fmt: skip


def fill(agent: Agent, text: str) -> None:
    """Put *text* into everything that the page shows and that we did not write."""
    service = agent.config.services[0].name
    now = agent.now()
    for planned in agent.plan.checks:
        looks = [seen(now, Verdict.FAILING, key=planned.key, subject=text, place=text, detail=text)]
        agent.ledger.add(planned.key, TIMING, looks)
    agent.engine.open[service] = Incident(text, service, text, now, {text: now}, ((text, now),))
    row = Row(1, text, page(text), now)
    agent.outbox._queue.add(Waiting(row, detail=text))
    agent.outbox.ended.append(Ended(row, now, Delivery(outcome=Outcome.REJECTED, detail=text)))
