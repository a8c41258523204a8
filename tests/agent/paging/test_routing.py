"""Who is told of what: routes by service and severity, and second channels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.paging.desk import page
from vedette.agent.paging.routing import BACKUP_AFTER, Route, Routes
from vedette.exporters.page import Action, Severity

CRITICAL, ERROR, WARNING, INFO = Severity
WATCHED = ("shop", "mail")


def call(service: str = "shop", severity: Severity = CRITICAL, action: Action = Action.TRIGGER):
    return page(service=service, severity=severity, action=action)


def only(*severities: Severity) -> frozenset[Severity]:
    return frozenset(severities)


@pytest.mark.parametrize(
    ("route", "asked", "takes"),
    [
        (Route("p"), call(), True),
        (Route("p", frozenset({"shop"})), call(), True),
        (Route("p", frozenset({"mail"})), call(), False),
        (Route("p", None, only(CRITICAL)), call(), True),
        (Route("p", None, only(CRITICAL)), call(severity=WARNING), False),
        (Route("p", frozenset({"mail"})), call("fra-1"), True),
        (Route("p", frozenset({"mail"}), only(CRITICAL)), call("fra-1", WARNING), False),
        (Route("p", None, None, "q"), call(), False),
    ],
    ids=["all", "service", "other service", "severity", "other severity", "the agent itself",
         "the agent itself, other severity", "a second channel waits"],
)  # fmt: skip
def test_a_route(route: Route, asked, takes: bool) -> None:
    """A pager takes what its route says; what is about the agents is everybody's."""
    assert Routes([route], WATCHED).first(asked) == (["p"] if takes else [])


routes = st.lists(
    st.builds(
        Route,
        pager=st.just(""),
        services=st.none() | st.frozensets(st.sampled_from(WATCHED), min_size=1),
        severities=st.none() | st.frozensets(st.sampled_from(Severity), min_size=1),
    ),
    max_size=5,
)
calls = st.builds(call, st.sampled_from([*WATCHED, "fra-1"]), st.sampled_from(Severity))


@given(routes, calls)
def test_more_pagers_keep_nothing_from_others(given_routes: list[Route], asked) -> None:
    """Who is told depends on his own route alone, and one without conditions is always told."""
    named = [Route(str(i), r.services, r.severities) for i, r in enumerate(given_routes)]
    alone = [name for r in named for name in Routes([r], WATCHED).first(asked)]

    assert Routes([*named, Route("all")], WATCHED).first(asked) == [*alone, "all"]


def test_a_second_channel_has_its_own_conditions() -> None:
    """A second channel that does not take a page leaves it to its own second channel."""
    made = Routes(
        [
            Route("pd"),
            Route("sms", None, only(CRITICAL), "pd"),
            Route("mail", None, None, "sms"),
            Route("am", None, None, "pd"),
        ]
    )
    assert made.backups("pd", call()) == ["sms", "am"]
    assert made.backups("pd", call(severity=WARNING)) == ["mail", "am"]
    assert made.backups("sms", call()) == ["mail"]
    assert made.backups("mail", call()) == []


def test_when_a_second_channel_is_due() -> None:
    """A trigger is late after a minute, or what the config says; a resolve never is."""
    both = [Route("pd"), Route("mail", backup_of="pd")]
    assert Routes(both).backup_at("pd", call(), 100.0) == 100.0 + BACKUP_AFTER
    assert Routes(both, (), 5.0).backup_at("pd", call(), 100.0) == 105.0
    assert Routes(both).backup_at("pd", call(action=Action.RESOLVE), 100.0) is None
    assert Routes(both).backup_at("mail", call(), 100.0) is None
