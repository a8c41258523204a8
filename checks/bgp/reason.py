"""Why a BGP finding is not OK: a closed list, since it becomes a metric label."""

from enum import StrEnum


class Reason(StrEnum):
    """What is wrong with a prefix, or why nothing can be said about it."""

    WITHDRAWN = "withdrawn"  # at most a fifth of the baseline's peers still hold it
    PARTIALLY_WITHDRAWN = "partially_withdrawn"  # at most a half
    ORIGIN = "origin"  # a foreign AS originates it
    MORE_SPECIFIC = "more_specific"  # a part of it is announced that nobody announced on purpose
    PATH = "path"  # a foreign AS passes it on for its origin
    RPKI_INVALID = "rpki_invalid"  # its own announcement is invalid by RFC 6811
    FEED_STALE = "feed_stale"  # the feed is silent, or has lost most of the baseline's peers
    UNSEEDED = "unseeded"  # no table snapshot since the feed connected, or one of too few peers
