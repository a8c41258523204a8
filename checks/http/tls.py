"""Whom we trust, and what a failed handshake means.

Rule: no socket; TLS runs over memory buffers, the connection moves the bytes.

OpenSSL verifies, in the one handshake there is. It knows private authorities as they are, which the
web profile of `cryptography.x509.verification` does not (it wants key identifiers and key usages
that home-made certificates lack), and a second connection without verification could reach
another server behind the same address. Since OpenSSL 3.0 the server's chain is stored before it is
verified, so that its facts can be read from a handshake that failed; with an older library they are
missing after a failure, and nothing else changes.
"""

import ssl
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache, partial

from vedette.checks.finding import Fact
from vedette.checks.http.reason import Reason
from vedette.checks.net import NetworkFailure
from vedette.checks.tls import Renewed, trust, trusted_paths
from vedette.checks.words import some

# openssl/x509_vfy.h
_EXPIRED = 10
_NOT_YET_VALID = 9
_NAME = frozenset({62, 64})  # host name, address
# openssl/ssl.h: ssl has it from Python 3.12 on
_LEGACY_SERVER_CONNECT = 0x4
_TOO_OLD = frozenset({"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Whom to trust, who we are, and which TLS to speak.

    *server_name* is verified and sent as SNI in place of the URL's host; *ca_file* is the only
    trust, instead of the system's. Without *min_version* it is TLS 1.2.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    verify: bool = True
    min_version: ssl.TLSVersion | None = None
    max_version: ssl.TLSVersion | None = None


def context(settings: TlsSettings, protocols: tuple[str, ...], name: str = "") -> ssl.SSLContext:
    """Return the context of *settings* that offers *protocols* by ALPN; or raise ValueError.

    It holds the certificate to the name of the server, unless *name* is one of those that `covers`
    is to be asked about. Built once each, and again when a file of theirs changes: reading the
    system's store costs 20 ms of CPU.
    """
    # OpenSSL lets no wildcard stand for an underscore; browsers, curl and Go do.
    return _renewed(settings, protocols, "_" not in name.partition(".")[0]).current()


@lru_cache(maxsize=4096)
def _renewed(
    settings: TlsSettings, protocols: tuple[str, ...], is_named: bool
) -> Renewed[ssl.SSLContext]:
    return _shared(replace(settings, server_name=None), protocols, is_named)


@lru_cache(maxsize=1024)
def _shared(
    settings: TlsSettings, protocols: tuple[str, ...], is_named: bool
) -> Renewed[ssl.SSLContext]:
    return Renewed(partial(built, settings, protocols, is_named=is_named), files(settings))


def files(settings: TlsSettings) -> tuple[str, ...]:
    """Return the paths of all that *settings* have read."""
    own = tuple(path for path in (settings.cert_file, settings.key_file) if path is not None)
    return (*own, *trusted_paths(settings.ca_file)) if settings.verify else own


def built(
    settings: TlsSettings, protocols: tuple[str, ...], *, is_named: bool = True
) -> ssl.SSLContext:
    """Return a new context by the files as they are now; or raise ValueError.

    Unless *is_named* it verifies the chain alone.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.set_alpn_protocols(list(protocols))
    _bound(made, settings)
    identify(made, settings)  # before the rest: what is wrong costs little then
    _trust(made, settings)
    made.check_hostname = is_named and settings.verify
    return made


def _bound(made: ssl.SSLContext, settings: TlsSettings) -> None:
    lowest, highest = settings.min_version, settings.max_version
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old TLS is asked for on purpose
        if lowest is not None:
            made.minimum_version = lowest
        if highest is not None:
            made.maximum_version = highest
    bounds = (lowest, highest)
    # Browsers open pages of servers without RFC 5746, though a stranger may speak before us where
    # such a server lets him renegotiate.
    made.options |= _LEGACY_SERVER_CONNECT
    is_old = any(bound is not None and bound < ssl.TLSVersion.TLSv1_2 for bound in bounds)
    # OpenSSL 3 has no TLS 1.1 without SHA-1. Python leaves out what some servers have alone, and
    # browsers and curl speak.
    made.set_ciphers(f"DEFAULT:@SECLEVEL={0 if is_old else 2}")


def _trust(made: ssl.SSLContext, settings: TlsSettings) -> None:
    if not settings.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        return
    made.hostname_checks_common_name = False  # RFC 9110 section 4.3.4; no browser does
    trust(made, settings.ca_file)


def identify(made: ssl.SSLContext, settings: TlsSettings) -> None:
    """Have *made* show the certificate of *settings*, if there is one; or raise ValueError."""
    if settings.cert_file is None:
        return
    try:
        # An encrypted key would otherwise be asked for at the terminal.
        made.load_cert_chain(settings.cert_file, settings.key_file, password=lambda: b"")
    except OSError as error:
        raise ValueError(
            f"cannot use the client certificate {settings.cert_file} with its key "
            f"{settings.key_file or settings.cert_file}: {error.strerror or error}"
        ) from error


_LACKS = ("unable to get local issuer", "unable to get issuer", "unable to verify the first")
"""What OpenSSL says of a certificate whose issuer it has not found."""


def failure(error: ssl.SSLError, server_name: str, known: dict[str, Fact]) -> NetworkFailure:
    """Say what a failed handshake means, with the certificate's own words from *known*."""
    if "no application protocol" in words(error):
        return NetworkFailure(Reason.PROTOCOL, "the server has no version of HTTP that we offer")
    if not isinstance(error, ssl.SSLCertVerificationError):
        return NetworkFailure(Reason.TLS_HANDSHAKE, f"TLS handshake failed: {words(error)}")
    code = error.verify_code
    if code == _EXPIRED:
        return NetworkFailure(Reason.TLS_EXPIRED, expired(known))
    if code == _NOT_YET_VALID:
        return NetworkFailure(Reason.TLS_EXPIRED, "a certificate is not valid yet")
    if code in _NAME:
        return NetworkFailure(Reason.TLS_NAME, misnamed(known, server_name))
    return NetworkFailure(Reason.TLS_UNTRUSTED, untrusted(known, error.verify_message))


def expired(known: Mapping[str, Fact]) -> str:
    """Say which certificate has expired, and when: one that is not needed may have long before."""
    leaf, ended = known.get("certificate_not_after"), known.get("verified_not_after")
    ended = ended or known.get("chain_not_after")
    if not isinstance(leaf, float) or not isinstance(ended, float):
        return "a certificate has expired"
    return f"{_whose(known, ended)} expired on {minute(ended)}"


def expires(known: Mapping[str, Fact], at: float) -> str:
    """Say which certificate ends *at* that time, which is to come."""
    return f"{_whose(known, at)} ends on {minute(at)}"


def _whose(known: Mapping[str, Fact], end: float) -> str:
    if known.get("certificate_not_after") == end:
        return "the certificate"
    if known.get("own_certificate_not_after") == end:
        return "our own certificate"
    sent = known.get("certificates_not_after")
    if isinstance(sent, Mapping) and end not in sent.values():
        return "the authority that we trust for it"
    return "a certificate of the issuing chain"


def minute(at: float) -> str:
    """Return a moment in epoch seconds as people read it."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def covers(known: Mapping[str, Fact], name: str) -> bool:
    """Whether the certificate is for *name*, or for all beside it (RFC 6125 section 6.4.3)."""
    names, parent = known.get("certificate_names"), name.partition(".")[2]
    wanted = {name, f"*.{parent}"} if "." in parent else {name}
    return isinstance(names, tuple) and not wanted.isdisjoint(each.lower() for each in names)


def misnamed(known: Mapping[str, Fact], server_name: str) -> str:
    """Say for whom the certificate is instead of *server_name*."""
    names = known.get("certificate_names")
    if isinstance(names, tuple) and server_name in names:
        return f"the certificate has {server_name} as a host name, not as an address"
    if names == ():
        subject = known.get("certificate_subject") or "nobody"
        return (
            f"the certificate of {subject} has no alternative names, so it is not for {server_name}"
        )
    return f"the certificate is for {_owner(known)}, not for {server_name}"


def untrusted(known: Mapping[str, Fact], why: str) -> str:
    """Say who issued the certificate that is not trusted, and whether it was shown without it.

    A server that is given the certificate without its chain is trusted by browsers, which know or
    fetch the rest, and by nobody else.
    """
    issuer = known.get("certificate_issuer", "its issuer")
    words = f"the certificate, issued by {issuer}, is not trusted: {why}"
    return f"{words}, and the server shows no intermediate" if _is_alone(known, why) else words


def _is_alone(known: Mapping[str, Fact], why: str) -> bool:
    """Whether the issuer is what lacks, and nothing but the certificate itself was shown."""
    sent = known.get("certificates_not_after")
    shown = len(sent) if isinstance(sent, Mapping) else 0
    own = known.get("certificate_issuer") == known.get("certificate_subject")
    return shown == 1 and not own and any(lack in why for lack in _LACKS)


def _owner(known: Mapping[str, Fact]) -> str:
    owners = known.get("certificate_names", ("nobody",))
    assert isinstance(owners, tuple)
    return some(owners)


def words(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason in plain words."""
    if error.reason in _TOO_OLD:
        return "no TLS version that both sides allow"
    if error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}:
        return "the port does not speak TLS"
    return error.reason.lower().replace("_", " ") if error.reason else str(error)
