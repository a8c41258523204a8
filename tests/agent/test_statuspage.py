"""The status page: what it shows, and that nothing on it is taken for markup."""

from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.agent.observations import TIMING, seen
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.events import Event, EventName
from vedette.agent.incidents import Incident
from vedette.agent.outbox import Ended, Waiting
from vedette.agent.roas import OwnRoute, RouteState
from vedette.agent.statuspage import render
from vedette.agent.store import Row, keep_event
from vedette.checks.bgp.feed.health import CollectorHealth
from vedette.checks.bgp.rpki.source import VrpHealth
from vedette.checks.finding import Kind, Verdict
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


def test_an_incident_shows_what_changed(agents) -> None:
    """Below an open incident stand the changes of its service, before it and since."""
    agent = agents("fra-1")
    rule = next(iter(agent.engine.rules.values()))
    agent.engine.open["k"] = Incident("k", "fra-1", rule.id, 50, {rule.id: 50}, ((rule.id, 50),))
    assert "No change was seen" in render(agent)
    for at, service in ((40.0, "fra-1"), (50.0, "fra-1"), (55.0, "fra-1"), (45.0, "other")):
        detail = {"before": ["<b>"], "after": [f"{at}"], "server": "ns1"}
        event = Event(at, service, "n A", EventName.SERIAL_CHANGED, f"n{at}", detail)
        agent.store.write([keep_event(event)])
    told = render(agent).partition("the newest first:</p><ul>")[2].partition("</ul>")[0]
    lines = [
        f"<li>1970-01-01 00:00:{at:.0f} UTC serial of n{at} went from &lt;b&gt; to {at} at ns1</li>"
        for at in (55.0, 50.0, 40.0)
    ]
    assert told == "".join(lines)


def test_undelivered_pages_are_shown(agents) -> None:
    """A page that nobody has accepted is shown as owed, with what its pager said."""
    agent = agents("fra-1")
    fill(agent, "busy")

    assert "undelivered for" in render(agent)


def test_needs_no_script(agents) -> None:
    """The page works where JavaScript does not."""
    assert "script" not in render(agents("fra-1"))


def test_a_prefix_has_its_share_as_a_strip(agents) -> None:
    """A look at a prefix is as high as its share; one that saw nothing is a dot."""
    agent = agents("fra-1")
    key = next(p.key for p in agent.plan.checks if p.key.kind is Kind.BGP)
    now = agent.now()
    for share, word in ((1.0, Verdict.OK), (0.5, "partially_withdrawn"), (0.0, "withdrawn")):
        look = seen(now, word, key=key, subject=key.check, place="ris-live", share=share)
        agent.ledger.add(key, TIMING, [look])
    unknown = seen(now, Verdict.UNKNOWN, key=key, subject=key.check, place="ris-live", feed="x")
    agent.ledger.add(key, TIMING, [unknown])
    shown = render(agent)

    marks = [("OK", "█"), ("FAILING", "▅"), ("FAILING", "▁"), ("UNKNOWN", "·")]
    strip = "".join(f'<span class="{verdict}">{mark}</span>' for verdict, mark in marks)
    assert f'<span class="strip">{strip}</span>' in shown
    assert "<td>192.0.2.0/24</td><td>ris-live</td>" in shown


def test_feeds_say_how_they_are(agents) -> None:
    """A feed that is silent says why, and what it has heard is counted."""
    agent = agents("fra-1")
    (feed,) = agent.plan.feeds
    health = replace(
        feed.health(agent.now()), silence="ris-live <floods>", last_frame_at=agent.now() - 300,
        lag=1.5, seed_age=7260.0, frames=70, drops=8,
        collectors={"rrc00": CollectorHealth(3, 1, 5.0), "rrc01": CollectorHealth(0, 2, 5.0, True)},
    )  # fmt: skip
    agent.plan.feeds[0] = SimpleNamespace(health=lambda now: health)
    row = render(agent).partition("<h2>Feeds")[2].partition("</tr></tbody>")[0]

    assert '<span class="FAILING">silent</span>' in row
    assert "ris-live &lt;floods&gt;" in row
    assert "<td>5&nbsp;min ago</td><td>1.5&nbsp;s</td>" in row
    assert "3&nbsp;up, 3&nbsp;down; silent: rrc01" in row
    assert "<td>2&nbsp;h ago</td><td>70</td>" in row


def test_rpki_is_a_line(agents) -> None:
    """The page says how old the list of VRPs is and how the expected routes are, or why not."""
    agent = agents("fra-1")
    assert "no VRPs have been read yet" in render(agent).partition("<h2>RPKI")[2]
    now = agent.now()
    health = VrpHealth(
        source="vrps.json", read_at=now, built_at=now - 600, count=812_345, kept=3, skipped=0,
        errors=0, last_error="", silence=None,
    )  # fmt: skip
    changed = replace(agent.plan, vrps=SimpleNamespace(health=lambda now: health))
    agent.plan = changed
    agent.roas.routes["192.0.2.0/24", 64500] = OwnRoute(RouteState.VALID, None)
    said = "812,345 VRPs of vrps.json, built 10&nbsp;min ago; of the expected routes 1 valid"
    assert f"{said}, 1 unknown" in render(agent)
