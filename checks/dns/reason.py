"""The closed list of what can be wrong with a DNS answer; each becomes a metric label."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a DNS look is not OK."""

    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    FORMERR = "formerr"
    NOTIMP = "notimp"
    OTHER_RCODE = "other_rcode"
    LAME = "lame"  # asked as an authority, it does not answer as one (RFC 1912 section 2.8)
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TRUNCATED = "truncated"  # over UDP, and TCP did not help
    MALFORMED = "malformed"
    MISMATCHED = "mismatched"  # only other questions are answered (RFC 5452 section 9.1)
    CNAME_LOOP = "cname_loop"
    TOO_FEW = "too_few"
    TOO_MANY = "too_many"
    WRONG_ANSWER = "wrong_answer"
    TTL = "ttl"
    DISAGREE = "disagree"
    SERIAL_LAG = "serial_lag"
    DELEGATION = "delegation"
    BOGUS = "bogus"
    SIGNATURE_EXPIRING = "signature_expiring"
