"""The closed list of reasons an HTTP finding can have."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a look was not OK; a metric label, so no value is ever renamed."""

    DNS = "dns"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    UNREACHABLE = "unreachable"
    PROXY = "proxy"  # the one on the way could not be used, so that nothing was seen of the server
    TLS_HANDSHAKE = "tls_handshake"
    TLS_EXPIRED = "tls_expired"
    TLS_NAME = "tls_name"
    TLS_UNTRUSTED = "tls_untrusted"
    RESET = "reset"  # closed before the answer was complete, politely (FIN) or not (RST)
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    REDIRECT = "redirect"  # to nowhere, or once too often
    STATUS = "status"
    HEADER = "header"
    BODY = "body"
    JSON = "json"
    SLOW = "slow"
