"""Servers that misbehave: each way has its reason, within the deadline."""

import asyncio
import errno
import gc
import os
import socket
import ssl
import time

import pytest
import trustme

from tests.checks.http.looking import checking, look, resolver
from tests.checks.http.raw import drips, full_backlog, raw, refusing, resets, says
from tests.servers.process import free_port
from tests.servers.stream import Talk
from vedette.checks.finding import Verdict
from vedette.checks.http.connection import translate
from vedette.checks.http.reason import Reason
from vedette.checks.net import SOCKETS, CouldNotLook, Endpoint

OK = b"HTTP/1.1 200 OK\r\n"

BAD = {
    "never answers": (says(hang=True), Reason.TIMEOUT),
    "never reads": (says(hang=True, ask=False), Reason.TIMEOUT),
    "slow-loris headers": (drips(OK, b"X-Slow: 1\r\n"), Reason.TIMEOUT),
    "slow-loris first line": (says(b"HT", hang=True), Reason.TIMEOUT),
    "endless 1xx": (drips(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), Reason.TIMEOUT),
    "slow body": (drips(OK + b"Content-Length: 99999\r\n\r\n", b"x"), Reason.TIMEOUT),
    "half a body, then silence": (
        says(OK + b"Content-Length: 9\r\n\r\nhalf", hang=True),
        Reason.TIMEOUT,
    ),
    "endless body": (drips(OK + b"\r\n", b"x" * 65536, 0), Reason.TOO_LARGE),
    "endless chunks": (
        drips(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n", 0),
        Reason.TOO_LARGE,
    ),
    "endless tiny chunks": (
        drips(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 9999, 0),
        Reason.TIMEOUT,
    ),
    "reset": (resets, Reason.RESET),
    "closes without an answer": (says(), Reason.RESET),
    "closes at once": (says(ask=False), Reason.RESET),
    "closes in the head": (says(OK + b"X-A: 1\r\n"), Reason.RESET),
    "closes in the body": (says(OK + b"Content-Length: 9\r\n\r\nhalf"), Reason.RESET),
    "closes in a chunk": (
        says(OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"),
        Reason.RESET,
    ),
    "speaks SSH": (says(b"SSH-2.0-OpenSSH_9.2\r\n", hang=True), Reason.PROTOCOL),
    "speaks HTTP/0.9": (says(b"<html>hello</html>"), Reason.PROTOCOL),
    "speaks binary": (says(bytes(range(256)), hang=True), Reason.PROTOCOL),
    "bad status line": (says(b"HTTP/1.1 OK 200\r\n\r\n"), Reason.PROTOCOL),
    "bad header": (says(OK + b"no colon\r\n\r\n"), Reason.PROTOCOL),
    "bad chunk": (
        says(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n0\r\n\r\n"),
        Reason.PROTOCOL,
    ),
    "two lengths": (
        says(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
        Reason.PROTOCOL,
    ),
    "a header of a megabyte": (
        says(OK + b"X-Long: " + b"x" * (1 << 20), hang=True),
        Reason.PROTOCOL,
    ),
    "switches protocols unasked": (
        says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", hang=True),
        Reason.PROTOCOL,
    ),
}


@pytest.mark.parametrize(("behaviour", "reason"), BAD.values(), ids=BAD.keys())
async def test_misbehaviour(behaviour: Talk, reason: Reason) -> None:
    """However a server misbehaves, the finding names it, at the deadline at the latest."""
    async with raw(behaviour) as port:
        start = time.monotonic()
        finding = await look(f"http://127.0.0.1:{port}/", timeout=0.3, max_body=1 << 20)

    assert (finding.verdict, finding.reason) == (Verdict.FAILING, reason), finding
    assert time.monotonic() - start < 0.6
    assert finding.detail.startswith(f"http://127.0.0.1:{port}/")
    assert finding.facts["address"] == "127.0.0.1"
    assert "connect_seconds" in finding.facts


async def test_plain_at_tls_port() -> None:
    """Plain HTTP where TLS is expected is a failed handshake, in words that say so."""
    answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    async with raw(says(answer, ask=False, hang=True)) as port:
        finding = await look(f"https://127.0.0.1:{port}/", timeout=0.3)

    assert finding.reason is Reason.TLS_HANDSHAKE
    assert "does not speak TLS" in finding.detail


async def test_tls_alert() -> None:
    """A TLS alert in the middle of the handshake is a failed handshake with the alert's name."""
    alert = bytes([21, 3, 3, 0, 2, 2, 40])  # RFC 8446 section 6: fatal, handshake_failure
    async with raw(says(alert, ask=False, hang=True)) as port:
        finding = await look(f"https://127.0.0.1:{port}/", timeout=0.3)

    assert finding.reason is Reason.TLS_HANDSHAKE
    assert "handshake failure" in finding.detail


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [(says(ask=False), Reason.RESET), (says(ask=False, hang=True), Reason.TIMEOUT)],
    ids=["closed", "silent"],
)
async def test_half_a_handshake(behaviour: Talk, reason: Reason) -> None:
    """A server that leaves or goes silent in the handshake is told from one that refuses it."""
    async with raw(behaviour) as port:
        finding = await look(f"https://127.0.0.1:{port}/", timeout=0.3)

    assert (finding.reason, finding.facts["phase"]) == (reason, "tls")
    assert "TLS handshake" in finding.detail


async def test_server_of_before_2010() -> None:
    """A server that lacks secure renegotiation (RFC 5746) is shaken hands with, as by browsers."""
    hello = b"\x03\x03" + bytes(32) + b"\0" + b"\xc0\x2f" + b"\0"  # and no extension

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        message = b"\x02" + len(hello).to_bytes(3) + hello
        writer.write(b"\x16\x03\x03" + len(message).to_bytes(2) + message)
        await writer.drain()
        await reader.read(4096)

    async with raw(behave) as port:
        finding = await look(f"https://127.0.0.1:{port}/", timeout=0.3)

    # It says no more than hello, which we take: nothing is refused.
    assert finding.reason is Reason.TIMEOUT, finding.detail


async def test_client_certificate_wanted() -> None:
    """A missing client certificate is a failed handshake, though TLS 1.3 says so late."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with ca.cert_pem.tempfile() as ca_file, refusing(context) as port:
        finding = await look(f"https://127.0.0.1:{port}/", timeout=0.5, ca_file=ca_file)

    assert finding.reason is Reason.TLS_HANDSHAKE
    assert "certificate required" in finding.detail


async def test_cut_inside_tls() -> None:
    """A body that ends with the connection but without close_notify is not a whole body."""
    ca = trustme.CA()

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"\r\nhalf")
        await asyncio.sleep(0.05)
        inner = writer.get_extra_info("socket")
        with socket.socket(fileno=os.dup(inner.fileno())) as under_tls:
            under_tls.shutdown(socket.SHUT_WR)
        await asyncio.Event().wait()

    with ca.cert_pem.tempfile() as ca_file:
        async with raw(cut, certificate=ca.issue_cert("127.0.0.1")) as port:
            finding = await look(f"https://127.0.0.1:{port}/", timeout=0.5, ca_file=ca_file)

    assert (finding.reason, finding.facts["status"]) == (Reason.RESET, 200)


async def test_refused() -> None:
    """Nobody listening is connect_refused, and says where."""
    port = free_port()
    finding = await look(f"http://a.test:{port}/")

    assert finding.reason is Reason.CONNECT_REFUSED
    assert finding.detail == f"http://a.test:{port}/: 127.0.0.1:{port} refused the connection"


async def test_no_answer_to_syn() -> None:
    """A SYN without an answer is connect_timeout."""
    with full_backlog() as port:
        finding = await look(f"http://127.0.0.1:{port}/", timeout=0.2)

    assert (finding.reason, finding.facts["phase"]) == (Reason.CONNECT_TIMEOUT, "connect")
    assert "within 0.2 s" in finding.detail


async def test_own_host_cannot() -> None:
    """What our own host cannot even try is UNKNOWN: a link-local address without its link."""
    finding = await look("http://[fe80::1]/", timeout=0.2)

    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, Reason.UNREACHABLE)


@pytest.mark.parametrize(
    ("number", "routed", "reason", "ours"),
    [
        (errno.ECONNREFUSED, True, Reason.CONNECT_REFUSED, False),
        (errno.ECONNRESET, True, Reason.RESET, False),
        (errno.EPIPE, True, Reason.RESET, False),
        (errno.EHOSTUNREACH, True, Reason.UNREACHABLE, False),
        (errno.ENETUNREACH, True, Reason.UNREACHABLE, False),
        (errno.EACCES, True, Reason.UNREACHABLE, False),  # ICMPv6 "administratively prohibited"
        (errno.ENETUNREACH, False, Reason.UNREACHABLE, True),
        (errno.EACCES, False, Reason.UNREACHABLE, True),  # a route of ours that prohibits it
        (errno.EADDRNOTAVAIL, True, Reason.UNREACHABLE, True),
        (errno.EMFILE, True, Reason.UNREACHABLE, True),
    ],
)
def test_translate(number: int, routed: bool, reason: Reason, ours: bool) -> None:
    """Each error number has its reason; a missing route of our own is not the target's fault."""
    failure = translate(OSError(number, "words"), Endpoint("192.0.2.1", 80), routed=routed)

    assert (failure.reason, isinstance(failure, CouldNotLook)) == (reason, ours)


async def test_status_kept() -> None:
    """A status that arrived before the answer broke off stays among the facts."""
    async with raw(says(b"HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\nhalf")) as port:
        finding = await look(f"http://127.0.0.1:{port}/", timeout=0.3)

    assert (finding.reason, finding.facts["status"]) == (Reason.RESET, 503)


async def test_interim_and_close_delimited() -> None:
    """A 1xx before the answer is skipped, and a body may end with the connection."""
    async with raw(
        says(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"\r\n", b"all", b" well")
    ) as port:
        finding = await look(f"http://127.0.0.1:{port}/", body="^all well$")

    assert finding.verdict is Verdict.OK, finding
    assert finding.facts["bytes"] == 8


async def test_no_second_address() -> None:
    """Only the first address is tried: a second one that works does not hide the first."""
    async with raw(says(OK + b"Content-Length: 0\r\n\r\n")) as port:
        one = await look(f"http://a.test:{port}/", resolve=resolver("127.0.0.2", "127.0.0.1"))
        two = await look(f"http://a.test:{port}/", resolve=resolver("127.0.0.1", "127.0.0.2"))

    assert (one.reason, one.facts["address"]) == (Reason.CONNECT_REFUSED, "127.0.0.2")
    assert two.verdict is Verdict.OK


async def test_first_address_of_a_family_that_we_have() -> None:
    """By name a host without IPv4 takes the name's IPv6 address, as its programs do."""

    def only_ipv6(family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        if family is socket.AF_INET:
            raise OSError(errno.EAFNOSUPPORT, "no IPv4 here")
        return socket.socket(family, kind)

    ours = SOCKETS.set(only_ipv6)
    try:
        finding = await look("http://a.test:1/", resolve=resolver("127.0.0.1", "::1"))
    finally:
        SOCKETS.reset(ours)

    assert finding.facts["address"] == "::1"


async def test_loop_stays_free() -> None:
    """A server that floods us with tiny chunks does not keep the loop from other work for long."""
    worst, last = 0.0, time.monotonic()

    async def watch() -> None:
        nonlocal worst, last
        while True:
            await asyncio.sleep(0)
            now = time.monotonic()
            worst, last = max(worst, now - last), now

    flood = drips(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 9999, 0)
    async with raw(flood) as port:
        watching = asyncio.create_task(watch())
        await look(f"http://127.0.0.1:{port}/", timeout=0.3)
        watching.cancel()

    assert worst < 0.25


async def test_cancelled_look_closes() -> None:
    """A look that the caller cancels leaves no socket open (a leak would be a ResourceWarning)."""
    async with raw(says(hang=True)) as port:
        task = asyncio.create_task(checking(f"http://127.0.0.1:{port}/").looks()[0].once())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    gc.collect()
