"""The reader of HTTP/1.1 answers: held against h11, and kept from what takes long."""

import time

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vedette.checks.http.reader import Head, Malformed, Reader

Outcome = tuple[Head | None, bytes, str]
"""The head, the body, and how it ended: "ended", "waits" for more, is "refused", or "alien"."""

LINES = st.sampled_from(
    [
        b"Content-Length: 5",
        b"content-length: 5, 5",
        b"Content-Length: 5,6",
        b"Content-Length: +5",
        b"Content-Length: \xa05",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: Chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"X-Empty:",
        b"X-Spaces: \t a  b \t ",
        b" folded",
        b"\tfolded ",
        b" ",
        b"X-Latin: \xe9\xff",
        b"X-Nul: a\x00b",
        b"X-Return: a\rb",
        b"X-Form: a\x0cb",
        b"no colon",
        b"Bad Name: 1",
        b": nameless",
    ]
)
STATUS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 404 Not Found",
        b"HTTP/1.1 204",
        b"HTTP/1.1 304 ",
        b"HTTP/1.1 100 Continue",
        b"HTTP/1.1 99 Low",
        b"HTTP/1.1 099 Low",
        b"HTTP/1.1 200 \xe9\t",
        b"HTTP/2 200",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 2000",
    ]
)
BODY = st.sampled_from(
    [
        b"",
        b"hello",
        b"hello, too long",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5;a=b\r\nhello\r\n0 \t\r\nX-Trailer: 1\r\n\r\n",
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"g\r\n\r\n",
        b"5 ;x\r\nhello\r\n0\r\n\r\n",
        b"0\r\nbad trailer\r\n\r\n",
        b"\r\n\r\n",
    ]
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Draw what a server sends: mostly an answer, at times with octets changed."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" if draw(st.booleans()) else b""
    lines = [draw(STATUS), *draw(st.lists(LINES, max_size=4))]
    said = interim + b"".join(line + draw(ENDS) for line in lines) + draw(ENDS) + draw(BODY)
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(said) - 1))
        said = said[:at] + draw(st.binary(max_size=2)) + said[at + draw(st.integers(0, 2)) :]
    return said


def ours(pieces: list[bytes], method: str) -> Outcome:
    reader = Reader(method)
    try:
        for piece in pieces:
            reader.feed(piece)
        if not reader.ended:
            reader.close()
    except Malformed as error:
        return reader.head, b"", "alien" if "does not speak HTTP" in str(error) else "refused"
    except EOFError:
        return reader.head, reader.take(), "waits"
    return reader.head, reader.take(), "ended"


def theirs(pieces: list[bytes], method: str) -> Outcome:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a.test")]))
    connection.send(h11.EndOfMessage())
    head, body = None, b""
    for piece in [*pieces, b""]:
        connection.receive_data(piece)
        try:
            while (event := connection.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Response):
                    fields = [(k.decode(), v.decode("latin-1")) for k, v in event.headers]
                    head = event.http_version.decode(), event.status_code, tuple(fields)
                elif isinstance(event, h11.Data):
                    body += event.data
                elif not isinstance(event, h11.InformationalResponse):
                    return head, body, "ended"
        except h11.RemoteProtocolError:
            cut = piece == b""
            return head, body if cut else b"", "waits" if cut else "refused"
    return head, body, "waits"


def framed(head: Head | None) -> object:
    """Leave out how h11 words what frames the body: it keeps one of two equal lengths."""
    if head is None:
        return None
    names = {"content-length", "transfer-encoding"}
    return *head[:2], [each for each in head[2] if each[0] not in names]


@settings(max_examples=1500, deadline=None)
@given(answers(), st.sampled_from(["GET", "HEAD"]), st.integers(1, 80))
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "GET", 1)
@example(b"HTTP/1.1 200 OK\n\nall", "GET", 3)
def test_like_h11(said: bytes, method: str, size: int) -> None:
    """However an answer is wrong and cut into pieces, it reads as h11 reads it."""
    if said.startswith(b"HTTP/1.1 101"):
        return
    pieces = [said[at : at + size] for at in range(0, len(said), size)]
    mine, other = ours(pieces, method), theirs(pieces, method)
    if mine[2] == "alien":  # h11 waits for the end of a head
        assert other[2] in {"refused", "waits"}
        return
    assert (framed(mine[0]), *mine[1:]) == (framed(other[0]), *other[1:])


def test_spaces_take_no_time() -> None:
    """A header of nothing but spaces, and a chunk of them, are refused in no time."""
    spaces = b" " * 60_000
    for said in (
        b"X:" + spaces + b"\x00\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1;" + spaces + b"\n\r\n",
        b"\r\n".join([b"X: 1", *[spaces[:50]] * 1000, b"\x00", b"", b""]),
    ):
        start = time.perf_counter()
        with pytest.raises(Malformed):
            Reader("GET").feed(b"HTTP/1.1 200 OK\r\n" + said)
        assert time.perf_counter() - start < 0.5


def test_octet_by_octet() -> None:
    """A long head that comes an octet at a time is not searched from its beginning each time."""
    reader = Reader("GET")
    start = time.perf_counter()
    for octet in b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 10_000:
        reader.feed(bytes([octet]))
    assert reader.head is None
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    "endless",
    [b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 20_000, b"HTTP/1.1 200 " + b"x" * 70_000],
    ids=["headers", "status line"],
)
def test_head_has_an_end(endless: bytes) -> None:
    """A head of more than 64 KiB is refused before it is all kept."""
    with pytest.raises(Malformed, match="longer than"):
        Reader("GET").feed(endless)
