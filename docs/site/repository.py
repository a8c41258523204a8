"""Pages for what documents link to outside of docs/: a README, an example, a folder.

On a forge such links lead to the file itself. The site has none of these, so each gets a page under
`files/`, with what stands there.
"""

import posixpath
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FOLDER = "files"
LARGEST = 65_536
"""Bytes of a file that a folder's page links to: of a larger one it has the name."""

WIDE = ("reference/metrics.md", f"{FOLDER}/configs/")
"""Pages, or folders of them, that need the room of the table of contents."""

_FENCED = re.compile(r"^( *)(```+|~~~+).*?^\1\2[ \t]*$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")
_LANGUAGES = {".service": "ini", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file of the repository that a document, or such a page, leads to."""
    waiting = [DOCS / file.src_uri for file in files.documentation_pages()]
    added: set[Path] = set()
    for document in waiting:
        for target in _targets(_text(document), document):
            if not target.is_relative_to(DOCS) and target not in added:
                added.add(target)
                waiting.append(target)
                page = File.generated(config, _uri(target), content=_text(target))
                files.append(page)
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where the site has what they mean, and wide tables have room."""
    del config, files
    uri = page.file.src_uri
    if uri.startswith(WIDE):
        page.meta["hide"] = ["toc"]
    return _linked(markdown, _source(uri), lambda to: posixpath.relpath(_uri(to), _folder(uri)))


def _linked(markdown: str, document: Path, link: Callable[[Path], str]) -> str:
    """Return *markdown* with each relative link replaced by what *link* says of its target."""

    def moved(match: re.Match[str]) -> str:
        target = _target(match[1], document)
        return match[1] if target is None else link(target)

    parts, end = [], 0
    for fence in _FENCED.finditer(markdown):
        parts += [_LINK.sub(moved, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(moved, markdown[end:])])


def _targets(markdown: str, document: Path) -> Sequence[Path]:
    found: list[Path] = []

    def note(target: Path) -> str:
        found.append(target)
        return ""

    _linked(markdown, document, note)
    return found


def _target(link: str, document: Path) -> Path | None:
    """Return what *link* of *document* leads to: of a folder its README or index, if it has one."""
    folder = document if document.is_dir() else document.parent
    target = (folder / link).resolve()
    if target.is_dir():
        target = next(
            (one for name in ("README.md", "index.md") if (one := target / name).exists()), target
        )
    return target if target.exists() and target.is_relative_to(ROOT) else None


def _uri(path: Path) -> str:
    """Return where the site has *path*."""
    if path.is_relative_to(DOCS) and path.is_file():
        return path.relative_to(DOCS).as_posix()
    name = path.relative_to(ROOT).as_posix()
    if path.is_dir():
        return f"{FOLDER}/{name}/index.md"
    return f"{FOLDER}/{name}" if path.suffix == ".md" else f"{FOLDER}/{name}.md"


def _source(uri: str) -> Path:
    """Return what *uri* of the site is made from."""
    if not uri.startswith(f"{FOLDER}/"):
        return DOCS / uri
    path = ROOT / uri.removeprefix(f"{FOLDER}/")
    return (
        path if path.exists() else path.with_suffix("") if path.name != "index.md" else path.parent
    )


def _folder(uri: str) -> str:
    return posixpath.dirname(uri) or "."


def _text(path: Path) -> str:
    """Return *path* as Markdown."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    title = f"# {path.relative_to(ROOT).as_posix()}\n\n"
    if path.is_dir():
        return title + "".join(_item(one) for one in sorted(path.iterdir()) if _is_shown(one))
    language = _LANGUAGES.get(path.suffix, "text")
    return f"{title}~~~~~~{language}\n{path.read_text(encoding='utf-8')}\n~~~~~~\n"


def _is_shown(path: Path) -> bool:
    return not path.name.startswith((".", "_")) and path.name != "state"


def _item(path: Path) -> str:
    is_long = path.is_dir() or path.stat().st_size > LARGEST
    return f"- `{path.name}`\n" if is_long else f"- [{path.name}]({path.name})\n"
