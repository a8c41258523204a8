"""What the page of a storm says: how many incidents share it, what most of them are, and each one.

Rule: pure; no I/O, no clock; time is passed in.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vedette.agent.alarms.incidents import Incident, dedup_key, headed, title_of
from vedette.agent.clock import utc
from vedette.agent.composite.alarm import Alarm
from vedette.agent.paging.storm import Grade, RollUp
from vedette.exporters.page import Action, Page, Severity

DIAGNOSIS = "storm"
MAX_BYTES = 60_000
"""Room for the lines of the members: some 500, and far below what any receiver takes."""
_LONGEST = 200
_NAMED = 3
_BESIDE = 20


def roll_up_page(
    roll_up: RollUp,
    others: Iterable[Incident],
    rules: Mapping[str, Alarm],
    *,
    deployment: str,
    source: str,
    status_url: str,
    now: float,
) -> Page:
    """Write the page of *roll_up*; *others* are the incidents that have pages of their own."""
    members = sorted(roll_up.members, key=lambda one: (one.began_at, one.key))
    resolved = roll_up.action is Action.RESOLVE
    began_at = min((one.began_at for one in members), default=now)
    return Page(
        key=roll_up_key(deployment, roll_up.grade),
        action=roll_up.action,
        severity=_gravest(members, roll_up.grade),
        summary=(
            "resolved: storm: all services that it told of are well again, or have their own pages"
            if resolved
            else _summary(members, rules)
        ),
        service=DIAGNOSIS,  # no service is called so: no route by service keeps it from anybody
        diagnosis=DIAGNOSIS,
        subject=deployment,
        source=source,
        began_at=began_at,
        details={} if resolved else dict(_details(members, others, rules, status_url)),
    )


def roll_up_key(deployment: str, grade: Grade) -> str:
    """Return the key of the page that the incidents of a class share."""
    return dedup_key(deployment, DIAGNOSIS, None if grade is Grade.CRITICAL else str(grade))


def _gravest(members: Sequence[Incident], grade: Grade) -> Severity:
    order = list(Severity)
    return min((one.severity for one in members), default=Severity(grade), key=order.index)


def _summary(members: Sequence[Incident], rules: Mapping[str, Alarm]) -> str:
    since = utc(members[0].began_at)[11:]
    if len(members) == 1:
        return f"storm: 1 more service is failing since {since}: {_title(members[0], rules)}"
    services = len({one.service for one in members})
    named = _counted(members, rules)
    most = ", ".join(f"{diagnosis} ({count})" for diagnosis, count in named[:_NAMED])
    which = f"most of them: {most}" if len(named) > _NAMED else most
    if services == 1:
        return (
            f"storm: {len(members)} more incidents of {members[0].service} since {since}, {which}"
        )
    return f"storm: {services} more services are failing since {since}, {which}"


def _counted(members: Sequence[Incident], rules: Mapping[str, Alarm]) -> Sequence[tuple[str, int]]:
    """Return the diagnoses with how many have them, the most frequent first, then by name."""
    counts = Counter(headed(one, rules)[0] for one in members)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _title(incident: Incident, rules: Mapping[str, Alarm]) -> str:
    return f"{incident.service}: {title_of(incident.headline, rules)}"


def _details(
    members: Sequence[Incident],
    others: Iterable[Incident],
    rules: Mapping[str, Alarm],
    status_url: str,
) -> Iterator[tuple[str, object]]:
    def line(incident: Incident) -> str:
        return f"{utc(incident.began_at)} {_title(incident, rules)}"

    yield "diagnosis", DIAGNOSIS
    yield "since", utc(members[0].began_at)
    yield "diagnoses", dict(_counted(members, rules))
    yield "failing", list(_fitting(map(line, members), len(members)))
    beside = sorted(others, key=lambda one: (one.began_at, one.key))
    paged = [line(one) for one in beside[:_BESIDE]]
    more = [f"and {len(beside) - _BESIDE} more"] if len(beside) > _BESIDE else []
    yield "paged_by_themselves", [*paged, *more]
    yield "status_page", status_url


def _fitting(lines: Iterable[str], count: int) -> Iterator[str]:
    """Yield as many of *count* lines as there is room for, and how many more there are."""
    room = MAX_BYTES
    for at, line in enumerate(lines):
        shown = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
        room -= len(shown.encode(errors="replace")) + 3  # its quotes and comma
        if room < 0:
            yield f"and {count - at} more"
            return
        yield shown
