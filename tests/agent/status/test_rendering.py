"""The engine of documents is loaded for the first, and again where that came to nothing."""

from threading import Thread
from types import SimpleNamespace

import pytest

from vedette.agent.status.rendering import Rendering


async def test_an_engine_that_could_not_be_loaded_is_loaded_later() -> None:
    """A host that had no thread, or no file, to spare for the first document has the next one."""

    def refuse(_thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    rendering = Rendering()
    agent = SimpleNamespace(
        name="here", domain=SimpleNamespace(provider="lab", region=None), deployment="vedette"
    )
    said = {
        "agent": agent, "version": "1", "asked_at": 0.0, "blind": False, "root": "./",
        "here": None, "title": "Not here", "why": "There is nothing.",
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            await rendering.document("missing.html", **said)

    assert b"There is nothing." in await rendering.document("missing.html", **said)
