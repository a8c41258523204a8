"""What `/probe` answers: the metrics of one probe as Prometheus's text format 0.0.4.

Rule: no I/O. Families are sorted by name, numbers are written as Go writes them.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import isfinite

from vedette.agent.blackbox.probe import Value

_HELP = {
    "probe_dns_additional_rrs": (
        "Returns number of entries in the additional resource record list"
    ),
    "probe_dns_answer_rrs": "Returns number of entries in the answer resource record list",
    "probe_dns_authority_rrs": "Returns number of entries in the authority resource record list",
    "probe_dns_duration_seconds": "Duration of DNS request by phase",
    "probe_dns_lookup_time_seconds": "Returns the time taken for probe dns lookup in seconds",
    "probe_dns_query_succeeded": "Displays whether or not the query was executed successfully",
    "probe_dns_serial": "Returns the serial number of the zone",
    "probe_duration_seconds": "Returns how long the probe took to complete in seconds",
    "probe_expect_info": "Explicit content matched",
    "probe_failed_due_to_cel": "Indicates if probe failed due to CEL expression not matching",
    "probe_failed_due_to_regex": "Indicates if probe failed due to regex",
    "probe_failure_info": "Why the probe failed, absent where it did not",
    "probe_http_content_length": "Length of http content response",
    "probe_http_duration_seconds": "Duration of http request by phase, summed over all redirects",
    "probe_http_last_modified_timestamp_seconds": (
        "Returns the Last-Modified HTTP response header in unixtime"
    ),
    "probe_http_redirects": "The number of redirects",
    "probe_http_ssl": "Indicates if SSL was used for the final redirect",
    "probe_http_status_code": "Response HTTP status code",
    "probe_http_uncompressed_body_length": "Length of uncompressed response body",
    "probe_http_version": "Returns the version of HTTP of the probe response",
    "probe_icmp_duration_seconds": "Duration of icmp request by phase",
    "probe_icmp_reply_hop_limit": "Replied packet hop limit (TTL for ipv4)",
    "probe_ip_addr_hash": (
        "Specifies the hash of IP address. It's useful to detect if the IP address changes."
    ),
    "probe_ip_protocol": "Specifies whether probe ip protocol is IP4 or IP6",
    "probe_ssl_earliest_cert_expiry": "Returns last SSL chain expiry in unixtime",
    "probe_ssl_last_chain_expiry_timestamp_seconds": ("Returns last SSL chain expiry in timestamp"),
    "probe_ssl_last_chain_info": "Contains SSL leaf certificate information",
    "probe_ssl_presented_cert_expiry_timestamp_seconds": (
        "When the first of the certificates that were presented ends, also where they were refused"
    ),
    "probe_success": "Displays whether or not the probe was a success",
    "probe_timeout_seconds": "Returns the timeout of the probe in seconds",
    "probe_tls_cipher_info": "Returns the TLS cipher negotiated during handshake",
    "probe_tls_version_info": "Returns the TLS version used or NaN when unknown",
}
_HEADS = {
    name: f"# HELP {name} {text}\n# TYPE {name} gauge\n{name}" for name, text in _HELP.items()
}


_MEASURED = frozenset(
    {
        "probe_dns_duration_seconds",
        "probe_dns_lookup_time_seconds",
        "probe_duration_seconds",
        "probe_http_duration_seconds",
        "probe_icmp_duration_seconds",
    }
)
"""What our clock says: nine digits tell all of it, and are written in half of seventeen's time."""


def render(metrics: Mapping[str, Value]) -> str:
    """Return *metrics*, gauges all, as text; one without any series is left out."""
    parts = []
    for name in _in_order(tuple(metrics)):
        value, written = metrics[name], measured if name in _MEASURED else number
        if isinstance(value, dict):
            between = _HEADS[name]
            for labels in _in_order(tuple(value)):
                parts.append(f"{between}{{{labels}}} {written(value[labels])}\n")
                between = name
        else:
            parts.append(f"{_HEADS[name]} {written(value)}\n")
    return "".join(parts)


@lru_cache(maxsize=1024)
def _in_order(names: tuple[str, ...]) -> Sequence[str]:
    """Return *names* sorted: a prober's are nearly always the same."""
    return sorted(names)


def measured(seconds: float) -> str:
    """Return seconds below a million that a clock has told, as `number` does, to nine digits."""
    return f"{seconds:.9g}"


def labels(**values: str) -> str:
    """Return the text between the braces of a series."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(values.items()))


def _escaped(text: str) -> str:
    text = text.encode(errors="replace").decode()
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def number(value: float) -> str:
    """Return *value* as Go's strconv.FormatFloat(value, 'g', -1, 64) does."""
    if type(value) is int and -1_000_000 < value < 1_000_000:
        return f"{value}"
    if -1e6 < value < 1e6:
        return repr(value).removesuffix(".0") if type(value) is float else str(int(value))
    return _great(value)


@lru_cache(maxsize=4096)
def _great(value: float) -> str:
    if not isfinite(value):
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"  # noqa: PLR0124
    # The shortest digits that read back as the same number.
    mantissa, _, exponent = next(
        text for n in range(17) if float(text := f"{value:.{n}e}") == float(value)
    ).partition("e")
    return f"{mantissa}e{exponent}"
