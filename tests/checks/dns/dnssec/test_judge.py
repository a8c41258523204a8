"""What is said of a zone, given its chain: pure, with times of the tests' own."""

from dataclasses import replace

import dns.name
import dns.rrset
import pytest
from dns.rrset import RRset

from vedette.checks.dns.dnssec.delegation import Entered
from vedette.checks.dns.dnssec.judge import judge
from vedette.checks.dns.dnssec.link import Link, Security, bogus, faulty, indeterminate, secure
from vedette.checks.dns.dnssec.signatures import Fault, Keys, Verified
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server
from vedette.checks.finding import Finding, Verdict
from vedette.checks.net import Endpoint

HOUR, DAY = 3600, 86400
START = 1_767_225_600  # 2026-01-01 00:00:00Z
SHOP = dns.name.from_text("shop.test")
DS: RRset = dns.rrset.from_text("shop.test.", 60, "IN", "DS", f"12345 13 2 {'ab' * 32}")


def verified(what: str, end: int, start: int = START) -> Verified:
    return Verified(
        what=what, key_tag=12345, algorithm=13, inception=start, expires=end, expanded=False
    )


def sound(*ends: int) -> Link:
    """Return a secure link whose signatures began at START and end then."""
    link = secure(SHOP, DS, [Entered(Keys(SHOP, {}), verified("", 0))], None)
    return replace(link, signatures=tuple(verified(f"r{end} A", end) for end in ends))


def judged(
    link: Link, now: float, *, expiring: float = 2 * DAY, secure_required: bool = False
) -> Finding:
    return judge(link, now, expiring=expiring, secure_required=secure_required)


def test_secure() -> None:
    """A secure zone is fine, and says when the first of its signatures ends."""
    finding = judged(sound(START + 30 * DAY, START + 20 * DAY), START)
    assert (finding.verdict, finding.reason) == (Verdict.OK, None)
    assert finding.facts == {
        "zone": "shop.test",
        "dnssec": "secure",
        "broken_at": None,
        "broken_at_few": False,
        "signature_expires_at": START + 20 * DAY,
        "key_tags": (),
        "ds": (f"12345 13 2 {'ab' * 32}",),
    }


@pytest.mark.parametrize(
    ("life", "left", "expiring"),
    [
        (30 * DAY, 2 * DAY, False),
        (30 * DAY, 2 * DAY - 1, True),
        (14 * DAY, 1.4 * DAY, False),  # when Knot renews at the latest
        (14 * DAY, 1.4 * DAY - 1, True),
        (2 * DAY, DAY, False),  # made anew with every answer
        (2 * DAY, 4 * HOUR, True),
        (HOUR, 0, True),
    ],
)
def test_expiring(life: int, left: float, expiring: bool) -> None:
    """A signature is expiring below two days, but never while a tenth of its life is left."""
    end = START + life
    finding = judged(sound(START + 400 * DAY, end), end - left)
    assert finding.reason is (Reason.SIGNATURE_EXPIRING if expiring else None)
    assert finding.facts["signature_expires_at"] == end
    if expiring:
        assert finding.verdict is Verdict.FAILING
        assert finding.detail.startswith(
            f"the signature over r{end} A by key 12345 has not been renewed and expires 2026-01-"
        )


def test_threshold() -> None:
    """How near is too near can be set."""
    link = sound(START + 30 * DAY)
    for expiring, reason in ((DAY, None), (3 * DAY, Reason.SIGNATURE_EXPIRING)):
        assert judged(link, START + 28 * DAY, expiring=expiring).reason is reason


def test_insecure() -> None:
    """An insecure zone is fine, unless it must be secure."""
    link = indeterminate(SHOP)
    assert judged(link, START).verdict is Verdict.OK
    finding = judged(link, START, secure_required=True)
    assert (finding.verdict, finding.reason) == (Verdict.FAILING, Reason.BOGUS)
    assert finding.facts["dnssec"] == "insecure"
    assert finding.detail == (
        "shop.test must be secure and is not: no trust anchor leads to shop.test: nothing vouches "
        "for it"
    )


def test_bogus() -> None:
    """A broken chain fails with where it breaks; a signature's end is told though it is past."""
    link = replace(bogus(dns.name.root, Fault("it expired", START), DS), zone=SHOP)
    finding = judged(link, START + 1)
    assert (finding.verdict, finding.reason) == (Verdict.FAILING, Reason.BOGUS)
    assert finding.detail == "it expired"
    assert finding.facts["zone"] == "shop.test"
    assert finding.facts["broken_at"] == "."
    assert finding.facts["signature_expires_at"] == START


def test_faulty_servers() -> None:
    """Where some servers are at fault and others are not, the fault says which."""
    servers = [Server(f"ns{i}.test", Endpoint("192.0.2.1", 53)) for i in range(6)]
    good, fault = Entered(Keys(SHOP, {}), verified("shop.test DNSKEY", START)), Fault("it is", 7)
    assert faulty(dict.fromkeys(servers, good)) is None
    assert faulty(dict.fromkeys(servers, fault)) == fault
    one = faulty({server: fault if server is servers[3] else good for server in servers})
    says = "it is, at 1 of the 6 servers that answer (ns3.test (192.0.2.1))"
    assert one == Fault(says, 7, at_few=True)
    most = faulty({server: good if server is servers[0] else fault for server in servers})
    assert most is not None
    assert not most.at_few
    assert most.says == (
        "it is, at 5 of the 6 servers that answer "
        "(ns1.test (192.0.2.1), ns2.test (192.0.2.1), ns3.test (192.0.2.1), ...)"
    )


def test_insecure_link_has_no_keys() -> None:
    """Only a secure link has keys to verify answers with."""
    assert sound(START).security is Security.SECURE
    assert sound(START).keys is not None
    assert indeterminate(SHOP).keys is bogus(SHOP, Fault("x")).keys is None
