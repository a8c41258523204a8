"""What changed before a service broke, in plain words.

Rule: pure; no I/O, no clock.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from vedette.agent.clock import utc
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.lastgood import DELEGATION
from vedette.checks.words import some

LINES = 10
"""How many changes an incident shows at most."""
_SINCE = 5
"""How many of them may be younger than the incident, so that they never hide what came before."""
_ALIKE = 3
"""How many of one kind and subject: a zone whose serial counts on hides nothing else."""
_SHOWN = 4
"""How many texts a sentence names."""


def chronicle(before: Iterable[Event], since: Iterable[Event]) -> Sequence[str]:
    """Return one line for each change, the newest first: *before* the first fault, and *since*.

    Both come newest first.
    """
    late = list(islice(_told(since), _SINCE))
    return [*late, *islice(_told(before), LINES - len(late))]


def _told(events: Iterable[Event]) -> Iterator[str]:
    alike: Counter[tuple[EventName, str]] = Counter()
    for event in events:
        kind = event.name, event.subject
        alike[kind] += 1
        if event.name in _WORDS and alike[kind] <= _ALIKE:
            yield f"{utc(event.at)} {sentence(event)}"


def sentence(event: Event) -> str:
    """Return what happened, without its time."""
    if "more" in event.detail:
        return f"{_CALLED[event.name]} of {event.subject} changed {event.detail['more']} more times"
    return _WORDS[event.name](event)


_CALLED: Mapping[EventName, str] = {
    EventName.ANSWERS_CHANGED: "answers",
    EventName.NAME_SERVERS_CHANGED: "delegation",
    EventName.SERIAL_CHANGED: "serial",
    EventName.CERTIFICATE_CHANGED: "certificate",
    EventName.ORIGIN_CHANGED: "foreign origins",
    EventName.NEIGHBOUR_CHANGED: "foreign neighbours",
    EventName.MORE_SPECIFIC_CHANGED: "more-specifics",
}


def _went(event: Event) -> str:
    before, after = _list(event, "before"), _list(event, "after")
    called = f"{_CALLED[event.name]} of {event.subject}"
    return f"{called} went from {before} to {after} at {event.detail['server']}"


def _delegation(event: Event) -> str:
    gained, lost = event.detail.get("appeared"), event.detail.get("vanished")
    clauses = [
        *([f"gained {_list(event, 'appeared')}"] if gained else []),
        *([f"lost {_list(event, 'vanished')}"] if lost else []),
    ]
    return f"delegation of {event.subject} {' and '.join(clauses)}"


def _certificate(event: Event) -> str:
    before, after = event.detail["before"], event.detail["after"]
    return f"certificate of {event.subject} went from {before} to {after}, {_at(event)}"


def _at(event: Event) -> str:
    address = event.detail["address"]
    return str(address) if address == "by name" else f"at {address}"


def _strangers(event: Event) -> str:
    what = f"{_CALLED[event.name]} of"
    is_asn = event.name is not EventName.MORE_SPECIFIC_CHANGED
    clauses = [
        f"{_list(event, word, 'AS' if is_asn else '')} {word}"
        for word in ("appeared", "vanished")
        if event.detail.get(word)
    ]
    return f"{what} {event.subject}: {', '.join(clauses)} ({event.detail['feed']})"


def _returned(event: Event) -> str:
    name, type_ = event.detail["name"], event.detail["type"]
    of = "" if type_ == DELEGATION else f" for {name} {type_}"
    back, good = _list(event, "answers"), _list(event, "good")
    return f"{event.subject} came back to {back}{of}, which {good} had replaced"


def _roa(event: Event) -> str:
    return str(event.detail.get("change") or event.detail.get("fault"))


def _remedy(event: Event) -> str:
    return f"remedy {event.subject}: {event.detail['change']}"


def _list(event: Event, word: str, prefix: str = "") -> str:
    texts = event.detail[word]
    texts = [texts] if isinstance(texts, str) else texts
    return some([prefix + text for text in texts], _SHOWN) if texts else "nothing"


_WORDS: Mapping[EventName, Callable[[Event], str]] = {
    # What became good is no change: it changed when it was first seen.
    EventName.STALE_ANSWER_RETURNED: _returned,
    EventName.ANSWERS_CHANGED: _went,
    EventName.NAME_SERVERS_CHANGED: _delegation,
    EventName.SERIAL_CHANGED: _went,
    EventName.CERTIFICATE_CHANGED: _certificate,
    EventName.ORIGIN_CHANGED: _strangers,
    EventName.NEIGHBOUR_CHANGED: _strangers,
    EventName.MORE_SPECIFIC_CHANGED: _strangers,
    EventName.ROA_CHANGED: _roa,
    EventName.ROA_MISSING: _roa,
    EventName.ROA_EXPIRING: _roa,
    EventName.REMEDIATION: _remedy,
}
