"""How many calls may be made in a time, however they are asked for."""

from hypothesis import given
from hypothesis import strategies as st

from vedette.exporters.pace import Pace


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 5))
def test_no_window_has_too_many(gaps: list[float], most: int) -> None:
    """Calls that wait as told are never too many in any minute, and none waits for ever."""
    pace, now, calls = Pace(most), 0.0, []
    for gap in gaps:
        now = pace.ready_at(now + gap)
        pace.take(now)
        calls.append(now)

        assert pace.ready_at(now) <= now + 60
    for i, call in enumerate(calls[most:], start=most):
        assert call - calls[i - most] >= 60 - 1e-6


def test_a_burst_is_free() -> None:
    """Up to the limit nothing waits."""
    pace = Pace(3)
    for _ in range(3):
        assert pace.ready_at(5.0) == 5.0
        pace.take(5.0)
    assert pace.ready_at(5.0) == 65.0
