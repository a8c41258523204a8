"""What an answer means.

Rule: no I/O and no clock.

The facts of an HTTP finding, each present when it was measured:

| fact | is |
|---|---|
| `address` | the address that was connected to |
| `status` | the status code |
| `bytes` | length of the body as received, up to the limit |
| `resolve_seconds` | asking the resolver; by name only |
| `connect_seconds` | TCP connect |
| `tls_seconds` | TLS handshake; https only |
| `processing_seconds` | request sent to first byte of the answer |
| `transfer_seconds` | first byte of the answer to its end |
| `phase` | on failure: the phase in which it failed |
| `dns_reason` | reason `dns` only: the resolver's own reason |
| `tls_version`, `tls_cipher` | what was negotiated |
| `certificate_subject`, `certificate_issuer` | of the server's certificate, also of a bad one |
| `certificate_names` | its alternative names: host names, then addresses |
| `certificate_not_after` | epoch seconds when the server's certificate expires |
| `chain_not_after` | epoch seconds when the first certificate of the sent chain expires |
"""

from vedette.checks.finding import Finding, Verdict
from vedette.checks.http.reason import Reason
from vedette.checks.http.response import Response
from vedette.checks.http.settings import HttpSettings


def judge(response: Response, settings: HttpSettings, where: str) -> Finding:
    """Judge an answer by the rules; *where* names the URL, and the address if it was pinned.

    A wrong status outranks what the body is like: error pages are long and lack the expected text.
    """
    if response.status not in settings.status:
        return _failing(
            Reason.STATUS, f"{where} answered {_status(response)}, expected {_expected(settings)}"
        )
    if not response.complete:
        return _failing(
            Reason.TOO_LARGE, f"{where} sent more than the {settings.max_body} bytes allowed"
        )
    if settings.pattern is not None:
        text = response.body.decode("utf-8", errors="replace")
        if not settings.pattern.search(text):
            return _failing(
                Reason.BODY,
                f"{where} answered {response.status}, but nothing in its {response.size} bytes "
                f"matches {settings.body!r}",
            )
    return Finding(verdict=Verdict.OK, detail=f"{where} answered {response.status}")


def _failing(reason: Reason, detail: str) -> Finding:
    return Finding(verdict=Verdict.FAILING, reason=reason, detail=detail)


def _status(response: Response) -> str:
    location = response.header("location")
    if 300 <= response.status < 400 and location is not None:
        return f"{response.status} to {location[:200]}"
    return str(response.status)


def _expected(settings: HttpSettings) -> str:
    return " or ".join(str(code) for code in settings.status)
