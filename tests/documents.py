"""The project's documents, taken apart: fenced blocks, links, anchors and words in code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "helm/vedette/README.md")),
]
NOT_OURS = "not vedette's"
"""What stands in a comment above a block of YAML that is another program's."""

_FENCE = re.compile(
    r"^(?:<!-- (?P<mark>.*?) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, the comment above it, its language and its text."""

    document: Path
    mark: str
    language: str
    text: str

    def __str__(self) -> str:
        first = next(iter(self.text.splitlines()), "")
        return f"{self.document.name}: {first.strip()[:40]}"


def blocks(document: Path) -> Iterator[Block]:
    """Return the fenced blocks of *document*."""
    for found in _FENCE.finditer(document.read_text(encoding="utf-8")):
        lines = found["text"].splitlines()
        text = "\n".join(line.removeprefix(found["indent"]) for line in lines)
        yield Block(document, found["mark"] or "", found["language"], text + "\n")


def prose(document: Path) -> str:
    """Return *document* without its fenced blocks."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def links(document: Path) -> Iterator[str]:
    """Return where *document* leads to, but for other hosts."""
    text = re.sub(r"`[^`\n]*`", "", prose(document))
    for link in _LINK.findall(text):
        if not re.match(r"[a-z]+:", link):
            yield link


def anchors(document: Path) -> set[str]:
    """Return the anchors of the headings of *document*, as forges and our site make them."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", one.lower()).strip().replace(" ", "-") for one in headings}


def code(document: Path) -> Iterator[str]:
    """Return what stands between backticks in the prose of *document*."""
    yield from (" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose(document)))
