"""Peers and credentials of a config: each fault is told with its line, and without a secret."""

from pathlib import Path

import pytest
import trustme

from vedette.agent.cli import main
from vedette.agent.config import ConfigError, read

TOKEN, SHARED = "own 0123456789abcdef", "peer 0123456789abcdef"
DOMAIN = "domain: {provider: digitalocean}"
NYC = f"name: nyc-1, url: 'https://nyc-1.test:9469', {DOMAIN}"
TLS = "tls: {cert_file: me.pem, key_file: me.key, client_ca_file: me.pem}"


def written(folder: Path, agent: str = "", *peers: str) -> Path:
    """Write a config whose agent is in line 1 and whose peers begin in line 6."""
    path = folder / "vedette.yaml"
    lines = [
        f"agent: {{name: fra-1, domain: {{provider: hetzner}}, {agent}}}",
        "services:",
        "  - name: shop",
        "    dns: [{name: a.test}]",
        "peers:" if peers else "peers: []",
        *(f"  - {{{peer}}}" for peer in peers),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def faults(path: Path) -> list[tuple[int, str]]:
    with pytest.raises(ConfigError) as refused:
        read(path)
    return [(problem.line, problem.message) for problem in refused.value.problems]


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make tokens, a short one too, and two pairs."""
    made = tmp_path_factory.mktemp("papers")
    for name, secret in (("own", TOKEN), ("peer", SHARED), ("short", "hunter2")):
        (made / f"{name}.token").write_text(f"{secret}\n")
    for name in ("me", "other"):
        pair = trustme.CA().issue_cert(name)
        pair.private_key_pem.write_to_path(made / f"{name}.key")
        pair.cert_chain_pems[0].write_to_path(made / f"{name}.pem")
    (made / "nonsense.pem").write_text("nonsense")
    return made


@pytest.fixture
def folder(papers: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where they lie, with the same in the environment."""
    monkeypatch.setenv("SHARED", SHARED)
    monkeypatch.setenv("SHORT", "hunter2")
    monkeypatch.delenv("UNSET", raising=False)
    return papers


@pytest.mark.parametrize(
    ("agent", "peers"),
    [
        ("", [f"{NYC}, token_file: peer.token"]),
        ("", [f"{NYC}, token_env: SHARED, ca_file: me.pem"]),
        ("", [f"name: nyc-1, url: 'http://10.0.0.2:9469/vedette/', {DOMAIN}, token_env: SHARED"]),
        (TLS, [f"{NYC}, client_cert: me.pem, client_key: me.key"]),
        ("listen: '0.0.0.0:9469', token_file: own.token", []),
        ("listen: '[::]:9469', open_metrics: true", []),
        ("listen: '0.0.0.0:9469'", [f"{NYC}, token_file: peer.token"]),
        (f"listen: '0.0.0.0:9469', {TLS}", []),
        ("listen: 'localhost:9469'", []),
        ("listen: '[::1]:9469'", []),
    ],
)
def test_what_is_sound(folder, agent, peers):
    """Each way to open a listener to somebody, and to name a peer, is valid."""
    assert len(read(written(folder, agent, *peers)).peers) == len(peers)


@pytest.mark.parametrize(
    ("agent", "line", "words"),
    [
        (
            "listen: '0.0.0.0:9469'",
            1,
            "agent.listen: others reach 0.0.0.0:9469, and nobody has a credential: name the file "
            "of a token in agent.token_file (openssl rand -hex 32 makes one), or listen at 127.0",
        ),
        ("listen: 'vedette.test:9469'", 1, "agent.listen: others reach vedette.test:9469"),
        ("token_file: own.token, token_env: SHARED", 1, "agent: give one of token_file and tok"),
        ("token_file: none.token", 1, "agent.token_file: "),
        ("token_env: UNSET", 1, "agent.token_env: environment variable UNSET is not set"),
        ("token_file: short.token", 1, "agent.token_file: the token in short.token can be guess"),
        ("token_env: SHORT", 1, "agent.token_env: the token in environment variable SHORT can be"),
        ("tls: {cert_file: me.pem}", 1, "agent.tls.key_file: is required"),
        (
            "tls: {cert_file: me.pem, key_file: other.key}",
            1,
            "agent.tls: cannot use the certificate ",
        ),
        (
            "tls: {cert_file: me.pem, key_file: me.key, client_ca_file: nonsense.pem}",
            1,
            "agent.tls.client_ca_file: ",
        ),
        ("open_metrics: maybe", 1, "agent.open_metrics: expected true or false"),
    ],
)
def test_faults_of_the_agent(folder, agent, line, words):
    """What leaves a listener open to all, or shut to all, is told where it is written."""
    found = faults(written(folder, agent))
    assert found[0][0] == line
    assert found[0][1].startswith(words), found


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        (NYC, "peers.0: peer nyc-1 has no credential: name the file of a token that both agents"),
        (f"{NYC}, token_file: peer.token, token_env: SHARED", "peers.0: give one of token_file"),
        (f"{NYC}, token_file: short.token", "peers.0.token_file: the token in short.token can be"),
        (f"{NYC}, token_file: none.token", "peers.0.token_file: "),
        (f"{NYC}, token_file: own.token", "peers.0.token_file: it is the agent's own token, by"),
        (f"{NYC}, token_file: peer.token, ca_file: nonsense.pem", "peers.0.ca_file: "),
        (f"{NYC}, client_cert: me.pem, client_key: me.key", "peers.0: nothing tells that it is n"),
        (
            f"{NYC}, token_file: peer.token, client_cert: me.pem, client_key: other.key",
            "peers.0.client_cert: cannot use the client certificate ",
        ),
        (f"{NYC}, token_file: peer.token, client_key: me.key", "peers.0: client_key is of no use"),
        (
            f"name: nyc-1, url: 'http://nyc-1.test', {DOMAIN}, token_file: peer.token, "
            "ca_file: me.pem",
            "peers.0: ca_file and client_cert need a url that begins with https://",
        ),
        (
            f"name: nyc-1, url: 'nyc-1.test:9469', {DOMAIN}, token_file: peer.token",
            "peers.0.url: expected http://HOST:PORT or https://HOST:PORT",
        ),
        (
            f"name: nyc-1, url: 'https://me:{SHARED}@nyc-1.test', {DOMAIN}, token_env: SHARED",
            "peers.0.url: no user name or password in a URL, which messages may show: "
            "secrets go to token_file",
        ),
        (
            f"name: nyc-1, url: 'me:{SHARED}@nyc-1.test', {DOMAIN}, token_env: SHARED",
            "peers.0.url: no user name or password in a URL, which messages may show: "
            "secrets go to token_file",
        ),
        (
            f"name: nyc-1, url: 'https://nyc-1.test/?q', {DOMAIN}, token_env: SHARED",
            "peers.0.url: expected scheme, host, port and path alone: secrets go to token_file",
        ),
        (
            f"name: nyc-1, url: 'https://nyc-1.test/metrics/', {DOMAIN}, token_env: SHARED",
            "peers.0.url: /api/v1/observations is added to it: leave out /metrics or /api",
        ),
        (
            f"name: nyc-1, url: 'https://nyc-1.test:99999', {DOMAIN}, token_env: SHARED",
            "peers.0.url: the port is no number from 0 to 65535",
        ),
        ("name: nyc-1, url: 'https://nyc-1.test', token_env: SHARED", "peers.0.domain: is requi"),
        (f"{NYC}, token_file: peer.token, colour: blue", "peers.0.colour: unknown key"),
        (
            f"name: fra-1, url: 'https://x.test', {DOMAIN}, token_env: SHARED",
            "peers.0.name: fra-1 is this agent itself: list the others alone",
        ),
        (
            f"name: shop, url: 'https://x.test', {DOMAIN}, token_env: SHARED",
            "services.0.name: shop is taken by the agent itself: rename it",
        ),
    ],
)
def test_faults_of_a_peer(folder, peer, words):
    """What is wrong with a peer is told in its line, and by its place in the list."""
    found = faults(written(folder, "token_file: own.token", peer))
    assert any(message.startswith(words) for _, message in found), found
    assert {line for line, message in found if message.startswith("peers")} <= {6}
    for secret in (TOKEN, SHARED, "hunter2"):
        assert not any(secret in message for _, message in found)


def test_two_peers_of_one_name(folder):
    """Of two peers with one name, one would be unheard: the second is named with its line."""
    peer = f"{NYC}, token_file: peer.token"
    assert faults(written(folder, "", peer, peer)) == [
        (7, "peer nyc-1 is given twice (first in line 6): rename or remove one")
    ]


@pytest.mark.parametrize(
    ("agent", "peers", "note"),
    [
        (
            "listen: '0.0.0.0:9469'",
            [f"{NYC}, token_file: peer.token"],
            "no agent.token_file: nobody can read the status page or the metrics",
        ),
        (
            "listen: '0.0.0.0:9469', open_metrics: true",
            [],
            "no agent.token_file: nobody can read the status page",
        ),
        (
            "listen: '0.0.0.0:9469', token_file: own.token",
            [],
            "no agent.tls: tokens pass the network in the clear",
        ),
        (
            "listen: '[::]', token_file: own.token",
            [],
            "no agent.url: pages lead to http://[::]:9469/, where nobody is",
        ),
        (
            "",
            [f"name: nyc-1, url: 'http://10.0.0.2:9469', {DOMAIN}, token_file: peer.token"],
            "peer nyc-1: the token passes the network in the clear: use https",
        ),
    ],
)
def test_what_is_worth_a_note(folder, agent, peers, note, capsys):
    """What is valid and may be a mistake is told by `vedette validate`."""
    path = written(folder, agent, *peers)
    assert main(["validate", str(path)]) == 0
    assert f"{path}: note: {note}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9469/"),
        ("127.0.0.1:80", "http://127.0.0.1:80/"),
        ("::1", "http://[::1]:9469/"),
        ("[::1]:8080", "http://[::1]:8080/"),
    ],
)
def test_pages_lead_to_the_listener(folder, listen, url):
    """Where the config has no url, the link on every page has the port that is listened at."""
    assert read(written(folder, f"listen: '{listen}'")).agent.status_url == url


def test_a_url_of_ones_own_is_worth_no_note(folder, capsys):
    """An agent that listens at all addresses, and says where it is reached, is told nothing."""
    said = "listen: '0.0.0.0', token_file: own.token, url: 'https://fra-1.example.net/'"
    assert main(["validate", str(written(folder, said))]) == 0
    assert "agent.url" not in capsys.readouterr().out
