"""What peers say of their pages: the newest word counts, and there is an end to what is kept."""

import math

from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.peers.hearsay import MOST, Hearsay
from vedette.exporters.page import Action

words = st.lists(
    st.tuples(
        st.sampled_from(Action),
        st.sampled_from(["fra-1", "nyc-1"]),
        st.sampled_from(["oncall", "mail"]),
        st.sampled_from("ab"),
        st.floats(0, 1000),
    )
)


@given(words, st.floats(0, 1000))
def test_the_newest_word_of_a_key_at_a_pager_counts(said, since) -> None:
    """Someone called for a key if, and only if, a peer's trigger was accepted since, in any order;

    and the newest resolve of any peer is its end.
    """
    hearsay, heard = Hearsay(), list[tuple[str, str]]()
    hearsay.heard = lambda pager, key: heard.append((pager, key))
    for action, peer, pager, key, at in said:
        hearsay.hear(peer, pager, key, at, action)

    assert heard == [(pager, key) for _, _, pager, key, _ in said]
    for pager in ("oncall", "mail"):
        for key in "ab":
            of_it = [(one, at, peer) for one, peer, *of, at in said if of == [pager, key]]
            newest = max(
                ((at, peer) for one, at, peer in of_it if one is Action.TRIGGER), default=(-1.0, "")
            )
            ends = [at for one, at, _ in of_it if one is Action.RESOLVE]
            assert hearsay.ended_at(pager, key) == max(ends, default=-math.inf)
            expected = newest[1] if newest[0] >= since else None
            assert hearsay.caller(pager, key, since) == expected
            assert newest[0] <= max(ends, default=-1.0) or newest[1] in hearsay.callers(key)


def test_a_call_stands_until_its_end_is_heard_at_each_pager() -> None:
    """A peer is one whose call stands while any pager has it open; of another key it is none."""
    hearsay = Hearsay()
    hearsay.hear("fra-1", "oncall", "a", 100, Action.TRIGGER)
    hearsay.hear("nyc-1", "mail", "a", 101, Action.TRIGGER)
    assert (hearsay.callers("a"), hearsay.callers("b")) == ({"fra-1", "nyc-1"}, set())

    hearsay.hear("sgp-1", "oncall", "a", 200, Action.RESOLVE)
    assert hearsay.callers("a") == {"nyc-1"}
    hearsay.hear("nyc-1", "mail", "a", 200, Action.RESOLVE)
    assert hearsay.callers("a") == set()
    hearsay.hear("fra-1", "oncall", "a", 300, Action.TRIGGER)
    assert hearsay.callers("a") == {"fra-1"}


def test_a_peer_that_says_much_takes_no_more_room() -> None:
    """The oldest words are forgotten, and the newest are not."""
    hearsay = Hearsay()
    for number in range(2 * MOST):
        hearsay.hear("fra-1", "oncall", f"k{number}", number, Action.TRIGGER)

    known = [n for n in range(2 * MOST) if hearsay.caller("oncall", f"k{n}", 0)]
    assert known == [*range(MOST, 2 * MOST)]
