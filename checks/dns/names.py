"""Domain names as people write them."""

import re

import dns.exception
import dns.name

from vedette.checks.net import is_address

# Wider than host names (RFC 2181 section 11): underscores, wildcards, the slash of RFC 2317.
_LABEL = re.compile(r"\*|[a-z0-9_-](?:[a-z0-9_/-]*[a-z0-9_-])?")


def spoken(name: dns.name.Name) -> str:
    """Return *name* as people write it: lower case, without the final dot, the root as a dot."""
    return name.to_text(omit_final_dot=True).lower()


def domain_name(text: str) -> str:
    """Return *text* as a DNS name in lower case without final dot; raise ValueError if it is none.

    Unicode becomes A-labels (RFC 5890); the root stays a dot.
    """
    if is_address(text):
        raise ValueError(f"{text!r} is an address, and a DNS check takes a name")
    try:
        name = spoken(dns.name.from_text(text))
    except dns.exception.DNSException as error:
        raise ValueError(f"{text!r} is not a DNS name: {str(error).rstrip('.')}") from error
    if not text or (name != "." and not all(map(_LABEL.fullmatch, name.split(".")))):
        raise ValueError(f"{text!r} is not a DNS name")
    return name
