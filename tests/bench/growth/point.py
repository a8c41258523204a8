"""One figure at one size, in a process of its own: `python -m tests.bench.growth.point NAME SIZE`.

Its last line is JSON: the cost of a unit of work by the figure's name.
"""

import json
import logging
import sys

from tests.bench.growth.curves import CURVES


def main() -> None:
    """Measure."""
    logging.disable(logging.CRITICAL)
    name, size = sys.argv[1], int(sys.argv[2])
    curve = next(one for one in CURVES if one.name == name)
    print(json.dumps(curve.measure(size)))


if __name__ == "__main__":
    main()
