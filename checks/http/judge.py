"""What an answer means.

Rule: no I/O and no clock.

The facts of an HTTP finding, each present when it was measured. After redirects they are those of
the last hop, and the seconds are sums.

| fact | is |
|---|---|
| `address` | the address that was connected to |
| `status` | the status code |
| `http_version` | the version of HTTP that was answered in: `1.0`, `1.1`, `2`, `3` |
| `bytes` | length of the body as received, up to the limit |
| `resolve_seconds` | asking the resolver; by name only |
| `connect_seconds` | TCP connect |
| `tls_seconds` | TLS handshake; https only |
| `processing_seconds` | request sent to first byte of the answer |
| `transfer_seconds` | first byte of the answer to its end |
| `phase` | on failure: the phase in which it failed; `token` where OAuth 2.0 gave none |
| `dns_reason` | reason `dns` only: the resolver's own reason |
| `remembered` | True at an address that is looked at only because it was last known good |
| `tls_version`, `tls_cipher` | what was negotiated |
| `certificate_subject`, `certificate_issuer` | of the server's certificate, also of a bad one |
| `certificate_names` | its alternative names: host names, then addresses |
| `certificate_not_after` | epoch seconds when the server's certificate expires |
| `chain_not_after` | epoch seconds when the first certificate of the sent chain expires |
| `certificates_not_before` | epoch seconds when each certificate that was sent began, by subject |
| `certificates_not_after` | the same of when each expires |
| `own_certificate_not_before`, `own_certificate_not_after` | the same of the one that we show |
| `certificate_expiring` | True when one of these, or of a redirect's, ends within `expiring` |
| `disturbed` | True when the seconds may be wrong for our own sake; of every kind |
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from vedette.checks.finding import Fact, Finding, Verdict
from vedette.checks.http import expression
from vedette.checks.http.patterns import compiled, searchable
from vedette.checks.http.reason import Reason
from vedette.checks.http.response import Response
from vedette.checks.http.settings import HttpSettings
from vedette.checks.http.tls import minute
from vedette.checks.words import printable

_Fault = tuple[Reason, str] | None


def judge(response: Response, settings: HttpSettings, where: str, seconds: float = 0.0) -> Finding:
    """Judge an answer by the rules; *where* names the URL, and the address if it was pinned.

    *seconds* is how long it took. A wrong status outranks what the body is like: error pages are
    long and lack the expected text; and what is wrong outranks that it came slowly.
    """
    for rule in _RULES:
        fault = rule(response, settings)
        if fault is not None:
            reason, words = fault
            told = f"{where} {printable(words)}"
            return Finding(verdict=Verdict.FAILING, reason=reason, detail=told)
    if settings.slow is not None and seconds > settings.slow:
        words = f"answered {response.status} after {seconds:.3g} s, allowed are {settings.slow:g} s"
        return Finding(verdict=Verdict.FAILING, reason=Reason.SLOW, detail=f"{where} {words}")
    return Finding(verdict=Verdict.OK, detail=f"{where} answered {response.status}")


def _redirects(response: Response, settings: HttpSettings) -> _Fault:
    if settings.redirects == 0 or not response.unfollowed or settings.accepts(response.status):
        return None
    words = f"redirects more than {settings.redirects} times, at last with {_status(response)}"
    return Reason.REDIRECT, words


def _code(response: Response, settings: HttpSettings) -> _Fault:
    if settings.accepts(response.status):
        return None
    expected = " or ".join(str(code) for code in settings.status)
    return Reason.STATUS, f"answered {_status(response)}, expected {expected}"


def _status(response: Response) -> str:
    location = response.header("location")
    if 300 <= response.status < 400 and location is not None:
        return f"{response.status} to {location[:200]}"
    return str(response.status)


def _version(response: Response, settings: HttpSettings) -> _Fault:
    if not settings.versions or response.version in settings.versions:
        return None
    allowed = " or ".join(settings.versions)
    return Reason.PROTOCOL, f"answered in HTTP/{response.version}, allowed is {allowed}"


def _headers(response: Response, settings: HttpSettings) -> _Fault:
    for wanted in settings.headers_match:
        values = _values(response, wanted.name)
        if not values and not wanted.allow_missing:
            return Reason.HEADER, f"answered {response.status} without the header {wanted.name}"
        if values and not any(compiled(wanted.regexp).search(value) for value in values):
            return Reason.HEADER, f"answered with {_quoted(wanted.name, values)}, " + (
                f"in which nothing matches {wanted.regexp!r}"
            )
    for unwanted in settings.headers_not_match:
        for value in _values(response, unwanted.name):
            if compiled(unwanted.regexp).search(value):
                return Reason.HEADER, f"answered with {_quoted(unwanted.name, [value])}, " + (
                    f"which matches {unwanted.regexp!r}"
                )
    return None


def _values(response: Response, name: str) -> Sequence[str]:
    return [value for key, value in response.headers if key == name]


def _quoted(name: str, values: Sequence[str]) -> str:
    """Return a header as a sentence can hold it; a cookie is a secret of the server's."""
    if name in {"set-cookie", "www-authenticate"}:
        return f"the header {name}"
    return f"{name}: {', '.join(values)[:200]}"


def _size(response: Response, settings: HttpSettings) -> _Fault:
    if not response.complete and settings.wants_all:
        return Reason.TOO_LARGE, _longer(settings)
    size = response.inflated_size
    if settings.max_size is not None and size > settings.max_size:
        return Reason.TOO_LARGE, f"sent {size} bytes, allowed are {settings.max_size}"
    if settings.min_size is not None and size < settings.min_size:
        return Reason.BODY, f"sent {size} bytes, expected are at least {settings.min_size}"
    return None


def _longer(settings: HttpSettings) -> str:
    return f"sent more than the {settings.max_body} bytes allowed"


def _body(response: Response, settings: HttpSettings) -> _Fault:
    if not (settings.body or settings.body_not):
        return None
    body = searchable(response.body)
    # The last octet of a part is what comes next: at the one before it the text does not end.
    end = len(body) if response.complete else len(body) - 1
    for wanted in settings.body:
        if not compiled(wanted).search(body, 0, end):
            if not response.complete:
                return Reason.TOO_LARGE, f"{_longer(settings)}, in which nothing matches {wanted!r}"
            return Reason.BODY, (
                f"answered {response.status}, but nothing in its {response.inflated_size} bytes "
                f"matches {wanted!r}"
            )
    for unwanted in settings.body_not:
        if compiled(unwanted).search(body):
            return Reason.BODY, f"answered {response.status}, but its body matches {unwanted!r}"
    return None


def _json(response: Response, settings: HttpSettings) -> _Fault:
    if not settings.json_:
        return None
    try:
        document = expression.parse(response.body)
    except ValueError as error:
        return Reason.JSON, f"answered {response.status}, but not with JSON: {error}"
    for wanted in settings.json_:
        why = expression.failure(expression.compiled(wanted), document)
        if why is not None:
            return Reason.JSON, f"answered {response.status}, but {wanted!r} is not true: {why}"
    return None


_RULES: Sequence[Callable[[Response, HttpSettings], _Fault]] = (
    _redirects,
    _code,
    _version,
    _headers,
    _size,
    _body,
    _json,
)


def ending(facts: Mapping[str, Fact], settings: HttpSettings, now: float) -> float | None:
    """Return when the first certificate ends, where that is within `expiring`; else None.

    Of a chain that was accepted, a certificate that has ended already is one that nobody needs. Who
    is trusted for it may end first, and is not sent. Whoever we trust, our own one has to be good.
    """
    lives = _lives(facts, settings)
    shown = [facts.get(f"{which}_not_after") for which in ("chain", "certificate", "verified")]
    ends = {*lives, *(end for end in shown if settings.verify and isinstance(end, float))}
    soon = [end for end in ends if now < end < now + settings.notice(lives.get(end, math.inf))]
    return min(soon, default=None)


def _lives(facts: Mapping[str, Fact], settings: HttpSettings) -> Mapping[float, float]:
    """Return how long each certificate, of theirs or of ours, is good in all, by when it ends."""
    begun, ends = facts.get("certificates_not_before"), facts.get("certificates_not_after")
    lives: dict[float, float] = {}
    if settings.verify and isinstance(ends, Mapping):
        begun = begun if isinstance(begun, Mapping) else {}
        lives = {end: end - begun.get(subject, -math.inf) for subject, end in ends.items()}
    own = [facts.get(f"own_certificate_not_{which}") for which in ("before", "after")]
    match own:
        case [float(start), float(end)]:
            lives[end] = end - start
    return lives


def excused(finding: Finding, now: float) -> Finding:
    """Return *finding*, as UNKNOWN where it may be that only we are refused.

    A server that wants a certificate refuses one that has ended, and tells nobody else so.
    """
    ended = finding.facts.get("own_certificate_not_after")
    if not isinstance(ended, float) or ended > now or not _is_refusal(finding):
        return finding
    words = f"our own certificate expired on {minute(ended)}, and {finding.detail}"
    return replace(finding, verdict=Verdict.UNKNOWN, reason=Reason.TLS_EXPIRED, detail=words)


def _is_refusal(finding: Finding) -> bool:
    """Whether a server fails so that does not want us: in the handshake, after it, or by a 4xx."""
    if finding.reason is Reason.STATUS:
        status = finding.facts.get("status")
        return isinstance(status, int) and 400 <= status < 500
    if finding.facts.get("phase") not in ("tls", "processing"):
        return False
    return finding.reason in (Reason.TLS_HANDSHAKE, Reason.RESET)
