"""What the RPKI says of routes as they are seen."""

from dataclasses import replace

import pytest

from tests.checks.bgp.made import PREFIX, peer
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.foreign import Foreign
from vedette.checks.bgp.rib.routes import LEAST, Routes
from vedette.checks.bgp.rpki.payloads import Scope, Validity, Vrp, Vrps
from vedette.checks.bgp.rpki.validation import UNKNOWN, validate
from vedette.checks.bgp.watch import Watch

MAIN, BACKUP = 64500, 64501
WATCH = Watch(PREFIX, frozenset({MAIN, BACKUP}))


def own(routes: Routes, *signed: int) -> Validity | None:
    """Return the state of the own routes where the *signed* origins have a ROA."""
    vrps = Vrps([Vrp(PREFIX, origin, 24) for origin in signed], Scope([PREFIX]))
    return validate(WATCH, routes.standing(PREFIX), vrps).own


def seen_by(main: int, backup: int, *, least: int = LEAST) -> Routes:
    """Return routes that so many peer ASes have by each origin, of a prefix that most had."""
    routes = Routes([WATCH], least=least)
    paths: list[Path] = [(n + 1, MAIN) for n in range(main)]
    paths += [(n + 1001, BACKUP) for n in range(backup)]
    routes.restore(PREFIX, {peer(n): 90.0 for n in range(100)}, 100)
    routes.seed(PREFIX, {peer(n): path for n, path in enumerate(paths)}, 100, 100)
    return routes


@pytest.mark.parametrize(
    ("main", "backup", "least", "expected"),
    [
        (100, 0, LEAST, Validity.VALID),
        (99, 1, LEAST, Validity.VALID),  # one peer that lies alone is no announcement
        (98, 2, LEAST, Validity.VALID),
        (97, 3, LEAST, Validity.INVALID),
        (99, 1, 1, Validity.INVALID),  # one's own router needs no other to be believed
        (0, 100, LEAST, Validity.INVALID),
        (0, 0, LEAST, Validity.VALID),  # withdrawn: a backup without a ROA is not what is wrong
        (0, 2, LEAST, Validity.VALID),
    ],
)
def test_what_is_announced_is_validated(
    main: int, backup: int, least: int, expected: Validity
) -> None:
    """An origin without a ROA counts where enough peer ASes see it; with none, the best does."""
    assert own(seen_by(main, backup, least=least), MAIN) is expected


def test_no_origin_with_a_roa() -> None:
    """Where no expected origin has a ROA the prefix is invalid, whether it is seen or not."""
    assert own(seen_by(0, 0), 64666) is own(seen_by(100, 0), 64666) is Validity.INVALID


def test_strangers_are_validated_by_what_they_announce() -> None:
    """A foreign origin is validated with the prefix, a part with its own; who passes on is not."""
    part = "192.0.2.0/25"
    rows = (
        Foreign(Reason.ORIGIN, PREFIX, 64666, 3, 3, 5.0),
        Foreign(Reason.ORIGIN, PREFIX, 64667, 3, 3, 5.0),
        Foreign(Reason.MORE_SPECIFIC, part, 64667, 3, 3, 5.0),
        Foreign(Reason.PATH, PREFIX, 64668, 3, 3, 5.0),
    )
    signed = Vrp(PREFIX, 64666, 24), Vrp(part, 64667, 25)
    standing = seen_by(100, 0).standing(PREFIX)
    assert standing is not None
    found = validate(WATCH, replace(standing, foreign=rows), Vrps(signed, Scope([PREFIX])))
    assert found.foreign == {
        "64666": Validity.VALID,
        "64667": Validity.INVALID,
        f"{part} AS64667": Validity.VALID,
    }


@pytest.mark.parametrize(("backup", "expires"), [(0, 20.0), (50, 10.0)])
def test_the_first_own_route_to_lose_its_roa_says_when(backup: int, expires: float) -> None:
    """Of the origins that are announced, the one whose ROA ends first counts."""
    ends = [Vrp(PREFIX, MAIN, 24, expires=20.0), Vrp(PREFIX, BACKUP, 24, expires=10.0)]
    vrps = Vrps(ends, Scope([PREFIX]))
    standing = seen_by(50, backup).standing(PREFIX)
    assert validate(WATCH, standing, vrps).expires_at == expires


def test_nothing_is_known_without_vrps() -> None:
    """Where no validator has said anything, nothing is valid or invalid."""
    assert validate(WATCH, seen_by(100, 0).standing(PREFIX), None) == UNKNOWN
    assert validate(WATCH, None, Vrps([], Scope([PREFIX]))).own is Validity.NOT_FOUND
