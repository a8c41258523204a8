"""What an answer means, by table."""

import pytest

from vedette.checks.finding import Verdict
from vedette.checks.http.judge import judge
from vedette.checks.http.reason import Reason
from vedette.checks.http.response import Response
from vedette.checks.http.settings import HttpSettings

URL = "https://api.example.com/"


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
        (Response(status=200, body=b"all is well"), {"body": "is w"}, None, f"{URL} answered 200"),
        (Response(status=200, body=b"\xff ok"), {"body": "ok$"}, None, f"{URL} answered 200"),
        (
            Response(status=200, body=b"oops", size=4),
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
    ],
)
def test_judge(
    response: Response, rules: dict[str, object], reason: Reason | None, detail: str
) -> None:
    """The status comes first, then the size, then the body; the detail says what was expected."""
    finding = judge(response, HttpSettings(url=URL, **rules), URL)

    assert finding.reason == reason
    assert finding.verdict == (Verdict.OK if reason is None else Verdict.FAILING)
    assert detail in finding.detail
