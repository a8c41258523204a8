"""Where an incident can be read: an id that is the same for ever, and says little by itself.

Rule: pure.
"""

import hashlib
import re
import time
from calendar import timegm

from vedette.agent.alarms.incidents import Incident

_LONGEST = 48
_WHEN = "%Y%m%dT%H%M%SZ"
_FORM = re.compile(r"(?:[a-z0-9-]+-)?(\d{8}T\d{6}Z)-[0-9a-f]{8}")


def incident_id(incident: Incident) -> str:
    """Return the id of *incident*: its key in letters that any URL may have, and when it opened.

    What two keys have in common then, the hash at the end tells apart. When its first fault began
    may turn out to be earlier as faults join; when it opened never changes.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", incident.key.lower()).strip("-")[:_LONGEST].strip("-")
    opened = time.strftime(_WHEN, time.gmtime(incident.opened_at))
    exact = f"{incident.key}\n{incident.opened_at!r}".encode(errors="replace")
    told = hashlib.sha256(exact).hexdigest()[:8]
    return "-".join(part for part in (slug, opened, told) if part)


def opened_in(id_: str) -> float | None:
    """Return the epoch second in which the incident of *id_* opened; None where that is no id."""
    found = _FORM.fullmatch(id_)
    try:
        return float(timegm(time.strptime(found[1], _WHEN))) if found else None
    except ValueError:
        return None
