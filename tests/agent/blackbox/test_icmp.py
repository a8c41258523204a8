"""The icmp prober, as far as this machine lets us."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.blackbox.serving import serving
from vedette.agent.blackbox import icmp

MODULE = {"prober": "icmp", "timeout": "500ms", "icmp": {"payload_size": 100}}


def allowed() -> bool:
    """Whether we may send ICMP here."""
    try:
        icmp._open("127.0.0.1")[0].close()
    except PermissionError:
        return False
    return True


async def test_loopback_echoes_or_we_say_that_we_may_not_ask(tmp_path):
    """With a socket there is an answer, without one a reason that is not the target's."""
    async with serving(tmp_path, MODULE) as served:
        answer = await served.probe("127.0.0.1")
    if allowed():
        assert answer.reason is None
        assert answer.metrics['probe_icmp_duration_seconds{phase="rtt"}'] > 0
    else:
        assert answer.reason == "permission"


async def test_without_permission_the_probe_says_what_to_do(tmp_path, monkeypatch):
    """The log names the capability and the kernel's setting."""

    def refuse(_address: str) -> None:
        raise PermissionError

    monkeypatch.setattr(icmp, "_open", refuse)
    async with serving(tmp_path, MODULE) as served:
        answer = await served.probe("127.0.0.1", debug="true")
    assert "CAP_NET_RAW" in answer.text
    assert "net.ipv4.ping_group_range" in answer.text
    assert "probe_success 0" in answer.text


async def test_silence_is_a_timeout(tmp_path, monkeypatch):
    """At the deadline; here a socket on which nobody answers."""
    mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    monkeypatch.setattr(icmp, "_open", lambda _address: (mine, False))
    monkeypatch.setattr(icmp, "_prepare", lambda sock, _address, _settings: sock.setblocking(False))
    with other:
        async with serving(tmp_path, MODULE) as served:
            answer = await served.probe("127.0.0.1")
        request = other.recv(2000)
    assert answer.reason == "timeout"
    assert (request[0], len(request)) == (8, 108)
    assert icmp.checksum(request) == 0


@pytest.mark.parametrize(("size", "length"), [(0, 28), (1, 1), (1000, 1000)])
def test_the_payload_is_as_long_as_asked(size, length):
    """And by default it is blackbox_exporter's."""
    assert len(icmp.payload(size)) == length


@given(st.binary(min_size=1, max_size=100))
def test_a_checksum_makes_the_sum_nothing(data):
    """Of even octets with their checksum behind them the checksum is 0 (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    assert icmp.checksum(data + struct.pack("!H", icmp.checksum(data))) == 0
