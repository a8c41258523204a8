"""What a blackbox.yml may say."""

import pytest
import yaml

from vedette.agent.blackbox.document import ModulesError, dump, parse


def module(text: str):
    """Return the module whose lines are *text*."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return parse(f"modules:\n  m:\n{lines}", "blackbox.yml").modules["m"]


def fault(text: str) -> str:
    """Return why the module whose lines are *text* is refused."""
    with pytest.raises(ModulesError) as caught:
        module(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prober: http\nhttp: {colour: blue}", "blackbox.yml:4: modules.m.http.colour: unknown"),
        ("prober: invalid", "prober 'invalid' is not valid"),
        ("timeout: 5s", "prober '' is not valid"),
        ("prober: grpc\ngrpc: {tls: true}", "prober 'grpc' is not built in here"),
        ("prober: unix", "prober 'unix' is not built in here"),
        ("prober: websocket", "prober 'websocket' is not built in here"),
        ("prober: http\ntimeout: soon", "invalid duration 'soon'"),
        ("prober: http\nhttp: {method: GET, method: PUT}", "method is given twice"),
        ("prober: dns", "query name must be set for DNS module"),
        ("prober: dns\ndns: {query_name: a, query_type: X}", "query type 'X' is not valid"),
        ("prober: dns\ndns: {query_name: a, query_class: X}", "query class 'X' is not valid"),
        ("prober: icmp\nicmp: {ttl: 256}", '"ttl" cannot exceed 255'),
        ("prober: icmp\nicmp: {ttl: -1}", '"ttl" cannot be negative'),
        ("prober: tcp\ntcp: {query_response: [{expect: '('}]}", "Could not compile regular"),
        ("prober: http\nhttp: {body: a, body_file: b}", "setting body and body_file both are not"),
        ("prober: http\nhttp: {compression: lzma}", "unsupported compression algorithm 'lzma'"),
        ("prober: http\nhttp: {body_size_limit: big}", "'big' is not a size"),
        ("prober: http\nhttp: {enable_http3: true}", "enable_http3 needs enable_http2: false"),
        ("prober: http\nhttp: {fail_if_header_matches: [{regexp: a}]}", "header name must be set"),
        ("prober: http\nhttp: {tls_config: {min_version: SSL3}}", "unknown TLS version: SSL3"),
        ("prober: http\nhttp: {tls_config: {cert_file: a}}", "a client certificate needs both"),
        ("prober: http\nhttp: {bearer_token: a, bearer_token_file: b}", "at most one of bearer_t"),
        (
            "prober: http\nhttp: {basic_auth: {username: u}, bearer_token: a}",
            "at most one of basic",
        ),
        ("prober: http\nhttp: {authorization: {type: Basic}}", 'use "basic_auth" instead'),
        ("prober: http\nhttp: {oauth2: {client_secret: s}}", "oauth2 client_id must be configured"),
        ("prober: http\nhttp: {proxy_url: 'socks5://a:1080'}", "http.proxy_url: a proxy is spoken"),
        (
            "prober: http\nhttp: {oauth2: {proxy_url: 'https://a'}}",
            "oauth2.proxy_url: a proxy is spoken",
        ),
        ("prober: http\ntimeout: 5", "invalid duration '5': write 500ms, 5s or 1m30s"),
        ("prober: http\nhttp: {no_proxy: a}", "proxy_url must also be configured"),
        (
            "prober: http\nhttp: {proxy_url: 'http://a', proxy_from_environment: true}",
            "must not be",
        ),
    ],
)
def test_faults_are_named_in_the_words_of_the_exporter(text, words):
    """A module that cannot be used is refused with its place, and what is wrong."""
    assert words in fault(text)


@pytest.mark.parametrize("text", ["", "modules: {}\n", "modules:\n"])
def test_a_file_may_be_empty(text):
    """No module is a config too."""
    assert parse(text, "blackbox.yml").modules == {}


@pytest.mark.parametrize("text", ["modules: [", "modules: {m: 5}", "a: b", "\x00", "- a"])
def test_what_is_no_config_is_a_sentence_and_no_traceback(text):
    """Whatever the file holds, there is a sentence with its name."""
    with pytest.raises(ModulesError, match=r"error parsing config file: blackbox\.yml:1"):
        parse(text, "blackbox.yml")


def test_scalars_are_taken_as_they_are_written():
    """A header's value may look like a truth or a number, and a truth may be said by yes."""
    http = module("prober: http\nhttp: {headers: {X-A: yes, X-B: 1.10}, fail_if_ssl: yes}").http
    assert http.headers == {"X-A": "yes", "X-B": "1.10"}
    assert http.fail_if_ssl


def test_merge_keys_are_resolved():
    """Modules may share what an anchor names."""
    text = "modules:\n  a: &a {prober: http, timeout: 2s}\n  b: {<<: *a, timeout: 3s}\n"
    modules = parse(text, "blackbox.yml").modules
    assert (modules["a"].timeout, modules["b"].timeout) == (2, 3)
    assert modules["b"].prober == "http"


def test_what_dns_finds_out_only_when_it_probes_is_no_fault_of_the_config():
    """So it is with blackbox_exporter, and such a config must start here too."""
    text = (
        "prober: dns\ndns:\n  query_name: a\n  valid_rcodes: [NOPE]\n  transport_protocol: sctp\n"
    )
    assert module(text + "  validate_answer_rrs: {fail_if_matches_regexp: ['(']}")


def test_secrets_are_shown_nowhere():
    """Neither the config that is shown, nor an object that is printed, holds one."""
    text = (
        "prober: http\nhttp:\n  basic_auth: {username: u, password: hunter2}\n"
        "  http_headers: {X-Key: {secrets: [hunter2]}}\n"
        "  proxy_url: http://proxy:3128\n  proxy_connect_header: {X: [hunter2]}\n"
        "  headers: {Authorization: hunter2, Cookie: hunter2, X-Other: seen}\n"
        "  tls_config: {cert: c, key: hunter2}\n"
    )
    shown = dump(module(text))
    assert "hunter2" not in shown + repr(module(text))
    assert yaml.safe_load(shown)["http"]["basic_auth"] == {"username": "u", "password": "<secret>"}
    assert yaml.safe_load(shown)["http"]["headers"]["X-Other"] == "seen"


def test_what_is_shown_of_a_module_is_a_module():
    """The config that is shown can be read again, and means the same."""
    text = "prober: http\ntimeout: 1m30s\nhttp: {body_size_limit: 2KB, valid_status_codes: [200]}"
    again = parse(yaml.safe_dump({"modules": {"m": yaml.safe_load(dump(module(text)))}}), "f")
    assert again.modules["m"] == module(text)
