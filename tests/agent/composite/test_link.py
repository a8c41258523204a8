"""What the names in rules stand for: found, dangling, ambiguous, or in a ring."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.composite.link import Fault, Links, Nameable, Target, link
from vedette.agent.composite.settings import AlarmSettings

RULE = ("rule",)
SUPPRESSOR = ("suppressor", "alarm")

DNS = Nameable("shop/dns/shop.example A", ("nodata", "nxdomain", "timeout"))
HTTP = Nameable("shop/http/https://shop.example/", ("status", "timeout"))
TWICE = [Nameable("shop/dns/cdn.example A", ("nodata",)), Nameable("www/dns/cdn.example A")]
DOWN = Nameable("shop/service_down/https://shop.example/")
NAMES = {
    "shop.example A": [DNS],
    DNS.id: [DNS],
    "https://shop.example/": [HTTP],
    HTTP.id: [HTTP],
    "cdn.example A": TWICE,
    TWICE[0].id: TWICE[:1],
    DOWN.id: [DOWN],
    "both": [Nameable("shop/dns/both")],
}


def linked(*alarms: tuple[str, str], suppressor: str = "") -> Links:
    """Link alarms given by name and rule; the first one may have a suppressor."""
    settings = [
        AlarmSettings.model_validate(
            {"name": name, "rule": rule}
            | ({"suppressor": {"alarm": suppressor}} if suppressor and i == 0 else {})
        )
        for i, (name, rule) in enumerate(alarms)
    ]
    return link(settings, NAMES)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("other", Target("other")),
        ("shop.example A", Target(DNS.id)),
        ("shop/dns/shop.example A", Target(DNS.id)),
        ("shop.example A:nodata", Target(DNS.id, "nodata")),
        ("shop/dns/shop.example A:timeout", Target(DNS.id, "timeout")),
        ("https://shop.example/", Target(HTTP.id)),
        ("https://shop.example/:status", Target(HTTP.id, "status")),
        (TWICE[0].id, Target(TWICE[0].id)),
        (DOWN.id, Target(DOWN.id)),
    ],
)
def test_found(name: str, target: Target) -> None:
    """A rule names alarms, checks in short or in full, a check for a reason, standard alarms."""
    links = linked(("mine", f'ALARM("{name}")'), ("other", "FALSE"), suppressor=name)

    assert links.targets == {name: target}
    assert links.faults == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "shop.exmaple A",
            'there is no alarm or check "shop.exmaple A": did you mean "shop.example A"?',
        ),
        ("othre", 'there is no alarm or check "othre": did you mean "other"?'),
        (
            "completely else",
            'there is no alarm or check "completely else": mend its spelling, or add one',
        ),
        (
            "shop.exmaple A:nodata",
            'there is no alarm or check "shop.exmaple A:nodata": did you mean "shop.example A"?',
        ),
        (
            "shop.example A:nodate",
            "\"shop.example A\" has no reason 'nodate': did you mean nodata?",
        ),
        (
            "https://shop.example/:closed",
            "\"https://shop.example/\" has no reason 'closed': it has status, timeout",
        ),
        (
            "shop.example A:",
            "\"shop.example A\" has no reason '': it has nodata, nxdomain, timeout",
        ),
        ("other:nodata", '"other" is an alarm and has no reasons: write it without :nodata'),
        (
            "cdn.example A",
            '"cdn.example A" may stand for any of "shop/dns/cdn.example A", '
            '"www/dns/cdn.example A": write one of them, or rename the alarm',
        ),
        (
            "both",
            '"both" may stand for any of "shop/dns/both", "both": '
            "write one of them, or rename the alarm",
        ),
    ],
)
def test_not_found(name: str, message: str) -> None:
    """A name that stands for nothing, or for two, is a fault at its place, with the nearest one."""
    links = linked(
        ("mine", f'TRUE OR ALARM("{name}")'), ("other", "FALSE"), ("both", "FALSE"), suppressor=name
    )

    assert links.faults == [
        Fault(0, RULE, f"column 15: {message}"),
        Fault(0, SUPPRESSOR, message),
    ]


def test_all_faults_at_once() -> None:
    """Every dangling name of every alarm is told of, and every ring."""
    links = linked(
        ("a", 'ALARM("x1") OR OK("x2")'), ("b", "ALARM(b)"), ("c", "ALARM(x1)"), ("d", "ALARM(a)")
    )

    assert [(fault.index, fault.message.partition(":")[0]) for fault in links.faults] == [
        (0, "column 7"),
        (0, "column 19"),
        (2, "column 7"),
        (1, "column 7"),
    ]
    assert links.order == ["a", "c", "d"]


def test_cycle_through_three() -> None:
    """Alarms that wait for each other are one fault, at the name that closes the ring."""
    links = linked(
        ("first", "ALARM(a)"),
        ("a", "TRUE AND\nALARM(b)"),
        ("b", "ALARM(both) OR ALARM(c)"),
        ("c", "AT_LEAST(1, NOT OK, (last, a))"),
        ("last", "FALSE"),
    )

    message = (
        'these alarms wait for each other: "a" needs "b" needs "c" needs "a": '
        "take one of them out of a rule"
    )
    assert links.faults == [Fault(1, RULE, f"line 2, column 7: {message}")]
    assert links.order == ["last"]


def test_needs_itself() -> None:
    """An alarm that names itself is told so."""
    assert linked(("a", "NOT ALARM(a)")).faults == [
        Fault(0, RULE, "column 11: the alarm needs itself: take its own name out of its rule")
    ]


def test_ring_of_thousands() -> None:
    """A ring through ten thousand alarms is one fault that names ten of them."""
    count = 10_000
    links = linked(*((f"a{i}", f"ALARM(a{(i + 1) % count})") for i in range(count)))

    (fault,) = links.faults
    assert '"a0" needs "a1" needs' in fault.message
    assert '"a9" needs 9990 more needs "a0"' in fault.message
    assert links.order == []


def test_many_rings() -> None:
    """Each of several rings is told of."""
    links = linked(*((f"a{i}", f"ALARM(a{i ^ 1})") for i in range(100)))

    assert [fault.index for fault in links.faults] == list(range(0, 100, 2))


def suppressed(**by: str) -> Links:
    """Link alarms given by name and suppressor, "" for none."""
    return link(
        [
            AlarmSettings.model_validate(
                {"name": name, "rule": "TRUE"} | ({"suppressor": {"alarm": one}} if one else {})
            )
            for name, one in by.items()
        ],
        NAMES,
    )


def test_a_suppressor_may_need_what_it_suppresses() -> None:
    """A suppressor changes what is told, not the state, so that it makes no ring with a rule."""
    assert linked(("a", "FALSE"), ("b", "ALARM(a)"), suppressor="b").faults == []


def test_suppressors_may_be_suppressed() -> None:
    """Alarms may keep quiet beside each other in a chain that ends somewhere, or at a check."""
    assert suppressed(a="b", b="c", c="", d="c", e="shop.example A").faults == []


def test_an_alarm_that_suppresses_itself() -> None:
    """An alarm that nobody would ever be told of is a fault at its suppressor."""
    assert suppressed(a="b", b="b").faults == [
        Fault(1, SUPPRESSOR, "the alarm keeps itself quiet: take its suppressor out")
    ]


def test_alarms_that_suppress_each_other() -> None:
    """Alarms that keep each other quiet are one fault each ring, with all their names."""
    links = suppressed(first="m1", m1="m2", m2="m1", x="y", y="z", z="x")

    assert links.faults == [
        Fault(
            index,
            SUPPRESSOR,
            f"these alarms keep each other quiet: {chain}: take one suppressor out",
        )
        for index, chain in [(1, '"m1" by "m2" by "m1"'), (3, '"x" by "y" by "z" by "x"')]
    ]


@given(st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=12))
def test_order_or_ring(needs: list[set[int]]) -> None:
    """Alarms come behind all they need, or are behind a ring; with no ring, all are in order."""
    rules = [
        " OR ".join(["FALSE", *(f"ALARM(a{n})" for n in sorted(needed) if n < len(needs))])
        for needed in needs
    ]
    links = linked(*((f"a{i}", rule) for i, rule in enumerate(rules)))
    place = {name: i for i, name in enumerate(links.order)}

    for i, needed in enumerate(needs):
        inside = [f"a{n}" for n in needed if n < len(needs)]
        if f"a{i}" in place:
            assert all(place[name] < place[f"a{i}"] for name in inside)
        else:
            assert any(name not in place for name in inside)
    assert (len(place) == len(needs)) == (links.faults == [])
