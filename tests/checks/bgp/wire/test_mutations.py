"""Mutated BGP, MRT and BMP messages: errors that are counted, and nothing else goes wrong."""

from collections import Counter

import pytest

from tests.checks.bgp.wire.mutations import MESSAGES, RECORDS, Case, case_of, outcome

CASES = 3000


@pytest.mark.parametrize("kind", ["update", "mrt", "bmp"])
def test_mutated_messages_are_counted_errors(kind: str) -> None:
    """No mutation raises, is told unfit, or leaves the messages behind it out in silence."""
    outcomes = Counter(outcome(case_of(kind, seed)) for seed in range(CASES))

    assert outcomes.total() == CASES
    assert outcomes["error"] > CASES / 4
    assert outcomes["told"] > CASES / 20


@pytest.mark.parametrize(("kind", "corpus"), [("mrt", RECORDS), ("bmp", MESSAGES)])
def test_what_is_mutated_was_good(kind: str, corpus: tuple[bytes, ...]) -> None:
    """The messages that mutations start from are read without an error."""
    seen = [outcome(Case(n, kind, octets, has_header=True)) for n, octets in enumerate(corpus)]

    assert seen == ["told"] * len(corpus)
