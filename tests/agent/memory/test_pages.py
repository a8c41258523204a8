"""Pages as the state file has them: what of a former life still stands, and what nobody has."""

from tests.agent.paging.desk import page
from vedette.agent.memory.pages import Accepted, Told, standing
from vedette.exporters.page import Action, Outcome

TRIGGER, RESOLVE = Action
DELIVERED, SUPERSEDED = Outcome.DELIVERED, Outcome.SUPERSEDED


def told(key: str, action: Action, at: float | None, outcome: Outcome | None = DELIVERED) -> Told:
    return Told("oncall", page(key, action=action), outcome, at)


def test_calls_stand_until_their_end_is_taken() -> None:
    """One on its way, or not sent as a peer had called, is none; what is of late is left."""
    of_before = [
        told("second", TRIGGER, 20.0),
        told("first", TRIGGER, 10.0),
        told("ended", TRIGGER, 11.0),
        told("ended", RESOLVE, 12.0),
        told("on its way", TRIGGER, None, None),
        told("a peer's", TRIGGER, 13.0, SUPERSEDED),
        told("its end is on its way", TRIGGER, 30.0),
        told("its end is on its way", RESOLVE, None, None),
        told("of late", TRIGGER, 100.0),
    ]

    assert standing(of_before, before=100.0) == [
        Accepted("oncall", key, at)
        for key, at in (("first", 10.0), ("second", 20.0), ("its end is on its way", 30.0))
    ]
