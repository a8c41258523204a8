"""What one failure does to a fleet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.audit.judge import Harm, findings
from vedette.agent.audit.part import FailureDomain, Kind, Need, Part, Role, Way
from vedette.agent.audit.posture import Posture, Zone, weaknesses


def provider(name: str) -> frozenset[FailureDomain]:
    return frozenset({FailureDomain(Kind.PROVIDER, name)})


def part(role: Role, name: str, *ways: str) -> Part:
    """Return a part that needs one of what hangs on the providers *ways*."""
    need = Need("where it is", [Way(way, provider(way)) for way in ways])
    return Part(role, name, [need], ways[0])


FRA, NYC, IAD = (
    part(Role.VANTAGE, "fra", "hetzner"),
    part(Role.VANTAGE, "nyc", "digitalocean"),
    part(Role.VANTAGE, "iad", "aws"),
)
SHOP = part(Role.SERVICE, "shop", "aws")
PAGER, OTHER = part(Role.PAGER, "pagerduty", "aws"), part(Role.PAGER, "mail", "hetzner")
HEART = part(Role.HEARTBEAT, "hc", "aws")


@pytest.mark.parametrize(
    ("parts", "harms"),
    [
        pytest.param([FRA], [Harm.BLIND], id="one agent alone"),
        pytest.param([FRA, NYC, SHOP], [Harm.NO_QUORUM] * 2, id="two are just enough"),
        pytest.param([FRA, NYC, IAD], [], id="three, and any two agree"),
        pytest.param([FRA, NYC, IAD, SHOP], [Harm.SHARED_FATE], id="one stands with the target"),
        pytest.param([FRA, NYC, IAD, PAGER], [Harm.MUTE], id="one pager"),
        pytest.param([FRA, NYC, IAD, PAGER, OTHER], [], id="a second pager elsewhere"),
        pytest.param(
            [FRA, NYC, part(Role.VANTAGE, "syd", "vultr"), SHOP, PAGER, OTHER],
            [Harm.SHARED_FATE],
            id="a pager fails with the target",
        ),
        pytest.param(
            [FRA, NYC, part(Role.VANTAGE, "syd", "vultr"), SHOP, HEART],
            [Harm.SHARED_FATE],
            id="the dead man's switch fails with the target",
        ),
    ],
)
def test_harm(parts: list[Part], harms: list[Harm]) -> None:
    """Each failure that leaves the fleet blind, mute or short is told, and nothing else is."""
    assert [one.harm for one in findings(parts, 2)] == harms


def test_one_of_several_ways_is_enough() -> None:
    """A pager with members at two providers is lost with neither."""
    both = part(Role.PAGER, "alertmanager", "aws", "hetzner")

    assert not [one for one in findings([FRA, NYC, IAD, both], 2) if one.harm is Harm.MUTE]


def test_domains_that_do_the_same_are_told_together() -> None:
    """An AS and the provider behind it are one finding, the narrowest first."""
    domains = frozenset({FailureDomain(Kind.PROVIDER, "aws"), FailureDomain(Kind.ASN, "16509")})
    pager = Part(Role.PAGER, "pagerduty", [Need("its addresses", [Way("192.0.2.1", domains)])])

    (found,) = findings([FRA, NYC, IAD, pager], 2)

    assert found.text == (
        "if AS16509 or provider aws fails, pager pagerduty is lost and nobody is told anything "
        "(its addresses): add a pager that hangs on none of it"
    )


names = st.sampled_from(["aws", "gcp", "azure", "hetzner"])
parts_ = st.lists(
    st.builds(
        lambda role, n, ways: part(role, f"{role}{n}", *ways),
        st.sampled_from(list(Role)),
        st.integers(0, 9),
        st.lists(names, min_size=1, max_size=3),
    ),
    max_size=8,
)


@given(parts_, st.integers(1, 3))
def test_another_provider_never_harms(parts: list[Part], agree: int) -> None:
    """An agent and a pager that share nothing with the rest add no finding of blind or mute."""
    more = [*parts, part(Role.VANTAGE, "new", "nobody"), part(Role.PAGER, "new", "nobody-else")]
    before = [one.harm for one in findings(parts, agree)]
    after = [one.harm for one in findings(more, agree)]

    if any(one.role is Role.VANTAGE for one in parts):
        assert Harm.BLIND not in after
    if any(one.role is Role.PAGER for one in parts):
        assert Harm.MUTE not in after
    assert Harm.MUTE in after or before.count(Harm.MUTE) >= after.count(Harm.MUTE)


def asn(number: int) -> frozenset[FailureDomain]:
    return frozenset({FailureDomain(Kind.ASN, str(number))})


@pytest.mark.parametrize(
    ("servers", "operators", "ns_ttl", "ttl", "words"),
    [
        ({"a": asn(1), "b": asn(2)}, {"x", "y"}, 86400, 60, []),
        ({"a": asn(1), "b": asn(1)}, {"x", "y"}, 86400, 60, ["are in AS1"]),
        ({"a": asn(1), "b": asn(2)}, {"x"}, 86400, 60, ["one DNS provider, x"]),
        ({"a": asn(1), "b": asn(2)}, {"x", "y"}, 300, 60, ["caches forget it within 5 min"]),
        ({"a": asn(1), "b": asn(2)}, {"x", "y"}, 86400, 86400, ["only after 24 h"]),
        ({}, set(), None, None, []),
    ],
)
def test_posture(
    servers: dict[str, frozenset[FailureDomain]],
    operators: set[str],
    ns_ttl: int | None,
    ttl: int | None,
    words: list[str],
) -> None:
    """Each weakness of a zone and of a name is told, and what is not known is none."""
    zone = Zone("example.com", servers, frozenset(operators), ns_ttl)

    found = [one.text for one in weaknesses([Posture("www.example.com", zone, ttl)])]

    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))
