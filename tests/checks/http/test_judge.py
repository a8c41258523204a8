"""What an answer means, by table."""

import json
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.checks.finding import Fact, Finding, Verdict
from vedette.checks.http.judge import ending, excused, judge
from vedette.checks.http.reason import Reason
from vedette.checks.http.response import Response
from vedette.checks.http.settings import HttpSettings
from vedette.checks.http.tls import expires

OK, FAILING, _ = Verdict
URL = "https://api.example.com/"
MOVED = Response(status=301, headers=(("location", "https://b.test/"),), unfollowed=True)
TYPED = Response(status=200, headers=(("content-type", "text/html"),))
TWICE = Response(status=200, headers=(("x-via", "a"), ("x-via", "b")))
BYTES = Response(status=200, body=b"hello", size=5, inflated_size=5)
PART = Response(status=200, body=b"hello!", inflated_size=1 << 20, complete=False)
JSON = Response(status=200, body=b'{"ok": true, "n": [1, 2]}', inflated_size=25)


def match(regexp: str, *, name: str = "Content-Type", **more: object) -> dict[str, object]:
    return {"headers_match": [{"name": name, "regexp": regexp, **more}]}


def forbid(regexp: str, *, name: str = "Content-Type") -> dict[str, object]:
    return {"headers_not_match": [{"name": name, "regexp": regexp}]}


@pytest.mark.parametrize(
    ("response", "rules", "reason", "detail"),
    [
        (Response(status=200), {}, None, f"{URL} answered 200"),
        (Response(status=204), {"status": [200, 204]}, None, f"{URL} answered 204"),
        (Response(status=503), {}, Reason.STATUS, f"{URL} answered 503, expected 200"),
        (
            Response(status=200),
            {"status": [301, 302]},
            Reason.STATUS,
            f"{URL} answered 200, expected 301 or 302",
        ),
        (
            Response(status=301, headers=(("location", "https://b.test/"),)),
            {},
            Reason.STATUS,
            f"{URL} answered 301 to https://b.test/, expected 200",
        ),
        (
            Response(status=302, headers=(("location", "/\x1b[2J\x9b1m\x07"),)),
            {},
            Reason.STATUS,
            f"{URL} answered 302 to /?[2J?1m?, expected 200",
        ),
        (Response(status=200, body=b"all is well"), {"body": "is w"}, None, f"{URL} answered 200"),
        (Response(status=200, body=b"\xff ok"), {"body": "ok$"}, None, f"{URL} answered 200"),
        (
            Response(status=200, body=b"oops", inflated_size=4),
            {"body": "ok"},
            Reason.BODY,
            f"{URL} answered 200, but nothing in its 4 bytes matches 'ok'",
        ),
        (
            Response(status=200, complete=False),
            {"max_body": 9},
            Reason.TOO_LARGE,
            f"{URL} sent more than the 9 bytes allowed",
        ),
        (Response(status=500, complete=False), {"body": "ok"}, Reason.STATUS, "answered 500"),
        (PART, {}, None, "answered 200"),
        (PART, {"body": "^hel"}, None, "answered 200"),
        (PART, {"body": "hello$"}, Reason.TOO_LARGE, "allowed, in which nothing matches 'hello$'"),
        (PART, {"body": "bye"}, Reason.TOO_LARGE, "allowed, in which nothing matches 'bye'"),
        (PART, {"body_not": "bye"}, Reason.TOO_LARGE, "sent more than the 1048576 bytes allowed"),
        (PART, {"json": "body.ok"}, Reason.TOO_LARGE, "sent more than the 1048576 bytes allowed"),
        (PART, {"max_size": 6}, Reason.TOO_LARGE, "sent more than the 1048576 bytes allowed"),
        (PART, {"max_body": 1 << 20}, Reason.TOO_LARGE, "sent more than the 1048576 bytes"),
        (Response(status=302), {"status": "3xx"}, None, "answered 302"),
        (Response(status=500), {"status": ["2xx", 301]}, Reason.STATUS, "expected 2xx or 301"),
        (MOVED, {"redirects": 2}, Reason.REDIRECT, "redirects more than 2 times"),
        (MOVED, {"redirects": 2, "status": "3xx"}, None, "answered 301"),
        (Response(status=500), {"redirects": 2}, Reason.STATUS, "answered 500, expected 200"),
        (MOVED, {}, Reason.STATUS, "answered 301 to https://b.test/, expected 200"),
        (Response(status=200, version="2"), {"versions": [2]}, None, "answered 200"),
        (
            Response(status=200, version="1.1"),
            {"versions": ["2", "3"]},
            Reason.PROTOCOL,
            "answered in HTTP/1.1, allowed is 2 or 3",
        ),
        (TYPED, match("text/html"), None, "answered 200"),
        (TYPED, match("^html"), Reason.HEADER, "content-type: text/html, in which nothing matches"),
        (Response(status=200), match("x"), Reason.HEADER, "without the header content-type"),
        (TYPED, match("html", name="x-via"), Reason.HEADER, "without the header x-via"),
        (TYPED, forbid("html", name="x-via"), None, "answered 200"),
        (Response(status=200), match("x", allow_missing=True), None, "answered 200"),
        (TYPED, match("z", allow_missing=True), Reason.HEADER, "nothing matches 'z'"),
        (TWICE, match("b", name="x-via"), None, "answered 200"),
        (TWICE, forbid("b", name="x-via"), Reason.HEADER, "x-via: b, which matches 'b'"),
        (Response(status=200), forbid("x"), None, "answered 200"),
        (BYTES, {"max_size": 5}, None, "answered 200"),
        (BYTES, {"max_size": 4}, Reason.TOO_LARGE, "sent 5 bytes, allowed are 4"),
        (BYTES, {"min_size": 5}, None, "answered 200"),
        (BYTES, {"min_size": 6}, Reason.BODY, "sent 5 bytes, expected are at least 6"),
        (BYTES, {"body": ["hel", "lo"]}, None, "answered 200"),
        (Response(status=200, body=b"caf\xe9"), {"body": "^caf.$"}, None, "answered 200"),
        (Response(status=200, body=b"a\xe9b"), {"body_not": "a.b"}, Reason.BODY, "matches 'a.b'"),
        (BYTES, {"body": ["hel", "bye"]}, Reason.BODY, "matches 'bye'"),
        (BYTES, {"body_not": ["bye", "l{2}"]}, Reason.BODY, "its body matches 'l{2}'"),
        (BYTES, {"body": "hel", "body_not": "bye"}, None, "answered 200"),
        (JSON, {"json": ["body.ok", "body.n.all(x, x > 0)"]}, None, "answered 200"),
        (JSON, {"json": "body.n.size() > 2"}, Reason.JSON, "> 2' is not true: it is false"),
        (JSON, {"json": "body.n"}, Reason.JSON, "it gives a list"),
        (JSON, {"json": "body.missing == 1"}, Reason.JSON, "there is no 'missing'"),
        (
            JSON,
            {"json": "body.ok + 'x' == 'y'"},
            Reason.JSON,
            "Unsupported operation",
        ),
        (BYTES, {"json": "body.ok"}, Reason.JSON, "but not with JSON: Expecting value"),
    ],
)
def test_judge(
    response: Response, rules: dict[str, object], reason: Reason | None, detail: str
) -> None:
    """Each rule has its reason, the status first; the detail says what was expected."""
    finding = judge(response, HttpSettings(url=URL, **rules), URL)

    assert finding.reason == reason
    assert finding.verdict == (Verdict.OK if reason is None else Verdict.FAILING)
    assert detail in finding.detail


@pytest.mark.parametrize(("seconds", "reason"), [(0.5, None), (0.51, Reason.SLOW)])
def test_slow(seconds: float, reason: Reason | None) -> None:
    """A good answer that took longer than allowed is slow; exactly as long is well."""
    finding = judge(Response(status=200), HttpSettings(url=URL, slow="500ms"), URL, seconds)

    assert finding.reason == reason


def test_wrong_outranks_slow() -> None:
    """An answer that is wrong is that, however long it took."""
    finding = judge(Response(status=503), HttpSettings(url=URL, slow="1s"), URL, 9)

    assert finding.reason is Reason.STATUS


def test_cookies_are_not_told() -> None:
    """A cookie is a secret between server and client, and no sentence repeats it."""
    response = Response(status=200, headers=(("set-cookie", "session=hunter2"),))
    for rules in (match("nothing", name="Set-Cookie"), forbid("hunter", name="Set-Cookie")):
        finding = judge(response, HttpSettings(url=URL, **rules), URL)

        assert finding.reason is Reason.HEADER
        assert "hunter2" not in finding.detail


def test_no_pattern_is_slow() -> None:
    """A pattern that takes Python's re a lifetime is judged at once, on a mebibyte."""
    response = Response(status=200, body=b"x" * (1 << 20), inflated_size=1 << 20)
    start = perf_counter()
    finding = judge(response, HttpSettings(url=URL, body="(x+x+)+y"), URL)

    assert finding.reason is Reason.BODY
    assert perf_counter() - start < 5


@given(st.binary(max_size=60), st.sampled_from(["body", "body.a", "body.a.all(x, x > 1)"]))
def test_any_body_is_judged(body: bytes, expression: str) -> None:
    """Whatever a body is, rules about it end in a verdict and nothing is raised."""
    response = Response(status=200, body=body, inflated_size=len(body))
    rules = {"body": "a.*b", "body_not": "^z", "json": expression}

    assert judge(response, HttpSettings(url=URL, **rules), URL).reason in {
        Reason.BODY,
        Reason.JSON,
        None,
    }


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("a"), inner),
    max_leaves=8,
)


@given(DOCUMENTS, st.sampled_from(["body.a > 1", "size(body) > 0", "body.a[0].b == body.a"]))
def test_any_document_is_judged(document: object, expression: str) -> None:
    """Whatever a document holds, an expression is true of it, or json is the reason."""
    response = Response(status=200, body=json.dumps(document).encode())

    assert judge(response, HttpSettings(url=URL, json=expression), URL).reason in {
        Reason.JSON,
        None,
    }


DAY = 86400.0


@pytest.mark.parametrize(
    ("leaf", "chain", "rules", "at"),
    [
        (15, 15, {}, None),
        (14, 14, {}, None),
        (13.9, 13.9, {}, 13.9),
        (90, 3, {}, 3),
        (90, -3, {}, None),
        (5, -3, {}, 5),
        (5, 5, {"expiring": "3d"}, None),
        (5, 5, {"expiring": 0}, None),
        (5, 5, {"verify": False}, None),
    ],
)
def test_ending(leaf: float, chain: float, rules: dict[str, object], at: float | None) -> None:
    """A certificate that ends within `expiring` is told; one that nobody needs any more is not."""
    facts = {"certificate_not_after": leaf * DAY, "chain_not_after": chain * DAY}

    assert ending(facts, HttpSettings(url=URL, **rules), 0.0) == (at and at * DAY)


def test_ending_of_who_is_trusted() -> None:
    """An authority of one's own that ends before what it has signed is told, though never sent."""
    facts = {"certificate_not_after": 90 * DAY, "chain_not_after": 90 * DAY}

    own = {**facts, "verified_not_after": 3 * DAY, "certificates_not_after": {"CN=a": 90 * DAY}}
    assert ending(own, HttpSettings(url=URL), 0.0) == 3 * DAY
    assert expires(own, 3 * DAY) == (
        "the authority that we trust for it ends on 1970-01-04 00:00 UTC"
    )
    assert ending({**facts, "verified_not_after": None}, HttpSettings(url=URL), 0.0) is None


def test_ending_beside_one_that_nobody_needs() -> None:
    """A spare certificate that has ended does not hide that one which counts ends soon."""
    sent = {"CN=leaf": 90 * DAY, "CN=intermediate": 3 * DAY, "CN=spare": -3 * DAY}
    facts = {
        "certificate_not_after": 90 * DAY,
        "chain_not_after": -3 * DAY,
        "certificates_not_after": sent,
    }

    assert ending(facts, HttpSettings(url=URL), 0.0) == 3 * DAY


@pytest.mark.parametrize(
    ("life", "left", "rules", "is_told"),
    [
        (90, 14.1, {}, False),
        (90, 13.9, {}, True),
        (47, 13.9, {}, False),
        (47, 9.3, {}, True),
        (160 / 24, 5.0, {}, False),
        (160 / 24, 1.3, {}, True),
        (160 / 24, 5.0, {"expiring": "14d"}, True),
        (160 / 24, 1.3, {"expiring": 0}, False),
    ],
    ids=[
        "of months", "of months, late", "of weeks", "of weeks, late", "of days", "of days, late",
        "of days, as asked for", "never",
    ],
)  # fmt: skip
def test_a_certificate_that_lives_for_days_ends_soon_only_by_its_own_measure(
    life: float, left: float, rules: dict[str, object], is_told: bool
) -> None:
    """What is renewed every few days is no standing warning, unless the config asks for it."""
    facts = {
        "certificate_not_after": left * DAY,
        "chain_not_after": left * DAY,
        "certificates_not_before": {"CN=leaf": (left - life) * DAY, "CN=issuer": -900 * DAY},
        "certificates_not_after": {"CN=leaf": left * DAY, "CN=issuer": 900 * DAY},
    }

    told = ending(facts, HttpSettings(url=URL, **rules), 0.0)

    assert told == (left * DAY if is_told else None)


def test_our_own_certificate_ends_soon_whomever_we_trust() -> None:
    """A client's certificate is told like a server's, also of who verifies no server."""
    days = {"own_certificate_not_before": -87 * DAY, "own_certificate_not_after": 3 * DAY}
    hours = {"own_certificate_not_before": -DAY, "own_certificate_not_after": 3 * DAY}

    assert ending(days, HttpSettings(url=URL, verify=False), 0.0) == 3 * DAY
    assert expires(days, 3 * DAY) == "our own certificate ends on 1970-01-04 00:00 UTC"
    assert ending(hours, HttpSettings(url=URL), 0.0) is None


@pytest.mark.parametrize(
    ("verdict", "reason", "facts", "ended", "is_excused"),
    [
        (FAILING, Reason.STATUS, {"status": 400}, 0.0, True),
        (FAILING, Reason.STATUS, {"status": 403}, 0.0, True),
        (FAILING, Reason.TLS_HANDSHAKE, {"phase": "tls"}, 0.0, True),
        (FAILING, Reason.TLS_HANDSHAKE, {"phase": "processing"}, 0.0, True),
        (FAILING, Reason.RESET, {"phase": "processing"}, 0.0, True),
        (FAILING, Reason.STATUS, {"status": 400}, 9.0, False),
        (FAILING, Reason.STATUS, {"status": 400}, None, False),
        (FAILING, Reason.STATUS, {"status": 503}, 0.0, False),
        (FAILING, Reason.RESET, {"phase": "connect"}, 0.0, False),
        (FAILING, Reason.TIMEOUT, {"phase": "processing"}, 0.0, False),
        (FAILING, Reason.TLS_EXPIRED, {"phase": "tls"}, 0.0, False),
        (OK, None, {"status": 200}, 0.0, False),
    ],
)
def test_who_is_refused_with_an_old_certificate_cannot_look(
    verdict: Verdict,
    reason: Reason | None,
    facts: dict[str, Fact],
    ended: float | None,
    is_excused: bool,
) -> None:
    """To refuse an old certificate says nothing of a server; the rest still does."""
    own = {} if ended is None else {"own_certificate_not_after": ended}
    found = Finding(verdict=verdict, reason=reason, detail="it fails", facts={**facts, **own})

    told = excused(found, 5.0)

    assert (told != found) is is_excused
    if is_excused:
        assert (told.verdict, told.reason) == (Verdict.UNKNOWN, Reason.TLS_EXPIRED)
        assert told.detail == ("our own certificate expired on 1970-01-01 00:00 UTC, and it fails")


def test_without_a_certificate_nothing_ends() -> None:
    """Plain HTTP has no certificate that could end."""
    assert ending({}, HttpSettings(url="http://a.example/"), 0.0) is None
