"""What looks at a page mean.

Rule: pure.
"""

from collections.abc import Sequence

from vedette.agent.alarm import Evidence
from vedette.agent.diagnoses.view import Voice
from vedette.agent.diagnoses.votes import failing, most


def service_down(voices: Sequence[Voice]) -> Evidence:
    """The page fails by name; results by address explain, and never alone say down."""
    return most([v for v in voices if v.place == "name"], failing)
