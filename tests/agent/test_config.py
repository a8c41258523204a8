"""The config file: what it may say, what it inherits, and the files that it names."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.cli import main
from vedette.agent.config import Config, ConfigError, read, read_text, state_folder
from vedette.agent.looking.timing import Timing, timing
from vedette.checks.finding import Kind
from vedette.checks.settings import CheckSettings, FailingSettings, Missing, written
from vedette.exporters.page import Severity

MINIMAL = """\
agent:
  name: fra-1
  domain: {provider: hetzner}
services:
  - name: shop
    dns:
      - {name: shop.example}
"""
FULL = """\
agent:
  name: fra-1
  domain: {provider: hetzner, account: ops-ext, region: eu-central, asn: 24940}
  listen: 127.0.0.1:9469
  state_dir: ./state
defaults: {every: 20s, hold: 30}
services:
  - name: dynamodb-us-east-1
    severity: critical
    dns:
      - {name: dynamodb.us-east-1.amazonaws.com, type: A, servers: [authoritative, 1.1.1.1]}
    http:
      - {url: "https://dynamodb.us-east-1.amazonaws.com/", status: [200]}
  - name: quad-one
    bgp:
      - {prefix: 1.1.1.0/24, origins: [13335]}
controls:
  dns: [{name: example.com, type: A}]
  http: [{url: "https://example.com/"}]
peers: []
alarms: []
pagers:
  - pagerduty: {routing_key_file: pagerduty.key}
"""
SECRET = "5ec2e7c0ffee" + "0" * 20


def config(folder: Path, text: str | bytes) -> Config:
    path = folder / "vedette.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return read(path)


def faults(folder: Path, text: str | bytes) -> list[tuple[int, str]]:
    with pytest.raises(ConfigError) as refused:
        config(folder, text)
    return [(problem.line, problem.message) for problem in refused.value.problems]


def test_minimal_config(tmp_path: Path) -> None:
    """The agent's name, its provider and one service are enough, and a service is critical."""
    made = config(tmp_path, MINIMAL)

    assert (made.agent.name, made.agent.domain.provider) == ("fra-1", "hetzner")
    assert made.services[0].severity is Severity.CRITICAL
    assert not any((made.pagers, made.controls.dns, made.controls.http))


@pytest.mark.parametrize("left_out", ["name", "domain", "services"])
def test_the_rest_is_required(tmp_path: Path, left_out: str) -> None:
    """Without one of the three required things the config is refused, and the message names it."""
    if left_out == "services":
        text = MINIMAL.partition("services:")[0]
    else:
        text = "".join(
            line for line in MINIMAL.splitlines(True) if not line.startswith(f"  {left_out}:")
        )
    ((_, message),) = faults(tmp_path, text)

    assert left_out in message
    assert "required" in message


def test_full_config(tmp_path: Path) -> None:
    """Everything that the documentation shows is taken."""
    (tmp_path / "pagerduty.key").write_text(f"{SECRET}\n")
    made = config(tmp_path, FULL)

    assert made.defaults.every == 20
    assert made.services[1].bgp[0].origins == [13335]


def test_what_a_shell_hands_over_is_read() -> None:
    """`vedette validate /dev/stdin` and `<(...)` read a pipe to its end."""
    reader, writer = os.pipe()
    os.write(writer, b"agent:")
    os.close(writer)
    try:
        assert read_text(Path(f"/dev/fd/{reader}")) == "agent:"
    finally:
        os.close(reader)


def test_paths_of_pages_differ_by_case(tmp_path: Path) -> None:
    """What differs by nothing but capitals in its path is another page (RFC 3986, 6.2.2.1)."""
    pages = "    http: [{url: 'https://a.example/De'}, {url: 'https://a.example/de'}]\n"
    made = config(tmp_path, MINIMAL + pages)

    assert [http.url[-2:] for http in made.services[0].http] == ["De", "de"]


@pytest.mark.parametrize(
    "feeds",
    [
        "feeds: [ripestat: , ris_live: {stale_after: 1m}]",
        "feeds: [bmp: {listen: '[::1]:11019'}]",
        "feeds: [bmp: {listen: '0.0.0.0:11019', routers: [192.0.2.1, 2001:db8::/32]}]",
        "feeds: [mrt: {files: '*.mrt', collector: rrc00}]",
        "feeds: []",
        "rpki: {url: 'http://127.0.0.1:8323/json'}",
        "rpki: {file: vrps.json, every: 1m}",
    ],
)
def test_feeds_and_validators_that_are_taken(tmp_path: Path, feeds: str) -> None:
    """Each kind of feed, alone or beside others, and each place of VRPs is taken."""
    assert config(tmp_path, MINIMAL + feeds)


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("agent: {state_dir: /var/lib/it}", "/var/lib/it"),
        ("agent: {state_dir: its, colour: blue}\nmore: 1", "its"),
        ("agent: {name: fra-1}", "state"),
        ("agent:\n  state_dir: its\n  name: [", "its"),
        ("agent:\n\t  state_dir: 'its own'   # for now\n", "its own"),
        ("agent:\n  # state_dir: other\n  state_dir:\n  name: [", "state"),
        ("agent: {state_dir: [its]}", "state"),
        ("agent: its", "state"),
        ("- agent", "state"),
        ("", "state"),
        (None, "state"),
    ],
)
def test_a_wrong_file_still_says_where_its_state_is(
    tmp_path: Path, text: str | None, folder: str
) -> None:
    """The folder of the state is found however wrong the rest is; by default it is ./state."""
    path = tmp_path / "vedette.yaml"
    if text is not None:
        path.write_text(text)

    assert state_folder(path) == tmp_path / folder


def test_the_default_wait_is_ten_minutes(tmp_path: Path) -> None:
    """Answers are good after ten minutes unless the config says otherwise."""
    said = MINIMAL.replace("agent:\n", "agent:\n  last_known_good_after: 90s\n")

    assert config(tmp_path, MINIMAL).agent.last_known_good_after == 600
    assert config(tmp_path, said).agent.last_known_good_after == 90


@pytest.mark.parametrize("content", [None, "", "short", SECRET + "0", b"\xff" * 32])
def test_routing_key_is_checked_and_never_told(tmp_path: Path, content: str | bytes | None) -> None:
    """A key that PagerDuty would refuse is found at the start, and no message shows it."""
    file = tmp_path / "pagerduty.key"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    ((line, message),) = faults(tmp_path, FULL)

    assert FULL.splitlines()[line - 1].strip().startswith("- pagerduty")
    assert "routing_key_file" in message
    assert str(file) in message
    if isinstance(content, str) and content:
        assert content not in message


def test_routing_key_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key may come from the environment, where it is checked just the same."""
    text = FULL.replace("routing_key_file: pagerduty.key", "routing_key_env: VEDETTE_TEST_KEY")
    monkeypatch.delenv("VEDETTE_TEST_KEY", raising=False)
    ((_, unset),) = faults(tmp_path, text)
    monkeypatch.setenv("VEDETTE_TEST_KEY", SECRET[:20])
    ((_, short),) = faults(tmp_path, text)
    monkeypatch.setenv("VEDETTE_TEST_KEY", SECRET)

    assert config(tmp_path, text).pagers
    assert "not set" in unset
    assert SECRET[:20] not in short


def test_a_header_of_any_name_is_no_file(tmp_path: Path) -> None:
    """What people name themselves, as headers, is not taken for a key that names a file."""
    check = '{url: "https://a.example/", headers: {modules: m, token_file: t, url_env: U}}'

    assert config(tmp_path, f"{MINIMAL}    http: [{check}]\n").services[0].http


FOUR_TIMES = ("every", "timeout", "hold", "clear")
blocks = st.fixed_dictionaries({}, optional=dict.fromkeys(FOUR_TIMES, st.integers(1, 9999)))


@given(st.sampled_from(Kind), st.lists(blocks, max_size=3))
def test_the_first_level_that_sets_a_time_wins(kind: Kind, levels: list[dict[str, int]]) -> None:
    """A check's own time comes before its service's, that before the defaults', then the kind's."""
    got, default = timing(kind, *(CheckSettings(**level) for level in levels)), timing(kind)
    for key in FOUR_TIMES:
        wanted = [level[key] for level in levels if key in level]
        assert getattr(got, key) == (wanted[0] if wanted else getattr(default, key))


KINDS_OF_LOOKS = st.builds(
    lambda looks, more: FailingSettings(looks=looks, of=looks + more),
    st.integers(1, 30),
    st.integers(0, 30),
)
signals = st.fixed_dictionaries(
    {}, optional={"failing": KINDS_OF_LOOKS, "missing": st.sampled_from(Missing)}
)


@given(st.sampled_from(Kind), st.lists(signals, max_size=3))
def test_the_first_level_that_says_what_a_signal_is_wins(
    kind: Kind, levels: list[dict[str, object]]
) -> None:
    """M of N and what is missing are inherited as the times are, each by itself."""
    got = timing(kind, *(CheckSettings.model_validate(level) for level in levels))
    failing = [level["failing"] for level in levels if "failing" in level]
    missing = [level["missing"] for level in levels if "missing" in level]

    assert got.failing == (failing[0] if failing else FailingSettings(looks=3, of=5))
    assert got.missing is (missing[0] if missing else Missing.MISSING)


def test_default_times_are_those_of_the_documentation() -> None:
    """Without a word of the user's, DNS and HTTP look every 30 s, and BGP every 10 s."""
    assert timing(Kind.DNS) == timing(Kind.HTTP) == Timing(30, 5, 15, 600)
    assert timing(Kind.BGP).every == 10


def test_windows_that_never_end_are_worth_a_note(tmp_path: Path, capsys) -> None:
    """Whoever mutes all there is by a slip of the crontab reads it from `vedette validate`."""
    path = tmp_path / "agent.yaml"
    path.write_text(
        "agent: {name: here, domain: {provider: lab}}\n"
        "services:\n"
        "  - name: shop\n"
        "    maintenance: [{cron: '* * * * *', duration: 1h}]\n"
        "    http: [{url: 'https://shop.test/'}]\n"
    )
    assert main(["validate", str(path)]) == 0
    note = "service shop is muted without an end: no page of it ever opens"
    assert f"{path}: note: {note}\n" in capsys.readouterr().out


def _bounds(schema: object) -> Iterator[float]:
    """Yield the bounds of all numbers with a fraction in a JSON *schema*."""
    if isinstance(schema, dict):
        names = ("ge", "gt", "le", "lt", "minimum", "maximum", "exclusiveMinimum")
        yield from (schema[n] for n in names if n in schema and schema.get("type") == "number")
    for part in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            yield from _bounds(part)


def test_the_bounds_of_durations_are_told_with_their_units() -> None:
    """An error knows a duration by its bound having a fraction, so each of them must have one."""
    found = [*_bounds(Config.model_json_schema())]

    assert len(found) > 10
    assert all(isinstance(bound, float) for bound in found)


@given(st.integers(1, 366 * 86_400_000).map(lambda ms: ms / 1000))
def test_a_duration_is_written_as_it_is_read(seconds: float) -> None:
    """Whatever unit an error chooses, the config may say it so."""
    read_again = CheckSettings.model_validate({"hold": written(seconds)}).hold

    assert read_again == pytest.approx(seconds)


@pytest.mark.parametrize(
    "block",
    [
        "  deployment: prod/eu",
        "remote_write: {url: 'https://mimir.example/', headers: {X-Scope-OrgID: büro}}",
        "pagers: [{alertmanager: {urls: ['http://am-1'], username: 'a:b', password_env: KEY}}]",
        "rpki: {file: ''}",
    ],
)
def test_what_a_text_must_be_is_said_without_a_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: str
) -> None:
    """Whoever reads of a wrong text need not read the regular expression that refuses it."""
    monkeypatch.setenv("KEY", "secret")
    ((_, message),) = faults(tmp_path, MINIMAL.replace("services:", f"{block}\nservices:"))

    assert "pattern" not in message


def test_a_provider_is_named_as_all_else_is(tmp_path: Path) -> None:
    """A provider's name is refused in the words of other names."""
    text = MINIMAL.replace("provider: hetzner", "provider: Lumen / Level3")
    ((_, message),) = faults(tmp_path, text)

    assert message.startswith("agent.domain.provider: a name has no /")
