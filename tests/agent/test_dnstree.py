"""A DNS check as a person sees it."""

from io import StringIO

from rich.console import Console

from tests.agent.observations import seen
from vedette.agent.cli.dnstree import draw


def test_many_long_records_are_cut_short() -> None:
    """A server with many long records takes a few lines of the screen, and says how many it has."""
    records = tuple(f"{number:02} {'x' * 200}" for number in range(40))
    console = Console(file=StringIO(), width=100)
    draw(console, None, [seen(0, answers=records)])
    drawn = console.file.getvalue()

    assert len(drawn.splitlines()) < 20
    assert "and 32 more" in drawn
