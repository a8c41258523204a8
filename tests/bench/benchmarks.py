"""Every benchmark by name: how a run of it is made, what we promise of it, and who is beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.bench import agents, idle, metrics_page, mrt_elements, pages, peers, scraped, web
from tests.bench.figures import (
    CORE,
    COST,
    CPU_EACH,
    LATE_MAX,
    LATE_MORE,
    LATE_P99,
    MEMORY,
    PER_CORE,
    WAIT_MEDIAN,
    WAIT_WORST,
    Figure,
)
from tests.bench.sample import Sample, heard
from vedette.checks.net import Endpoint


@dataclass(frozen=True, slots=True)
class Promise:
    """What a figure must keep to; with neither limit it is shown, and not promised."""

    figure: Figure
    limit: float | None = None
    of_peer: float | None = None
    """The limit as a share of what the first peer gives."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How one run is made, and what is read out of all of them."""

    name: str
    run: Callable[[Endpoint], Sample]
    promises: tuple[Promise, ...] = ()
    peers: tuple[str, ...] = ()
    """With whom it is compared: PEERS, or what ran beside it in its own runs."""


def composite(_server: Endpoint, *, failing: float, hold: float = 15) -> Sample:
    """Measure the steps of alarms of a user's own, of which so many fail."""
    return heard("alarms", "--composite", "--failing", failing, "--hold", hold)


BLACKBOX = "blackbox_exporter, /probe"
HTTP, HTTPS = f"{BLACKBOX}, HTTP", f"{BLACKBOX}, HTTPS"
MANY = "blackbox_exporter + Prometheus"
DNSPERF, WRK, S_TIME = "dnsperf", "wrk", "openssl s_time"
MRTPARSE, BGPDUMP = "mrtparse", "bgpdump -m"

COSTS = (Promise(COST),)
LATE = 10
"""Milliseconds by which 99 of 100 rounds may begin late."""


def costs(limit: float) -> tuple[Promise, ...]:
    """Return the promise of at most so many CPU seconds per 1,000."""
    return (Promise(COST, limit),)


def _dns(name: str, limit: float | None, run: Callable[..., Sample], **how: object) -> Benchmark:
    return Benchmark(name, partial(run, **how), (Promise(COST, limit),), (BLACKBOX, DNSPERF))


def _page(name: str, *, packed: bool) -> Benchmark:
    late = (Promise(LATE_P99), Promise(LATE_MAX), Promise(LATE_MORE, LATE))
    promises = (Promise(CPU_EACH, 100), *late)
    run = partial(metrics_page.scraped, packed=packed)
    return Benchmark(name, run, promises, (metrics_page.CLIENT,))


PACED = "agent at 1,000 checks a second"
BENCHMARKS = (
    _dns("DNS look", 0.06, agents.looks, loop="asyncio"),
    _dns("DNS look, uvloop", 0.045, agents.looks, loop="uvloop"),
    _dns("DNS look, new answers", None, agents.looks, loop="asyncio", new=True),
    _dns("DNS check, whole", 0.10, agents.whole, loop="asyncio"),
    _dns("DNS check, whole, uvloop", 0.10, agents.whole, loop="uvloop"),
    *(
        Benchmark(
            PACED if loop == "asyncio" else f"{PACED}, {loop}",
            partial(agents.paced, loop=loop),
            (Promise(COST), Promise(LATE_P99, LATE), Promise(LATE_MAX)),
            (BLACKBOX,),
        )
        for loop in ("asyncio", "uvloop")
    ),
    Benchmark("HTTP look, uvloop", partial(web.looks, secure=False), costs(0.20), (HTTP, WRK)),
    Benchmark("HTTPS look, uvloop", partial(web.looks, secure=True), costs(0.90), (HTTPS, S_TIME)),
    Benchmark("HTTPS look, the system's trust store", web.looks_of_all, COSTS, (HTTPS, S_TIME)),
    Benchmark("vedette blackbox, /probe", peers.drop_in, costs(0.15), (BLACKBOX,)),
    _page("/metrics, 100,000 series", packed=False),
    _page("/metrics, 100,000 series, gzip", packed=True),
    Benchmark(
        "10,000 checks at 10 s on one core",
        partial(agents.many, loop="uvloop"),
        (Promise(CORE, 25), Promise(MEMORY, 250), Promise(LATE_P99, LATE)),
        (MANY,),
    ),
    Benchmark(
        "record emptied to PagerDuty's 202",
        pages.measure,
        (Promise(WAIT_WORST, 11), Promise(WAIT_MEDIAN, of_peer=0.75)),
        (pages.THEIRS,),
    ),
    Benchmark(
        "agent idle, 100 checks at 30 s",
        idle.idle,
        (Promise(MEMORY, 60), Promise(CORE, 0.5)),
        (idle.EXPORTER,),
    ),
    Benchmark("RIS Live frames", lambda _: heard("ris_live"), (Promise(PER_CORE, 50_000),)),
    Benchmark(
        "MRT elements, 500 watched prefixes",
        mrt_elements.ours,
        (Promise(PER_CORE, 150_000),),
        (MRTPARSE, BGPDUMP),
    ),
    # A second of a whole agent, or of an incident with all of its agents.
    Benchmark("10,000 alarms, few failing", lambda _: heard("alarms"), costs(300)),
    Benchmark("10,000 alarms, all failing", lambda _: heard("alarms", "--failing", 1), costs(300)),
    Benchmark("10,000 composite alarms, few failing", partial(composite, failing=0.01), costs(300)),
    Benchmark("10,000 composite alarms, all failing", partial(composite, failing=1), costs(300)),
    Benchmark(
        "10,000 composite alarms, all pending", partial(composite, failing=1, hold=3600), costs(300)
    ),
    Benchmark("Replayed second", lambda _: heard("replayed"), costs(0.5)),
)

PEERS = (
    Benchmark(BLACKBOX, peers.blackbox),
    Benchmark(DNSPERF, peers.dnsperf),
    Benchmark(HTTP, partial(web.blackbox, secure=False)),
    Benchmark(HTTPS, partial(web.blackbox, secure=True)),
    Benchmark(WRK, web.wrk),
    Benchmark(S_TIME, web.s_time),
    Benchmark(MANY, scraped.many),
    Benchmark(MRTPARSE, mrt_elements.mrtparse),
    Benchmark(BGPDUMP, mrt_elements.bgpdump),
)
