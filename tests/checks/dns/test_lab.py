"""Each fault of a name, made with real servers, is seen as itself at once, and as nothing else."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tests.agent.observations import alone
from tests.checks.dns.dig import Dug, delv, dig
from tests.checks.dns.lab import (
    CONTROL,
    CONTROL_HOST,
    DAY,
    FIRST,
    HOST,
    NOBODY,
    RECORDS,
    SECOND,
    SERIAL,
    SHOP,
    TOP,
    TRUSTING,
    VALIDATING,
    Lab,
    lab,
)
from tests.servers.signed import without
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.looking.runner import look_all
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.dns.check import DnsCheck, Means
from vedette.checks.dns.dnssec.anchors import read_anchors
from vedette.checks.dns.dnssec.chain import Trust
from vedette.checks.dns.roots import read_hints
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.walk import Delegations
from vedette.checks.finding import Kind, Observation, Verdict
from vedette.exporters.page import Severity

TIMES = Timing(every=30, timeout=5, hold=15, clear=600)
SETTLE = 60.0


@dataclass
class Clock:
    """Epoch seconds that a test moves."""

    at: float

    def __call__(self) -> float:
        """Return them."""
        return self.at


class Watch:
    """The check of the lab's name, the one of a control, and what they have shown, as an agent."""

    def __init__(self, world: Lab) -> None:
        self.world = world
        self.now = Clock(time.time())
        self.ledger = Ledger()
        self._good: dict[str, Sequence[str]] = {}
        roots = read_hints(world.hints)
        self._delegations = Delegations(roots)
        self._trust = Trust(read_anchors(world.anchors), roots)
        self.check = self.made(HOST, allowed=["192.0.2.0/24"])
        self.control = self.made(CONTROL_HOST)

    def made(self, name: str, **settings: object) -> DnsCheck:
        """Return a check of *name* at its authorities and at both resolvers."""
        asked = {"name": name, "servers": ["authoritative", VALIDATING, TRUSTING], **settings}
        return DnsCheck(
            DnsSettings.model_validate({"settle": SETTLE, **asked}),
            Means(
                delegations=self._delegations,
                system=list,
                resolve=nobody,
                now=self.now,
                wall=time.time,
                trust=self._trust,
                known_delegation=self._good.get,
            ),
            seconds=TIMES.timeout,
        )

    async def start(self) -> None:
        """Walk, look once while all is well, and remember the delegations as good ones."""
        for check in (self.check, self.control):
            await check.refresh()
            looks = await self.look(check)
            assert wrong(looks) == {}
            for one in looks:
                if one.place == "delegation":
                    facts = one.finding.facts
                    self._good[facts["zone"]] = facts["delegation"]

    async def look(self, check: DnsCheck) -> Sequence[Observation]:
        """Look at every subject once, as the daemon does, and note it in the ledger."""
        limit = TIMES.timeout + 2
        looks = await look_all(check, service="shop", vantage="fra-1", limit=limit, now=self.now)
        self.ledger.add(key(check), TIMES, looks)
        return looks

    async def round(self, seconds: float = TIMES.every) -> Sequence[Observation]:
        """Let *seconds* pass, look at both names, and return what the lab's name shows."""
        self.now.at += seconds
        await self.look(self.control)
        return await self.look(self.check)

    def diagnoses(self) -> set[str]:
        """Return the diagnoses of the lab's name that hold, over more than one look."""
        rules = rules_for(key(self.check), TIMES, Severity.CRITICAL, [key(self.control)])
        fleet = alone(self.ledger, self.now.at)
        judged = {rule.diagnosis: rule.judge(fleet) for rule in rules}
        return {str(d) for d, e in judged.items() if e.holds and e.seen_at > e.began_at}


def key(check: DnsCheck) -> CheckKey:
    """Return what the ledger calls a check."""
    return CheckKey("shop", Kind.DNS, check.name)


async def nobody(host: str) -> Sequence[str]:
    """Resolve no host."""
    raise AssertionError(host)


Seen = Mapping[tuple[str, str], str]


def wrong(looks: Sequence[Observation]) -> Seen:
    """Return verdict and reason of what is not OK, by place and subject."""
    return {
        (o.place, o.subject): f"{o.finding.verdict} {o.finding.reason}"
        for o in looks
        if o.finding.verdict is not Verdict.OK
    }


def authoritative(says: str, *names: str) -> Seen:
    """Return what `wrong` says of these servers; of all, where none is named."""
    return {("authoritative", f"{name} {SHOP[name]}"): says for name in names or SHOP}


def recursive(says: str, *addresses: str) -> Seen:
    """Return what `wrong` says of these resolvers; of both, where none is named."""
    return {("recursive", address): says for address in addresses or (VALIDATING, TRUSTING)}


def everywhere(says: str) -> Seen:
    """Return what `wrong` says where all servers fail alike, so that none is left to compare."""
    incomparable = {ANSWERS: says.replace("FAILING", "UNKNOWN")}
    return {**authoritative(says), **recursive(says), **incomparable}


ANSWERS = ("agreement", "answers of shop.test servers compared")
SERIALS = ("agreement", "serials of shop.test servers compared")
DELEGATION = ("delegation", "delegation of shop.test")
CHAIN = ("dnssec", "DNSSEC of shop.test")


@dataclass(frozen=True)
class Fault:
    """One fault: how it is made, what is seen in the next round, and what that means."""

    make: Callable[[Lab], None]
    seen: Seen = field(default_factory=dict)
    diagnosis: str | None = None
    settled: Seen | None = None
    """What is seen once the servers have had their time to agree, where that is something else."""
    ede: str | None = None
    """The code with which the validating resolver explains itself."""


def shop(records: str, *names: str, **options: object) -> Callable[[Lab], None]:
    """Return the fault of serving `shop.test` with *records* at these servers, or at all."""
    addresses = [SHOP[name] for name in names or SHOP]
    return lambda w: w.publish("shop.test", w.shop(records, **options), *addresses)


def foreign_key(world: Lab) -> str:
    """Return a DS record for `shop.test` of a key that it does not have."""
    return world.ds("control.test").replace("control.test", "shop.test")


BARE = "api TXT left-behind\n"
BOGUS = {**recursive("FAILING bogus", VALIDATING), CHAIN: "FAILING bogus"}
FAULTS = {
    "no data": Fault(shop(BARE), everywhere("FAILING nodata"), "record_emptied"),
    "no name": Fault(shop(""), everywhere("FAILING nxdomain"), "record_emptied"),
    "emptied at one of four": Fault(
        shop(BARE, "ns4.shop.test"), authoritative("FAILING nodata", "ns4.shop.test")
    ),
    "resolver empty": Fault(
        lambda w: w.empty(TRUSTING), recursive("FAILING nodata", TRUSTING), "resolver_fault"
    ),
    "refused by one": Fault(
        lambda w: w.withdraw(SHOP["ns2.shop.test"]),
        authoritative("FAILING refused", "ns2.shop.test"),
    ),
    "refused by all": Fault(
        lambda w: w.withdraw(*SHOP.values()),
        {
            **authoritative("FAILING refused"),
            **recursive("FAILING servfail"),
            **dict.fromkeys((ANSWERS, SERIALS, DELEGATION, CHAIN), "UNKNOWN refused"),
        },
        "authoritative_down",
    ),
    "lame": Fault(
        lambda w: w.publish("test", w.top(), SHOP["ns2.shop.test"]),
        authoritative("FAILING lame", "ns2.shop.test"),
    ),
    "serial behind": Fault(
        shop(RECORDS, "ns4.shop.test", serial=SERIAL - 1),
        settled={SERIALS: "FAILING serial_lag"},
    ),
    "other servers at the parent": Fault(
        lambda w: w.publish("test", w.top(FIRST), TOP),
        {DELEGATION: "FAILING delegation"},
        "delegation_changed",
    ),
    "other address at the parent": Fault(
        lambda w: w.publish("test", w.top(SHOP | {"ns4.shop.test": NOBODY}), TOP),
        {DELEGATION: "FAILING delegation"},
        "delegation_changed",
    ),
    "signatures expired": Fault(shop(RECORDS, ends=-10), BOGUS, "dnssec_bogus", ede="7"),
    "signatures end tomorrow": Fault(shop(RECORDS, ends=1), {CHAIN: "FAILING signature_expiring"}),
    "wrong DS": Fault(
        lambda w: w.publish("test", w.top(ds=foreign_key(w)), TOP), BOGUS, "dnssec_bogus", ede="9"
    ),
    "signatures of the parent expired": Fault(
        lambda w: w.publish("test", w.top(ends=-10), TOP),
        BOGUS,
        "parent_dnssec_bogus",
        ede="7",
    ),
    "strange address": Fault(
        shop("api A 203.0.113.1\n"),
        {
            **authoritative("FAILING wrong_answer"),
            **recursive("FAILING wrong_answer"),
            ANSWERS: "UNKNOWN wrong_answer",
        },
        "wrong_answer",
    ),
    "AAAA emptied": Fault(shop("api A 192.0.2.1\napi A 192.0.2.2\n")),
    "other addresses at the second provider": Fault(shop("api A 192.0.2.129\n", *SECOND)),
    "planned change": Fault(shop("api A 192.0.2.77\n", serial=SERIAL + 1)),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run the lab for all tests of the module."""
    with lab(tmp_path_factory.mktemp("lab")) as made:
        yield made


@pytest.fixture
def world(running: Lab) -> Iterator[Lab]:
    """Return the lab in health, and mend it afterwards."""
    yield running
    running.mend()


def read(one: Observation) -> Dug:
    """Return what a look's facts say, in the form of dig's."""
    facts = one.finding.facts
    codes = tuple(error.split()[0] for error in facts.get("ede", ()))
    return Dug(facts["rcode"], facts["aa"], facts["answers"], codes)


async def agrees_with_dig(looks: Sequence[Observation]) -> None:
    """Hold the facts of every server's look against what dig sees at the same address."""
    for place, *options in (("authoritative", "+norec", "+dnssec"), ("recursive", "+rec")):
        asked = [o for o in looks if o.place == place]
        dug = await dig([o.subject.split()[-1] for o in asked], HOST, "A", *options)
        assert [read(o) for o in asked] == dug


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_fault(world: Lab, fault: Fault) -> None:
    """In the next round just what the fault concerns fails, for its reason, and dig agrees.

    One that lasts is its own diagnosis and no other, until it is mended.
    """
    watch = Watch(world)
    await watch.start()
    fault.make(world)
    looks = await watch.round()
    assert wrong(looks) == fault.seen
    (validating,) = (o for o in looks if o.subject == VALIDATING)
    assert read(validating).ede == ((fault.ede,) if fault.ede else ())
    world.forget()
    await agrees_with_dig(looks)
    due = {fault.diagnosis} if fault.diagnosis else set()
    await watch.round()
    assert watch.diagnoses() == due
    assert wrong(await watch.round(SETTLE)) == (fault.settled or fault.seen)
    assert watch.diagnoses() == due
    world.mend()
    for _ in range(3):  # fewer than three bad looks of five, and it is over
        assert wrong(await watch.round()) == {}
    assert watch.diagnoses() == set()


@pytest.mark.parametrize(
    ("name", "broken_at"),
    [
        ("planned change", None),
        ("no data", None),
        ("no name", None),
        ("signatures expired", "shop.test"),
        ("wrong DS", "shop.test"),
        ("signatures of the parent expired", "test"),
    ],
)
async def test_chain(world: Lab, name: str, broken_at: str | None) -> None:
    """The chain of trust is judged as delv does, and where it breaks is told."""
    watch = Watch(world)
    await watch.start()
    FAULTS[name].make(world)
    (chain,) = (o for o in await watch.look(watch.check) if o.place == "dnssec")
    says = await delv(TRUSTING, world.ds("."), HOST, "A", world.folder)
    assert (chain.finding.facts["dnssec"], chain.finding.facts["broken_at"]) == (says, broken_at)


@pytest.mark.parametrize("names", [["ns4.shop.test"], list(SECOND)], ids=["one", "half"])
@pytest.mark.parametrize("part", ["keys", "answers"])
async def test_chain_broken_at_some_servers(world: Lab, part: str, names: Sequence[str]) -> None:
    """Where fewer than half of the servers break the chain it is told, and wakes nobody."""
    watch = Watch(world)
    await watch.start()
    unsigned = without(world.shop(), "RRSIG", "A")
    text = world.shop(ends=-10) if part == "keys" else unsigned
    world.publish("shop.test", text, *(SHOP[name] for name in names))
    assert wrong(await watch.look(watch.check)) == {CHAIN: "FAILING bogus"}
    (rule,) = (
        rule
        for rule in rules_for(key(watch.check), TIMES, Severity.CRITICAL)
        if rule.diagnosis == "dnssec_bogus"
    )
    fleet = alone(watch.ledger, watch.now.at)
    assert rule.judge(fleet).holds
    assert rule.graded(fleet).severity == ("warning" if len(names) == 1 else "critical")


@pytest.mark.parametrize("off", [-90 * DAY, 60 * DAY], ids=["behind", "ahead"])
async def test_clock_that_was_wrong_at_the_start(world: Lab, off: float) -> None:
    """Valid is what is so by the host's clock, where ours is apart from it; expired is expired."""
    watch = Watch(world)
    watch.now.at += off
    await watch.start()
    assert wrong(await watch.round()) == {}
    FAULTS["signatures expired"].make(world)
    (chain,) = (o for o in await watch.round() if o.place == "dnssec")
    assert "expired" in chain.finding.detail


async def test_health_agrees_with_dig(world: Lab) -> None:
    """While all is well dig sees what the check sees."""
    watch = Watch(world)
    await watch.start()
    await agrees_with_dig(await watch.look(watch.check))


async def test_unbounded_difference(world: Lab) -> None:
    """Where no address is named as allowed, providers that differ disagree once they settled."""
    watch = Watch(world)
    watch.check = watch.made(HOST)
    await watch.start()
    shop("api A 192.0.2.129\n", *SECOND)(world)
    assert wrong(await watch.round()) == {}
    assert wrong(await watch.round(SETTLE)) == {ANSWERS: "FAILING disagree"}
    assert watch.diagnoses() == set()


async def test_delegation_facts(world: Lab) -> None:
    """The delegation is told as the parent and the child have it, and against the last good one."""
    watch = Watch(world)
    await watch.start()
    world.publish("test", world.top(FIRST), TOP)
    (look,) = (o for o in await watch.round() if o.place == "delegation")
    facts = look.finding.facts
    assert (facts["agrees"], facts["changed"]) == (False, True)
    assert (facts["parent_ns"], facts["child_ns"]) == (tuple(FIRST), tuple(SHOP))


@pytest.mark.parametrize("more", ["", "* A 192.0.2.66\n"], ids=["nothing", "wildcard"])
async def test_no_delegation_any_more(world: Lab, more: str) -> None:
    """A zone that its parent delegates no more is seen as that, also without a last good one.

    It is missed too where the parent has an answer for every name below it.
    """
    watch = Watch(world)
    await watch.check.refresh()
    await watch.control.refresh()
    world.publish("test", world.top({}, more=more), TOP)
    assert DELEGATION in wrong(await watch.round())
    await watch.check.refresh()
    await watch.round()
    assert "delegation_changed" in watch.diagnoses()


async def test_delegation_to_names_that_do_not_exist(world: Lab) -> None:
    """Servers that nobody can find were named by the parent, and that is what changed."""
    watch = Watch(world)
    await watch.start()
    nowhere = f"shop.test. NS ns1.gone.test.\n{world.ds('shop.test')}\n"
    world.publish("test", world.top({}, more=nowhere), TOP)
    for _ in range(3):
        looks = await watch.round()
        await watch.check.refresh()
    assert watch.diagnoses() == {"delegation_changed", "authoritative_down"}
    (look,) = (o for o in looks if o.place == "delegation")
    assert "delegates shop.test to ns1.gone.test where it was ns1.shop.test" in look.finding.detail


async def test_alias_to_a_name_that_is_emptied(world: Lab) -> None:
    """Where a CNAME leads to another zone, and the record there is gone, the record is emptied."""
    watch = Watch(world)
    shop("api CNAME www.control.test.\n")(world)
    watch.control = watch.made("ns.control.test")
    await watch.start()
    assert watch.diagnoses() == set()
    world.publish("control.test", world.control("www TXT left-behind\n"), CONTROL)
    for _ in range(2):
        seen = wrong(await watch.round())
    assert seen == recursive("FAILING nodata")
    assert watch.diagnoses() == {"record_emptied"}


async def test_parent_asked(world: Lab) -> None:
    """A parent that names servers which are not allowed answers wrongly, and its child does not."""
    watch = Watch(world)
    settings = {"type": "NS", "allowed": list(SHOP), "servers": ["parent", "authoritative"]}
    watch.check = watch.made("shop.test", **settings, compare=["answers"])
    await watch.start()
    servers = FIRST | {"ns9.shop.test": SECOND["ns3.shop.test"]}
    world.publish("test", world.top(servers), TOP)
    seen = {("parent", f"ns.nic.test {TOP}"): "FAILING wrong_answer"}
    assert wrong(await watch.round()) == seen
