"""What one side of a TCP connection sent, out of a capture (pcap) of Ethernet frames.

See draft-ietf-opsawg-pcap for the file; the segments must be all there and are put into order.
"""

import struct
from collections import defaultdict
from pathlib import Path

_ETHERNET, _VLAN, _TCP = 1, 0x8100, 6


def sent(path: Path, port: int) -> bytes:
    """Return the octets sent to *port* in the capture's only connection to it."""
    data = path.read_bytes()
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    assert struct.unpack_from(f"{order}I", data, 20)[0] == _ETHERNET
    flows: dict[int, dict[int, bytes]] = defaultdict(dict)
    offset = 24
    while offset < len(data):
        size = struct.unpack_from(f"{order}8xI", data, offset)[0]
        source, target, sequence, payload = _segment(data[offset + 16 : offset + 16 + size])
        if target == port and payload:
            flows[source][sequence] = payload
        offset += 16 + size
    (flow,) = flows.values()
    return _joined(flow)


def _segment(frame: bytes) -> tuple[int, int, int, bytes]:
    """Return source and target port, sequence number and payload."""
    start = 18 if struct.unpack_from("!H", frame, 12)[0] == _VLAN else 14
    packet = frame[start:]
    if packet[0] >> 4 == 4:
        header, end, protocol = (packet[0] & 15) * 4, int.from_bytes(packet[2:4]), packet[9]
    else:
        header, end, protocol = 40, 40 + int.from_bytes(packet[4:6]), packet[6]
    assert protocol == _TCP
    segment = packet[header:end]
    source, target, sequence = struct.unpack_from("!HHI", segment)
    return source, target, sequence, segment[(segment[12] >> 4) * 4 :]


def _joined(flow: dict[int, bytes]) -> bytes:
    octets, expected = b"", min(flow)
    for sequence in sorted(flow):
        assert sequence == expected, "a segment is missing"
        octets += flow[sequence]
        expected = sequence + len(flow[sequence])
    return octets
