"""The dashboards: made by their code, sound, and with data while something breaks."""

import asyncio
import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from configs.grafana.make.__main__ import DASHBOARDS, FOLDER
from configs.grafana.make.board import written
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client.parser import text_string_to_metric_families

from tests.agent.daemon import EVERY, World, vedette, world
from tests.servers import promtool
from tests.servers.process import free_port
from tests.servers.prometheus import Prometheus, found, prometheus
from tests.waiting import until

NAMES = sorted(DASHBOARDS)
PREFIX, ORIGIN, FEED = "192.0.2.0/24", 64500, "ris-live"
SCRAPED = {"up": {"job", "instance"}}
"""Series that Prometheus makes itself."""
EMPTY = {
    "Until ROAs end": "the list of VRPs of the test says no ends",
    "Until signatures end": "the zones of the test are not signed",
    "First signature ends in": "the zones of the test are not signed",
    "Forged or stray replies": "nobody forges any",
}
"""Panels that have no data in the story, and why."""


def document(name: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return made


def panels(name: str) -> Iterator[dict[str, Any]]:
    """Return all panels but the heads of rows."""
    for panel in document(name)["panels"]:
        yield from panel.get("panels") or []
        if panel["type"] != "row":
            yield panel


def expressions(name: str) -> Iterator[tuple[str, str]]:
    """Return each expression of a dashboard, of annotations too, with where it stands."""
    for panel in panels(name):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for stream in document(name)["annotations"]["list"]:
        yield stream["name"], stream["expr"]


def filled(expr: str) -> str:
    """Return an expression with the variables that Grafana fills in."""
    return re.sub(r"\$(job|instance|service)\b", ".+", expr).replace("$__rate_interval", "10s")


ALL = [(name, title, expr) for name in NAMES for title, expr in expressions(name)]
PANELS = [(name, panel) for name in NAMES for panel in panels(name)]


@pytest.mark.parametrize("name", NAMES)
def test_files_are_what_the_code_makes(name: str) -> None:
    """The JSON in the repository is that of `make dashboards`, and Grafana's own types read it."""
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")

    assert text == written(DASHBOARDS[name]())
    assert Dashboard.from_json(json.loads(text)).uid == f"vedette-{name}"


@pytest.mark.parametrize("name", NAMES)
def test_variables_and_links(name: str) -> None:
    """Each chooses source, job, vantage and service, and leads to the others and to the page."""
    made = document(name)
    variables = {one["name"]: one for one in made["templating"]["list"]}

    assert list(variables) == ["datasource", "job", "instance", "service", "status_page"]
    assert all(one["datasource"]["uid"] == "${datasource}" for one in list(variables.values())[1:])
    assert [link["title"] for link in made["links"]] == ["Vedette", "Status page"]
    assert made["links"][0]["tags"] == made["tags"] == ["vedette"]
    assert made["editable"] is False


@pytest.mark.parametrize("name", NAMES)
def test_all_jobs_are_those_of_agents(name: str) -> None:
    """What else a Prometheus scrapes has `up` and `process_*` too, and stands on no panel."""
    variables = {one["name"]: one for one in document(name)["templating"]["list"]}

    assert {one: variables[one].get("allValue") for one in ("job", "instance", "service")} == {
        "job": None,
        "instance": ".+",
        "service": ".+",
    }


@pytest.mark.parametrize(
    ("name", "panel"), PANELS, ids=[f"{name}-{panel['title']}" for name, panel in PANELS]
)
def test_panels_keep_the_rules_of_the_linter(name: str, panel: dict[str, Any]) -> None:
    """A panel has title, sentence, unit and queries, all of the data source that is chosen."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    assert {source["uid"] for source in sources} == {"${datasource}"}


@pytest.mark.parametrize("panel", [one for _, one in PANELS if one["type"] == "table"])
def test_tables_have_the_columns_that_they_name(panel: dict[str, Any]) -> None:
    """Whatever labels a scrape adds, as the operator's pod and container, none is a column."""
    (target,) = panel["targets"]
    (labels,) = re.findall(r"\bby \(([^)]*)\)", target["expr"])
    named = panel["transformations"][0]["options"]["renameByName"]

    assert set(labels.split(", ")) == set(named) - {"Value"}


@pytest.mark.parametrize("name", NAMES)
def test_no_two_panels_overlap_or_share_a_title(name: str) -> None:
    """Panels lie side by side on the grid of 24 columns, and each is told from the others."""
    taken: set[tuple[int, int]] = set()
    titles = [panel["title"] for panel in panels(name)]
    for panel in document(name)["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize(("name", "title", "expr"), ALL)
def test_expressions_are_sound(name: str, title: str, expr: str) -> None:
    """Each parses, asks for the chosen agents, and takes rates over Grafana's interval."""
    tree = promql_parser.parse(filled(expr))

    for selector in selectors(tree):
        matched = {matcher.name for matcher in selector.matchers.matchers}
        assert {"job", "instance"} <= matched, expr
    for counter in re.findall(r"\b(\w+_total)\b", expr):
        assert re.search(rf"(rate|increase)\({counter}\{{[^}}]*\}}\[(\$__rate_interval|1h)\]", expr)
    assert not re.search(r"rate\([^[]*\[(?!\$__rate_interval\])", expr)


@pytest.mark.parametrize(
    ("name", "title", "kind"), [("dns", "Servers", "dns"), ("http", "Pages and addresses", "http")]
)
def test_what_nobody_could_look_at_is_not_ok(
    name: str, title: str, kind: str, tmp_path: Path
) -> None:
    """What no vantage that sees knows is shown as UNKNOWN, and what fails at one as failing."""
    series = _looks(
        kind,
        {
            "nobody": ("UNKNOWN", "UNKNOWN", "FAILING"),
            "one": ("UNKNOWN", "OK", "FAILING"),
            "both": ("OK", "OK", "FAILING"),
            "failing": ("FAILING", "OK", "FAILING"),
        },
    )
    (panel,) = [one for one in panels(name) if one["title"] == title]
    (words,) = panel["fieldConfig"]["defaults"]["mappings"]
    (expr,) = [target["expr"] for target in panel["targets"]]
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: []")

    shown = {
        word["text"]: {
            dict(labels)["subject"]
            for labels in promtool.evaluate(rules, series, f"({filled(expr)}) == {value}")[0]
        }
        for value, word in words["options"].items()
    }

    assert shown == {"OK": {"one", "both"}, "FAILING": {"failing"}, "UNKNOWN": {"nobody"}}


def _looks(kind: str, seen: Mapping[str, Sequence[str]]) -> dict[str, list[float]]:
    """Return the series of what the vantages a, b and c show by subject; c is blind."""
    blind = {
        f'vedette_vantage_sighted{{job="j",instance="{one}"}}': [float(one != "c")] for one in "abc"
    }
    return blind | {
        f'vedette_probe_state{{job="j",instance="{vantage}",service="s",kind="{kind}",'
        f'check="c",place="name",subject="{subject}",state="{state}"}}': [float(state == now)]
        for subject, states in seen.items()
        for vantage, now in zip("abc", states, strict=True)
        for state in ("OK", "FAILING", "UNKNOWN")
    }


@pytest.mark.parametrize(
    ("name", "title", "value"),
    [
        ("fleet", "Failing looks", 1),
        ("fleet", "Share of looks that are OK, by service", 0.5),
        ("http", "Pages failing by name", 1),
    ],
)
def test_what_a_blind_vantage_shows_counts_for_nothing(
    name: str, title: str, value: float, tmp_path: Path
) -> None:
    """One vantage without an uplink paints no service red: all that it looks at fails there."""
    series = _looks("http", {"www": ("OK", "FAILING", "FAILING")})
    (expr,) = [expr for _, one, expr in ALL if one == title]
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: []")

    assert promtool.evaluate(rules, series, f"({filled(expr)}) == {value}")[0]


def selectors(tree: Any) -> Iterator[Any]:
    """Return every selector of a parsed expression."""
    match type(tree).__name__:
        case "VectorSelector":
            yield tree
        case "MatrixSelector":
            yield tree.vector_selector
        case _:
            for part in ("expr", "lhs", "rhs"):
                if hasattr(tree, part):
                    yield from selectors(getattr(tree, part))
            for part in getattr(tree, "args", None) or ():
                yield from selectors(part)


async def test_every_panel_has_data_while_something_breaks(tmp_path: Path) -> None:
    """While name, page and route fail every panel has data, and the rules say what a page says."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    more = {
        "remote_write": {"url": f"{url}/api/v1/write", "every": "1s"},
        **allow(tmp_path),
    }
    async with world(tmp_path, bgp=(PREFIX, ORIGIN), start=False, more=more) as w:
        rows = [(f"00-192.0.2.{n}", [64600 + n, ORIGIN]) for n in range(9)]
        w.routes.seed(PREFIX, rows, 0)
        job = {"job_name": "vedette", "static_configs": [{"targets": [w.daemon.url[7:]]}]}
        flags = ["--web.enable-remote-write-receiver"]
        rules = tmp_path / "rules.yaml"
        ran = await vedette("rules", "--config", str(tmp_path / "vedette.yaml"), "--interval", "1")
        rules.write_text(ran.out)
        with prometheus(
            tmp_path / "prometheus", scrape_configs=[job], flags=flags, rules=[rules], port=port
        ) as server:
            began = time.time()
            await w.daemon.start()
            assert_known(*await _story(w))
            await asyncio.to_thread(_assert_shown, url, began)
            assert_rows(url, "bgp", "At fault since", Prefix=PREFIX, Reason="origin", Feed=FEED)
            await until(lambda: alerts(server) >= CAUSES, lambda: str(alerts(server)))


CAUSES = {
    "record_emptied: api.shop.test A is empty at 1 of 1 authoritative servers",
    f"origin_hijack: {PREFIX} is originated by a foreign AS at 4 peer ASes",
}


def alerts(server: Prometheus) -> set[str]:
    """Return the first lines of all alerts that fire."""
    all_ = server.get("alerts")["alerts"]
    return {one["annotations"]["summary"] for one in all_ if one["state"] == "firing"}


def allow(folder: Path) -> dict[str, Any]:
    roas = [{"asn": f"AS{ORIGIN}", "prefix": PREFIX, "maxLength": 24, "ta": "test"}]
    (folder / "vrps.json").write_text(json.dumps({"roas": roas}))
    return {"rpki": {"file": "vrps.json", "every": "1s"}}


async def _story(w: World) -> tuple[str, str]:
    """Empty the name, close the page, let a stranger in; return the metrics before and after."""
    await w.well()
    await w.daemon.sees("vedette_bgp_visibility_ratio", 1)
    await w.daemon.looks(6)
    _, before = await w.daemon.get("/metrics")
    w.empty()
    w.close_web()
    for n in range(4):
        await w.routes.play(announcement(n))
    await w.daemon.sees("vedette_incidents_open", 1)
    await asyncio.sleep(4 * EVERY)  # for two scrapes, so that there are rates
    return before, (await w.daemon.get("/metrics"))[1]


def announcement(peer: int) -> dict[str, Any]:
    return {
        "type": "UPDATE", "timestamp": time.time(), "peer": f"192.0.2.{peer}",
        "peer_asn": str(64600 + peer), "id": f"00-{peer}", "host": "rrc00",
        "path": [64600 + peer, 64666], "origin": "igp",
        "announcements": [{"next_hop": f"192.0.2.{peer}", "prefixes": [PREFIX]}],
    }  # fmt: skip


def assert_known(*texts: str) -> None:
    """Every metric that dashboards ask for is there, with the labels that they ask by."""
    known = {name: set(labels) for name, labels in SCRAPED.items()}
    families = (family for text in texts for family in text_string_to_metric_families(text))
    for family in families:
        for sample in family.samples:
            known.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
    unknown = [
        (title, selector.name, asked)
        for _, title, expr in ALL
        for selector in selectors(promql_parser.parse(filled(expr)))
        for asked in [{matcher.name for matcher in selector.matchers.matchers}]
        if not asked <= known.get(selector.name, set())
    ]
    assert [one for one in unknown if one[0] not in EMPTY] == []


def assert_rows(url: str, name: str, title: str, **row: str) -> None:
    """A table has one row now, in the columns that people see."""
    (panel,) = [one for one in panels(name) if one["title"] == title]
    (transformed,) = panel["transformations"]
    columns = transformed["options"]["renameByName"]
    (one,) = found(url, filled(panel["targets"][0]["expr"]))
    assert {columns[label]: value for label, value in one["metric"].items()} == row


def _assert_shown(url: str, began: float) -> None:
    missing = [one for one in ALL if one[1] not in EMPTY]
    for _ in range(20):  # what has just appeared has a rate from its second sample on
        missing = [one for one in missing if not _has_data(url, filled(one[2]), began)]
        if not missing:
            break
        time.sleep(1)
    assert missing == []


def _has_data(url: str, expr: str, began: float) -> bool:
    """Whether an expression had data at any time of the story."""
    asked = {"query": expr, "start": began, "end": time.time(), "step": 1}
    path = f"{url}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
    with urllib.request.urlopen(path, timeout=10) as response:
        return bool(json.load(response)["data"]["result"])
