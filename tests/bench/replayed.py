"""A recorded incident in virtual time: `python -m tests.bench.replayed`.

An operation is a second of the incident, for all of its agents together.
"""

from pathlib import Path
from time import perf_counter, process_time

from tests.bench.sample import Sample
from vedette.agent.replay.incident import play
from vedette.agent.replay.reading import read

INCIDENT = Path(__file__).parents[2] / "configs" / "incidents" / "quad-one-2025-07-14.yaml"


def main() -> None:
    """Play it."""
    scenario = read(INCIDENT)
    began = process_time(), perf_counter()
    play(scenario)
    took = process_time() - began[0], perf_counter() - began[1]
    Sample(operations=scenario.lead_s + scenario.end_s, cpu=took[0], seconds=took[1]).tell()


if __name__ == "__main__":
    main()
