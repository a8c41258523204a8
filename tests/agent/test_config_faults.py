"""Every fault of a config file is one sentence with its place; no file is a traceback."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.agent.test_config import FULL, MINIMAL, config, faults
from vedette.agent.config import ConfigError, read, read_text
from vedette.agent.document import Problem

ONE_FAULT = {
    "unknown key": (
        "  name: fra-1",
        "  name: fra-1\n  colour: red",
        3,
        "agent.colour: unknown key",
    ),
    "unknown key deep down": ("{name: shop.example}", "{name: shop.example, tpye: A}", 7, "tpye"),
    "octal": ("services:", "defaults: {every: 010}\nservices:", 4, "takes 010 for 8"),
    "sixties": ("services:", "defaults: {hold: 1:30}\nservices:", 4, "takes 1:30 for 90"),
    "duplicate key": ("  name: fra-1", "  name: fra-1\n  name: fra-2", 3, "first in line 2"),
    "duration": ("  - name: shop", "  - name: shop\n    every: 5 parsecs", 6, "duration"),
    "negative duration": ("  - name: shop", "  - name: shop\n    hold: -5", 6, "duration"),
    "severity": ("  - name: shop", "  - name: shop\n    severity: dire", 6, "severity"),
    "listen": ("  name: fra-1", "  name: fra-1\n  listen: 127.0.0.1:99999", 3, "listen"),
    "stub zone": ("  name: fra-1", "  name: fra-1\n  stub_zones: {a: [ns.a]}", 3, "ADDRESS"),
    "no hints": ("  name: fra-1", "  name: fra-1\n  root_hints: none", 3, "No such file"),
    "slash": ("  - name: shop", "  - name: shop/one", 5, "name"),
    "no checks": ("    dns:\n      - {name: shop.example}\n", "", 5, "watches nothing"),
    "no services": ("  - name: shop\n    dns:\n      - {name: shop.example}\n", "", 4, "services"),
    "twin checks": (
        "      - {name: shop.example}",
        "      - {name: shop.example}\n      - {name: shop.example, type: A}",
        8,
        "twice (first in line 7)",
    ),
    "twin in other letters": (
        "      - {name: shop.example}",
        "      - {name: shop.example}\n      - {name: Shop.example., type: a}",
        8,
        "twice (first in line 7)",
    ),
    "a name of the agent's own": ("  - name: shop", "  - name: controls", 5, "taken by the agent"),
    "the agent's name": ("  - name: shop", "  - name: fra-1", 5, "taken by the agent"),
    "more looks than there are": (
        "  - name: shop",
        "  - name: shop\n    failing: {looks: 6, of: 5}",
        6,
        "services.0.failing: 6 looks of 5 can never fail: raise of",
    ),
    "no look": ("  - name: shop", "  - name: shop\n    failing: {looks: 0, of: 5}", 6, "looks"),
    "M of no N": ("  - name: shop", "  - name: shop\n    failing: {looks: 3}", 6, "of: is req"),
    "another word for missing": ("  - name: shop", "  - name: shop\n    missing: ok", 6, "missing"),
    "controls that are made up": (
        "services:",
        "controls: {missing: notBreaching, dns: [{name: example.com}]}\nservices:",
        4,
        "of a control is never taken for anything: remove it",
    ),
    "a control that is made up": (
        "services:",
        "controls: {dns: [{name: example.com, missing: ignore}]}\nservices:",
        4,
        "of a control is never taken for anything: remove it",
    ),
    "a quorum of nobody": ("services:", "quorum: {agree: 0}\nservices:", 4, "quorum.agree"),
    "a quorum of some": ("services:", "quorum: {agree: most}\nservices:", 4, "quorum.agree"),
    "a quorum over nothing": ("services:", "quorum: {distinct: rack}\nservices:", 4, "provider"),
    "a quorum that gives in": ("services:", "quorum: {when_short: panic}\nservices:", 4, "degrade"),
    "a quorum over what is not known": (
        "services:",
        "quorum:\n  agree: 2\n  distinct: asn\nservices:",
        6,
        "quorum.distinct: asn is not known of fra-1: name it in agent.domain.asn",
    ),
    "a service's quorum over what is not known": (
        "  - name: shop",
        "  - name: shop\n    quorum: {distinct: region}",
        6,
        "services.0.quorum.distinct: region is not known of fra-1: name it in agent.domain.region",
    ),
    "no cadence": ("  - name: shop", "  - name: shop\n    every: 0", 6, "expected at least 100ms"),
    "no place of VRPs": ("services:", "rpki: {}\nservices:", 4, "give it either file or url"),
    "two places of VRPs": (
        "services:",
        "rpki: {file: a, url: 'https://validator.example/'}\nservices:",
        4,
        "give it either file or url",
    ),
    **{
        f"a name that is {what}": (
            "name: shop\n",
            f"name: {name}\n",
            5,
            "services.0.name: a name has no /, no line break or invisible character, and no space "
            "at its beginning, and is neither . nor ..",
        )
        for what, name in (
            ("a path", "a/b"),
            ("a dot", "."),
            ("two dots", ".."),
            ("turned around", '"a\\u202Eb"'),
            ("turned at its beginning", '"\\u2067a"'),
        )
    },
    "a password in a URL": (
        "services:",
        "rpki: {url: 'https://me:5ec2e7@validator.example/'}\nservices:",
        4,
        "rpki.url: no user name or password in a URL, which messages may show: remove it",
    ),
    "a more-specific elsewhere": (
        "    dns:\n      - {name: shop.example}",
        "    bgp: [{prefix: 192.0.2.0/24, origins: [1], more_specifics: [192.0.3.0/25]}]",
        6,
        "more_specifics: 192.0.3.0/25 is not inside 192.0.2.0/24",
    ),
    "a list in the place of a service's name": (
        "- name: shop",
        "- name: [shop]",
        5,
        "services.0.name: expected text",
    ),
    "a list in the place of a pager's name": (
        "services:",
        "pagers: [{email: {host: m.example, from: a@b.example, to: [c@d.example]},\n"
        "  backup_of: [email]}]\nservices:",
        5,
        "pagers.0.backup_of: expected text",
    ),
    "a block in the place of the name of a pager's service": (
        "services:",
        "pagers: [{email: {host: m.example, from: a@b.example, to: [c@d.example]},\n"
        "  services: [{name: shop}]}]\nservices:",
        5,
        "pagers.0.services.0: expected text",
    ),
    "a block in the place of the name of a remedy's service": (
        "services:",
        "remediation: [{name: flip, diagnoses: [service_down], command: [x],\n"
        "  services: [{name: shop}]}]\nservices:",
        5,
        "remediation.0.services.0: expected text",
    ),
    "a time that no clock has": (
        "services:",
        f"defaults: {{every: 1{'0' * 400}}}\nservices:",
        4,
        "defaults.every: expected a duration between 0 and a year",
    ),
    "a stub zone that is no name": (
        "name: fra-1",
        "name: fra-1\n  stub_zones: {a..b: [192.0.2.1]}",
        3,
        "agent.stub_zones.a..b: 'a..b' is not a DNS name",
    ),
    "a resolver of the audit that is no address": (
        "services:",
        "audit: {resolvers: [dns.example]}\nservices:",
        4,
        "audit.resolvers.0: 'dns.example' is not ADDRESS or ADDRESS:PORT",
    ),
    "a URL without a scheme": (
        "name: fra-1",
        "name: fra-1\n  url: fra-1.example.net",
        3,
        "agent.url: expected a URL that begins with https:// or http://",
    ),
    "mail to nobody": (
        "services:",
        "pagers: [{email: {host: m.example, from: a@b.example,\n  to: [oncall]}}]\nservices:",
        5,
        "pagers.0.email.to.0: expected an address such as oncall@example.net",
    ),
    "twin names, one of them in punycode": (
        "      - {name: shop.example}",
        "      - {name: büro.example}\n      - {name: xn--bro-hoa.example., type: TYPE1}",
        8,
        "dns check xn--bro-hoa.example A is given twice (first in line 7)",
    ),
    "twin prefixes": (
        "    dns:\n      - {name: shop.example}",
        "    bgp:\n      - {prefix: '2001:db8::/32', origins: [1]}\n"
        "      - {prefix: '2001:0DB8:0::/32', origins: [2]}",
        8,
        "bgp check 2001:db8::/32 is given twice (first in line 7)",
    ),
    "twin controls": (
        "services:",
        "controls:\n  dns: [{name: a.example},\n    {name: A.example}]\nservices:",
        6,
        "dns check a.example A is given twice (first in line 5)",
    ),
    "twin services": (
        "      - {name: shop.example}",
        "      - {name: shop.example}\n  - name: shop\n    dns: [{name: a.example}]",
        8,
        "twice (first in line 5)",
    ),
}


@pytest.mark.parametrize("fault", ONE_FAULT)
def test_one_fault_is_one_line(tmp_path: Path, fault: str) -> None:
    """A fault is one message that names the thing, in the line in which it stands."""
    before, after, line, word = ONE_FAULT[fault]
    assert before in MINIMAL
    ((at, message),) = faults(tmp_path, MINIMAL.replace(before, after, 1))

    assert at == line
    assert word in message
    assert "5ec2e7" not in message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("~", "empty"),
        ("- a\n- b\n", "expected keys"),
        ("just words", "expected keys"),
        ("a: [", "not YAML"),
        (b"agent: \xff\xfe\n", "UTF-8"),
    ],
)
def test_no_config_at_all(tmp_path: Path, text: str | bytes, word: str) -> None:
    """What is not a config is refused with one message, not with a list of what it lacks."""
    ((line, message),) = faults(tmp_path, text)

    assert line == 1
    assert word in message


def test_missing_file_is_a_sentence(tmp_path: Path) -> None:
    """A file that cannot be read is named with the reason."""
    for path in (tmp_path / "none.yaml", tmp_path, Path("/dev/zero")):
        with pytest.raises(ConfigError) as refused:
            read(path)
        (line,) = refused.value.lines()
        assert line.startswith(f"{path}:1: cannot be read: ")


def test_what_is_not_a_file_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe that nobody writes to is not waited for; a link to a file is read."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError) as refused:
        read_text(pipe)
    (line,) = refused.value.lines()
    assert line == f"{pipe}:1: cannot be read: it is not a file: put the config into one"

    (tmp_path / "file").write_text("agent:")
    (tmp_path / "link").symlink_to("file")
    assert read_text(tmp_path / "link") == "agent:"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ('""', "services.0.name: is empty: write what it should be"),
        ("x" * 101, "services.0.name: is too long: write at most 100 characters"),
    ],
)
def test_a_name_has_a_length(tmp_path: Path, name: str, message: str) -> None:
    """A name that is empty or too long is told with what it may be."""
    text = MINIMAL.replace("name: shop\n", f"name: {name}\n")
    assert message in [told for _, told in faults(tmp_path, text)]


TEN_FAULTS = """\
agent:
  name: ""
  nmae: fra-1
  domain: {provider: hetzner, asn: 0}
  root_hints: nowhere
services:
  - name: shop
    severity: dire
    every: soon
    dns:
      - {name: shop.example}
      - {name: shop.example}
    http:
      - url: ftp://shop.example/
  - name: shop
    bgp: [{prefix: 1.1.1.1/24, origins: [1]}]
pagers:
  - pagerduty: {routing_key_file: nowhere}
"""


def test_all_faults_at_once_in_order_of_line(tmp_path: Path) -> None:
    """Every fault of a file is listed in one run, each with its own line, first line first."""
    lines = [line for line, _ in faults(tmp_path, TEN_FAULTS)]

    assert lines == [2, 3, 4, 5, 8, 9, 12, 14, 15, 16, 18]


FEED_FAULTS = """\
feeds:
  - kafka: {}
  - ris_live: {}
    bmp: {}
  - {ris_live: {url: "https://ris-live.example/"}}
  - bmp: {listen: "0.0.0.0:11019"}
  - bmp: {listen: "edge-1:11019"}
  - bmp: {routers: [edge-1]}
  - bgpstream:
  - mrt: {collector: "a b"}
  - ripestat: {every: 1s}
  - ris-live
  - {}
rpki:
  url: ftp://validator.example/json
  stale: 2h
"""
FEED_MESSAGES = [
    (1, "feeds.0.kafka: unknown key: remove it or mend its spelling"),
    (2, "feeds.1: a feed is one of ris_live, bmp, mrt, bgpstream, ripestat: give each a list item"),
    (4, "feed ris_live is given twice (first in line 10): remove one"),
    (4, "feeds.2.ris_live.url: expected a URL with the scheme wss or ws"),
    (5, "feeds.3.bmp: who reaches 0.0.0.0:11019 can make routes up: name your routers in"),
    (6, "feed bmp is given twice (first in line 13): remove one"),
    (6, "feeds.4.bmp: listen: edge-1 is not an address of this host"),
    (7, "feed bmp is given twice (first in line 13): remove one"),
    (7, "feeds.5.bmp.routers.0: value is not a valid IPv4 or IPv6 network"),
    (8, "feeds.6.bgpstream: pybgpstream is not installed: install libbgpstream from https://"),
    (9, "feeds.7.mrt.collector: 'a b' is not a collector's name"),
    (9, "feeds.7.mrt.files: is required"),
    (10, "feeds.8.ripestat.every: expected at least 10s"),
    (11, "feeds.9: expected keys with values"),
    (12, "feeds.10: a feed is one of ris_live, bmp, mrt, bgpstream, ripestat"),
    (14, "rpki.url: expected a URL with the scheme https or http"),
    (15, "rpki.stale: unknown key"),
]


def test_faults_of_feeds_are_listed_with_their_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with feeds and the RPKI is one sentence each, at its own line."""
    monkeypatch.setitem(sys.modules, "pybgpstream", None)  # as where it is not installed
    found = faults(tmp_path, MINIMAL + FEED_FAULTS)
    first = MINIMAL.count("\n") + 1
    told = [(line - first, message) for line, message in found]

    assert [line for line, _ in told] == [line for line, _ in FEED_MESSAGES]
    for (_, message), (_, expected) in zip(told, FEED_MESSAGES, strict=True):
        assert message.startswith(expected)


SCRATCH = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
yamlish = st.lists(
    st.sampled_from(
        (
            *("agent", "services", "name", "dns", ": ", ":\n  ", "\n", "- ", "{", "}", "[", "]"),
            *(", ", "&a ", "*a", "!!int ", "<<: ", "? ", "|\n", "0x_", "1.1.1.0/24", "~", '"', "'"),
        )
    )
    | st.text(max_size=5)
).map("".join)


def refused_or_read(folder: Path, text: str | bytes) -> None:
    problems: Sequence[Problem] = [Problem(1, "none")]
    try:
        config(folder, text)
    except ConfigError as refused:
        problems = refused.problems
    assert problems
    assert all(problem.line >= 1 and problem.message for problem in problems)


@SCRATCH
@given(yamlish)
@example("agent: {name: \ud800}")
def test_arbitrary_text_is_refused_in_words(tmp_path: Path, text: str) -> None:
    """Whatever stands in the file, the only thing that reading it raises is a ConfigError."""
    refused_or_read(tmp_path, text)


@SCRATCH
@given(st.integers(0, len(FULL)), st.integers(0, 20), yamlish | st.text(max_size=3))
def test_mutated_config_is_refused_in_words(tmp_path: Path, at: int, cut: int, put: str) -> None:
    """A config with something cut out and something put in is read or refused, never a crash."""
    refused_or_read(tmp_path, FULL[:at] + put + FULL[at + cut :])


@SCRATCH
@given(st.binary(max_size=50))
def test_bytes_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    """A file that is no text at all is refused in words."""
    refused_or_read(tmp_path, content)
