"""Who may read the listener: what a config leaves open, or shuts, by mistake.

Rule: it goes by the file as written, so that one run lists every fault.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vedette.agent.config.peers import PeerSettings
from vedette.agent.config.vantage import AgentSettings, ListenerTls, beside, is_loopback
from vedette.agent.document import Document, Place, Problem
from vedette.agent.secrets import SecretError, WeakError, token_of
from vedette.agent.serving.certificate import served
from vedette.checks.http.tls import TlsSettings, built

_MAKE = "openssl rand -hex 32 makes one"

Peers = Sequence[tuple[Place, PeerSettings]]


def faults(document: Document, folder: Path) -> Iterator[Problem]:
    """Return what is wrong with the credentials of *document*, which stands in *folder*."""
    read = [(place, PeerSettings.or_none(peer)) for place, peer in document.blocks("peers")]
    peers = [(place, peer) for place, peer in read if peer is not None]
    for place, peer in peers:
        yield from _mismatched(document, (*place, "client_cert"), peer, folder)
    agent = AgentSettings.or_none(document.written("agent"))
    if agent is None:
        return
    if agent.tls is not None:
        yield from _unserved(document, agent.tls, folder)
    yield from _guessable(document, agent, peers, folder)
    yield from _unknowable(document, agent, peers)
    if not (is_loopback(agent.endpoint.host) or agent.open_metrics or _guards(agent, peers)):
        yield document.problem(
            ("agent", "listen"),
            f"others reach {agent.listen}, and nobody has a credential: name the "
            f"file of a token in agent.token_file ({_MAKE}), or listen at 127.0.0.1",
        )


def _guards(agent: AgentSettings, peers: Peers) -> bool:
    """Whether anybody has a credential, so that what is served is of use to somebody."""
    certified = agent.tls is not None and agent.tls.client_ca_file is not None
    return agent.has_token or certified or any(peer.has_token for _, peer in peers)


def _mismatched(
    document: Document, place: Place, peer: PeerSettings, folder: Path
) -> Iterator[Problem]:
    """A client's certificate is of use only with its own key."""
    if peer.client_cert is not None:
        certificate, key = folder / peer.client_cert, beside(folder, peer.client_key)
        try:
            built(TlsSettings(cert_file=str(certificate), key_file=key, verify=False), ())
        except ValueError as error:
            yield document.problem(place, error)


def _unserved(document: Document, tls: ListenerTls, folder: Path) -> Iterator[Problem]:
    try:
        served(*tls.paths(folder))
    except ValueError as error:
        yield document.problem(("agent", "tls"), error)


def _guessable(
    document: Document, agent: AgentSettings, peers: Peers, folder: Path
) -> Iterator[Problem]:
    """Tokens that a stranger can guess, and a token that would make a peer a reader of all."""
    own: str | None = None
    owners: list[tuple[Place, AgentSettings | PeerSettings]] = [(("agent",), agent), *peers]
    for place, one in owners:
        key = "token_file" if one.token_file is not None else "token_env"
        try:
            token = token_of(one, folder)
        except WeakError as error:
            yield document.problem((*place, key), error)
            continue
        except SecretError:  # told already
            continue
        if one is agent:
            own = token
        elif token is not None and token == own:
            yield document.problem(
                (*place, key), "it is the agent's own token, by which people read all: "
                f"give every pair of agents a token of their own ({_MAKE})",
            )  # fmt: skip


def _unknowable(document: Document, agent: AgentSettings, peers: Peers) -> Iterator[Problem]:
    """A peer without a token needs somebody to vouch for its certificate."""
    if agent.tls is None or agent.tls.client_ca_file is None:
        for place, peer in peers:
            if not peer.has_token:
                yield document.problem(
                    place, f"nothing tells that it is {peer.name} who asks: give it a "
                    "token_file, or name who signs its certificate in agent.tls.client_ca_file",
                )  # fmt: skip
