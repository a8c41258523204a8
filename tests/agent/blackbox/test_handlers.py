"""The endpoints beside the probers."""

import gzip
import logging

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.agent.blackbox.serving import serving
from tests.servers.process import free_port
from vedette.agent.blackbox.handlers import probe_log
from vedette.agent.blackbox.runner import timeout, unescaped

TCP = {"prober": "tcp", "timeout": "1s"}
HTTP = {"prober": "http", "timeout": "1s", "http": {"headers": {"Host": "a.test"}}}


@pytest.mark.parametrize(
    ("module_timeout", "header", "offset", "expected"),
    [
        (0, "15", 0.5, 14.5),
        (20, "15", 0, 15),
        (5, "15", 0.5, 5),
        (9.5, "", 0.5, 9.5),
        (9.5, "", 1, 9.5),
        (0, "", 0, 120),
        (0, "15", 0, 15),
        (20, "15", 0.5, 14.5),
        (5, "15", 0, 5),
        (10, "0.3", 0.5, 10),
        (0, "0", 0.5, 119.5),
    ],
)
def test_a_probe_may_take_what_module_and_scraper_leave(module_timeout, header, offset, expected):
    """The lesser of both, and 120 s where nobody says anything."""
    assert timeout(module_timeout, header, offset) == expected


@pytest.mark.parametrize("header", ["soon", "nan", "1s"])
def test_a_time_that_is_none_is_refused(header):
    """The scraper is told, instead of a guess."""
    with pytest.raises(ValueError, match=r"could not convert|is not a number"):
        timeout(1, header, 0.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://127.0.0.1%3A80/a%20b", "http://127.0.0.1:80/a%20b"),
        ("http://a.test/a%2Fb", "http://a.test/a%2Fb"),
        ("a.test%3A53", "a.test:53"),
        ("a.test:53", "a.test:53"),
    ],
)
def test_a_host_that_is_encoded_twice_is_decoded(text, expected):
    """What stands in the path stays as it is."""
    assert unescaped(text) == expected


@pytest.mark.parametrize(
    ("query", "headers", "status", "words"),
    [
        ({"module": 'no"pe', "target": "x"}, {}, 400, 'Unknown module "no\\"pe"'),
        ({"target": "x"}, {}, 400, 'Unknown module "http_2xx"'),
        ({"module": "m"}, {}, 400, "Target parameter is missing"),
        ({"module": "m"}, {"X-Prometheus-Scrape-Timeout-Seconds": "x"}, 500, "Failed to parse tim"),
        ({"module": "web", "target": "x", "hostname": "b.test"}, {}, 400, "host header defined bo"),
        ({"module": "m", "target": "x", "query_type": "X"}, {}, 400, "query type 'X' is not vali"),
    ],
)
async def test_a_scrape_that_makes_no_sense_is_refused_in_words(
    tmp_path, query, headers, status, words
):
    """The module comes first, then the time, then the target."""
    async with serving(tmp_path, TCP, web=HTTP) as served:
        answer = await served.ask("/probe", headers=headers, **query)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "text/plain; charset=utf-8")
    assert words in answer.text


@pytest.mark.parametrize(
    "target",
    ["", " ", "\x00", "a b", "http://", "http://[", "http://a:b:c/", "ü" * 300, "//", "a:99999",
     "[::1", "%", "%ff", "http://a.test/\r\nX: y", "-", "." * 300, "fe80::1%nowhere",
     "::ffff:127.0.0.1"],
)  # fmt: skip
@pytest.mark.parametrize("prober", ["http", "tcp", "dns", "icmp"])
async def test_whatever_the_target_is_there_is_an_answer(tmp_path, prober, target):
    """A target that cannot be probed fails the probe, and never the exporter."""
    module = {"prober": prober, "timeout": "50ms"}
    if prober == "dns":
        module["dns"] = {"query_name": "a.test"}
    async with serving(tmp_path, module, addresses=()) as served:
        answer = await served.ask("/probe", target=target, module="m")
    assert answer.status == (200 if target else 400)
    if target:
        assert "\nprobe_success " in answer.text


async def test_a_module_that_is_unknown_is_counted(tmp_path):
    """By a counter that tells of a mistake in somebody's scrape config."""
    async with serving(tmp_path, TCP) as served:
        await served.ask("/probe", target="x", module="nope")
        assert (await served.ask("/metrics")).metrics["blackbox_module_unknown_total"] == 1


async def test_the_exporters_own_metrics_can_be_read(tmp_path):
    """The names that rules and dashboards ask for are there."""
    async with serving(tmp_path, TCP) as served:
        text = (await served.ask("/metrics")).text
    names = {family.name for family in text_string_to_metric_families(text)}
    own = "blackbox_exporter_config_last_reload_"
    assert {f"{own}successful", f"{own}success_timestamp_seconds", "blackbox_exporter_build_info",
            "blackbox_module_unknown", "process_cpu_seconds"} <= names  # fmt: skip


async def test_a_scrape_is_compressed_where_that_is_accepted(tmp_path):
    """Prometheus always accepts it."""
    async with (
        serving(tmp_path, TCP) as served,
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(
            f"{served.url}/probe?module=m&target=127.0.0.1:{free_port()}",
            headers={"Accept-Encoding": "gzip"},
        ) as response,
    ):
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert b"\nprobe_success 0\n" in gzip.decompress(await response.read())


async def test_a_report_has_log_metrics_and_module(tmp_path):
    """`debug=true` and `/logs` show the same three blocks, secrets masked."""
    http = {"http": {"bearer_token": "hunter2"}, "prober": "http"}
    async with serving(tmp_path, http) as served:
        target = f"http://127.0.0.1:{free_port()}"
        shown = (await served.ask("/probe", target=target, module="m", debug="true")).text
        assert shown == (await served.ask("/logs", id="0")).text
        assert shown == (await served.ask("/logs", target=target)).text
    begin = "Logs for the probe:\nts=2026-09-21T14:13:20.250Z module=m target=http://127.0.0.1:"
    assert shown.startswith(begin)
    assert 'msg="Error for HTTP request"' in shown
    assert "\n\n\n\nMetrics that would have been returned:\n# HELP probe_" in shown
    assert "\n\n\n\nModule configuration:\nprober: http\n" in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({}, 400, "Probe id or target must be defined as http query parameters"),
        ({"id": "1", "target": "x"}, 400, "Probe id and target can't be defined at the same time"),
        ({"id": "1", "module": "m"}, 400, "Probe module filter only works in conjunction with"),
        ({"id": "77"}, 404, "Probe id not found"),
        ({"id": "x"}, 400, "Invalid probe id"),
        ({"target": "x"}, 404, "Probe target not found"),
        ({"target": "127.0.0.1:1", "module": "other"}, 404, "Probe target not found"),
        ({"target": "127.0.0.1:1", "module": "m"}, 200, "Logs for the probe:"),
    ],
)
async def test_logs_are_found_by_number_or_target(tmp_path, query, status, words):
    """What is wrong with the question is said in blackbox_exporter's words."""
    async with serving(tmp_path, TCP) as served:
        await served.probe("127.0.0.1:1")
        answer = await served.ask("/logs", **query)
    assert answer.status == status
    assert words in answer.text


async def test_history_keeps_the_newest_and_older_failures(tmp_path):
    """So that a failure outlives the successes after it; the page lists them, newest first."""
    async with serving(tmp_path, TCP, history=2) as served:
        own = served.url.removeprefix("http://")
        for target in ("127.0.0.1:1", own, own, own, "127.0.0.2:1"):
            await served.probe(target)
        page = (await served.ask("/")).text
    assert [page.count(f"logs?id={number}") for number in range(5)] == [1, 0, 0, 1, 1]
    assert page.index("logs?id=4") < page.index("logs?id=3") < page.index("logs?id=0")
    assert "Failure: connect_refused" in page


async def test_nothing_on_the_page_is_taken_for_markup(tmp_path):
    """A target may be anything."""
    async with serving(tmp_path, TCP) as served:
        await served.probe("<script>alert(1)</script>:1")
        answer = await served.ask("/")
    assert "<script>" not in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_the_config_is_read_again_when_it_is_asked_for(tmp_path):
    """By POST alone; a file that cannot be used leaves what was, and the gauge says so."""
    gauge = "blackbox_exporter_config_last_reload_successful"
    async with serving(tmp_path, TCP) as served:
        assert (await served.ask("/-/reload")).text == "This endpoint requires a POST request.\n"
        assert (await served.ask("/-/reload")).status == 405
        served.file.write_text("modules: {new: {prober: tcp}}")
        assert (await served.ask("/-/reload", method="POST")).status == 200
        assert (await served.ask("/config")).text.startswith("modules:\n  new:\n    prober: tcp\n")
        served.file.write_text("modules: {new: {prober: nope}}")
        answer = await served.ask("/-/reload", method="POST")
        assert answer.status == 500
        assert answer.text.startswith("failed to reload config: error parsing config file: ")
        assert (await served.ask("/metrics")).metrics[gauge] == 0
        assert "new" in (await served.ask("/config")).text
        served.file.unlink()
        assert (await served.ask("/-/reload", method="POST")).status == 500


async def test_it_is_healthy_while_it_answers(tmp_path):
    """For whoever restarts it."""
    async with serving(tmp_path, TCP) as served:
        answer = await served.ask("/-/healthy")
    assert (answer.status, answer.text) == (200, "Healthy")


async def test_other_paths_and_methods_are_refused(tmp_path):
    """Endpoints are read by GET and HEAD, and there are no others."""
    async with serving(tmp_path, TCP) as served:
        assert (await served.ask("/elsewhere")).status == 404
        assert (await served.ask("/-/healthy", method="HEAD")).status == 200
        refused = await served.ask("/-/healthy", method="POST")
        assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")


async def test_all_is_below_the_prefix(tmp_path):
    """And the root leads there."""
    async with serving(tmp_path, TCP, prefix="/black/box") as served:
        assert (await served.ask("/black/box/-/healthy")).status == 200
        assert (await served.ask("/-/healthy")).status == 404
        assert (await served.ask("/")).headers["Location"] == "/black/box/"


_SAID = ("Beginning probe", "Dialing TCP", "Error talking TCP", "Probe failed")


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (None, []),
        (logging.INFO, list(_SAID[2:])),
        (logging.DEBUG, list(_SAID)),
    ],
)
async def test_probes_are_logged_from_a_level_on(tmp_path, caplog, level, said):
    """What a probe does is debug and what is wrong is an error; the program's level is another."""
    caplog.set_level(logging.ERROR)
    caplog.set_level(logging.DEBUG, probe_log.name)
    async with serving(tmp_path, TCP) as served:
        served.prober._level = level
        answer = await served.probe("127.0.0.1:1", debug="true")
    logged = [r.getMessage() for r in caplog.records if r.name == probe_log.name]
    assert [words for words in logged if words in _SAID] == said
    assert "Beginning probe" in answer.text
