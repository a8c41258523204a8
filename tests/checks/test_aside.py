"""Work beside the loop: what comes of it is told, and nobody waits for what cannot begin."""

from threading import Thread

import pytest

from vedette.checks.aside import aside


async def test_what_comes_of_it_is_told() -> None:
    """A result is returned, and an error raised, to who waits."""
    assert await aside(lambda: 6 * 7) == 42
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0)


async def test_work_without_a_thread_to_spare_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started the future says so: who asked goes on."""

    def refuse(_thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refuse)
    begun = aside(lambda: 42)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        await begun
