"""Whether an answer is what an http module wants.

Rule: no I/O. Each rule that is broken says so in the probe's log; the order is blackbox_exporter's.
"""

from vedette.agent.blackbox.asking import MOST_INFLATED
from vedette.agent.blackbox.modules import HeaderMatch
from vedette.agent.blackbox.probe import Probe
from vedette.checks.dates import of_header
from vedette.checks.http import expression
from vedette.checks.http.patterns import searchable
from vedette.checks.http.reason import Reason
from vedette.checks.http.response import Response
from vedette.checks.net import NetworkFailure

_VERSIONS = {"2": "HTTP/2.0", "3": "HTTP/3.0"}


def measure(probe: Probe, response: Response) -> None:
    """Set the metrics that depend on the head of *response*."""
    probe.metrics |= {
        "probe_http_content_length": _content_length(response),
        "probe_http_redirects": response.redirects + response.unfollowed,
        "probe_http_status_code": response.status,
        "probe_http_uncompressed_body_length": 0 if response.unfollowed else response.inflated_size,
        "probe_http_version": float(response.version),
    }
    if (modified := of_header(response.header("last-modified"))) is not None:
        probe.metrics["probe_http_last_modified_timestamp_seconds"] = modified


def _content_length(response: Response) -> int:
    """Return what Go takes for the length: -1 where the answer does not say it."""
    if response.status in {101, 204, 304}:
        return 0
    length = response.header("content-length")
    if length is None or response.header("transfer-encoding") is not None:
        return -1
    return int(length) if length.isdecimal() else -1


def head_is_valid(probe: Probe, response: Response) -> bool:
    """Judge status code and headers."""
    return _status_is_valid(probe, response) and _headers_are_valid(probe, response)


def _status_is_valid(probe: Probe, response: Response) -> bool:
    codes = probe.module.http.valid_status_codes
    if response.status in codes or (not codes and 200 <= response.status < 300):
        return True
    message = f"Invalid HTTP response status code, wanted {codes or '2xx'}"
    return probe.fail(Reason.STATUS, message, status_code=response.status)


def _headers_are_valid(probe: Probe, response: Response) -> bool:
    settings = probe.module.http
    for rule in settings.fail_if_header_matches:
        values = _values(response, rule)
        if any(rule.pattern.search(value) for value in values):
            return _header_is_invalid(probe, rule, "Header matched regular expression")
        if not values and not rule.allow_missing:
            return _header_is_invalid(probe, rule, "Missing required header")
    for rule in settings.fail_if_header_not_matches:
        values = _values(response, rule)
        if not values and not rule.allow_missing:
            return _header_is_invalid(probe, rule, "Missing required header")
        if values and not any(rule.pattern.search(value) for value in values):
            return _header_is_invalid(probe, rule, "Header did not match regular expression")
    return True


def _values(response: Response, rule: HeaderMatch) -> list[str]:
    return [value for name, value in response.headers if name == rule.header.lower()]


def _header_is_invalid(probe: Probe, rule: HeaderMatch, message: str) -> bool:
    probe.metrics["probe_failed_due_to_regex"] = 1
    return probe.fail(Reason.HEADER, message, header=rule.header, regexp=rule.regexp)


def body_is_valid(
    probe: Probe, response: Response, failure: NetworkFailure | None, *, well: bool
) -> bool:
    """Judge the body by regular expressions, then by CEL; *failure* is why there is not all of it.

    It is not searched where all is not *well* before.
    """
    if not response.complete:
        limit = probe.module.http.body_size_limit or MOST_INFLATED
        failure = _too_long(f"it is longer than {limit} octets")
    if failure is None:
        return well and _text_is_valid(probe, response) and _json_is_valid(probe, response)
    probe.broken("Failed to read HTTP response body", failure)
    return _unread(probe) if well else False


def _unread(probe: Probe) -> bool:
    """Count a body that cannot be searched as one that is not as wanted; return False."""
    if probe.module.http.forbidden or probe.module.http.required:
        probe.metrics["probe_failed_due_to_regex"] = 1
    elif probe.module.http.programs:
        probe.metrics["probe_failed_due_to_cel"] = 1
    return False


def _too_long(why: str) -> NetworkFailure:
    return NetworkFailure(Reason.TOO_LARGE, why)


def _undecided(probe: Probe, response: Response) -> bool:
    """Say that the part of the body which was kept does not tell; return False."""
    kept = len(response.body)
    why = f"only the first {kept} of {response.inflated_size} octets are kept: set body_size_limit"
    probe.broken("Body is too long to be searched", _too_long(why))
    return _unread(probe)


def _text_is_valid(probe: Probe, response: Response) -> bool:
    settings = probe.module.http
    if not (settings.forbidden or settings.required):
        return True
    body = searchable(response.body)
    whole = len(body) == response.inflated_size
    # The last octet of a part is what comes next: at the one before it the text does not end.
    end = len(body) if whole else len(body) - 1
    for pattern, text in settings.forbidden:
        if pattern.search(body, 0, end):
            return _text_is_invalid(probe, "Body matched regular expression", text)
    for pattern, text in settings.required:
        if not pattern.search(body, 0, end):
            if not whole:
                return _undecided(probe, response)
            return _text_is_invalid(probe, "Body did not match regular expression", text)
    # A part that has what is wanted is enough; one that lacks what is not wanted is not.
    return whole or not settings.forbidden or _undecided(probe, response)


def _text_is_invalid(probe: Probe, message: str, text: str) -> bool:
    probe.metrics["probe_failed_due_to_regex"] = 1
    return probe.fail(Reason.BODY, message, regexp=text)


def _json_is_valid(probe: Probe, response: Response) -> bool:
    programs = probe.module.http.programs
    if not programs:
        return True
    if len(response.body) < response.inflated_size:
        return _undecided(probe, response)
    try:
        document = expression.parse(response.body)
    except ValueError as error:
        return _json_is_invalid(probe, f"the body is not JSON: {error}")
    for program, bad in programs:
        why = _fault(program, document, bad)
        if why is not None:
            return _json_is_invalid(probe, why)
    return True


def _fault(program: expression.Program, document: object, bad: bool) -> str | None:
    """Return why *program* speaks against *document*: it is *bad*, or neither true nor false."""
    try:
        value = program.execute({"body": document})
    except Exception as error:  # noqa: BLE001 - documents of strangers make the library raise anything
        return f"the expression cannot be evaluated: {error}"
    if not isinstance(value, bool):
        return f"the expression gives a {type(value).__name__}, not a bool"
    return f"the expression is {str(bad).lower()}" if value is bad else None


def _json_is_invalid(probe: Probe, why: str) -> bool:
    probe.metrics["probe_failed_due_to_cel"] = 1
    return probe.fail(Reason.JSON, "Body does not pass CEL", err=why)


def version_is_valid(probe: Probe, response: Response) -> bool:
    """Judge the version of HTTP."""
    valid = probe.module.http.valid_http_versions
    version = _VERSIONS.get(response.version, f"HTTP/{response.version}")
    if not valid or version in valid:
        return True
    return probe.fail(Reason.PROTOCOL, "Invalid HTTP version number", version=version)


def security_is_valid(probe: Probe, *, secure: bool) -> bool:
    """Judge whether the last answer came over TLS."""
    settings = probe.module.http
    if secure and settings.fail_if_ssl:
        return probe.fail("ssl", "Final request was over SSL")
    if not secure and settings.fail_if_not_ssl:
        return probe.fail("ssl", "Final request was not over SSL")
    return True
