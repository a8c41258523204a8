"""The report of a replay, as scenarios are scored by it.

Rule: pure.
"""

from vedette.agent.replay.desk import Shown
from vedette.agent.replay.incident import Played


def report(played: Played) -> dict[str, object]:
    """Return the report of one scenario."""
    scenario = played.scenario
    return {
        "scenario": scenario.id,
        "virtual_seconds": scenario.lead_s + scenario.end_s,
        "wall_seconds": round(played.wall_seconds, 3),
        "pages": [_page(page) for page in played.desk.pages],
    }


def _page(page: Shown) -> dict[str, object]:
    row: dict[str, object] = {
        "diagnosis": page.diagnosis,
        "severity": str(page.severity),
        "subject": page.subject,
        "summary": page.summary,
        "opened_s": round(page.opened_at, 3),
        "resolved_s": None if page.resolved_at is None else round(page.resolved_at, 3),
        "symptoms": [
            {"diagnosis": name, "at_s": round(at, 3)}
            for name, at in sorted(page.symptoms.items(), key=lambda item: item[1])
        ],
        "key": page.key,
    }
    if len(page.history) > 1:
        row["history"] = [
            {"diagnosis": one.diagnosis, "at_s": round(one.at, 3)} for one in page.history
        ]
    return row
