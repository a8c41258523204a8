"""The metric families of peers: who is heard, and what of their word was refused."""

from collections.abc import Iterator, Sequence

from vedette.agent.peers.standing import Standing
from vedette.agent.peers.wire import Refusal
from vedette.exporters.metrics import Family, Labels, counter, gauge


def peers(standings: Sequence[Standing], now: float) -> Iterator[Family]:
    """Return the families of *standings* as of *now*; none where there are no peers."""
    if not standings:
        return
    known = [(Labels(peer=one.peer.name), one) for one in standings]
    yield gauge(
        "vedette_peer_up",
        "1 while the peer answers what it is asked.",
        [(labels, float(one.is_up)) for labels, one in known],
    )
    yield gauge(
        "vedette_peer_word_age_seconds",
        "How long ago the peer wrote its newest answer; missing until there is one.",
        [
            (labels, max(0.0, now - one.heard_at)) if one.heard_at is not None else None
            for labels, one in known
        ],
    )
    yield gauge(
        "vedette_peer_clock_offset_seconds",
        "How far the peer's clock is ahead of this agent's; nothing depends on it.",
        [(labels, one.offset) if one.offset is not None else None for labels, one in known],
    )
    yield counter(
        "vedette_peer_documents_total",
        "Answers of the peer that were taken in.",
        [(labels, one.documents) for labels, one in known],
    )
    yield counter(
        "vedette_peer_refused_total",
        "What the peer told and this agent did not take: documents, or rounds of a check.",
        [
            (labels.also(reason=reason), one.refused[reason])
            for labels, one in known
            for reason in Refusal
        ],
    )
