"""What the http prober takes of a body: what it inflates, what it keeps, what it searches."""

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest

from tests.agent.blackbox.serving import Answer, serving
from tests.agent.blackbox.test_http import OK, answering, module, probed
from tests.checks.http.raw import drips
from tests.servers.nginx import nginx
from tests.servers.stream import stream_server
from vedette.agent.blackbox.asking import MOST_INFLATED, MOST_SEARCHED

MEGABYTE = 1 << 20
BODY = b"hello " * 50
ZEROS = bytes(MOST_INFLATED + 1)


def raw_deflate(body: bytes) -> bytes:
    """Return *body* as RFC 1951 has it, without the wrapper of RFC 1950."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


FILES = {
    "identity": BODY,
    "gzip": gzip.compress(BODY),
    "br": brotli.compress(BODY),
    "deflate": raw_deflate(BODY),
    "zlib": zlib.compress(BODY),
}
LOCATIONS = """
    location = /made { gzip on; gzip_types text/plain; gzip_min_length 1; root www; try_files /identity =404; }
    location ~ ^/(gzip|br|deflate)$ { add_header Content-Encoding $1; }
    location = /zlib { add_header Content-Encoding deflate; }
"""  # noqa: E501 - nginx reads it


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an nginx that serves one body in each coding."""
    with nginx(tmp_path_factory.mktemp("web") / "nginx", locations=LOCATIONS) as server:
        for name, octets in FILES.items():
            (server.www / name).write_bytes(octets)
        yield f"http://127.0.0.1:{server.http}"


async def got(folder: Path, url: str, **settings: object) -> Answer:
    """Probe *url* under these settings."""
    async with serving(folder, module(**settings)) as served:
        return await served.probe(url)


@pytest.mark.parametrize(
    ("coding", "page"),
    [
        ("identity", "identity"),
        ("gzip", "gzip"),
        ("gzip", "made"),
        ("GZIP", "gzip"),
        ("br", "br"),
        ("deflate", "deflate"),
        ("deflate", "zlib"),
    ],
)
@pytest.mark.parametrize("searched", [True, False])
async def test_a_body_is_inflated_as_the_module_says(tmp_path, web, coding, page, searched):
    """Its size is told as it is then, and rules see it so; it need not be kept for that."""
    rules = {"fail_if_body_not_matches_regexp": ["^(hello ){50}$"]} if searched else {}
    asking = {"headers": {"Accept-Encoding": coding.lower()}, "compression": coding}
    answer = await got(tmp_path, f"{web}/{page}", **asking, **rules)
    assert answer.reason is None
    assert answer.metrics["probe_http_uncompressed_body_length"] == len(BODY)


@pytest.mark.parametrize(
    ("coding", "page"),
    [(coding, page) for coding in ("gzip", "br", "deflate") for page in FILES
     if page not in {coding, "zlib"}],
)  # fmt: skip
async def test_a_body_in_another_coding_fails(tmp_path, web, coding, page):
    """Whatever the answer says that it is; what came before the body is told all the same."""
    answer = await got(tmp_path, f"{web}/{page}", compression=coding)
    assert answer.reason == "protocol"
    assert answer.metrics["probe_http_status_code"] == 200
    assert answer.metrics["probe_http_content_length"] == len(FILES[page])
    assert answer.metrics["probe_http_version"] == 1.1


async def test_without_compression_a_body_is_taken_as_it_is(tmp_path, web):
    """The server may have compressed it: rules are then about what was sent."""
    rules = {"fail_if_body_matches_regexp": ["hello"]}
    answer = await got(tmp_path, f"{web}/gzip", **rules)
    assert answer.reason is None
    assert answer.metrics["probe_http_uncompressed_body_length"] == len(FILES["gzip"])


async def test_what_a_redirect_holds_is_not_inflated(tmp_path):
    """It is the answer where none is followed, and its body is nobody's."""
    head = "HTTP/1.1 302 Found\nLocation: /x\nContent-Length: 5"
    settings = {"compression": "gzip", "follow_redirects": False, "valid_status_codes": [302]}
    answer = await probed(tmp_path, answering(head, b"moved"), **settings)
    assert answer.reason is None
    assert answer.metrics["probe_http_redirects"] == 1


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(ZEROS)),
        ("br", brotli.compress(ZEROS, quality=5)),
        ("deflate", raw_deflate(ZEROS)),
    ],
    ids=["gzip", "br", "deflate"],
)
async def test_a_bomb_ends_before_it_has_gone_off(tmp_path, coding, body):
    """At the limit of what may be inflated, or at the module's own."""
    talk = answering(OK.format(len(body)), body)
    for limit, size in ((None, MOST_INFLATED), ("5KB", 5120)):
        own = {"body_size_limit": limit} if limit else {}
        answer = await probed(tmp_path, talk, compression=coding, **own)
        assert answer.reason == "too_large"
        assert answer.metrics["probe_http_uncompressed_body_length"] == size


@pytest.mark.parametrize("rules", [{}, {"fail_if_body_matches_regexp": ["never"]},
                                   {"fail_if_body_json_matches_cel": "body.a"}])  # fmt: skip
async def test_a_body_that_breaks_off_leaves_its_head(tmp_path, rules):
    """Status, version and length are told; the rules that could not be applied count as broken."""
    answer = await probed(tmp_path, answering(OK.format(50), b"hello"), **rules)
    metrics = answer.metrics
    assert answer.reason == "reset"
    assert (metrics["probe_http_status_code"], metrics["probe_http_version"]) == (200, 1.1)
    assert metrics["probe_http_content_length"] == 50
    assert metrics["probe_http_uncompressed_body_length"] == 5
    assert metrics["probe_failed_due_to_regex"] == ("regexp" in str(rules))
    assert metrics.get("probe_failed_due_to_cel", 0) == ("cel" in str(rules))


def long_page(begin: bytes, end: bytes = b"") -> bytes:
    """Return a page that is longer than what is kept to be searched."""
    return begin + b"." * MOST_SEARCHED + end


WANTED, UNWANTED = "fail_if_body_not_matches_regexp", "fail_if_body_matches_regexp"


@pytest.mark.parametrize(
    ("rules", "page", "reason"),
    [
        ({}, long_page(b""), None),
        ({WANTED: ["well"]}, long_page(b"well"), None),
        ({WANTED: ["well"]}, long_page(b"", b"well"), "too_large"),
        ({WANTED: ["well", "done"]}, long_page(b"well", b"done"), "too_large"),
        ({UNWANTED: ["bad"]}, long_page(b"bad"), "body"),
        ({UNWANTED: ["bad"]}, long_page(b"well"), "too_large"),
        ({UNWANTED: ["bad"], "body_size_limit": "1MB"}, long_page(b"well"), None),
        ({UNWANTED: ["bad"], "body_size_limit": "1MB"}, long_page(b"", b"bad"), "body"),
        ({WANTED: [r"\.$"]}, long_page(b"", b"!"), "too_large"),
        ({WANTED: [r"!$"]}, long_page(b"", b"!")[1:], None),
        ({"fail_if_body_json_matches_cel": "body == 1"}, b"1" + b" " * MOST_SEARCHED, "too_large"),
    ],
)
async def test_a_part_of_a_body_decides_what_it_can(tmp_path, rules, page, reason):
    """What is wanted may be in it; that something is nowhere can be said only of all of it."""
    answer = await probed(tmp_path, answering(OK.format(len(page)), page), **rules)
    assert answer.reason == reason
    assert answer.metrics["probe_http_uncompressed_body_length"] == len(page)
    undecided = reason == "too_large" and "cel" not in str(rules)
    assert answer.metrics["probe_failed_due_to_regex"] == (undecided or reason == "body")


@pytest.mark.parametrize("octets", [b"\xf6\xdf", "ö߀".encode(), b"\xc3", b"\xff" * 40_000])
async def test_a_dot_matches_octets_in_any_coding(tmp_path, octets):
    """As in Go, where each octet that is no UTF-8 is a character of its own."""
    page = b"<title>" + octets + b"</title>"
    rules = {WANTED: ["<title>.*</title>"], UNWANTED: ["<title></title>"]}
    answer = await probed(tmp_path, answering(OK.format(len(page)), page), **rules)
    assert answer.reason is None


async def test_a_part_says_how_to_have_all_of_it(tmp_path):
    """The log names the setting."""
    page = long_page(b"well")
    talk = answering(OK.format(len(page)), page)
    settings = module(fail_if_body_matches_regexp=["bad"])
    async with stream_server(talk) as server, serving(tmp_path, settings) as served:
        answer = await served.probe(server, debug="true")
    assert f"only the first {MOST_SEARCHED} of {len(page)} octets are kept" in answer.text
    assert "set body_size_limit" in answer.text


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "talk",
    [
        drips(HEAD + b"Content-Length: 2147483648\r\n\r\n", b"x" * 16384, 0),
        drips(HEAD + b"\r\n", b"x" * 16384, 0),
        drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\n80000000\r\n", b"x" * 16384, 0),
    ],
    ids=["2 GB", "no end", "a chunk of 2 GB"],
)
@pytest.mark.parametrize(
    "rules",
    [{}, {UNWANTED: ["y"]}, {"fail_if_body_json_matches_cel": "body.a"}],
    ids=["counted", "searched", "parsed"],
)
async def test_a_body_without_end_costs_less_than_a_megabyte(tmp_path, talk, rules):
    """It ends at the deadline, whether it is searched or only counted."""
    settings = {**module(**rules), "timeout": "300ms"}
    async with stream_server(talk) as server, serving(tmp_path, settings) as served:
        await served.probe(server)  # what stays is there from now on
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            answer = await served.probe(server)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert answer.reason == "timeout"
    assert answer.metrics["probe_http_uncompressed_body_length"] > MEGABYTE
    assert most - before < MEGABYTE
