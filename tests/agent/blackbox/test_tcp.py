"""The tcp prober: dialogues in lines, in the clear and over TLS."""

import ssl

import pytest
import trustme

from tests.agent.blackbox.serving import serving
from tests.servers.process import free_port
from tests.servers.stream import server_context, stream_server
from vedette.agent.blackbox.scalars import regexp
from vedette.agent.blackbox.tcp import expand


def module(*steps, **settings):
    """Return a module with these steps."""
    tcp = {"query_response": list(steps), **settings}
    return {"prober": "tcp", "timeout": "700ms", "tcp": tcp}


def saying(*lines: bytes):
    """Return a server that greets with the first line, and says the next after each it reads."""

    async def talk(reader, writer):
        for line in lines:
            writer.write(line)
            await writer.drain()
            if not await reader.readline():
                return

    return talk


async def probed(folder, talk, *steps, **settings):
    """Return the answer about a server that talks so."""
    async with stream_server(talk) as server, serving(folder, module(*steps, **settings)) as served:
        return await served.probe(server)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([], None),
        ([{"expect": "^SSH-2.0-"}], None),
        ([{"expect": "^nothing$"}], "timeout"),
        ([{"expect": "^SSH-(.*)-x$", "send": "I am ${1}"}, {"expect": "^well$"}], None),
        ([{"send": "hello"}, {"expect": "^well$"}], None),
    ],
)
async def test_a_dialogue_goes_as_the_module_says(tmp_path, steps, reason):
    """Lines are read until one matches, and what it held can be sent."""
    answer = await probed(tmp_path, saying(b"noise\r\nSSH-2.0-x\r\n", b"well\n"), *steps)
    assert answer.reason == reason


async def test_an_end_without_the_line_is_due_to_the_regular_expression(tmp_path):
    """The server has said all that it had to say."""

    async def talk(reader, writer):
        writer.write(b"noise\nno end")
        await writer.drain()

    answer = await probed(tmp_path, talk, {"expect": "^ready"})
    assert (answer.reason, answer.metrics["probe_failed_due_to_regex"]) == ("body", 1)


async def test_what_was_expected_becomes_labels(tmp_path):
    """Those that the module names, in one series."""
    labels = [{"name": "version", "value": "v${v}"}, {"name": "whole", "value": "$0"}]
    step = {"expect": "^SSH-(?P<v>[0-9.]+)", "labels": labels}
    answer = await probed(tmp_path, saying(b"SSH-2.0-x\n"), step)
    assert answer.metrics['probe_expect_info{version="v2.0",whole="SSH-2.0"}'] == 1


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (saying(b""), "timeout"),
        (saying(b"x" * 200_000 + b"\n"), "body"),
    ],
)
async def test_a_server_that_says_no_line_ends(tmp_path, talk, reason):
    """Silence at the deadline, and a line without end before it has been kept."""
    answer = await probed(tmp_path, talk, {"expect": "^ready"})
    assert answer.reason == reason


async def test_a_server_that_never_ends_fills_no_memory(tmp_path):
    """The probe ends at its deadline, with the beginning of what it heard in its log."""

    async def talk(reader, writer):
        while True:
            writer.write(b"x" * 1000 + b"\n")
            await writer.drain()

    settings = module({"expect": "^ready"})
    async with stream_server(talk) as server, serving(tmp_path, settings) as served:
        assert (await served.probe(server)).reason == "timeout"
        (result,) = served.prober.history
    assert len(result.report()) < 1_000_000


async def test_a_closed_port_and_a_target_without_one_fail(tmp_path):
    """Each with its reason."""
    async with serving(tmp_path, module()) as served:
        assert (await served.probe(f"127.0.0.1:{free_port()}")).reason == "connect_refused"
        assert (await served.probe("127.0.0.1")).reason == "configuration"


@pytest.fixture
def ca(tmp_path):
    """An authority that modules trust by ca.pem."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    return made


async def test_tls_is_spoken_from_the_start(tmp_path, ca):
    """Its metrics are those of the http prober; `hostname` is the name to verify."""
    tls = {"ca_file": str(tmp_path / "ca.pem")}
    settings = module({"expect": "hi"}, tls=True, tls_config=tls)
    context = server_context(ca.issue_cert("mail.test"))
    async with stream_server(saying(b"hi\n"), context) as server, serving(tmp_path, settings) as s:
        answer = await s.probe(f"mail.test:{server.port}")
        wrong = await s.probe(server)
        named = await s.probe(server, hostname="mail.test")
    assert (answer.reason, wrong.reason, named.reason) == (None, "tls_name", None)
    assert answer.metrics["probe_ssl_earliest_cert_expiry"] > 0
    assert answer.metrics['probe_tls_version_info{version="TLS 1.3"}'] == 1
    assert "probe_ssl_earliest_cert_expiry" not in wrong.metrics
    assert wrong.metrics["probe_ssl_presented_cert_expiry_timestamp_seconds"] > 0


async def test_tls_is_begun_in_the_middle(tmp_path, ca):
    """STARTTLS as of a mail server, and the dialogue goes on inside."""
    context = server_context(ca.issue_cert("mail.test"))

    async def talk(reader, writer):
        writer.write(b"220 mail.test ESMTP\r\n")
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"220 go on\r\n")
        await writer.drain()
        await writer.start_tls(context)
        assert await reader.readline() == b"EHLO prober\n"
        writer.write(b"250 mail.test\r\n")
        await writer.drain()

    steps = (
        {"expect": "^220", "send": "STARTTLS"},
        {"expect": "^220", "starttls": True},
        {"send": "EHLO prober"},
        {"expect": "^250 mail.test$"},
    )
    settings = module(*steps, tls_config={"ca_file": str(tmp_path / "ca.pem")})
    async with stream_server(talk) as server, serving(tmp_path, settings) as served:
        answer = await served.probe(f"mail.test:{server.port}")
    assert answer.reason is None
    assert answer.metrics["probe_ssl_earliest_cert_expiry"] > 0


async def test_a_client_shows_a_certificate_that_stands_in_the_config(tmp_path, ca):
    """`cert` and `key` may be in the module itself, as PEM."""
    context = server_context(ca.issue_cert("mail.test"))
    context.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(context)
    client = ca.issue_cert("prober.test")
    tls = {
        "ca": (tmp_path / "ca.pem").read_text(),
        "cert": client.cert_chain_pems[0].bytes().decode(),
        "key": client.private_key_pem.bytes().decode(),
    }
    settings = module({"expect": "hi"}, tls=True, tls_config=tls)
    async with stream_server(saying(b"hi\n"), context) as server, serving(tmp_path, settings) as s:
        assert (await s.probe(f"mail.test:{server.port}")).reason is None


@pytest.mark.parametrize(
    ("template", "expected"),
    [("$1-$name", "a-b"), ("${1}x", "ax"), ("$1x", ""), ("$$1", "$1"), ("$9", ""), ("a$", "a$")],
)
def test_templates_are_those_of_go(template, expected):
    """The longest name counts, and a group that is not there is empty."""
    assert expand(template, regexp("(a)(?P<name>b)").search("ab")) == expected
