"""The metrics of peers, word for word: names, labels and values are promises."""

from vedette.agent.config import Domain, PeerSettings
from vedette.agent.peers.standing import Standing
from vedette.agent.peers.telemetry import peers
from vedette.agent.peers.wire import Refusal
from vedette.exporters.metrics import render


def peer(name: str) -> PeerSettings:
    """Return a peer of this name."""
    domain = Domain(provider="digitalocean")
    return PeerSettings(name=name, url="https://x.test", domain=domain, token_env="X")


def samples(*standings: Standing) -> list[str]:
    """Return the lines that are no comments."""
    text = "".join(render([*peers(standings, 100.0)]))
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_what_is_told_of_peers():
    """One that is heard has an age and an offset, one that never was has neither."""
    heard = Standing(peer("nyc-1"), error="", heard_at=97.5, offset=-3600.0, documents=7)
    heard.refused[Refusal.UNKNOWN_CHECK] = 2
    assert samples(heard, Standing(peer("sgp-1"))) == [
        'vedette_peer_clock_offset_seconds{peer="nyc-1"} -3600.0',
        'vedette_peer_documents_total{peer="nyc-1"} 7',
        'vedette_peer_documents_total{peer="sgp-1"} 0',
        *(
            f'vedette_peer_refused_total{{peer="{name}",reason="{reason}"}} '
            f"{2 if (name, reason) == ('nyc-1', 'unknown_check') else 0}"
            for name in ("nyc-1", "sgp-1")
            for reason in ("version", "malformed", "stranger", "too_large", "unknown_check")
        ),
        'vedette_peer_up{peer="nyc-1"} 1.0',
        'vedette_peer_up{peer="sgp-1"} 0.0',
        'vedette_peer_word_age_seconds{peer="nyc-1"} 2.5',
    ]


def test_an_agent_alone_tells_nothing_of_peers():
    """Where there are no peers, there is no family of theirs."""
    assert samples() == []
