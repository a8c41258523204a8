"""The id of an incident: stable, safe in a URL, and enough to find it again."""

import re

from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.alarms.incidents import Incident
from vedette.agent.status.address import incident_id, opened_in


def incident(key: str, opened_at: float) -> Incident:
    return Incident(key, "shop", "id", opened_at, {"id": opened_at - 30}, (("id", opened_at),))


@given(st.text(), st.floats(0, 4e9))
def test_an_id_is_safe_and_tells_when_it_opened(key: str, opened_at: float) -> None:
    """Whatever the key, the id is a short word of a URL, from which the second can be read."""
    id_ = incident_id(incident(key, opened_at))

    assert re.fullmatch(r"[a-zA-Z0-9-]{1,80}", id_)
    assert opened_in(id_) == int(opened_at)


def test_an_id_is_readable_and_stays() -> None:
    """It names service and time, and what joins the incident later does not change it."""
    before = incident("vedette/shop", 1_760_943_000.5)
    after = Incident(
        "vedette/shop", "shop", "other", 1_760_943_000.5, {"other": 5.0}, (("other", 5.0),)
    )

    assert incident_id(before).startswith("vedette-shop-20251020T065000Z-")
    assert incident_id(before) == incident_id(after)


def test_alike_keys_have_ids_of_their_own() -> None:
    """Keys that look the same in letters and digits are told apart."""
    assert incident_id(incident("a/b", 5.0)) != incident_id(incident("a b", 5.0))


def test_what_is_no_id() -> None:
    """Anything else says nothing about when."""
    for text in ("", "shop", "shop-20251020T065000Z", "shop-20251399T990000Z-00000000", "../x"):
        assert opened_in(text) is None
