"""What patterns find in the bodies of strangers."""

from hypothesis import given
from hypothesis import strategies as st

from vedette.checks.http.patterns import compiled, searchable

PARTS = st.sampled_from(
    [b"a", b"\n", b"\xe9", b"\xc3", b"\xed\xa0\x80", "é".encode(), "🦉".encode()]
)


@given(st.lists(PARTS | st.binary(max_size=3)).map(b"".join))
def test_a_pattern_can_match_every_octet(body: bytes) -> None:
    """Whatever a body is written in, a pattern gets across it; UTF-8 and every place stay."""
    made = searchable(body)

    assert compiled(r"(?s)\A.*\z").search(made)
    assert len(made) == len(body)
    kept = body.decode(errors="ignore").encode()
    assert made.replace(b"?", b"") == kept.replace(b"?", b"")


def test_places_stay_across_pieces() -> None:
    """A character that stands where two pieces meet is one character."""
    body = b"\xff" + "é".encode() * 20_000

    assert searchable(body) == b"?" + body[1:]
