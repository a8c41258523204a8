"""How pages answer by name and by address, over connections without a network."""

import pytest

from tests.agent.replay.made import SHOP, change, name_change, scenario
from vedette.agent.replay.loop import VirtualLoop
from vedette.agent.replay.names import Names
from vedette.agent.replay.pages import Hosts, Pages
from vedette.agent.replay.tree import Tree
from vedette.agent.replay.webservice import WebService
from vedette.checks.finding import Finding, Verdict
from vedette.checks.http.check import HttpCheck
from vedette.checks.http.connection import CONNECTIONS
from vedette.checks.http.reason import Reason
from vedette.checks.http.settings import HttpSettings
from vedette.checks.net import NetworkFailure

ADDRESS = "203.0.113.1"


def _page(**what: object) -> dict[str, object]:
    usual = {"url": SHOP, "agents": "all", "error": "none"}
    if what.get("error", "none") == "none":
        usual["status"] = 200  # type: ignore[assignment]
    return change(0, http={**usual, **what})


def _service(*timeline: dict[str, object], up: bool = True) -> WebService:
    made = scenario(*timeline)
    tree = Tree(made.healthy.zones)
    hosts = Hosts(made, Names(made, tree), tree)
    return WebService("one", 0, Pages(made), hosts, lambda: 0.0, lambda: up)


def _look(service: WebService, address: str | None = None) -> tuple[Finding, float]:
    """Return what the real check finds by name, or at *address*, and the seconds it takes."""
    loop = VirtualLoop()

    async def resolve(host: str) -> list[str]:
        rcode, found = service.host(host, 0.0)
        if rcode != "NOERROR":
            raise NetworkFailure(Reason.DNS, f"{host}: {rcode}")
        return [found]

    async def once() -> tuple[Finding, float]:
        CONNECTIONS.set(service.connection)
        at = [address] if address else ["name"]
        settings = HttpSettings.model_validate({"url": SHOP, "status": [200], "at": at})
        check = HttpCheck(settings, timeout=5.0, resolve=resolve, now=lambda: 0.0)
        (look,) = check.looks()
        start = loop.time()
        return await look.once(), loop.time() - start

    try:
        return loop.run_until_complete(once())
    finally:
        loop.close()


@pytest.mark.parametrize(
    ("happens", "reason", "seconds"),
    [
        (_page(), None, 0.2),
        (_page(status=503, latency_s=1.5), Reason.STATUS, 1.5),
        (_page(error="connect"), Reason.CONNECT_REFUSED, 0.1),
        (_page(error="tls"), Reason.TLS_UNTRUSTED, 0.1),
        (_page(error="timeout"), Reason.TIMEOUT, 5.0),
        (_page(error="dns"), Reason.DNS, 0.0),
    ],
)
def test_a_state_is_what_the_check_finds(
    happens: dict[str, object], reason: Reason | None, seconds: float
) -> None:
    """An answer takes its latency, an error a tenth of a second, silence the check's timeout."""
    finding, took = _look(_service(happens))

    assert finding.reason is reason
    assert took == pytest.approx(seconds)


def test_an_address_does_not_depend_on_dns() -> None:
    """Where the name is gone, who knows the address still gets an answer."""
    service = _service(name_change(0))

    assert _look(service)[0].reason is Reason.DNS
    assert _look(service, ADDRESS)[0].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("via", "by_name", "by_address"),
    [("any", False, False), ("name", False, True), ("address", True, False)],
)
def test_via_tells_who_is_concerned(via: str, *, by_name: bool, by_address: bool) -> None:
    """A change may be for those who come by name, or for those who know an address."""
    service = _service(_page(error="connect", via=via))

    assert (_look(service)[0].verdict is Verdict.OK) is by_name
    assert (_look(service, ADDRESS)[0].verdict is Verdict.OK) is by_address


@pytest.mark.parametrize("error", ["connect", "dns"])
def test_probes_by_name_and_by_address_are_counted_apart(error: str) -> None:
    """Of each kind every second one fails; a resolution that failed was a whole probe."""
    service = _service(_page(error=error, via="name", fail_share=0.5))
    seen = []
    for _ in range(4):
        seen.append(_look(service)[0].verdict is Verdict.OK)
        assert _look(service, ADDRESS)[0].verdict is Verdict.OK
        service._refused.clear()

    assert seen == [True, False, True, False]


def test_a_page_that_needs_no_dns_is_found_without() -> None:
    """dns_dependent: false is for hosts that are found in another way."""
    service = _service(name_change(0), _page(dns_dependent=False))

    assert _look(service)[0].verdict is Verdict.OK


def test_nothing_passes_an_uplink_that_is_down() -> None:
    """The probe times out."""
    finding, took = _look(_service(up=False), ADDRESS)

    assert finding.reason is Reason.TIMEOUT
    assert took == pytest.approx(5.0)
