"""What any source says of routes, in one vocabulary.

Within one BGP UPDATE withdrawals come first, and a prefix both withdrawn and announced is only
announced (RFC 4271 section 3.1). Prefixes are canonical; times are the source's epoch seconds.
NamedTuples, because they are made by the ten thousand a second.
"""

from typing import NamedTuple

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer

END_OF_TIME = 2.0**32
"""Epoch seconds from which on nothing is believed, as milliseconds: they are kept in 32 bits."""


class Announce(NamedTuple):
    """A peer with AS number *asn* holds *prefix* by *path*, which is never empty."""

    peer: Peer
    asn: int
    prefix: str
    path: Path
    at: float


class Withdraw(NamedTuple):
    """A peer holds no route to *prefix* any more."""

    peer: Peer
    asn: int
    prefix: str
    at: float


class PeerState(NamedTuple):
    """A peer's session with its collector went up or down."""

    peer: Peer
    up: bool
    at: float


class EndOfRib(NamedTuple):
    """A peer has sent its whole table of IP *version* 4 or 6 (RFC 4724 section 2).

    Of a dump, *whole_at* is the time as of which it tells all: what the peer had been heard to hold
    before, and the dump does not list, is gone. It is None where that cannot be told. *early*: the
    session had just begun, so that it may be the end of what there was by then.
    """

    peer: Peer
    version: int
    at: float
    whole_at: float | None = None
    early: bool = False


class Unlisted(NamedTuple):
    """A dump that tells all as of *whole_at* has nothing of a peer that the one before it had.

    Its session may be down: what it held in IP *version* by then is unknown.
    """

    peer: Peer
    version: int
    at: float
    whole_at: float


class CollectorDown(NamedTuple):
    """Nothing is known of a collector's peers any more, as when a router's BMP session closed."""

    collector: str
    at: float


Update = Announce | Withdraw | PeerState | EndOfRib | Unlisted | CollectorDown
