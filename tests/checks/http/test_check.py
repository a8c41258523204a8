"""A check against a real nginx: what it asks, where, and which facts it brings back."""

import asyncio
from collections.abc import Iterator
from enum import StrEnum

import pytest
import trustme

from tests.checks.http.looking import checking, look, resolver
from tests.checks.http.raw import DAY, FUTURE, raw, says
from tests.servers.nginx import Nginx, nginx
from vedette.checks.finding import Check, Kind, Verdict
from vedette.checks.http.reason import Reason
from vedette.checks.net import NetworkFailure


class DnsReason(StrEnum):
    NODATA = "nodata"


@pytest.fixture(scope="module")
def server(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("nginx")
    with nginx(folder, ca.issue_cert("api.test", "127.0.0.1")) as running:
        (running.www / "kilobyte").write_bytes(b"x" * 1023 + b"y")
        (running.www / "big").write_bytes(b"x" * 300_000 + b"y")
        yield running


async def test_plain(server: Nginx) -> None:
    """A good answer is OK, with status, size, address and every phase but TLS."""
    finding = await look(f"http://api.test:{server.http}/kilobyte", body="y$")

    assert finding.verdict is Verdict.OK, finding
    assert finding.facts.keys() == {
        "address",
        "status",
        "http_version",
        "bytes",
        "resolve_seconds",
        "connect_seconds",
        "processing_seconds",
        "transfer_seconds",
    }
    assert (finding.facts["status"], finding.facts["bytes"]) == (200, 1024)
    assert all(finding.facts[name] >= 0 for name in finding.facts if name.endswith("_seconds"))


async def test_tls(server: Nginx, ca_file: str) -> None:
    """Over TLS the body comes whole across many records."""
    finding = await look(f"https://api.test:{server.https}/big", body="xy$", ca_file=ca_file)

    assert finding.verdict is Verdict.OK, finding
    assert finding.facts["bytes"] == 300_001
    assert finding.facts["tls_seconds"] > 0


@pytest.mark.parametrize(
    ("path", "rules", "reason"),
    [
        ("/gone", {}, Reason.STATUS),
        ("/gone", {"status": [503], "body": "maint"}, None),
        ("/moved", {}, Reason.STATUS),
        ("/moved", {"status": [301]}, None),
        ("/", {"body": "all is (well|fine)"}, None),
        ("/", {"body": "all is lost"}, Reason.BODY),
        ("/", {"method": "HEAD"}, None),
        ("/big", {"max_body": 300_000}, Reason.TOO_LARGE),
        ("/big", {"max_body": 300_001}, None),
    ],
)
async def test_rules(server: Nginx, path: str, rules: dict[str, object], reason: Reason) -> None:
    """The rules hold against a real server."""
    finding = await look(f"http://api.test:{server.http}{path}", **rules)

    assert finding.reason == reason, finding


@pytest.mark.parametrize("rules", [{}, {"body": "^x"}])
async def test_a_page_may_outgrow_what_is_read_of_it(rules: dict[str, object]) -> None:
    """A body that goes on after the part that is read, in which nothing is wrong, wakes nobody."""
    length = (1 << 20) + 1
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()
    async with raw(says(head + b"x" * length)) as port:
        finding = await look(f"http://api.test:{port}/", **rules)

    assert finding.verdict is Verdict.OK, finding


async def test_pinned_keeps_name(server: Nginx, ca_file: str) -> None:
    """At a pinned address Host and SNI are still the URL's, and nothing is resolved."""
    url = f"https://api.test:{server.https}/host?pinned"
    failure = NetworkFailure(DnsReason.NODATA, "unused")
    check = checking(url, at="127.0.0.1", ca_file=ca_file, resolve=resolver(failure=failure))
    (only,) = check.looks()
    finding = await only.once()

    assert (only.subject, only.place) == ("127.0.0.1", "address")
    assert finding.verdict is Verdict.OK, finding
    assert "resolve_seconds" not in finding.facts
    asked = [line for line in server.requests() if "pinned" in line]
    host = f"api.test:{server.https}"
    assert asked == [f"api.test|{host}|api.test|Vedette/0.1.0|GET /host?pinned HTTP/1.1"]


async def test_address_host_sends_no_sni(server: Nginx, ca_file: str) -> None:
    """An address in the URL is connected to as it is, verified as an address, without SNI."""
    url = f"https://127.0.0.1:{server.https}/host?literal"
    finding = await look(url, ca_file=ca_file, resolve=resolver("192.0.2.1"))

    assert finding.verdict is Verdict.OK, finding
    (asked,) = [line for line in server.requests() if "literal" in line]
    assert asked.split("|")[2] == "-"


async def test_pinned_says_where(server: Nginx) -> None:
    """The sentence names the address where that is what was asked."""
    url = f"http://api.test:{server.http}/gone"
    finding = await look(url, at="127.0.0.1")

    assert finding.detail == f"{url} at 127.0.0.1 answered 503, expected 200"


async def test_says_where_redirects_led(server: Nginx) -> None:
    """Who answered, or did not, is told by its own URL, without what a query hands on."""
    details = []
    for login in (f"http://login.test:{server.http}/gone", "http://login.test:1/"):
        async with raw(says(redirecting(f"{login}?code=s3cret#token"))) as port:
            finding = await look(f"http://api.test:{port}/", redirects=1)
            details.append(finding.detail.removeprefix(f"http://api.test:{port}/ "))

    assert details == [
        f"(redirected to http://login.test:{server.http}/gone) answered 503, expected 200",
        "(redirected to http://login.test:1/): 127.0.0.1:1 refused the connection",
    ]


def redirecting(where: str) -> bytes:
    """Return a redirect to *where*."""
    return f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_a_certificate_that_only_redirects_is_told_ahead(
    ca: trustme.CA, ca_file: str
) -> None:
    """A certificate on the way to the answer ends for everybody who comes by that way."""
    way, end = ca.issue_cert("api.test", not_after=FUTURE), ca.issue_cert("www.test")
    now = (FUTURE - 3 * DAY).timestamp()
    answer = says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    async with raw(answer, certificate=end) as last:
        redirect = says(redirecting(f"https://www.test:{last}/"))
        async with raw(redirect, certificate=way) as first:
            url = f"https://api.test:{first}/"
            finding = await look(url, redirects=1, ca_file=ca_file, now=now)

    assert (finding.verdict, finding.facts["certificate_expiring"]) == (Verdict.OK, True)
    assert finding.detail.endswith(f"; the certificate ends on 2099-01-01 00:00 UTC (at {url})")
    assert finding.facts["certificate_names"] == ("www.test",)


async def test_says_which_proxy_it_asked() -> None:
    """Who refuses may be the proxy, which is then not taken for the service."""
    finding = await look("https://api.test/", proxy="http://proxy.test:1")

    assert finding.detail == (
        "https://api.test/ by the proxy proxy.test:1: "
        "the proxy proxy.test:1 cannot be used: 127.0.0.1:1 refused the connection"
    )


async def test_no_name() -> None:
    """A name without address is reason dns, with the resolver's own reason and words."""
    failure = NetworkFailure(DnsReason.NODATA, "api.test has no A record")
    finding = await look("http://api.test/", resolve=resolver(failure=failure))

    assert (finding.verdict, finding.reason) == (Verdict.FAILING, Reason.DNS)
    assert finding.facts["dns_reason"] == "nodata"
    assert "dns: nodata: api.test has no A record" in finding.detail


async def test_slow_resolver() -> None:
    """A resolver that outlives the deadline is reason dns, not a slow web service."""

    async def resolve(_host: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    finding = await look("http://api.test/", resolve=resolve, timeout=0.1)

    assert (finding.reason, finding.facts["dns_reason"]) == (Reason.DNS, "timeout")


@pytest.mark.parametrize(
    ("at", "remembered", "subjects"),
    [
        (None, None, ["by name"]),
        (None, [], ["by name"]),
        (None, ["192.0.2.1", "192.0.2.2"], ["by name", "192.0.2.1", "192.0.2.2"]),
        ("name", ["192.0.2.1"], ["by name"]),
        ("last-known-good", ["192.0.2.1"], ["192.0.2.1"]),
        ("last-known-good", [], ["last-known-good"]),
        ("last-known-good", None, ["last-known-good"]),
        (["192.0.2.1", "last-known-good"], ["192.0.2.1", "192.0.2.2"], ["192.0.2.1", "192.0.2.2"]),
        (["name", "2001:db8::1"], None, ["by name", "2001:db8::1"]),
    ],
)
def test_looks(at: object, remembered: list[str] | None, subjects: list[str]) -> None:
    """By name, at each configured and at each remembered address, each once; never no look."""
    question = None if remembered is None else lambda: remembered
    check = checking("http://api.test/", at=at, remembered=question)

    assert [each.subject for each in check.looks()] == subjects
    places = ["name" if subject == "by name" else "address" for subject in subjects]
    assert [each.place for each in check.looks()] == places


def test_memory_is_asked_each_time() -> None:
    """An address remembered later is looked at from then on."""
    memory: list[str] = []
    check = checking("http://api.test/", remembered=lambda: memory)
    before = len(check.looks())
    memory.append("192.0.2.1")

    assert (before, len(check.looks())) == (1, 2)


async def test_nothing_remembered() -> None:
    """Without a remembered address there is nothing to look at, which is UNKNOWN."""
    finding = await look("http://api.test/", at="last-known-good", remembered=list)

    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, Reason.DNS)
    assert finding.detail == "no address is remembered yet"


def test_is_a_check() -> None:
    """It is a check of kind http, and its name is the URL."""
    check: Check = checking("http://api.test/x")

    assert (check.name, check.kind) == ("http://api.test/x", Kind.HTTP)
