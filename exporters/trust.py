"""Whom a receiver's certificate may be vouched for by."""

import ssl


def trusting(ca_file: str | None) -> ssl.SSLContext | None:
    """Return a context that trusts *ca_file* instead of the system's authorities; None is theirs.

    Names are verified in any case. Raises OSError where the file cannot be read.
    """
    return None if ca_file is None else ssl.create_default_context(cafile=ca_file)
