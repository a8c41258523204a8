"""The metrics about TLS, from the facts of a handshake.

Rule: no I/O. blackbox_exporter has none where the handshake failed; there, and only there, ours
still tell when the certificates that were presented end.
"""

from collections.abc import Mapping
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

from vedette.agent.blackbox.page import labels
from vedette.agent.blackbox.probe import Value
from vedette.checks.finding import Fact
from vedette.checks.net import is_address

NEVER = -62135596800.0
"""What Go's zero time is in Unix seconds: no chain was verified."""

# Go writes a name's parts in this order (crypto/x509/pkix, Name.String), whatever the certificate.
_ORDER = {
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.COMMON_NAME: "CN",
    NameOID.POSTAL_CODE: "POSTALCODE",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.COUNTRY_NAME: "C",
}


def presented(facts: Mapping[str, Fact]) -> dict[str, Value]:
    """Return what there is to say of the certificates alone, verified or not."""
    until = facts.get("chain_not_after")
    if not isinstance(until, float):
        return {}
    return {"probe_ssl_presented_cert_expiry_timestamp_seconds": until}


def shaken(facts: Mapping[str, Fact]) -> dict[str, Value]:
    """Return the metrics of a handshake that succeeded."""
    metrics = presented(facts)
    verified = facts.get("verified_not_after")
    expiry = verified if isinstance(verified, float) else NEVER
    metrics["probe_ssl_last_chain_expiry_timestamp_seconds"] = expiry
    if isinstance(until := facts.get("chain_not_after"), float):
        metrics["probe_ssl_earliest_cert_expiry"] = until
        metrics["probe_ssl_last_chain_info"] = {_leaf(facts): 1}
    version = str(facts.get("tls_version", "")).replace("TLSv", "TLS ")
    version = {"TLS 1": "TLS 1.0"}.get(version, version)
    metrics["probe_tls_version_info"] = {labels(version=version): 1}
    cipher = go_cipher(str(facts.get("tls_cipher", "")))
    metrics["probe_tls_cipher_info"] = {labels(cipher=cipher): 1}
    return metrics


def _leaf(facts: Mapping[str, Fact]) -> str:
    names = facts.get("certificate_names")
    hosts = [str(n) for n in names if not is_address(str(n))] if isinstance(names, tuple) else []
    return _labels(
        str(facts.get("certificate_sha256", "")),
        str(facts.get("certificate_issuer", "")),
        str(facts.get("certificate_serial", "")),
        str(facts.get("certificate_subject", "")),
        ",".join(hosts),
    )


@lru_cache(maxsize=1024)
def _labels(fingerprint: str, issuer: str, serial: str, subject: str, names: str) -> str:
    return labels(
        fingerprint_sha256=fingerprint,
        issuer=go_name(issuer),
        serialnumber=serial,
        subject=go_name(subject),
        subjectalternative=names,
    )


def go_name(text: str) -> str:
    """Return a distinguished name (RFC 4514) with its parts in Go's order, unknown ones last."""
    try:
        name = x509.Name.from_rfc4514_string(text)
    except ValueError:
        return text
    parts = []
    for oid, word in _ORDER.items():
        same = [x509.RelativeDistinguishedName([each]) for each in name.get_attributes_for_oid(oid)]
        written = [rdn.rfc4514_string({oid: word}) for rdn in same]
        if written:
            parts.append("+".join(written))
    others = [each for each in name if each.oid not in _ORDER]
    return ",".join([*parts, *(each.rfc4514_string() for each in others)])


_EXCHANGES = ("ECDHE-ECDSA-", "ECDHE-RSA-", "DHE-RSA-", "")
_SUITES = {
    "AES128-GCM-SHA256": "AES_128_GCM_SHA256",
    "AES256-GCM-SHA384": "AES_256_GCM_SHA384",
    "CHACHA20-POLY1305": "CHACHA20_POLY1305_SHA256",
    "AES128-SHA256": "AES_128_CBC_SHA256",
    "AES256-SHA256": "AES_256_CBC_SHA256",
    "AES128-SHA": "AES_128_CBC_SHA",
    "AES256-SHA": "AES_256_CBC_SHA",
    "AES256-SHA384": "AES_256_CBC_SHA384",
    "AES128-SHA384": "AES_128_CBC_SHA384",
    "DES-CBC3-SHA": "3DES_EDE_CBC_SHA",
}


def go_cipher(name: str) -> str:
    """Return OpenSSL's *name* of a cipher suite as IANA and Go call it."""
    for exchange in _EXCHANGES:
        suite = _SUITES.get(name.removeprefix(exchange))
        if name.startswith(exchange) and suite:
            return f"TLS_{(exchange or 'RSA-').replace('-', '_')}WITH_{suite}"
    return name
