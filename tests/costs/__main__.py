"""Prints what every work takes, and what is wrong with that; `--write` makes it the new table."""

import argparse
import sys

from tests.costs.table import FILE, faults, measured, written


def main() -> int:
    """Count; return 1 where a ceiling is not held."""
    parser = argparse.ArgumentParser(prog="python -m tests.costs", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name} anew")
    options = parser.parse_args()
    figures = measured()
    wrong = (
        [
            fault
            for work, rows in figures.items()
            for row, figure in rows.items()
            for fault in faults(work, row, figure)
        ]
        if FILE.exists()
        else []
    )
    print(written(figures), *wrong, sep="\n")
    if options.write:
        FILE.write_text(written(figures))
        return 0
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
