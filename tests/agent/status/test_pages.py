"""The documents: whole without a script, valid, and nothing on them is taken for markup."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp import ClientSession
from yarl import URL

from tests.agent.observations import TIMING, seen
from tests.agent.status.made import CONFIG, EVIL, Make, agents, fill, page
from tests.agent.status.stage import served
from tests.servers.process import need
from vedette.agent.alarms.alarm import Memory, State
from vedette.agent.alarms.incidents import Incident
from vedette.agent.daemon import Agent
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.pages import Row
from vedette.agent.memory.statements import end, keep_event, keep_incident, queue
from vedette.agent.paging.ended import Ended
from vedette.agent.paging.queue import Waiting
from vedette.agent.peers.wire import Told
from vedette.agent.routes.roas import OwnRoute, RouteState
from vedette.agent.status.address import incident_id
from vedette.agent.status.routes import LISTED
from vedette.agent.status.trouble import ALARMS
from vedette.checks.bgp.feed.health import CollectorHealth
from vedette.checks.bgp.rpki.source import VrpHealth
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.page import Action, Delivery, Outcome

_NAMES = ", ".join(f"{{{{name: w{n}.example}}}}" for n in range(40))
MANY = f"""\
agent: {{{{name: {{agent!r}}, domain: {{{{provider: lab}}}}}}}}
services: [{{{{name: {{name!r}}, dns: [{_NAMES}]}}}}]
"""
FLEET = """\
agent: {{name: {agent!r}, domain: {{provider: host}}}}
services: [{{name: {name!r}, dns: [{{name: w.example}}]}}]
controls: {{dns: [{{name: c.example}}]}}
peers:
  - {{name: nyc-1, url: "http://127.0.0.1:1", domain: {{provider: lab}}, token_file: TOKEN}}
  - {{name: sgp-1, url: "http://127.0.0.1:2", domain: {{provider: lab}}, token_file: TOKEN}}
"""


class Reader(HTMLParser):
    """Reads a document: its text, its tags and what they link to; scripts count as no text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.links: list[str] = []
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with agents(tmp_path) as made:
        yield made


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as made:
        yield made


async def shown(session: ClientSession, agent: Agent, path: str = "", status: int = 200) -> str:
    """Return the document at *path*."""
    async with served(agent) as url, session.get(url + path) as response:
        assert response.status == status
        return await response.text()


def opened(agent: Agent, at: float = 50.0) -> Incident:
    """Open an incident of the first rule."""
    rule = next(iter(agent.engine.rules.values()))
    made = Incident("vedette/x", rule.service, rule.id, at, {rule.id: at}, ((rule.id, at),))
    agent.engine.open[made.key] = made
    return made


def paths(agent: Agent, service: str) -> list[str]:
    """Return a path to each kind of document."""
    (one,) = agent.engine.open.values()
    return ["", "services", f"services/{service}", "incidents", f"incidents/{incident_id(one)}"]


async def test_everything_foreign_is_escaped(make: Make, session: ClientSession) -> None:
    """Nothing from config or network becomes markup on any page, and all of it can be read."""
    plain, evil = make("plain"), make("<b>&evil")
    fill(plain, "harmless")
    fill(evil, EVIL)
    pairs = zip(paths(plain, "plain"), paths(evil, "%3Cb%3E%26evil"), strict=True)
    for plain_path, path in pairs:
        good = Reader(await shown(session, plain, plain_path))
        bad = Reader(await shown(session, evil, path))

        assert bad.tags == good.tags, path
        assert bad.handlers == []
        assert "<b>&evil" in bad.text
    assert "<script>alert(1)&amp;\"'</script>" in bad.text


async def test_valid(make: Make, session: ClientSession) -> None:
    """An HTML checker of others finds nothing to say about any page, quiet or in trouble."""
    tidy = need("tidy")
    agent = make("plain")
    documents = [await shown(session, agent)]
    fill(agent, EVIL)
    documents += [await shown(session, agent, path) for path in paths(agent, "plain")]
    for document in documents:
        done = subprocess.run(  # noqa: ASYNC221 - it takes milliseconds
            [tidy, "-quiet", "-errors", "--custom-tags", "no"],
            input=document, text=True, capture_output=True, check=False,
        )  # fmt: skip
        # It is older than these, which are good HTML.
        unknown = ("summary", "trimming empty", "aria-current")
        faults = [line for line in done.stderr.splitlines() if "Error" in line or "Warning" in line]
        told = [line for line in faults if not any(word in line for word in unknown)]
        assert told == []


async def test_headers_forbid_what_is_not_ours(make: Make, session: ClientSession) -> None:
    """The policy lets no inline script or style and no foreign host in, and no page needs one."""
    async with served(make("fra-1")) as url, session.get(url) as response:
        policy = response.headers["Content-Security-Policy"]
        document = Reader(await response.text())

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert response.headers["Cache-Control"] == "no-store"
    assert document.handlers == []
    assert not [link for link in document.links if "//" in link]
    assert "style" not in document.tags


async def test_own_files_are_asked_about(make: Make, session: ClientSession) -> None:
    """A browser that has the style sheet is told that it need not be sent again."""
    async with served(make("fra-1")) as url:
        async with session.get(url + "status.css") as first:
            tag = first.headers["ETag"]
            assert first.content_type == "text/css"
        async with session.get(url + "status.css", headers={"If-None-Match": tag}) as again:
            assert again.status == 304


async def test_quiet(make: Make, session: ClientSession) -> None:
    """An agent that has seen nothing yet does not say that all is well; one that has does."""
    agent = make("fra-1")
    assert "not everything is known" in Reader(await shown(session, agent)).text
    for planned in agent.plan.checks:
        agent.ledger.add(planned.key, TIMING, [seen(agent.now(), key=planned.key)])
    agent.ready = True
    told = Reader(await shown(session, agent)).text

    assert "All quiet" in told
    assert "1 well" in told


async def test_incidents_come_first(make: Make, session: ClientSession) -> None:
    """An open incident is in the title, stands before everything else, and says what, who, when."""
    agent = make("fra-1")
    rule = next(iter(agent.engine.rules.values()))
    opened(agent)
    document = await shown(session, agent)
    told = Reader(document).text

    assert f"<title>1 open incident: {rule.diagnosis}" in document
    assert told.index(f"{rule.diagnosis}") < told.index("Services fra-1")
    assert "Who says what" in told
    assert "1970-01-01 00:00:50 UTC" in told
    assert "No change was seen before it, or since." in told


async def test_what_changed(make: Make, session: ClientSession) -> None:
    """Below an incident stand the changes of its service, before it and since, newest first."""
    agent = make("fra-1")
    opened(agent)
    for at, service in ((40.0, "fra-1"), (55.0, "fra-1"), (45.0, "other")):
        detail = {"before": ["<b>"], "after": [f"{at}"], "server": "ns1"}
        event = Event(at, service, "n A", EventName.SERIAL_CHANGED, f"n{at}", detail)
        agent.store.write([keep_event(event)])
    told = Reader(await shown(session, agent)).text

    lines = [f"serial of n{at} went from <b> to {at} at ns1" for at in (55.0, 40.0)]
    assert told.index(lines[0]) < told.index(lines[1])
    assert "n45.0" not in told


async def test_an_open_incident_leads_to_the_runbook(session: ClientSession, make: Make) -> None:
    """Its own page and the overview have the link, whatever is in it."""
    agent = make(
        "fra-1", CONFIG.replace("http:", "runbook: 'https://run.test/?a=\"><b>'\n    http:")
    )
    incident = opened(agent)
    for path in ("", f"incidents/{incident_id(incident)}"):
        document = Reader(await shown(session, agent, path))
        assert 'https://run.test/?a="><b>' in document.links
        assert "b" not in document.tags


async def test_an_incident_that_ended(make: Make, session: ClientSession) -> None:
    """Its page stays, from the store: what its last page said, its pages and how long it took."""
    agent = make("fra-1")
    over = replace(opened(agent), resolved_at=650.0)
    agent.engine.open.clear()
    call = replace(page("vedette/x", seen_from=["fra-1: 2 of 2 looks fail"]), summary="the cause")
    calls = [(1, call, 60.0), (2, replace(call, action=Action.RESOLVE), 650.0)]
    agent.store.write(
        [
            keep_incident(over),
            *(queue(Row(id_, "pagerduty", one, at)) for id_, one, at in calls),
            end(1, 61.0, "delivered", "accepted"),
        ]
    )
    told = Reader(await shown(session, agent, f"incidents/{incident_id(over)}")).text

    assert "the cause" in told
    assert "ended after 10 min" in told
    assert "fra-1: 2 of 2 looks fail" in told
    assert "delivered" in told
    assert "undelivered" in told
    assert "Who says what" not in told
    assert incident_id(over) in await shown(session, agent, "incidents")


async def test_a_storm_elsewhere_hides_nothing(make: Make, session: ClientSession) -> None:
    """Behind more open incidents than a list has, a service shows its own, and what ended stays."""
    agent = make("fra-1")
    own = replace(opened(agent), key="own", opened_at=1.0)
    agent.engine.open.clear()
    for n in range(LISTED):
        agent.engine.open[f"{n}"] = replace(own, key=f"{n}", service="other", opened_at=100.0 + n)
    agent.engine.open["own"] = own
    over = replace(own, key="over", opened_at=2.0, resolved_at=3.0)
    agent.store.write([keep_incident(one) for one in (*agent.engine.open.values(), over)])

    assert incident_id(own) in await shown(session, agent, "services/fra-1")
    assert incident_id(over) in await shown(session, agent, "incidents")


async def test_alarms_stand_before_what_is_not_known(make: Make, session: ClientSession) -> None:
    """One that is in ALARM is listed, however many of its service know nothing before it."""
    agent = make("fra-1", MANY)
    last = [one for one in agent.engine.rules.values() if one.service == "fra-1"][-1]
    assert sum(one.service == "fra-1" for one in agent.engine.rules.values()) > ALARMS
    agent.engine.memories[last.id] = Memory(State.ALARM, agent.now())
    told = Reader(await shown(session, agent, "services/fra-1")).text

    assert f"{last.diagnosis} {last.subject} ALARM" in told


@pytest.mark.parametrize("name", ["{{7*7}}", "}", "{name:x}", "...", ".a", "a?b#c", "50 %"])
async def test_every_name_has_its_page(make: Make, session: ClientSession, name: str) -> None:
    """The link to a service leads to it, whatever characters its name has."""
    async with served(make(name)) as url:
        async with session.get(f"{url}services") as response:
            links = Reader(await response.text()).links
        (link,) = [one for one in links if one.startswith("./services/")]
        async with session.get(URL(url + link.removeprefix("./"), encoded=True)) as response:
            assert response.status == 200
            assert name in Reader(await response.text()).text


@pytest.mark.parametrize(
    "path", ["incidents/nothing", "services/nothing", "incidents/%3Cb%3E", "services/%7Bx%7D"]
)
async def test_what_is_not_here(make: Make, session: ClientSession, path: str) -> None:
    """A name that is not known is said, with a way back."""
    agent = make("fra-1")
    told = Reader(await shown(session, agent, path, status=404)).text

    assert "Not here" in told
    assert "Back to now" in told


async def test_undelivered_pages(make: Make, session: ClientSession) -> None:
    """A page that nobody has accepted stands at the top with its age, and its pager's answer."""
    agent = make("fra-1")
    fill(agent, "busy")
    told = Reader(await shown(session, agent)).text

    assert told.index("1 page undelivered") < told.index("Who says what")
    assert "undelivered for 0 s" in told


async def test_who_was_not_told_is_named(make: Make, session: ClientSession) -> None:
    """At the top stands which pager has not taken a page yet, and which has refused its last."""
    agent, call = make("fra-1"), page("the cause")
    ends = [
        ("first", Outcome.REJECTED), ("first", Outcome.DELIVERED),
        ("second", Outcome.DELIVERED), ("second", Outcome.REJECTED), ("second", Outcome.SUPERSEDED),
    ]  # fmt: skip
    for id_, (pager, outcome) in enumerate(ends):
        delivery = Delivery(outcome=outcome, detail="no such key")
        agent.outbox.ended.append(Ended(Row(id_, pager, call, 0.0), agent.now(), delivery))
    agent.outbox._queue.add(Waiting(Row(len(ends), "third", call, agent.now())))
    told = Reader(await shown(session, agent)).text

    assert "1 page undelivered , the oldest for 0 s: not taken by third yet" in told
    assert "second has refused the last page that it was sent, 0 s ago: no such key" in told
    assert "first has refused" not in told
    assert "All quiet" not in told


async def test_a_peer_whose_word_counts_is_not_in_doubt(
    make: Make, session: ClientSession, tmp_path: Path
) -> None:
    """What should be mended at a peer stands beside it; in doubt is who may soon count no more."""
    (tmp_path / "token").write_text("0123456789abcdef")
    agent = make("fra-1", FLEET.replace("TOKEN", str(tmp_path / "token")))
    for name, error, says in (("nyc-1", "", Told("lab", region="eu")), ("sgp-1", "it hangs", None)):
        for planned in agent.plan.checks:
            agent.ledgers[name].add(planned.key, TIMING, [seen(agent.now(), key=planned.key)])
        standing = agent.exchange.followers[name].standing
        standing.error, standing.says = error, says
    told = Reader(await shown(session, agent)).text

    assert "nyc-1 lab heard 0 s ago it says that it is at lab/eu; lab counts" in told
    assert "sgp-1 lab in doubt 0 s ago it hangs" in told


async def test_a_blind_vantage_says_so_on_every_page(make: Make, session: ClientSession) -> None:
    """Who follows the link to a service reads that its looks fail because nothing is seen here."""
    agent, blind = make("fra-1", FLEET.partition("peers:")[0]), "This vantage is blind"
    assert blind not in Reader(await shown(session, agent, "services/fra-1")).text
    for planned in agent.plan.checks:
        looks = [seen(agent.now() - ago, Verdict.FAILING, key=planned.key) for ago in (60, 30, 0)]
        agent.ledger.add(planned.key, TIMING, looks)

    for path in ("", "services", "services/fra-1", "incidents"):
        document = (await shown(session, agent, path)).partition("<main")[2]
        assert Reader(f"<main{document}").text.count(blind) == 1


async def test_many_services(make: Make, session: ClientSession) -> None:
    """Those that are not well are shown first, and of a thousand each stands on one page."""
    names = [f"  - {{name: s{n:04}, dns: [{{name: w{n}.test}}]}}\n" for n in range(1000)]
    agent = make("x", "agent: {{name: {agent!r}, domain: {{provider: {name}}}}}\nservices:\n"
                 + "".join(names).replace("{", "{{").replace("}", "}}"))  # fmt: skip
    for number, planned in enumerate(agent.plan.checks):
        verdict = Verdict.FAILING if number == 999 else Verdict.OK
        agent.ledger.add(planned.key, TIMING, [seen(agent.now(), verdict, key=planned.key)])
    first = Reader(await shown(session, agent))
    lists = [Reader(await shown(session, agent, f"services?page={n}")) for n in range(1, 11)]
    listed = [link for one in lists for link in one.links if link.startswith("./services/")]

    assert "s0999 FAILING" in first.text
    assert "999 well" in first.text
    assert len(first.links) < 200
    assert len(listed) == len(set(listed)) == 1000
    assert listed[0] == "./services/s0999"


async def test_feeds_and_rpki(make: Make, session: ClientSession) -> None:
    """A feed that is silent says why, and the list of VRPs how old it is."""
    agent = make("fra-1")
    assert "no VRPs have been read yet" in await shown(session, agent)
    (feed,) = agent.plan.feeds
    now = agent.now()
    health = replace(
        feed.health(now), silence="ris-live <floods>", last_frame_at=now - 300,
        lag=1.5, seed_age=7260.0, frames=70, drops=8,
        collectors={"rrc00": CollectorHealth(3, 1, 5.0), "rrc01": CollectorHealth(0, 2, 5.0, True)},
    )  # fmt: skip
    vrps = VrpHealth(
        source="vrps.json", built_at=now - 600, count=812_345,
        errors=0, last_error="", silence=None,
    )  # fmt: skip
    silent = SimpleNamespace(health=lambda now: health, source=feed.source)
    agent.plan = replace(agent.plan, feeds=[silent], vrps=SimpleNamespace(health=lambda now: vrps))
    agent.roas.routes["192.0.2.0/24", 64500] = OwnRoute(RouteState.VALID, None)
    told = Reader(await shown(session, agent)).text

    assert "ris-live <floods> silent 5 min ago 1.5 s 3 up, 3 down; silent: rrc01 2 h ago 70" in told
    assert "812,345 VRPs of vrps.json, built 10 min ago; of the expected routes 1 " in told


async def test_a_prefix_is_drawn(make: Make, session: ClientSession) -> None:
    """The share of the peers stands in numbers, as a picture, and in words for who sees none."""
    agent = make("fra-1")
    key = next(p.key for p in agent.plan.checks if p.key.kind is Kind.BGP)
    now = agent.now()
    for share, word in ((1.0, Verdict.OK), (0.25, "withdrawn")):
        facts = {"share": share, "holding": int(share * 300), "of": 300}
        look = seen(now, word, key=key, subject=key.check, place="ris-live", **facts)
        agent.ledger.add(key, TIMING, [look])
    document = await shown(session, agent)

    assert "25 % 75 of 300 peers" in Reader(document).text
    assert "100 % at first, 25 % at least, 25 % now" in document


async def test_maintenance(make: Make, session: ClientSession) -> None:
    """A window that is open is said at the top."""
    window = 'maintenance: [{{cron: "* * * * *", timezone: UTC, duration: 1h}}]\n'
    told = Reader(await shown(session, make("fra-1", CONFIG + window))).text

    assert "In maintenance, no page opens: everything: from * * * * * UTC, for 60 min" in told
