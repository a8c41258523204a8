"""What a name answered when all was well, and that trouble never becomes the good set."""

import pytest

from tests.agent.test_ledger import seen, series
from vedette.agent.lastgood import LastKnownGood
from vedette.agent.ledger import Series
from vedette.agent.store import Answers
from vedette.checks.finding import Verdict

OK, UNKNOWN = Verdict.OK, Verdict.UNKNOWN


def server(word: Verdict | str, *answers: str, place: str = "authoritative") -> Series:
    return series(seen(0, word, place=place, answers=answers))


def learnt(*servers: Series) -> tuple[str, ...] | None:
    good = LastKnownGood().learn("shop.example", "A", servers, 0)
    return good.answers if good else None


@pytest.mark.parametrize(
    ("servers", "answers"),
    [
        ([server(OK, "192.0.2.2", "192.0.2.1")], ("192.0.2.1", "192.0.2.2")),
        ([server(OK, "192.0.2.1"), server(OK, "192.0.2.2")], ("192.0.2.1", "192.0.2.2")),
        ([server(OK, "192.0.2.1"), server("nodata")], None),
        ([server(OK, "192.0.2.1"), server(UNKNOWN)], None),
        ([server(OK, "192.0.2.1"), server(OK, "192.0.2.1"), server("nodata")], ("192.0.2.1",)),
        ([server("nodata", "192.0.2.9")], None),
        ([server(OK)], None),
        ([], None),
        ([server("nodata"), *[server(OK, "192.0.2.9", place="resolver")] * 3], None),
        ([server(OK, "192.0.2.9", place="resolver")], ("192.0.2.9",)),
    ],
    ids=[
        "sorted", "joined", "half is not most", "unknown is not good", "most", "failing", "empty",
        "nobody", "authoritative servers decide", "without them those asked",
    ],
)  # fmt: skip
def test_learn_needs_most_to_agree(servers: list[Series], answers: tuple[str, ...] | None) -> None:
    """A set is learnt from good answers only, and only while most servers are well."""
    assert learnt(*servers) == answers


def test_old_answers_teach_nothing() -> None:
    """Looks that no longer speak for the present do not make a set."""
    assert LastKnownGood().learn("n", "A", [server(OK, "192.0.2.1")], 1e6) is None


def test_same_set_is_kept_once_and_keeps_its_date() -> None:
    """A set is given back only when it is new, so that its date says since when it holds."""
    good = LastKnownGood()
    first = good.learn("n", "A", [server(OK, "192.0.2.1")], 1)
    same = good.learn("n", "A", [server(OK, "192.0.2.1")], 2)
    other = good.learn("n", "A", [server(OK, "192.0.2.2")], 3)

    assert (same, good.of("n", "A")) == (None, other)
    assert (first.since, other.since) == (1, 3)


def test_trouble_leaves_the_set() -> None:
    """An emptied record does not empty what was good."""
    good = LastKnownGood([Answers("n", "A", ("192.0.2.1",), 1)])
    good.learn("n", "A", [server("nodata")] * 3, 9)

    assert good.addresses("n") == ("192.0.2.1",)


def test_addresses_are_ipv4_first_and_of_that_host() -> None:
    """A host's addresses are its A and then its AAAA sets, and nobody else's."""
    good = LastKnownGood(
        [
            Answers("n", "AAAA", ("2001:db8::1",), 1),
            Answers("n", "A", ("192.0.2.1",), 1),
            Answers("n", "MX", ("10 mail.n",), 1),
            Answers("other", "A", ("192.0.2.9",), 1),
        ]
    )

    assert good.addresses("n") == ("192.0.2.1", "2001:db8::1")
    assert good.addresses("unknown") == ()
