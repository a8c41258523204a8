"""Passwords in URLs of a config: refused where they are written, allowed where they are kept."""

from pathlib import Path

import pytest

from tests.agent.test_config import MINIMAL, config, faults

SECRET = "5ec2e7"
ELSEWHERE = "put it into url_file or url_env"

WRITTEN = {
    "a DNS server": (
        "controls: {dns: [{name: a.example, servers: ['https://u:5ec2e7@d.example/dns-query']}]}",
        "controls.dns.0.servers: a server has no user name or password: remove what stands before",
    ),
    "a resolver of pagers": (
        "paging: {resolvers: ['u:5ec2e7@192.0.2.1']}",
        "paging.resolvers.0: a server has no user name or password: remove what stands before",
    ),
    "RIS Live": ("feeds: [{ris_live: {url: 'wss://u:5ec2e7@r.example'}}]", "url: no user name"),
    "its seed": ("feeds: [{ris_live: {seed: 'http://u:5ec2e7@r.example'}}]", "seed: no user name"),
    "RIPEstat": ("feeds: [{ripestat: {url: 'http://u:5ec2e7@r.example:1/'}}]", "url: no user name"),
    "a scheme of none": ("rpki: {url: 'rtr://u:5ec2e7@r.example'}", "expected a URL with"),
    "an Alertmanager": (
        "pagers: [{alertmanager: {urls: ['http://u:5ec2e7@a.example']}}]",
        "urls.0: no user name or password in a URL, which messages may show: give username and",
    ),
    "PagerDuty": (
        "pagers: [{pagerduty: {url: 'http://u:5ec2e7@a.example', routing_key_file: key}}]",
        "url: no user name or password",
    ),
    "a webhook": (
        "pagers: [{webhook: {url: 'http://u:5ec2e7@a.example', secret_file: secret}}]",
        "which messages may show: put the URL into url_file or url_env",
    ),
    "a heartbeat": ("heartbeats: [{url: 'https://u:5ec2e7@h.example'}]", ELSEWHERE),
    "a remedy": (
        "remediation: [{name: x, diagnoses: [record_emptied], webhook: "
        "{url: 'https://u:5ec2e7@h.example', secret_file: secret}}]",
        ELSEWHERE,
    ),
    "remote write": (
        "remote_write: {url: 'https://u:5ec2e7@h.example'}", "give them in basic_auth",
    ),
    "a file of networks": (
        f"audit: {{networks: [{{url: 'https://u:5ec2e7@h.example', sha256: '{'0' * 64}'}}]}}",
        "name a file instead",
    ),
}  # fmt: skip


NOWHERE = (
    "http://[::1:1/t0p",
    "http://a.example:99999/t0p",
    "http://a.example:0/t0p",
    "http://:1/t0p",
)


@pytest.mark.parametrize("url", NOWHERE)
def test_a_url_that_leads_nowhere_is_no_receiver(tmp_path: Path, url: str) -> None:
    """What no page could be sent to is a fault of the config, and not of the night it is needed."""
    (tmp_path / "secret").write_text("s3cret" * 6)
    (tmp_path / "key").write_text("k" * 32)
    (tmp_path / "url").write_text(url)
    for block in (
        f"pagers: [{{alertmanager: {{urls: ['{url}']}}}}]",
        f"pagers: [{{pagerduty: {{url: '{url}', routing_key_file: key}}}}]",
        f"pagers: [{{webhook: {{url: '{url}', secret_file: secret}}}}]",
        "pagers: [{webhook: {url_file: url, secret_file: secret}}]",
        "heartbeats: [{url_file: url}]",
    ):
        ((line, message),) = faults(tmp_path, f"{MINIMAL}{block}\n")

        assert line == len(MINIMAL.splitlines()) + 1
        assert "expected an http or https URL" in message or "url holds no URL" in message
        assert "t0p" not in message


@pytest.mark.parametrize("where", WRITTEN)
def test_a_password_is_refused_where_it_is_written(tmp_path: Path, where: str) -> None:
    """A URL with a password is a fault in its line that names the remedy, and not the password."""
    text, words = WRITTEN[where]
    (tmp_path / "secret").write_text("s3cret" * 6)
    (tmp_path / "key").write_text("k" * 32)
    ((line, message),) = faults(tmp_path, f"{MINIMAL}{text}\n")

    assert line == len(MINIMAL.splitlines()) + 1
    assert words in message
    assert SECRET not in message


@pytest.mark.parametrize("host", ["", "r.example:70000", "r.example:x", "[::1", "r.example:0"])
@pytest.mark.parametrize(
    "text", ["feeds: [{{ris_live: {{url: 'wss://{}'}}}}]", "rpki: {{url: 'https://{}/json'}}"]
)
def test_a_source_that_leads_to_nobody_is_refused(tmp_path: Path, text: str, host: str) -> None:
    """A host and a port that there can be are asked of validators and feeds too."""
    ((_, message),) = faults(tmp_path, f"{MINIMAL}{text.format(host)}\n")

    assert "url: expected a URL with a host" in message


def test_the_status_page_is_linked_without_a_password(tmp_path: Path) -> None:
    """The URL that every page shows to people has none."""
    text = MINIMAL.replace("agent:\n", "agent:\n  url: https://u:5ec2e7@h.example\n")
    assert text != MINIMAL
    ((_, message),) = faults(tmp_path, text)

    assert "url: no user name or password" in message
    assert SECRET not in message


def test_a_password_may_be_where_secrets_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The URL that a file or a variable holds may have a user name and a password."""
    (tmp_path / "secret").write_text("s3cret" * 6)
    (tmp_path / "url").write_text("https://u:5ec2e7@h.example/\n")
    monkeypatch.setenv("URL", "https://u:5ec2e7@h.example/")
    made = config(
        tmp_path,
        MINIMAL + "pagers: [{webhook: {url_file: url, secret_file: secret}}]\n"
        "heartbeats: [{url_env: URL}]\n",
    )
    assert made.pagers
    assert made.heartbeats


def test_an_at_behind_the_host_is_no_password(tmp_path: Path) -> None:
    """A path or a query may have an @."""
    assert config(tmp_path, MINIMAL + "heartbeats: [{url: 'https://h.example/@me?a=b@c'}]\n")
