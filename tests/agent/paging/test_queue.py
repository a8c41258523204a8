"""What waits for pagers: who is next, and who waits for whom."""

from hypothesis import example, given
from hypothesis import strategies as st

from tests.agent.paging.desk import page
from vedette.agent.memory.pages import Row
from vedette.agent.paging.queue import Queue, Waiting
from vedette.exporters.page import Action

steps = st.lists(
    st.tuples(st.sampled_from(Action), st.sampled_from("abc"), st.sampled_from(("ends", "stays"))),
    max_size=20,
)


def row(number: int, key: str, action: Action = Action.TRIGGER) -> Row:
    return Row(number, "pd", page(key, action=action), float(number))


def no_backup(_row: Row) -> None:
    """Have no second channel."""


@given(steps)
def test_the_first_of_each_key_is_given_and_calls_for_help_before_all(
    wanted: list[tuple[Action, str, str]],
) -> None:
    """What is given is the oldest of its key, and of those a trigger, then the oldest."""
    queue, there = Queue(no_backup), list[Waiting]()
    for number, (action, key, fate) in enumerate(wanted):
        there.append(Waiting(row(number, key, action)))
        queue.add(there[-1])
        heads = {w.row.page.key: w for w in reversed(there)}
        calls = [w for w in heads.values() if w.row.page.action is Action.TRIGGER]
        first = min(calls or heads.values(), key=lambda w: w.row.id)

        given_ = queue.begin("pd", 0)

        assert given_ is first
        assert queue.trying("pd") == 1
        if fate == "ends":
            queue.end(given_)
            there.remove(given_)
        queue.tried(given_)
        assert [*queue] == there
        assert len(queue) == len(there)


def test_what_is_tried_holds_up_its_own_key_only() -> None:
    """While a key's first page is tried, the next of it waits, and that of another key does not."""
    queue = Queue(no_backup)
    for number, key in enumerate("aab"):
        queue.add(Waiting(row(number, key)))

    first, second = queue.begin("pd", 0), queue.begin("pd", 0)

    assert first is not None
    assert second is not None
    assert (first.row.id, second.row.id, queue.begin("pd", 0)) == (0, 2, None)
    assert [w.row.id for w in queue.behind(first)] == [1]


def test_what_is_not_due_is_not_given() -> None:
    """A page that failed is given again when it is due, and not before."""
    queue = Queue(no_backup)
    queue.add(Waiting(row(0, "a")))
    waiting = queue.begin("pd", 0)
    assert waiting is not None
    waiting.due_at = 30
    queue.tried(waiting)

    assert (queue.begin("pd", 29), queue.next_at("pd")) == (None, 30)
    assert queue.begin("pd", 30) is waiting


def test_second_channels_are_due_for_what_is_still_there() -> None:
    """What ended, or went to its second channels already, is passed over."""
    queue = Queue(lambda one: one.queued_at + 60)
    for number, key in enumerate("abc"):
        queue.add(Waiting(row(number, key)))
    for _ in range(2):
        waiting = queue.begin("pd", 0)
        assert waiting is not None
        queue.end(waiting)
        queue.tried(waiting)

    at, left = queue.backed_up_next or (0, None)
    assert left is not None
    assert (at, left.row.id) == (62, 2)
    left.row = Row(2, "pd", left.row.page, 2.0, backed=True)
    assert queue.backed_up_next is None


@given(st.lists(st.sampled_from(Action), max_size=6), st.booleans())
def test_what_begins_again_is_a_resolve_before_a_call(actions, trying: bool) -> None:
    """A resolve that is next, untried, and has any call for help behind it, has begun again."""
    queue = Queue(no_backup)
    for number, action in enumerate(actions):
        queue.add(Waiting(row(number, "k", action)))
    if trying and actions:
        assert queue.begin("pd", 0) is not None
    begun = bool(actions) and not trying and actions[0] is Action.RESOLVE
    expected = begun and Action.TRIGGER in actions

    found = queue.begun_again("pd", "k")
    assert (found is not None) is expected
    assert found is None or found.row.id == 0
    assert queue.begun_again("pd", "other") is None


@given(st.lists(st.tuples(st.sampled_from(Action), st.sampled_from("ab")), max_size=12),
       st.sets(st.integers(0, 11)), st.booleans())  # fmt: skip
@example(
    wanted=[(Action.TRIGGER, "b"), (Action.TRIGGER, "a"), (Action.RESOLVE, "a")],
    unwanted={1},
    is_seen=True,
)
def test_what_is_withdrawn_is_never_given_and_holds_up_nothing(wanted, unwanted, is_seen) -> None:
    """Calls for help that are over end unsent, due or not; all else is given, in order by key."""
    queue = Queue(no_backup, lambda _call, resolve: 10.0 if resolve else 0.0)
    there = [Waiting(row(n, key, action)) for n, (action, key) in enumerate(wanted)]
    for one in there:
        queue.add(one)
    if is_seen and there:  # so that some are due, and some are held
        queue.next_at("pd")
        if given_ := queue.begin("pd", 0):
            queue.tried(given_)
    left = [*there]
    for key in "ab":
        while (one := queue.stale("pd", key)) and one.row.id in unwanted:
            assert one.row.page.action is Action.TRIGGER
            queue.withdraw(one)
            queue.end(one)
            left.remove(one)

    assert [*queue] == left
    ended = []
    while left and (one := queue.begin("pd", 20)):
        ended.append(one)
        queue.end(one)
        queue.tried(one)
    for key in "ab":
        of_key = [one for one in left if one.row.page.key == key]
        assert [one for one in ended if one.row.page.key == key] == of_key
    assert len(queue) == 0
