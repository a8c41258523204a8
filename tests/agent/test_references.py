"""Files, variables and names that a config refers to: one line per fault, and no secret told."""

import errno
import os
from pathlib import Path

import pytest
import trustme

from vedette.agent.config import ConfigError, read
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.memory.lastgood import Generation, LastKnownGood
from vedette.agent.plan import make
from vedette.agent.secrets import ROUTING_KEY, SecretError, in_file, of_check
from vedette.checks.finding import Kind
from vedette.checks.http.settings import HttpSettings

CONFIG = """\
agent: {{name: fra-1, domain: {{provider: hetzner}}}}
services:
  - name: shop
    dns: [{{name: a.example}}, {{name: b.example, type: AAAA}}, {{name: a.example, type: MX}}]
    http:
      - {{url: "https://{host}/", {rules}}}
"""
SECRET = "hunter2"


def written(folder: Path, rules: str, host: str = "a.example") -> Path:
    path = folder / "vedette.yaml"
    path.write_text(CONFIG.format(rules=rules, host=host))
    return path


def fault(folder: Path, rules: str, host: str = "a.example") -> str:
    """Return the one fault, which is in the line of the check."""
    path = written(folder, rules, host)
    with pytest.raises(ConfigError) as refused:
        read(path)
    (problem,) = refused.value.problems
    assert problem.line == 6
    return problem.message


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where a secret, an empty file, two pairs and some nonsense lie."""
    for name in ("me", "other"):
        pair = trustme.CA().issue_cert(name)
        pair.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        pair.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text(f"{SECRET}\n{SECRET}\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_text(SECRET * 10_000)
    (tmp_path / "odd").write_bytes(b"\xff")
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("PROXY", f"http://me:{SECRET}@proxy.test:3128")
    monkeypatch.setenv("NO_PROXY_URL", f"socks5://me:{SECRET}@proxy.test:1080")
    monkeypatch.delenv("UNSET", raising=False)
    return tmp_path


GOOD = [
    "basic_auth: {username: me, password_file: secret}",
    "bearer: {token_env: SECRET}",
    "oauth2: {token_url: 'https://b.example/', client_id: me, client_secret_file: secret}",
    "client_cert: me.pem, client_key: me.key",
    "proxy_env: PROXY",
    "method: POST, request_body_file: empty",
    "at: last-known-good",
    "at: [name, last-known-good], last_known_good_of: B.example.",
]


@pytest.mark.parametrize("rules", GOOD)
def test_what_is_there_is_taken(folder: Path, rules: str) -> None:
    """A check whose files, variables and names are there can be built."""
    path = written(folder, rules)

    assert make(read(path), folder, LastKnownGood(), lambda: 0.0).checks


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (
            "basic_auth: {username: me, password_file: none}",
            "none cannot be read (No such file or directory): it should hold a secret",
        ),
        ("bearer: {token_file: folder}", "folder cannot be read (Is a directory): it"),
        ("bearer: {token_file: large}", "large cannot be read (larger than 65536 bytes): it"),
        ("bearer: {token_file: fifo}", "fifo cannot be read: it is not a regular file"),
        ("method: POST, request_body_file: fifo", "fifo cannot be read: it is not a regular"),
        ("client_cert: fifo, client_key: me.key", "fifo cannot be read: it is not a regular"),
        ("ca_file: secret", "secret holds no PEM certificate"),
        ("ca_file: fifo", "fifo cannot be read: it is not a regular file"),
        ("bearer: {token_file: odd}", "odd cannot be read (not UTF-8): it"),
        ("bearer: {token_file: ''}", "token_file: is empty: name a file"),
        ("bearer: {token_env: ''}", "token_env: is empty: name a variable"),
        ("basic_auth: {username: me, password_file: empty}", "should have one line of text"),
        ("bearer: {token_file: two}", "should have one line of text"),
        ("bearer: {token_env: UNSET}", "UNSET is not set"),
        ("bearer: {token_env: EMPTY}", "should have one line of text"),
        ("proxy_file: secret", "http://USER:PASSWORD@HOST:PORT"),
        ("proxy_env: NO_PROXY_URL", "http://USER:PASSWORD@HOST:PORT"),
        ("client_cert: me.pem, client_key: other.key", "cannot use the client certificate"),
        ("client_cert: me.pem, client_key: none", "No such file"),
        ("client_cert: me.pem", "cannot use the client certificate"),
        ("method: POST, request_body_file: none", "cannot be read: No such file"),
    ],
)
def test_what_is_missing_is_told(folder: Path, rules: str, words: str) -> None:
    """A file or a variable that is not as it should be is a fault that names it, and its key."""
    message = fault(folder, rules)

    assert words in message
    assert message.startswith("services.0.http.0.")
    assert SECRET not in message


@pytest.mark.parametrize(
    ("rules", "host", "name"),
    [
        ("at: last-known-good", "c.example", "c.example"),
        ("at: [name, last-known-good]", "c.example", "c.example"),
        ("last_known_good_of: c.example", "a.example", "c.example"),
    ],
)
def test_a_name_that_nobody_remembers(folder: Path, rules: str, host: str, name: str) -> None:
    """Last-known-good addresses of a name without a dns check are a dangling name."""
    assert f"no dns check looks at {name} A or AAAA" in fault(folder, rules, host)


def test_a_secret_behind_links_is_read(folder: Path) -> None:
    """A file may be reached by links, as Kubernetes mounts secrets."""
    (folder / "..1").mkdir()
    (folder / "..1" / "token").write_text(SECRET)
    (folder / "..data").symlink_to("..1")
    (folder / "token").symlink_to("..data/token")

    assert in_file(folder / "token") == SECRET


def test_a_secret_that_is_not_permitted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that belongs to another user is told as that; the tests' user may be root."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SecretError, match=r"cannot be read \(Permission denied\): it should hold"):
        in_file(folder / "secret", ROUTING_KEY)


def test_secrets_are_read(folder: Path) -> None:
    """Each secret comes from where the settings say, without the newline at its end."""
    settings = HttpSettings(
        url="https://a.example/",
        basic_auth={"username": "me", "password_file": "secret"},
        proxy_env="PROXY",
    )
    secrets = of_check(settings, folder)

    assert secrets.credential == SECRET
    assert secrets.proxy == f"http://me:{SECRET}@proxy.test:3128"


@pytest.mark.parametrize(
    ("rules", "remembered"),
    [
        ("status: 200", ["192.0.2.1"]),
        ("at: last-known-good, last_known_good_of: b.example", ["2001:db8::1"]),
        ("at: name", []),
    ],
)
def test_remembered_addresses_are_wired(folder: Path, rules: str, remembered: list[str]) -> None:
    """A check looks at the last-known-good addresses of its host, or of the name that it says."""
    good = LastKnownGood(
        [
            Generation("a.example", "A", ("192.0.2.1",), 0, 0, whole=True),
            Generation("b.example", "AAAA", ("2001:db8::1",), 0, 0, whole=True),
        ]
    )
    plan = make(read(written(folder, rules)), folder, good, lambda: 0.0)
    (check,) = [planned.check for planned in plan.checks if planned.key.kind is Kind.HTTP]

    assert [look.subject for look in check.looks() if look.place == "address"] == remembered


@pytest.mark.parametrize(
    ("host", "rules"),
    [
        ("xn--bro-hoa.example", "at: last-known-good"),
        ("a.example", "at: last-known-good, last_known_good_of: büro.example"),
    ],
)
def test_a_name_and_its_punycode_are_remembered_as_one(folder: Path, host: str, rules: str) -> None:
    """A URL has to be in punycode, and the name that is looked at has not."""
    path = written(folder, rules, host)
    path.write_text(path.read_text().replace("b.example, type", "büro.example, type"))
    held = Generation("xn--bro-hoa.example", "AAAA", ("2001:db8::1",), 0, 0, whole=True)
    plan = make(read(path), folder, LastKnownGood([held]), lambda: 0.0)
    (check,) = [planned.check for planned in plan.checks if planned.key.kind is Kind.HTTP]

    assert [look.subject for look in check.looks()] == ["2001:db8::1"]


DOWN, CERTIFICATE = Diagnosis.SERVICE_DOWN, Diagnosis.CERTIFICATE_INVALID


@pytest.mark.parametrize(
    ("rules", "scheme", "beyond"),
    [
        ("status: 200", "https", set()),
        ("at: every", "https", {DOWN}),
        ("standby: true", "https", {DOWN}),
        ("status: 200", "http", {CERTIFICATE}),
        ("redirects: 1", "http", set()),
    ],
)
def test_diagnoses_follow_from_where_it_looks(
    folder: Path, rules: str, scheme: str, beyond: set[Diagnosis]
) -> None:
    """A diagnosis has an alarm only where the check can show it."""
    path = written(folder, rules)
    path.write_text(path.read_text().replace("https:", f"{scheme}:"))
    given = {rule.diagnosis for rule in make(read(path), folder, LastKnownGood(), float).rules}

    assert {DOWN, CERTIFICATE, Diagnosis.SERVICE_DEGRADED} - given == beyond
