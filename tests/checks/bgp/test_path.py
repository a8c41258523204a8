"""AS paths and their origins."""

import pytest

from vedette.checks.bgp.path import origins_of, read_asn, read_path


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ([1, 2, 3], (3,)),
        ([1, [4, 5]], (4, 5)),
        ([1, "{4,5}"], (4, 5)),
        (["1", "AS2"], (2,)),
        ([], ()),
    ],
)
def test_origins(value: object, origins: tuple[int, ...]) -> None:
    """The origin is the last AS, or each member of a closing AS_SET."""
    assert origins_of(read_path(value)) == origins


@pytest.mark.parametrize("value", [True, -1, 2**32, "12x", "", None, 1.5, [1]])
def test_not_an_asn(value: object) -> None:
    """What is not a 32-bit AS number is a ValueError."""
    with pytest.raises(ValueError, match="AS number"):
        read_asn(value)


@pytest.mark.parametrize("value", [None, "1 2", {"a": 1}, [[[1]]], ["{}x"]])
def test_not_a_path(value: object) -> None:
    """What is not a list of AS numbers and AS_SETs is a ValueError."""
    with pytest.raises(ValueError, match="AS"):
        read_path(value)
