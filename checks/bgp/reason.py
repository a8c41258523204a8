"""Why a BGP finding is not OK: a closed list, since it becomes a metric label."""

from enum import StrEnum


class Reason(StrEnum):
    """What is wrong with a prefix, or why nothing can be said about it."""

    WITHDRAWN = "withdrawn"  # at most a fifth of the baseline's peers still hold it
    PARTIALLY_WITHDRAWN = "partially_withdrawn"  # at most a half
    FEED_STALE = "feed_stale"  # the feed is silent, or has lost most of the baseline's peers
    UNSEEDED = "unseeded"  # no table snapshot since the feed connected
