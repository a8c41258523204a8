"""Events of several agents, merged as a pager does."""

from vedette.agent.replay.desk import Desk
from vedette.exporters.page import Action, Page, Severity

KEY = "vedette/shop"


def _page(
    diagnosis: str = "service_down",
    *,
    action: Action = Action.TRIGGER,
    severity: Severity = Severity.CRITICAL,
    source: str = "one",
) -> Page:
    return Page(
        key=KEY,
        action=action,
        severity=severity,
        summary=f"{diagnosis}: of {source}",
        service="shop",
        diagnosis=diagnosis,
        subject=f"subject of {diagnosis}",
        source=source,
        began_at=0.0,
    )


def test_agents_share_a_page() -> None:
    """The first trigger opens and the first resolve closes; what follows is another page."""
    desk = Desk()
    desk.take(_page(source="one"), 10)
    desk.take(_page(source="two"), 12)
    desk.take(_page(action=Action.RESOLVE, source="two"), 700)
    desk.take(_page(action=Action.RESOLVE, source="one"), 705)
    desk.take(_page(), 900)

    assert [(page.opened_at, page.resolved_at) for page in desk.pages] == [(10, 700), (900, None)]


def test_a_better_headline_takes_over() -> None:
    """What headed the page before is a symptom from its own time on; the gravest word stays."""
    desk = Desk()
    desk.take(_page("service_degraded", severity=Severity.WARNING), 10)
    desk.take(_page("record_emptied"), 30)
    (page,) = desk.pages

    assert [(head.diagnosis, head.at) for head in page.history] == [
        ("service_degraded", 10),
        ("record_emptied", 30),
    ]
    assert [head.summary for head in page.history] == [
        "service_degraded: of one",
        "record_emptied: of one",
    ]
    assert page.diagnosis == "record_emptied"
    assert page.subject == "subject of record_emptied"
    assert page.severity is Severity.CRITICAL
    assert page.symptoms == {"service_degraded": 10}


def test_a_symptom_is_noted_once() -> None:
    """With when it was first seen, and never beside itself."""
    desk = Desk()
    desk.attach(KEY, "service_down", 5)
    desk.take(_page("record_emptied"), 10)
    for at in (20, 40):
        desk.attach(KEY, "service_down", at)
    desk.attach(KEY, "record_emptied", 20)

    assert desk.pages[0].symptoms == {"service_down": 20}


def test_a_resolve_of_nothing_shows_nothing() -> None:
    """A pager forgets it, too."""
    desk = Desk()
    desk.take(_page(action=Action.RESOLVE), 10)

    assert not desk.pages
