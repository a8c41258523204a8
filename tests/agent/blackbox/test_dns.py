"""The dns prober: its quirks, and what it can do beyond blackbox_exporter."""

import dns.message
import dns.rcode
import pytest
import trustme

from tests.agent.blackbox.serving import serving
from tests.checks.dns.messages import reply_to
from tests.servers.process import free_port
from tests.servers.responder import responder
from tests.servers.stream import server_context, stream_server

TWO = ("example.com. 60 IN A 192.0.2.1", "example.com. 60 IN A 192.0.2.2")


def module(**settings):
    """Return a module that asks for example.com A."""
    dns_ = {"query_name": "example.com", "query_type": "A", **settings}
    return {"prober": "dns", "timeout": "500ms", "dns": dns_}


def answering(*records, **rest):
    """Return a server's answer to every question."""
    return lambda wire: [reply_to(wire, records, **rest)]


async def probed(folder, respond, tcp=None, query=(), **settings):
    """Return the answer about a server that responds so."""
    async with responder(respond, tcp) as server, serving(folder, module(**settings)) as served:
        return await served.probe(server, **dict(query))


@pytest.mark.parametrize(
    ("rule", "regexps", "records", "reason"),
    [
        ("fail_if_matches_regexp", ["2.2$"], TWO, "wrong_answer"),
        ("fail_if_matches_regexp", ["2.3$"], TWO, None),
        ("fail_if_matches_regexp", ["."], (), None),
        ("fail_if_not_matches_regexp", ["2.1$"], TWO, "wrong_answer"),
        ("fail_if_not_matches_regexp", [r"^example\.com\.\t60\tIN\tA\t192"], TWO, None),
        ("fail_if_not_matches_regexp", ["."], (), "nodata"),
        ("fail_if_none_matches_regexp", ["9", "2.2$"], TWO, None),
        ("fail_if_none_matches_regexp", ["2.3$"], TWO, "wrong_answer"),
        ("fail_if_none_matches_regexp", ["."], (), "nodata"),
        ("fail_if_all_match_regexp", ["."], TWO, None),
        ("fail_if_all_match_regexp", ["2.1$"], TWO, "wrong_answer"),
        ("fail_if_all_match_regexp", ["2.1$"], (), None),
        ("fail_if_matches_regexp", ["("], TWO, "configuration"),
    ],
)
async def test_rules_about_records_hold(tmp_path, rule, regexps, records, reason):
    """As with blackbox_exporter `fail_if_all_match_regexp` is inverted, and empty is well."""
    rules = {"validate_answer_rrs": {rule: regexps}}
    assert (await probed(tmp_path, answering(*records), **rules)).reason == reason


@pytest.mark.parametrize(
    ("rcode", "valid", "reason"),
    [
        ("NXDOMAIN", [], "nxdomain"),
        ("NXDOMAIN", ["NXDOMAIN"], None),
        ("NOERROR", ["NXDOMAIN"], "other_rcode"),
        ("SERVFAIL", [], "servfail"),
        ("REFUSED", [], "refused"),
        ("NOERROR", ["NOPE"], "configuration"),
    ],
)
async def test_a_reply_with_another_code_is_a_query_that_succeeded(tmp_path, rcode, valid, reason):
    """The code fails the probe, and the reason tells which it was."""
    respond = answering(rcode=dns.rcode.from_text(rcode))
    answer = await probed(tmp_path, respond, valid_rcodes=valid)
    assert answer.reason == reason
    assert answer.metrics["probe_dns_query_succeeded"] == 1


async def test_sections_are_counted_and_the_serial_is_told(tmp_path):
    """Of every section the number of its records; of an SOA the serial."""
    soa = "example.com. 60 IN SOA ns.example.com. noc.example.com. 4000000001 1 2 3 4"
    respond = answering(soa, authority=("example.com. 60 IN NS ns.example.com.",),
                        additional=("ns.example.com. 60 IN A 192.0.2.3",))  # fmt: skip
    metrics = (await probed(tmp_path, respond, query_type="SOA")).metrics
    assert metrics["probe_dns_serial"] == 4000000001
    sections = ("answer", "authority", "additional")
    assert [metrics[f"probe_dns_{section}_rrs"] for section in sections] == [1, 1, 1]


async def test_there_is_no_edns_unless_it_is_asked_for(tmp_path):
    """Then a reply over UDP may be as long as the module says, else 512 octets."""
    seen = []

    def respond(wire):
        seen.append(dns.message.from_wire(wire))
        return [reply_to(wire, tuple(f"example.com. 60 IN A 192.0.2.{i}" for i in range(40)))]

    answer = await probed(tmp_path, respond)
    assert answer.reason == "truncated"
    assert answer.metrics["probe_dns_query_succeeded"] == 0
    answer = await probed(tmp_path, respond, edns_udp_size=1400, dnssec_ok=True)
    assert (answer.reason, answer.metrics["probe_dns_answer_rrs"]) == (None, 40)
    assert [(query.edns, query.payload) for query in seen] == [(-1, 0), (0, 1400)]


async def test_a_truncated_reply_is_a_success_and_asks_nobody_again(tmp_path):
    """TC=1 is no failure, and TCP is not tried."""
    seen = []

    def respond(wire):
        seen.append(wire)
        reply = bytearray(reply_to(wire))
        reply[2] |= 2
        return [bytes(reply)]

    answer = await probed(tmp_path, respond, tcp=respond)
    assert (answer.reason, len(seen)) == (None, 1)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_url_may_name_what_is_asked_for(tmp_path, transport):
    """One module is enough for any number of names."""
    seen = []

    def respond(wire):
        seen.append(dns.message.from_wire(wire).question[0].to_text())
        return [reply_to(wire)]

    query = {"query_name": "other.test", "query_type": "TXT"}
    answer = await probed(tmp_path, respond, respond, query, transport_protocol=transport)
    assert (answer.reason, seen) == (None, ["other.test. IN TXT"])


async def test_recursion_is_desired_unless_the_module_says_otherwise(tmp_path):
    """The RD bit is the module's."""
    flags = []

    def respond(wire):
        flags.append(wire[2] & 1)
        return [reply_to(wire)]

    await probed(tmp_path, respond)
    await probed(tmp_path, respond, recursion_desired=False)
    assert flags == [1, 0]


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        (lambda wire: [], "timeout"),
        (lambda wire: [bytes([wire[0] ^ 1]) + reply_to(wire)[1:]], "mismatched"),
        (lambda wire: [bytes([wire[0] ^ 1]) + reply_to(wire)[1:], reply_to(wire, TWO)], None),
        (lambda wire: [wire[:2] + b"\x00"], "malformed"),
        (lambda wire: [reply_to(wire, TWO)[:-3]], "malformed"),
    ],
)
async def test_what_no_reply_is_ends_with_its_reason(tmp_path, replies, reason):
    """Silence, strays and garbage are told apart; a stray before the reply does no harm."""
    assert (await probed(tmp_path, replies)).reason == reason


async def test_a_closed_port_fails_at_once(tmp_path):
    """Nobody waits for a server that is not there."""
    async with serving(tmp_path, module()) as served:
        answer = await served.probe(f"127.0.0.1:{free_port()}")
    assert answer.reason == "unreachable"
    assert answer.metrics["probe_duration_seconds"] < 0.3


@pytest.mark.parametrize(
    "settings",
    [
        {"transport_protocol": "sctp"},
        {"dns_over_tls": True},
        {"query_name": "a..b"},
        {"source_ip_address": "192.0.2.77"},
    ],
)
async def test_what_cannot_be_asked_fails_every_probe(tmp_path, settings):
    """Such settings are no fault of the config, as with blackbox_exporter."""
    answer = await probed(tmp_path, answering(), **settings)
    assert answer.metrics["probe_success"] == 0
    assert answer.reason in {"configuration", "malformed", "unreachable"}


async def test_the_source_address_is_the_modules(tmp_path):
    """A server sees who asks."""
    seen = []

    async def talk(reader, writer):
        seen.append(writer.get_extra_info("peername")[0])
        size = int.from_bytes(await reader.readexactly(2))
        reply = reply_to(await reader.readexactly(size))
        writer.write(len(reply).to_bytes(2) + reply)
        await writer.drain()

    settings = module(transport_protocol="tcp", source_ip_address="127.0.0.9")
    async with stream_server(talk) as server, serving(tmp_path, settings) as served:
        assert (await served.probe(server)).reason is None
    assert seen == ["127.0.0.9"]


async def test_dns_over_tls_proves_whom_it_asks(tmp_path):
    """The server's certificate must be for the host of the target, or for server_name."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def talk(reader, writer):
        size = int.from_bytes(await reader.readexactly(2))
        reply = reply_to(await reader.readexactly(size), TWO)
        writer.write(len(reply).to_bytes(2) + reply)
        await writer.drain()

    tls = {"ca_file": str(tmp_path / "ca.pem")}
    settings = module(transport_protocol="tcp", dns_over_tls=True, tls_config=tls)
    named = module(
        transport_protocol="tcp", dns_over_tls=True, tls_config={**tls, "server_name": "dns.test"}
    )
    context = server_context(ca.issue_cert("dns.test"))
    async with (
        stream_server(talk, context) as server,
        serving(tmp_path, settings, named=named) as served,
    ):
        assert (await served.probe(f"dns.test:{server.port}")).reason is None
        assert (await served.probe(f"other.test:{server.port}")).reason == "tls_name"
        assert (await served.probe(f"other.test:{server.port}", "named")).reason is None
