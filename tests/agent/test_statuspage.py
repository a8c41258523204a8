"""The status page: what it shows, and that nothing on it is taken for markup."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.agent.observations import TIMING, seen
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.incidents import Incident
from vedette.agent.outbox import Ended, Waiting
from vedette.agent.statuspage import render
from vedette.agent.store import Row
from vedette.checks.finding import Verdict
from vedette.exporters.page import Action, Delivery, Outcome, Page, Severity

EVIL = "<script>alert(1)&amp;\"'</script>"
CONFIG = """\
agent: {{name: {agent!r}, domain: {{provider: lab}}}}
services:
  - name: {name!r}
    http: [{{url: "https://shop.example/"}}]
"""


class Tags(HTMLParser):
    """Collects the tags of a document, the ids and classes excepted, and checks their nesting."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[object]:
    made: list[Agent] = []

    def build(name: str) -> Agent:
        path = tmp_path / "vedette.yaml"
        path.write_text(CONFIG.format(agent=f"{name} 1", name=name))
        made.append(Agent(read(path), tmp_path))
        return made[-1]

    yield build
    for agent in made:
        agent.store.close()


def tags(html: str) -> set[str]:
    parser = Tags()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.seen


def fill(agent: Agent, text: str) -> None:
    """Put *text* into everything that the page shows and that we did not write."""
    service = agent.config.services[0].name
    key = agent.plan.checks[0].key
    now = agent.now()
    agent.ledger.add(key, TIMING, [seen(now, Verdict.FAILING, key=key, subject=text, detail=text)])
    agent.engine.open[service] = Incident("k", text, text, now, {text: now}, ((text, now),))
    page = Page(
        key=text, action=Action.TRIGGER, severity=Severity.ERROR, summary=text, service=text,
        diagnosis=text, subject=text, source=text, began_at=now,
    )  # fmt: skip
    row = Row(1, text, page, now)
    agent.outbox.waiting.append(Waiting(row, detail=text))
    agent.outbox.ended.append(Ended(row, now, Delivery(outcome=Outcome.REJECTED, detail=text)))


def test_everything_foreign_is_escaped(agents) -> None:
    """Nothing from config or network becomes markup, and all of it can be read."""
    plain, evil = agents("plain"), agents("<b>&evil")
    fill(plain, "harmless")
    fill(evil, EVIL)
    shown = render(evil)

    assert tags(shown) == tags(render(plain))
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "&lt;script&gt;alert(1)&amp;amp;" in shown


def test_quiet_page(agents) -> None:
    """An agent that has seen nothing says so, in well-formed HTML."""
    shown = render(agents("fra-1"))

    assert "All quiet" in shown
    assert "No open incident" in shown
    assert "table" in tags(shown)


def test_incidents_come_first(agents) -> None:
    """An open incident is in the title and stands before everything else."""
    agent = agents("fra-1")
    rule = next(iter(agent.engine.rules.values()))
    agent.engine.open["fra-1"] = Incident("k", "fra-1", rule.id, 0, {rule.id: 0}, ((rule.id, 0),))
    shown = render(agent)

    assert "<title>1 open incident" in shown
    assert shown.index(f"{rule.diagnosis}: {rule.subject}") < shown.index("<h2>Checks")


def test_undelivered_pages_are_shown(agents) -> None:
    """A page that nobody has accepted is shown as owed, with what its pager said."""
    agent = agents("fra-1")
    fill(agent, "busy")

    assert "undelivered for" in render(agent)


def test_needs_no_script(agents) -> None:
    """The page works where JavaScript does not."""
    assert "script" not in render(agents("fra-1"))
