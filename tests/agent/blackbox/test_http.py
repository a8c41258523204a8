"""The http prober against nginx, and against servers that misbehave."""

import base64
import json
import shutil
from datetime import UTC, datetime

import pytest
import trustme

from tests.agent.blackbox.serving import serving
from tests.servers.nginx import nginx
from tests.servers.process import free_port
from tests.servers.stream import stream_server
from vedette.agent.blackbox.asking import target_of
from vedette.agent.blackbox.certificates import go_cipher, go_name
from vedette.agent.blackbox.encodings import acceptable
from vedette.agent.blackbox.runner import unescaped


def module(**settings):
    """Return a module with these fields of `http`."""
    http = {"preferred_ip_protocol": "ip4", **settings}
    return {"prober": "http", "timeout": "2s", "http": http}


def answering(head: str, body: bytes = b"", seen: list[bytes] | None = None):
    """Return a server that says so to every request."""

    async def talk(reader, writer):
        asked = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(asked)
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return talk


async def probed(folder, talk, **settings):
    """Return the answer about a server that talks so."""
    async with stream_server(talk) as server, serving(folder, module(**settings)) as served:
        return await served.probe(server)


OK = "HTTP/1.1 200 OK\nContent-Length: {}\nConnection: close"


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """An nginx with pages that redirect, and the authority of its certificate."""
    folder = tmp_path_factory.mktemp("web")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    locations = """
        location = /first { return 302 /host; }
        location = /loop { return 302 /loop; }
        location = /metadata { return 302 http://169.254.169.254/latest; }
        location = /json { return 200 '{"status": "UP", "nodes": 3}'; }
        location = /auth { return 200 "$http_authorization"; }
        location = /agent { return 200 "$http_user_agent"; }
    """
    certificate = ca.issue_cert("shop.test", "www.shop.test", "127.0.0.1")
    with nginx(folder / "nginx", certificate, locations=locations) as server:
        yield server, str(folder / "ca.pem")


async def test_a_body_that_breaks_off_took_its_time(tmp_path):
    """The seconds of a transfer are told also where it came to no end."""
    answer = await probed(tmp_path, answering(OK.format(9), b"some"))

    assert answer.reason == "reset"
    assert answer.metrics['probe_http_duration_seconds{phase="transfer"}'] > 0


UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}


@pytest.mark.parametrize(("headers", "success"), [(UPGRADE, 1), ({}, 0)], ids=["asked", "unasked"])
async def test_an_upgrade_that_was_asked_for_is_an_answer(tmp_path, headers, success):
    """A module that looks at a WebSocket by its 101 finds it, and does not wait for its end."""
    seen = []

    async def upgraded(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi")
        await reader.read()

    answer = await probed(tmp_path, upgraded, headers=headers, valid_status_codes=[101])

    assert answer.metrics["probe_success"] == success
    assert (b"\r\nConnection: Upgrade\r\n" in seen[0]) == bool(headers)
    assert answer.metrics["probe_http_status_code"] == 101 * success


async def test_a_page_over_tls_has_all_the_metrics(tmp_path, web):
    """Phases, version, chain and cipher are told as blackbox_exporter tells them."""
    server, ca_file = web
    settings = module(tls_config={"ca_file": ca_file}, fail_if_not_ssl=True)
    async with serving(tmp_path, settings) as served:
        answer = await served.probe(f"https://shop.test:{server.https}/")
    metrics = answer.metrics
    assert answer.reason is None
    phases = ("connect", "processing", "resolve", "tls", "transfer")
    spent = [metrics[f'probe_http_duration_seconds{{phase="{phase}"}}'] for phase in phases]
    assert all(seconds > 0 for seconds in spent)
    assert sum(spent) <= metrics["probe_duration_seconds"]
    assert metrics["probe_http_ssl"] == 1
    assert metrics["probe_http_version"] == 1.1
    assert metrics["probe_http_uncompressed_body_length"] == len("all is well\n")
    assert metrics['probe_tls_version_info{version="TLS 1.3"}'] == 1
    assert metrics['probe_tls_cipher_info{cipher="TLS_AES_256_GCM_SHA384"}'] == 1
    chain, leaf = "probe_ssl_last_chain_expiry_timestamp_seconds", "probe_ssl_earliest_cert_expiry"
    assert (
        metrics[chain]
        == metrics[leaf]
        == metrics["probe_ssl_presented_cert_expiry_timestamp_seconds"]
    )
    (info,) = (name for name in metrics if name.startswith("probe_ssl_last_chain_info"))
    assert 'subjectalternative="shop.test,www.shop.test"' in info


async def test_without_verification_no_chain_was_verified(tmp_path, web):
    """Its expiry is then Go's zero time."""
    settings = module(tls_config={"insecure_skip_verify": True})
    async with serving(tmp_path, settings) as served:
        answer = await served.probe(f"https://127.0.0.1:{web[0].https}/")
    expiry = answer.metrics["probe_ssl_last_chain_expiry_timestamp_seconds"]
    assert (answer.reason, expiry) == (None, -62135596800)


@pytest.mark.parametrize("prober", ["http", "tcp"])
async def test_an_authority_that_is_renewed_needs_no_restart(tmp_path, web, prober):
    """While its file is away the one from before is used."""
    server, ca_file = web
    path = tmp_path / "ca.pem"
    shutil.copy(ca_file, path)
    tls = {"tls_config": {"ca_file": str(path)}, "preferred_ip_protocol": "ip4"}
    settings = module(**tls) if prober == "http" else {"prober": "tcp", "tcp": {**tls, "tls": True}}
    scheme = "https://" if prober == "http" else ""
    reasons = []
    async with serving(tmp_path, settings) as served:
        for renew in (lambda: None, path.unlink, lambda: trustme.CA().cert_pem.write_to_path(path)):
            renew()
            answer = await served.probe(f"{scheme}shop.test:{server.https}")
            reasons.append(answer.reason)
    assert reasons == [None, None, "tls_untrusted"]


async def test_the_expiry_of_an_expired_certificate_is_told(tmp_path):
    """In a metric of its own: those of blackbox_exporter are gone, as they are there."""
    ca, ended = trustme.CA(), datetime(2020, 1, 1, tzinfo=UTC)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = ca.issue_cert("127.0.0.1", not_after=ended)
    settings = module(tls_config={"ca_file": str(tmp_path / "ca.pem")})
    with nginx(tmp_path / "nginx", certificate) as server:
        async with serving(tmp_path, settings) as served:
            answer = await served.probe(f"https://127.0.0.1:{server.https}/")
    assert answer.reason == "tls_expired"
    told = answer.metrics["probe_ssl_presented_cert_expiry_timestamp_seconds"]
    assert told == ended.timestamp()
    assert "probe_ssl_earliest_cert_expiry" not in answer.text
    assert answer.metrics["probe_http_ssl"] == 0


@pytest.mark.parametrize(
    ("settings", "path", "reason", "redirects"),
    [
        ({}, "first", None, 1),
        ({}, "loop", "status", 11),
        ({"follow_redirects": False}, "first", "status", 1),
        ({"no_follow_redirects": True, "valid_status_codes": [302]}, "first", None, 1),
        ({}, "metadata", "forbidden", 1),
    ],
)
async def test_redirects_are_followed_ten_times(tmp_path, web, settings, path, reason, redirects):
    """The one that is refused counts; none leads to where clouds keep their secrets."""
    async with serving(tmp_path, module(**settings)) as served:
        answer = await served.probe(f"http://127.0.0.1:{web[0].http}/{path}")
    assert answer.reason == reason
    assert answer.metrics["probe_http_redirects"] == redirects


@pytest.mark.parametrize(
    ("settings", "path", "reason"),
    [
        ({"fail_if_body_json_matches_cel": "body.nodes < 3"}, "json", None),
        ({"fail_if_body_json_matches_cel": "body.nodes == 3"}, "json", "json"),
        ({"fail_if_body_json_not_matches_cel": "body.status == 'UP'"}, "json", None),
        ({"fail_if_body_json_not_matches_cel": "body.status"}, "json", "json"),
        ({"fail_if_body_json_not_matches_cel": "body.missing"}, "json", "json"),
        ({"fail_if_body_json_matches_cel": "body.nodes == 3"}, "", "json"),
        ({"fail_if_body_not_matches_regexp": [r"(?i)ALL\b", "well"]}, "", None),
        ({"fail_if_body_matches_regexp": ["down", "is"]}, "", "body"),
        ({"fail_if_header_matches": [{"header": "server", "regexp": "nginx"}]}, "", "header"),
        ({"fail_if_header_not_matches": [{"header": "X", "regexp": "a"}]}, "", "header"),
        ({"valid_http_versions": ["HTTP/2.0"]}, "", "protocol"),
        ({"valid_http_versions": ["HTTP/1.1"]}, "", None),
        ({"fail_if_not_ssl": True}, "", "ssl"),
        ({"body_size_limit": "5B"}, "", "too_large"),
        ({"valid_status_codes": [503]}, "gone", None),
    ],
)
async def test_rules_about_answers_hold(tmp_path, web, settings, path, reason):
    """Each rule that is broken is its reason."""
    async with serving(tmp_path, module(**settings)) as served:
        answer = await served.probe(f"http://127.0.0.1:{web[0].http}/{path}")
    assert answer.reason == reason
    regexp = reason in {"body", "header"}
    assert answer.metrics["probe_failed_due_to_regex"] == regexp
    assert answer.metrics.get("probe_failed_due_to_cel", 0) == (reason == "json")


async def test_host_and_server_name_are_what_the_url_says(tmp_path, web):
    """`hostname` is the Host header, and the name that is asked for by SNI and verified."""
    server, ca_file = web
    settings = module(tls_config={"ca_file": ca_file})
    async with serving(tmp_path, settings) as served:
        answer = await served.probe(f"https://127.0.0.1:{server.https}/host", hostname="shop.test")
        wrong = await served.probe(f"https://127.0.0.1:{server.https}/", hostname="other.test")
    assert (answer.reason, wrong.reason) == (None, "tls_name")
    asked = [line.split("|")[:3] for line in server.requests()]
    assert ["shop.test", "shop.test", "shop.test"] in asked


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"basic_auth": {"username": "u", "password": "p:w"}},
         "Basic " + base64.b64encode(b"u:p:w").decode()),
        ({"bearer_token": "abc"}, "Bearer abc"),
        ({"authorization": {"type": "Token", "credentials": "abc"}}, "Token abc"),
        ({"headers": {"authorization": "mine"}}, "mine"),
        ({"http_headers": {"Authorization": {"secrets": ["abc"]}}}, "abc"),
    ],
)  # fmt: skip
async def test_a_module_signs_in_as_it_says(tmp_path, web, settings, expected):
    """Once, in the Authorization header."""
    rules = {"fail_if_body_not_matches_regexp": [f"^{expected}$"], **settings}
    async with serving(tmp_path, module(**rules)) as served:
        answer = await served.probe(f"http://127.0.0.1:{web[0].http}/auth")
    assert answer.reason is None


async def test_a_secret_in_a_file_is_read_when_it_is_used(tmp_path, web):
    """So that one which was rotated needs no reload; without the file the probe fails."""
    token = tmp_path / "token"
    token.write_text("old\n")
    rules = {"fail_if_body_not_matches_regexp": ["^Bearer new$"], "bearer_token_file": str(token)}
    url = f"http://127.0.0.1:{web[0].http}/auth"
    async with serving(tmp_path, module(**rules)) as served:
        assert (await served.probe(url)).reason == "body"
        token.write_text("new\n")
        assert (await served.probe(url)).reason is None
        token.unlink()
        assert (await served.probe(url)).reason == "configuration"


async def test_a_token_is_fetched_by_oauth2_and_shared(tmp_path, web):
    """Two probes ask the token's server once, with the module's parameters."""
    seen: list[bytes] = []

    async def talk(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        seen.append(await reader.readexactly(length))
        body = json.dumps({"access_token": "t0ken", "expires_in": 300})
        writer.write(OK.format(len(body)).replace("\n", "\r\n").encode())
        writer.write(f"\r\n\r\n{body}".encode())
        await writer.drain()

    async with stream_server(talk) as server:
        oauth2 = {"client_id": "me", "client_secret": "hush", "token_url": f"http://{server}/t",
                  "scopes": ["read"], "endpoint_params": {"audience": "all"}}  # fmt: skip
        rules = {"fail_if_body_not_matches_regexp": ["^Bearer t0ken$"], "oauth2": oauth2}
        async with serving(tmp_path, module(**rules)) as served:
            for _ in range(2):
                answer = await served.probe(f"http://127.0.0.1:{web[0].http}/auth")
                assert answer.reason is None
    assert len(seen) == 1
    assert b"audience=all" in seen[0]
    assert b"scope=read" in seen[0]


@pytest.mark.parametrize("where", ["169.254.169.254", "login.test"])
async def test_a_token_is_not_asked_of_whom_may_not_be_probed(tmp_path, web, where):
    """By the address that its name has; the page is not asked for then either."""
    oauth2 = {"client_id": "me", "client_secret": "hush", "token_url": f"http://{where}/t"}
    addresses = ("169.254.169.254",)
    async with serving(tmp_path, module(oauth2=oauth2), addresses=addresses) as served:
        before = len(web[0].requests())
        answer = await served.probe(f"http://127.0.0.1:{web[0].http}/auth")
    assert answer.reason == "forbidden"
    assert len(web[0].requests()) == before


async def test_without_a_token_nothing_is_asked(tmp_path, web):
    """The reason is why there is none."""
    url = f"http://127.0.0.1:{free_port()}/"
    oauth2 = {"client_id": "me", "client_secret": "hush", "token_url": url}
    async with serving(tmp_path, module(oauth2=oauth2)) as served:
        answer = await served.probe(f"http://127.0.0.1:{web[0].http}/auth")
    assert answer.reason == "connect_refused"


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (OK.format(2), 2),
        ("HTTP/1.1 200 OK\nConnection: close", -1),
        ("HTTP/1.1 204 No Content", 0),
    ],
)
async def test_the_length_is_what_the_header_says(tmp_path, head, length):
    """And -1 where none does."""
    body = b"hi" if "204" not in head else b""
    answer = await probed(tmp_path, answering(head, body))
    assert (answer.reason, answer.metrics["probe_http_content_length"]) == (None, length)


@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0", "3.1"])
async def test_a_version_that_is_none_is_judged_as_it_is_said(tmp_path, version):
    """A server may say any version of HTTP in its first line; rules know it by that."""
    talk = answering(f"HTTP/{version} 200 OK\nContent-Length: 0")
    free = await probed(tmp_path, talk)
    strict = await probed(tmp_path, talk, valid_http_versions=["HTTP/1.1"])
    named = await probed(tmp_path, talk, valid_http_versions=[f"HTTP/{version}"])

    assert free.metrics["probe_http_version"] == float(version)
    assert (free.reason, strict.reason, named.reason) == (None, "protocol", None)


async def test_last_modified_is_a_metric_where_it_is_a_date(tmp_path):
    """In seconds since the epoch."""
    head = OK.format(0) + "\nLast-Modified: {}"
    name = "probe_http_last_modified_timestamp_seconds"
    answer = await probed(tmp_path, answering(head.format("Mon, 02 Jan 2006 15:04:05 GMT")))
    assert answer.metrics[name] == 1136214245
    for text in ("yesterday", "Mon, 02 Jan 99999999999 15:04:05 GMT"):
        answer = await probed(tmp_path, answering(head.format(text)))
        assert name not in answer.metrics


async def test_servers_know_the_probe_by_its_name(tmp_path):
    """Its User-Agent begins as blackbox_exporter's, unless the module has another."""
    seen: list[bytes] = []
    await probed(tmp_path, answering(OK.format(0), seen=seen))
    await probed(tmp_path, answering(OK.format(0), seen=seen), headers={"user-agent": "mine"})
    assert b"User-Agent: Blackbox-Exporter/" in seen[0]
    assert b"user-agent: mine" in seen[1]
    assert seen[1].lower().count(b"user-agent") == 1


async def test_a_server_that_says_nothing_ends_at_the_deadline(tmp_path):
    """Within the scraper's time, less the offset."""

    async def talk(reader, writer):
        await reader.read()

    async with stream_server(talk) as server, serving(tmp_path, module()) as served:
        answer = await served.ask(
            "/probe", target=str(server), module="m",
            headers={"X-Prometheus-Scrape-Timeout-Seconds": "0.8"},
        )  # fmt: skip
    assert answer.reason == "timeout"
    assert answer.metrics["probe_timeout_seconds"] == pytest.approx(0.3)
    assert 0.25 < answer.metrics["probe_duration_seconds"] < 0.8


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("a.test", "http://a.test"),
        ("HTTP://a.test/x", "http://a.test/x"),
        ("https://a.test/a b?c=d e#f", "https://a.test/a%20b?c=d%20e"),
        ("http://bücher.test/ü", "http://xn--bcher-kva.test/%C3%BC"),
        ("http://a.bücher:8080/", "http://a.xn--bcher-kva:8080/"),
        ("[::1]:80/x", "http://[::1]:80/x"),
    ],
)
def test_targets_become_urls(text, url):
    """A scheme may be missing, and what is no part of a URL is encoded."""
    assert target_of(text)[0].url == url


@pytest.mark.parametrize(
    ("text", "pair"),
    [("http://u:p@a.test/", b"u:p"), ("http://u:%2F%23%3F%40%25@a.test/", b"u:/#?@%")],
)
def test_a_target_may_hold_a_password(text, pair):
    """It is sent as it is meant, and is no part of the URL any more."""
    target, authorization = target_of(unescaped(text))
    assert target.url == "http://a.test/"
    assert authorization == "Basic " + base64.b64encode(pair).decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "CN=a.test,O=Shop\\, Inc.,L=Bonn,ST=NRW,C=DE",
            "CN=a.test,ST=NRW,L=Bonn,O=Shop\\, Inc.,C=DE",
        ),
        ("CN=Test CA", "CN=Test CA"),
        ("", ""),
    ],
)
def test_names_of_certificates_are_in_the_order_of_go(text, expected):
    """So that series go on when the exporter is changed."""
    assert go_name(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
        ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
        ("AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"),
    ],
)
def test_ciphers_are_called_as_go_calls_them(name, expected):
    """By their names of the registry."""
    assert go_cipher(name) == expected


@pytest.mark.parametrize(
    ("coding", "header", "well"),
    [
        ("gzip", "gzip, compress", True),
        ("br", "gzip, *", True),
        ("br", "gzip, *;q=0.1", True),
        ("br", "gzip, *;q=0.0", False),
        ("br", "br;q=0.1, *;q=0", True),
        ("gzip", "br, identity", False),
        ("gzip", "gzip;q=0", False),
        ("gzip", "", True),
    ],
)
def test_a_coding_must_be_acceptable(coding, header, well):
    """A server that does as it is told must be able to send it."""
    assert acceptable(coding, header) == well
