"""What validators write, whole and broken, and the program that reads it."""

import gzip
import io
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.checks.bgp.rpki.document import DocumentError, Summary, _members, _Text, read
from vedette.checks.bgp.rpki.payloads import Scope, Vrp

SCOPE = Scope(["192.0.2.0/24", "2001:db8::/32"])
BUILT = 1795288808.0

# As Routinator 0.15 writes it (src/output.rs), with a row of the scope, one above and one beside.
ROUTINATOR = b"""{
  "metadata": {
    "generated": 1795288808,
    "generatedTime": "2026-11-21T19:20:08Z"
  },
  "roas": [
    { "asn": "AS64500", "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe" },
    { "asn": "AS4200000000", "prefix": "2001:0db8:0::/48", "maxLength": 64, "ta": "arin" },
    { "asn": "AS0", "prefix": "192.0.0.0/16", "maxLength": 32, "ta": "apnic" },
    { "asn": "AS64500", "prefix": "198.51.100.0/24", "maxLength": 24, "ta": "ripe" }
  ],
  "routerKeys": [
    { "asn": "AS64500", "SKI": "0000", "routerPublicKey": "AAAA", "ta": "ripe" }
  ],
  "aspas": [
    { "customer": "AS64500", "providers": ["AS1", "AS2"], "ta": "ripe" }
  ]
}
"""

# As rpki-client 8.2 of Debian wrote it over an empty cache, with exit status 0; shortened.
EMPTY = b"""{
\t"metadata": {
\t\t"buildmachine": "vm",
\t\t"buildtime": "2026-11-21T19:20:08Z",
\t\t"elapsedtime": "0",
\t\t"certificates": 1,
\t\t"invalidcertificates": 1,
\t\t"talfiles": [
\t\t\t"t.tal"
\t\t],
\t\t"vrps": 0
\t},

\t"roas": [

\t],

\t"bgpsec_keys": [

\t],

\t"provider_authorizations": {
\t\t"ipv4": [

\t\t],
\t\t"ipv6": [

\t\t]
\t}

}
"""
RPKI_CLIENT = EMPTY.replace(
    b'"roas": [\n',
    b'"roas": [\n\t\t{ "asn": 64500, "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe", '
    b'"expires": 1795300000 },\n\t\t{ "asn": 0, "prefix": "10.0.0.0/8", "maxLength": 8, '
    b'"ta": "ripe", "expires": 1795300000 }\n',
)


def document(*rows: Any, **more: Any) -> bytes:
    return json.dumps({**more, "roas": list(rows)}).encode()


def taken(octets: bytes, most: int = 1 << 20) -> tuple[list[Vrp], Summary]:
    vrps, summary = read(io.BufferedReader(io.BytesIO(octets)), SCOPE, most)
    return list(vrps), summary


def test_routinator():
    """Routinator's document gives the rows about the watched prefixes, spelled canonically."""
    vrps = [
        Vrp("192.0.2.0/24", 64500, 24, "ripe"),
        Vrp("2001:db8::/48", 4200000000, 64, "arin"),
        Vrp("192.0.0.0/16", 0, 32, "apnic"),
    ]
    assert taken(ROUTINATOR) == (vrps, Summary(count=4, built_at=BUILT))


def test_rpki_client():
    """rpki-client's document also says when each VRP ends."""
    vrps = [Vrp("192.0.2.0/24", 64500, 24, "ripe", 1795300000.0)]
    assert taken(RPKI_CLIENT) == (vrps, Summary(count=2, built_at=BUILT))


@pytest.mark.parametrize("octets", [ROUTINATOR, RPKI_CLIENT], ids=["routinator", "rpki-client"])
def test_gzip_changes_nothing(octets):
    """Packed, in one of gzip's members or in several, a document says the same."""
    members = gzip.compress(octets[:99]) + gzip.compress(octets[99:])
    assert taken(gzip.compress(octets)) == taken(members) == taken(octets)


GOOD = {"asn": 64500, "prefix": "192.0.2.0/24", "maxLength": 24}


@pytest.mark.parametrize(
    "row",
    [
        None, 5, "x", [], {}, [GOOD],
        GOOD | {"asn": -1}, GOOD | {"asn": 2**32}, GOOD | {"asn": True}, GOOD | {"asn": None},
        GOOD | {"asn": "ASx"}, GOOD | {"asn": 1.5}, GOOD | {"asn": [1]},
        GOOD | {"prefix": 5}, GOOD | {"prefix": None}, GOOD | {"prefix": "192.0.2.1/24"},
        GOOD | {"prefix": "192.0.2.0"}, GOOD | {"prefix": ["192.0.2.0/24"]},
        GOOD | {"maxLength": 23}, GOOD | {"maxLength": 33}, GOOD | {"maxLength": "24"},
        GOOD | {"maxLength": True}, GOOD | {"maxLength": 24.0}, GOOD | {"maxLength": None},
        GOOD | {"ta": 5}, GOOD | {"ta": ["ripe"]},
        GOOD | {"expires": "soon"}, GOOD | {"expires": -1}, GOOD | {"expires": 1e300},
        GOOD | {"expires": True}, GOOD | {"expires": float("nan")},
        {key: value for key, value in GOOD.items() if key != "maxLength"},
    ],
)  # fmt: skip
def test_bad_rows_are_skipped(row):
    """A row of wrong types or values is counted, and costs no other row."""
    vrps, summary = taken(document(GOOD, row, GOOD | {"asn": "64501"}))
    assert [vrp.asn for vrp in vrps] == [64500, 64501]
    assert (summary.count, summary.skipped) == (2, 1)


@pytest.mark.parametrize(
    ("metadata", "built_at"),
    [
        ({"buildtime": "2026-11-21T19:20:08Z"}, BUILT),
        ({"generatedTime": "2026-11-21T19:20:08Z", "generated": 5}, BUILT),
        ({"generatedTime": "2026-11-21T19:20:08"}, BUILT),
        ({"generatedTime": "2026-11-21T20:20:08+01:00"}, BUILT),
        ({"generated": 1795288808}, BUILT),
        ({"buildtime": "yesterday"}, None),
        ({"buildtime": 5}, None),
        ({"generated": True}, None),
        ({"generated": 1e99}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_build_time(metadata, built_at):
    """The build time is that of rpki-client or Routinator, or unknown."""
    assert taken(document(GOOD, metadata=metadata))[1].built_at == built_at


@pytest.mark.parametrize(
    ("octets", "error"),
    [
        (b"", "is JSON that is cut off"),
        (b" \n", "is JSON that is cut off"),
        (b"<html>", "is not JSON"),
        (b"[]", "is not JSON"),
        (b"{]", "is JSON that is cut off or garbled"),
        (b"\xff\xfe", "is not JSON"),
        (b'{"roas": [\xff]}', "is not JSON"),
        (b'{"roas" 5}', "is not JSON"),
        (b'{"roas": [] "x": 1}', "is not JSON"),
        (b'{"roas": [1 2]}', "is not JSON"),
        (b'{"roas": [1,]}', "is JSON that is cut off or garbled"),
        (b'{"roas": [], }', "is JSON that is cut off or garbled"),
        (b'{"roas": []} {}', "is not JSON"),
        (b'{"x": ' + b"9" * 5000 + b"}", "is JSON that is cut off or garbled"),
        (b'{"x": ' + b"[" * 100_000, "is JSON that is cut off or garbled"),
        (b'{"x": "' + b"a" * 900_000, "is JSON that is cut off or garbled"),
        (ROUTINATOR[:-3], "is JSON that is cut off"),
        (ROUTINATOR[:300], "is JSON that is cut off or garbled"),
        (gzip.compress(ROUTINATOR)[:-9], "is gzip that is cut off"),
        (gzip.compress(ROUTINATOR)[:100], "is gzip that is cut off"),
        (gzip.compress(ROUTINATOR)[:2], "is gzip that is cut off"),
        (gzip.compress(ROUTINATOR)[:-8] + b"\xff" * 8, "is garbled gzip"),
        (gzip.compress(ROUTINATOR) + b"more", "is garbled gzip"),
        (gzip.compress(b" " * 5_000_000), "is larger than 1 MB"),
        (b" " * 1_100_000, "is larger than 1 MB"),
        (b"{}", "has no VRP"),
        (b'{"roas": {}}', "has no VRP and 1 unreadable rows"),
        (b'{"roas": [5, 6]}', "has no VRP and 2 unreadable rows"),
        (EMPTY, "has no VRP"),
    ],
)
def test_bad_documents(octets, error):
    """Whatever is no list of VRPs is refused in a clause; so is an empty one, however fresh."""
    with pytest.raises(DocumentError) as caught:
        taken(octets)
    assert str(caught.value) == error


def test_a_value_may_not_be_endless():
    """A single value of more than 16 MB is given up before it fills the memory."""
    endless = b'{"x": "' + b"a" * 40_000_000
    stream = io.BufferedReader(io.BytesIO(endless))
    with pytest.raises(DocumentError, match="cut off or garbled"):
        read(stream, SCOPE)
    assert stream.tell() < 25_000_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(max_size=4), JSON, max_size=5), st.integers(1, 40), st.integers(0, 3)
)
def test_members_are_those_of_the_json_module(data, step, indent):
    """Read in pieces of any size, an object has the members that Python's reader finds."""
    text = json.dumps(data, indent=indent or None)
    pieces = (text[at : at + step] for at in range(0, len(text), step))
    expected = [
        (key, one)
        for key, value in data.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    assert list(_members(_Text(pieces))) == expected


@given(st.data())
def test_mutated_documents(data):
    """A mutated document is read or refused, and refused where Python's reader refuses it."""
    octets = bytearray(data.draw(st.sampled_from([ROUTINATOR, RPKI_CLIENT])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(octets) - 1))
        octets[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        json.loads(bytes(octets))
    except ValueError:
        with pytest.raises(DocumentError):
            taken(bytes(octets))
        return
    try:
        vrps, summary = taken(bytes(octets))
    except DocumentError:
        return
    assert len(vrps) <= summary.count


def run(*lines: Any, body: bytes = b"") -> list[Any]:
    """Return what the program prints for a request."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "vedette.checks.bgp.rpki.document"],
        input=b"".join(json.dumps(line).encode() + b"\n" for line in lines) + body,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_program(tmp_path):
    """The program prints the VRPs and a summary, of its standard input or of a file."""
    path = tmp_path / "json"
    path.write_bytes(gzip.compress(RPKI_CLIENT))
    request = {"watched": ["192.0.2.0/25"]}
    printed = run(request, body=RPKI_CLIENT)
    assert run(request | {"file": str(path)}) == printed
    assert printed == [
        ["192.0.2.0/24", 64500, 24, "ripe", 1795300000.0],
        {"count": 2, "skipped": 0, "built_at": BUILT, "error": None},
    ]


def test_program_says_what_is_wrong(tmp_path):
    """What cannot be read or used is a clause in the summary, never a traceback."""
    for request, error in [
        ({"watched": []}, "has no VRP"),
        ({"watched": [], "file": str(tmp_path)}, "cannot be read: Is a directory"),
        ({"watched": [], "file": str(tmp_path / "x")}, "cannot be read: No such file or directory"),
    ]:
        assert run(request, body=EMPTY)[-1]["error"] == error
