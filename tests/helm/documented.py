"""The values of the chart as the table of its README, from the comments beside them.

A comment that begins with `# --` tells of the key below it, as helm-docs reads them;
`# @default --` is shown in place of the default. `python -m tests.helm.documented` renews it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parent.parent.parent / "helm" / "vedette"
README = CHART / "README.md"
BEGIN, END = "<!-- values -->", "<!-- end of values -->"


@dataclass(frozen=True)
class Value:
    """One documented key."""

    path: tuple[str, ...]
    default: str
    text: str


def documented(text: str) -> Iterator[Value]:
    """Return the documented keys of values.yaml, in its order."""
    data = yaml.safe_load(text)
    path: list[tuple[int, str]] = []
    told: list[str] | None = None
    default = ""
    for line in text.splitlines():
        comment = re.match(r"\s*# ?(.*)", line)
        key = re.match(r"(\s*)([A-Za-z]+):", line)
        if comment and comment[1].startswith("-- "):
            told = [comment[1].removeprefix("-- ")]
        elif comment and comment[1].startswith("@default -- "):
            default = comment[1].removeprefix("@default -- ")
        elif comment and told is not None:
            told.append(comment[1])
        elif key:
            path = [*[one for one in path if one[0] < len(key[1])], (len(key[1]), key[2])]
            if told is not None:
                names = tuple(name for _, name in path)
                shown = default or f"`{json.dumps(_at(data, names), ensure_ascii=False)}`"
                yield Value(names, shown, " ".join(told))
            told, default = None, ""


def _at(data: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        data = data[name]
    return data


def table(values: Iterator[Value]) -> str:
    """Return *values* as a table in Markdown."""
    rows = [f"| `{'.'.join(v.path)}` | {v.default} | {v.text} |" for v in values]
    return "\n".join(["| value | default | |", "|---|---|---|", *rows])


def renewed(readme: str, values: str) -> str:
    """Return the README with the table of what values.yaml says."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(documented(values))}\n\n{END}{after}"


def main() -> None:
    """Renew the README."""
    README.write_text(renewed(README.read_text(), (CHART / "values.yaml").read_text()))


if __name__ == "__main__":
    main()
