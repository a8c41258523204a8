"""The list of decisions, from their titles."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "decisions"

HEAD = """\
# Decisions

What somebody may want to undo, with its context, the decision, and its consequences: a page each.
A decision is not rewritten; a later one says that it takes its place. Made by `make docs`.

"""


def page() -> str:
    """Return the page; a decision's file begins with its number, its text with its title."""
    return HEAD + "".join(_item(path) for path in sorted(FOLDER.glob("[0-9]*.md")))


def _item(path: Path) -> str:
    title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
    return f"- [{title}]({path.name})\n"
