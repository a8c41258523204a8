"""Whom an encrypted transport takes for the server, and what it says where it does not."""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from hypothesis import example, given
from hypothesis import strategies as st

from tests.checks.dns.transport.serving import (
    ENCRYPTED,
    HOST,
    Client,
    good,
    over_quic,
    serving,
)
from tests.servers.doq import doq
from tests.servers.stream import server_context, stream_server
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.transport.distrust import Fault, distrusted
from vedette.checks.net import CouldNotLook, NetworkFailure


@ENCRYPTED
async def test_by_address(transport: str, certificate: trustme.LeafCert, client: Client) -> None:
    """A server that is named by its address is verified by the address in its certificate."""
    async with serving(transport, certificate, good) as server:
        assert (await client.asks(transport, server, host="")).message.answer


@ENCRYPTED
async def test_by_wrong_address(transport: str, ca: trustme.CA, client: Client) -> None:
    """A certificate without the address is not enough for a server named by its address."""
    async with serving(transport, ca.issue_cert(HOST), good) as server:
        failure = await client.fails(transport, server, host="")
    assert failure.reason is Reason.UNREACHABLE
    assert failure.detail == (
        "the server cannot be trusted: its certificate is for dns.example, not for 127.0.0.1"
    )


@ENCRYPTED
async def test_wrong_name(transport: str, ca: trustme.CA, client: Client) -> None:
    """A certificate for others is unreachable, and the sentence names them and whom we want."""
    names = ("other.example", "a.example", "b.example", "192.0.2.1")
    async with serving(transport, ca.issue_cert(*names), good) as server:
        failure = await client.fails(transport, server)
    assert (type(failure), failure.reason) == (NetworkFailure, Reason.UNREACHABLE)
    assert failure.detail == (
        "the server cannot be trusted: its certificate is for other.example, a.example, b.example "
        "and 1 more, not for dns.example"
    )


@ENCRYPTED
@pytest.mark.parametrize(("since", "until"), [(2019, 2020), (2098, 2099)], ids=["past", "future"])
async def test_dates(
    transport: str, since: int, until: int, ca: trustme.CA, client: Client
) -> None:
    """A certificate that is not valid now is unreachable, and the sentence says when it is."""
    dates = [datetime(year, 1, 1, tzinfo=UTC) for year in (since, until)]
    leaf = ca.issue_cert(HOST, not_before=dates[0], not_after=dates[1])
    async with serving(transport, leaf, good) as server:
        failure = await client.fails(transport, server)
    assert failure.reason is Reason.UNREACHABLE
    assert f"from {since}-01-01 00:00 until {until}-01-01 00:00 UTC" in failure.detail


@ENCRYPTED
async def test_untrusted(transport: str, client: Client) -> None:
    """A certificate of an authority that we do not know is unreachable, and it is named."""
    stranger = trustme.CA(organization_name="Strangers")
    async with serving(transport, stranger.issue_cert(HOST), good) as server:
        failure = await client.fails(transport, server)
    assert failure.reason is Reason.UNREACHABLE
    assert "cannot be trusted: its certificate, issued by" in failure.detail
    assert "O=Strangers" in failure.detail


@ENCRYPTED
async def test_system_is_trusted_by_default(transport: str, certificate: trustme.LeafCert) -> None:
    """Without a file of authorities the system's are trusted, and no others."""
    async with serving(transport, certificate, good) as server:
        failure = await Client(None).fails(transport, server)
    assert "cannot be trusted: its certificate, issued by" in failure.detail


@ENCRYPTED
@pytest.mark.parametrize("content", [None, "no certificate"], ids=["gone", "garbage"])
async def test_unreadable_authorities(
    transport: str, content: str | None, certificate: trustme.LeafCert, tmp_path: Path
) -> None:
    """Where our own file cannot be read we could not look, which is no evidence."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    async with serving(transport, certificate, good) as server:
        failure = await Client(str(path)).fails(transport, server)
    assert isinstance(failure, CouldNotLook)
    assert "certificates" in failure.detail


async def test_certificate_of_ours_wanted(
    certificate: trustme.LeafCert, ca: trustme.CA, client: Client
) -> None:
    """A server that wants our certificate refuses us after the handshake, which is said."""
    context = server_context(certificate)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # By hand: the loop's own TLS closes before it has sent its alert.
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_side=True)
        with contextlib.suppress(ssl.SSLCertVerificationError, ssl.SSLError):
            while not reader.at_eof():
                with contextlib.suppress(ssl.SSLWantReadError):
                    session.do_handshake()
                writer.write(outgoing.read())
                incoming.write(await reader.read(65536))
        writer.write(outgoing.read())
        await reader.read()

    async with stream_server(talk) as server:
        failure = await client.fails("tls", server)
    assert failure.reason is Reason.UNREACHABLE
    assert "breaks off TLS: tlsv13 alert certificate required" in failure.detail


@given(
    changes=st.lists(st.tuples(st.integers(0), st.binary(min_size=1, max_size=1)), min_size=1),
    fault=st.sampled_from(Fault),
)
@example(changes=[(15, b"\x80")], fault=Fault.NAME)  # a negative serial number
def test_unreadable_certificate(
    changes: list[tuple[int, bytes]], fault: Fault, ca: trustme.CA
) -> None:
    """Whatever octets a refused certificate has, there is a sentence about it."""
    broken = bytearray(ssl.PEM_cert_to_DER_cert(ca.cert_pem.bytes().decode()))
    for at, octet in changes:
        broken[at % len(broken)] = octet[0]
    said = distrusted(fault, [bytes(broken)], HOST, "no reason")
    assert said.startswith("cannot be trusted: its certificate")


@pytest.mark.parametrize(
    ("names", "ours", "says"),
    [
        (["*.test"], False, f"its certificate is for *.test, not for {HOST}"),
        ([HOST, "*.test"], True, "a name in its certificate cannot be read"),
    ],
)
async def test_name_that_the_quic_library_cannot_read(
    names: list[str], ours: bool, says: str, ca: trustme.CA, client: Client
) -> None:
    """A wildcard that aioquic does not know is no bug of ours: it is judged, or left undecided."""
    async with doq(over_quic(good), ca.issue_cert(*names)) as server:
        failure = await client.fails("quic", server)

    assert isinstance(failure, CouldNotLook) is ours
    assert says in failure.detail
