"""What an alert says: the words of a page, as far as metrics know them.

Rule: pure. Templates of Prometheus, which asks for the numbers when an alert fires.
https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
"""

from collections.abc import Mapping

from vedette.agent.diagnoses import dns
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.rules.promql import quoted
from vedette.checks.bgp.reason import Reason as BgpReason
from vedette.checks.dns.reason import Reason as DnsReason
from vedette.checks.dns.server import Place as DnsPlace
from vedette.checks.http.places import Place as HttpPlace

_SUBJECT = "{{ $labels.subject }}"
_SERVER, _RESOLVER = DnsPlace.AUTHORITATIVE, DnsPlace.RECURSIVE
_AUTHORITIES = "authoritative servers"


def summary(diagnosis: str) -> str:
    """Return the first line of a page about *diagnosis*."""
    return f"{{{{ $labels.diagnosis }}}}: {_CAUSES[Diagnosis(diagnosis)]}"


def composite_summary(rule: str) -> str:
    """Return the first line of a page about an alarm of the user's own, which has *rule*."""
    return f"{{{{ $labels.diagnosis }}}}: its rule holds: {literal(rule)}"


def literal(text: str) -> str:
    """Return a template that shows *text* as it is, whatever braces it has."""
    return f"{{{{ {quoted(text)} }}}}" if "{{" in text else str(text)


def _asked(query: str, shown: str = "{{ . | first | value }}") -> str:
    """Return a template that shows what *query* finds; %q in it are the service and the check."""
    asked = f"printf {quoted(query)} $labels.service $labels.subject | query"
    return f"{{{{ with {asked} }}}}{shown}{{{{ end }}}}"


def _seen(metric: str, matchers: str) -> str:
    """Return the series that are 1 at vantages that see: at a blind one all looks fail."""
    series = f"{metric}{{service=%[1]q,check=%[2]q,{matchers}}} == 1"
    return f"({series} unless on (job, instance) vedette_vantage_sighted == 0)"


def _count(metric: str, matchers: str) -> str:
    """Return a template of how many subjects have a series that is 1; 0 where none has."""
    return _asked(f"count(count by (subject, place) {_seen(metric, matchers)}) or vector(0)")


def _share(place: str, what: str, reasons: tuple[str, ...] = ()) -> str:
    """Return a template of how many of how many at a place fail, for one of *reasons*."""
    at = f'place="{place}"'
    bad = f'reason=~"{_any(reasons)}",{at}' if reasons else at
    failing = (
        _count("vedette_probe_failure_info", bad)
        if reasons
        else _count("vedette_probe_state", f'{at},state="FAILING"')
    )
    return f"{failing} of {_count('vedette_probe_state', at)} {what}"


def _which(matchers: str) -> str:
    """Return a template of who fails, and for what."""
    query = f"count by (subject, reason) {_seen('vedette_probe_failure_info', matchers)}"
    row = "{{ $row.Labels.subject }}: {{ $row.Labels.reason }}"
    each, comma = 'range $i, $row := sortByLabel "subject" .', "{{ if $i }}, {{ end }}"
    return _asked(query, f" ({{{{ {each} }}}}{comma}{row}{{{{ end }}}})")


def _served(reasons: tuple[str, ...], *, told: bool = False) -> str:
    """Return a template of how many authoritative servers fail, or resolvers where these alone do.

    Who fails for what is *told*, or not.
    """
    failing = {
        place: _seen("vedette_probe_failure_info", f'reason=~"{_any(reasons)}",place="{place}"')
        for place in (_SERVER, _RESOLVER)
    }
    alone = f"{failing[_RESOLVER]} unless on () {failing[_SERVER]}"
    shares = [
        _share(place, what, reasons) + (_which(f"place={quoted(place)}") if told else "")
        for place, what in ((_RESOLVER, "resolvers"), (_SERVER, _AUTHORITIES))
    ]
    return _asked(alone, f"{shares[0]}{{{{ else }}}}{shares[1]}")


def _any(reasons: tuple[str, ...]) -> str:
    return "|".join(map(str, reasons))


def _route(reason: BgpReason) -> str:
    """Return a template of who still has a prefix, or how many see what is foreign."""
    if reason in (BgpReason.ORIGIN, BgpReason.MORE_SPECIFIC, BgpReason.PATH):
        query = (
            "max(vedette_bgp_foreign_peer_ases{service=%q,check=%q," + f'reason="{reason}"' + "})"
        )
        return f"{_asked(query)} peer ASes"
    query = "min(vedette_bgp_visibility_ratio{service=%q,check=%q})"
    return _asked(query, "{{ . | first | value | humanizePercentage }}") + " of its peers"


_ANSWERING = f'vedette_probe_state{{service=%q,check=%q,place="{_SERVER}",state="OK"}} == 1'
_ENDS = "min(vedette_tls_certificate_expiry_timestamp_seconds{service=%q,check=%q})"
_CAUSES: Mapping[Diagnosis, str] = {
    Diagnosis.RECORD_EMPTIED: f"{_SUBJECT} is empty at {_served(dns.EMPTY)}",
    Diagnosis.AUTHORITATIVE_DOWN: f"{_SUBJECT} fails at {_served(dns.DOWN, told=True)}",
    Diagnosis.WRONG_ANSWER: (
        f"{_SUBJECT} is wrong at {_share(_SERVER, _AUTHORITIES, dns.WRONG)} and "
        f"{_share(_RESOLVER, 'resolvers', dns.WRONG)}"
    ),
    Diagnosis.RESOLVER_FAULT: (
        f"{_SUBJECT} fails at {_share(_RESOLVER, 'resolvers')}"
        f"{_which('place=' + quoted(_RESOLVER))}"
        f"{_asked(_ANSWERING, ', while authoritative servers answer')}"
    ),
    Diagnosis.DNSSEC_BOGUS: (
        f"{_SUBJECT} is bogus at "
        f"{_share(_RESOLVER, 'resolvers', (DnsReason.BOGUS,))}, or its chain of trust is "
        "broken"
    ),
    Diagnosis.PARENT_DNSSEC_BOGUS: (
        f"{_SUBJECT} is bogus, and its chain of trust is broken above its zone"
    ),
    Diagnosis.DELEGATION_CHANGED: (
        f"the delegation of the zone of {_SUBJECT} is no longer the last known good one"
    ),
    Diagnosis.PREFIX_WITHDRAWN: (
        f"{_SUBJECT} is reached by an expected origin by {_route(BgpReason.WITHDRAWN)}"
    ),
    Diagnosis.PREFIX_PARTIALLY_WITHDRAWN: (
        f"{_SUBJECT} is reached by an expected origin by {_route(BgpReason.PARTIALLY_WITHDRAWN)}"
    ),
    Diagnosis.ORIGIN_HIJACK: (
        f"{_SUBJECT} is originated by a foreign AS at {_route(BgpReason.ORIGIN)}"
    ),
    Diagnosis.SUBPREFIX_HIJACK: (
        f"{_SUBJECT} contains a foreign part at {_route(BgpReason.MORE_SPECIFIC)}"
    ),
    Diagnosis.ROUTE_LEAK: (f"{_SUBJECT} is passed on by a foreign AS at {_route(BgpReason.PATH)}"),
    Diagnosis.RPKI_INVALID: f"the own route of {_SUBJECT} is invalid by the RPKI",
    Diagnosis.CERTIFICATE_INVALID: (
        f"the certificate of {_SUBJECT} is refused or ends soon"
        f"{_asked(_ENDS, ' (at {{ . | first | value | humanizeTimestamp }})')}"
    ),
    Diagnosis.SERVICE_DOWN: f"{_SUBJECT} fails{_which('place=' + quoted(HttpPlace.NAME))}",
    Diagnosis.SERVICE_DEGRADED: (
        f"{_SUBJECT} fails at {_share(HttpPlace.ADDRESS, 'addresses')}"
        f"{_which('place!=' + quoted(HttpPlace.NAME))}, or now and then"
    ),
    Diagnosis.REGIONAL_FAILURE: f"{_SUBJECT} fails from one region",
    Diagnosis.VANTAGE_BLIND: f"{_SUBJECT} sees none of the internet it checks itself by",
    Diagnosis.FEED_STALE: f"{_SUBJECT} is silent: nothing is said about prefixes by it",
}
