"""What a newcomer gets wrong is told in words by which it can be mended."""

from pathlib import Path

import pytest

from tests.agent.test_config import faults

SERVICE = "services: [{name: shop, dns: [{name: shop.example}]}]\n"
AGENT = "agent: {name: a, domain: {provider: p}}\n"

MISTAKES = {
    "a key misspelt": (
        AGENT + "services: [{name: shop, dns: [{name: shop.example, server: [system]}]}]\n",
        "services.0.dns.0.server: unknown key: did you mean servers?",
    ),
    "a key like no other": (
        AGENT + "colour: red\n" + SERVICE,
        "colour: unknown key: remove it or mend its spelling",
    ),
    "a secret in the YAML": (
        AGENT + SERVICE + "pagers: [{pagerduty: {routing_key: abc}}]\n",
        "pagers.0.pagerduty.routing_key: unknown key: a secret is never in the YAML: "
        "name its file in routing_key_file",
    ),
    "a block not indented": (
        AGENT + SERVICE + "pagers:\n  - pagerduty:\n    routing_key_file: /dev/null\n",
        "pagers.0.routing_key_file: is a key of pagerduty, which has none: indent it further than "
        "pagerduty",
    ),
    "text for a block": (
        AGENT + "services: [{name: shop, dns: [shop.example]}]\n",
        "services.0.dns.0: expected keys with values, such as {name: shop.example}",
    ),
    "a block for a list": (
        AGENT + "services: {name: shop}\n",
        "services: expected a list: begin each item with -, or put all into [ ]",
    ),
    "a list for keys": (
        AGENT + "services: [{name: shop, http: [{url: 'https://a.example', headers: [A]}]}]\n",
        "services.0.http.0.headers: expected keys with values: write KEY: VALUE in lines of their "
        "own, or in { }",
    ),
    "a list of nothing": (
        AGENT + "services: []\n",
        "services: is empty: write at least one",
    ),
    "a list for text": (
        AGENT + "services: [{name: shop, dns: [{name: shop.example, type: [A, AAAA]}]}]\n",
        "services.0.dns.0.type: expected text, and one alone",
    ),
    "text for a number": (
        "agent: {name: a, domain: {provider: p, asn: AS24940}}\n" + SERVICE,
        "agent.domain.asn: expected a whole number",
    ),
    "another word": (
        AGENT + SERVICE.replace("shop,", "shop, severity: high,"),
        "services.0.severity: expected 'critical', 'error', 'warning' or 'info'",
    ),
    "a runbook without a scheme": (
        AGENT + SERVICE.replace("shop,", "shop, runbook: wiki.example/shop,"),
        "services.0.runbook: expected a URL that begins with https:// or http://",
    ),
    "a port alone": (
        "agent: {name: a, domain: {provider: p}, listen: '9469'}\n" + SERVICE,
        "agent.listen: 9469 is a port alone: write 127.0.0.1:9469",
    ),
    "no space after a colon": (
        "agent:\n  name:a\n  domain: {provider: p}\n",
        "not YAML: a colon stands where none can: the line before lacks its colon, or the space "
        "after it, or this text is to be put into quotes",
    ),
    "a star without quotes": (
        AGENT + "services: [{name: shop, dns: [{name: *.shop.example}]}]\n",
        "not YAML: no text begins with * or &: put it into quotes",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_remedy(tmp_path: Path, mistake: str) -> None:
    """The place, what is wrong there and what to write stand in one line."""
    text, words = MISTAKES[mistake]

    assert words in [message for _, message in faults(tmp_path, text)]


def test_a_proxy_that_is_none_is_told_with_its_file(tmp_path: Path) -> None:
    """The file is named, and nothing of what it holds."""
    (tmp_path / "proxy").write_text("https://user:5ec2et@proxy.example:3128\n")
    check = "{url: 'https://shop.example/', proxy_file: proxy}"

    told = faults(tmp_path, AGENT + f"services: [{{name: shop, http: [{check}]}}]\n")

    words = "holds no URL of a proxy: it should be one such as http://USER:PASSWORD@HOST:PORT"
    assert told == [(2, f"services.0.http.0.proxy_file: {tmp_path / 'proxy'} {words}")]
