"""Heartbeats, drill and remediation in the config: each fault with its line, no secret told."""

from pathlib import Path

import pytest

from vedette.agent.config import Config, ConfigError, read

BEGIN = """\
agent: {name: fra-1, domain: {provider: hetzner}}
services: [{name: shop, dns: [{name: a.example}]}]
"""
PEERS = """\
peers: [{name: nyc-1, url: "https://n.example", domain: {provider: ocean}, token_file: token}]
"""
SECRET = "5ec2e7-0123456789abcdef-c0ffee"


def config(folder: Path, text: str) -> Config:
    """Read a config that ends with *text*."""
    (folder / "token").write_text("0123456789abcdef" * 2)
    (folder / "url").write_text(f"https://switch.example/{SECRET}\n")
    (folder / "bad").write_text(f"{SECRET}\n")
    (folder / "short").write_text("hunter2\n")
    path = folder / "vedette.yaml"
    path.write_text(BEGIN + text)
    return read(path)


def faults(folder: Path, text: str) -> list[str]:
    """Return the faults of a config, each with its line."""
    with pytest.raises(ConfigError) as refused:
        config(folder, text)
    return [f"{one.line}: {one.message}" for one in refused.value.problems]


def test_defaults(tmp_path: Path) -> None:
    """A switch is called each minute; nothing is remedied unless it is enabled."""
    read = config(
        tmp_path,
        "heartbeats: [{url_file: url}]\n"
        'drill: {cron: "0 9 * * 1"}\n'
        "remediation: [{name: flip, diagnoses: [record_emptied], command: [flip]}]\n",
    )
    assert (read.heartbeats[0].name, read.heartbeats[0].every) == ("heartbeat", 60)
    assert read.drill is not None
    assert (read.drill.timezone, read.drill.within) == ("UTC", 120)
    remedy = read.remediation[0]
    assert (remedy.enabled, remedy.min_providers, remedy.every) == (False, 2, 3600)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("heartbeats: [{every: 60s}]", 3, "heartbeats.0: give exactly one of url, url_file"),
        (f'heartbeats: [{{url: "ftp://x/{SECRET}"}}]', 3, "url: expected an http or https URL"),
        (f'heartbeats: [{{url: "http://x:{SECRET}/"}}]', 3, "url: expected an http or https URL"),
        ("heartbeats: [{url_file: bad}]", 3, "bad holds no URL: it should begin with https://"),
        ("heartbeats: [{url_file: absent}]", 3, "absent cannot be read"),
        ("heartbeats: [{url_env: VEDETTE_NO_SUCH}]", 3, "VEDETTE_NO_SUCH is not set"),
        ("heartbeats: [{url_file: url, evry: 60s}]", 3, "evry: unknown key"),
        ("heartbeats:\n  - {url_file: url}\n  - {url_file: url}", 5, "heartbeat is given twice"),
        ('drill: {cron: "0 9 * *"}', 3, "has 4 fields and needs five"),
        ('drill: {cron: "0 9 31 2 *"}', 3, "names a day that no year has"),
        ('drill: {cron: "0 9 * * 1", within: 1s}', 3, "drill.within"),
        ('drill: {cron: "0 9 * * 1", timezone: Mars}', 3, "no time zone 'Mars'"),
    ],
)
def test_each_fault_has_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    """A mistake is one message in its line, and no message quotes a URL."""
    (fault,) = faults(tmp_path, text + "\n")
    assert fault.startswith(f"{line}: ")
    assert words in fault
    assert SECRET not in fault


REMEDY = "remediation:\n  - name: flip\n    command: [flip]\n    diagnoses: [record_emptied]\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (REMEDY + "    enabled: true\n", 4, "the word of 2 providers, and the agents of this config"
         " are of 1: add peers, or disable it"),
        (PEERS + REMEDY + "    enabled: true\n    min_providers: 3\n", 5, "of 3 providers"),
        (REMEDY + "    enabled: 'yes'\n", 4, "the word of 2 providers"),
        (PEERS + REMEDY + "    enabled: true\n    min_providers: '3'\n", 5, "of 3 providers"),
        (REMEDY + "    min_providers: 1\n", 7, "nothing is done on the word of one provider"),
        (REMEDY + "    services: [shop, shoe]\n", 7, "no service is called shoe: mend or remove"),
        (REMEDY.replace("record_emptied", "vantage_blind"), 6, "a fault of the agents themselves"),
        (REMEDY.replace("record_emptied", "bad_weather"), 6, "diagnoses.0"),
        (REMEDY.replace("command: [flip]", "dry_run: true"), 4, "exactly one of webhook and"),
        (REMEDY.replace("command: [flip]", "webhook: {url_file: url}"), 5, "one of secret_file"),
        (REMEDY.replace("command: [flip]", "webhook: {url_file: url, secret_file: short}"), 5,
         "it should have 24 bytes or more"),
        (REMEDY + REMEDY.removeprefix("remediation:\n"), 7, "remedy flip is given twice"),
    ],
    ids=["alone", "three", "quoted", "quoted three", "one", "dangling", "ours", "unknown",
         "nothing", "unsigned", "short", "twice"],
)  # fmt: skip
def test_each_fault_of_a_remedy_has_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    """What could never be used, or used on too few words, is refused in its line."""
    (fault,) = faults(tmp_path, text)
    assert fault.startswith(f"{line}: "), fault
    assert words in fault
    assert "hunter2" not in fault


@pytest.mark.parametrize("name", ["storm/warning", "drill/fra-1", "drill/nyc-1"])
def test_no_alarm_has_the_key_of_a_page_of_our_own(tmp_path: Path, name: str) -> None:
    """The page of an alarm without a service is not ended by a storm or a drill that is over."""
    text = f"alarms: [{{name: {name}, rule: 'TRUE'}}]\n"
    with pytest.raises(ConfigError) as refused:
        config(tmp_path, PEERS + text)
    (problem,) = refused.value.problems
    assert problem.message == f"alarms.0.name: {name} is taken by the agent itself: rename it"


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_two_providers_are_enough(tmp_path: Path, enabled: str) -> None:
    """With a peer of another provider a remedy may be enabled."""
    assert config(tmp_path, PEERS + REMEDY + f"    enabled: {enabled}\n").remediation


@pytest.mark.parametrize(
    ("begin", "text", "line", "place"),
    [
        (BEGIN, "alarms: [{name: storm, rule: 'TRUE'}]\n", 3, "alarms.0.name"),
        (BEGIN, PEERS.replace("nyc-1", "storm"), 3, "peers.0.name"),
        (BEGIN.replace("shop", "storm"), "", 2, "services.0.name"),
        (BEGIN.replace("fra-1", "storm"), "", 1, "agent.name"),
    ],
    ids=["alarm", "peer", "service", "agent"],
)
def test_storm_is_a_key_of_our_own(
    tmp_path: Path, begin: str, text: str, line: int, place: str
) -> None:
    """Nothing that pages under its own name is called as the page that many incidents share."""
    (tmp_path / "token").write_text("0123456789abcdef" * 2)
    path = tmp_path / "vedette.yaml"
    path.write_text(begin + text)
    with pytest.raises(ConfigError) as refused:
        read(path)
    (problem,) = refused.value.problems
    assert (problem.line, problem.message) == (
        line, f"{place}: storm is taken by the agent itself: rename it",
    )  # fmt: skip
