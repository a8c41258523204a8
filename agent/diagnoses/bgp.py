"""What looks at a prefix mean.

Rule: pure.
"""

from collections.abc import Sequence

from vedette.agent.alarm import Evidence
from vedette.agent.diagnoses.view import Voice
from vedette.agent.diagnoses.votes import failing_for, most
from vedette.checks.bgp.reason import Reason


def prefix_withdrawn(voices: Sequence[Voice]) -> Evidence:
    """The share of the baseline's peers that reach the prefix by an expected origin fell."""
    return most(voices, failing_for(Reason.WITHDRAWN))
