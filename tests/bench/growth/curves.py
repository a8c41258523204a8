"""All curves: each is drawn, and none may grow faster than its work."""

from functools import partial

from tests.bench.growth import agent, alarms, answers, kept, routing, shown
from tests.bench.growth.curve import Curve, Figure

TENFOLD = (100, 1_000, 10_000)
MICRO = "CPU microseconds"

CURVES = (
    Curve(
        "checks", "The agent, checks every 10 s", "checks", TENFOLD,
        (
            Figure("rounds", "a round", "CPU seconds per 1,000"),
            Figure("memory", "memory of a check", "kB"),
            Figure("starting", "start of a check", "CPU milliseconds"),
            Figure("late", "99 of 100 rounds begin late by at most", "milliseconds", 10),
            Figure("share", "of one processor", "%", 25),
            Figure("resident", "memory in all", "MB", 250),
        ),
        agent.checks,
    ),
    Curve(
        "plan", "Reading a config, building an agent", "checks", TENFOLD,
        (
            Figure("reading", "reading a check's lines", "CPU milliseconds"),
            Figure("building", "building a check and its rules", "CPU milliseconds"),
            Figure("memory", "memory of a check, before it looks", "kB"),
        ),
        kept.plan,
    ),
    Curve(
        "ledger", "The last 60 looks of each check", "checks", TENFOLD,
        (
            Figure("look", "taking in one more look", MICRO),
            Figure("memory", "memory of a check", "kB"),
        ),
        kept.ledger,
    ),
    Curve(
        "rules-quiet", "A step, all is well", "rules", TENFOLD,
        (Figure("step", "a rule in a step", MICRO),),
        partial(alarms.rules, fail=False),
    ),
    Curve(
        "rules-failing", "A step, all fails and heals", "rules", TENFOLD,
        (Figure("step", "a rule in a step", MICRO),),
        partial(alarms.rules, fail=True),
    ),
    Curve(
        "rules-one-service", "A step, all fails and heals, in one service", "rules", TENFOLD,
        (Figure("step", "a rule in a step", MICRO),),
        partial(alarms.rules, fail=True, of_service=10**9),
    ),
    Curve(
        "rules-services", "A step, all fails and heals, each check of a service", "rules", TENFOLD,
        (Figure("step", "a rule in a step", MICRO),),
        partial(alarms.rules, fail=True, of_service=1),
    ),
    Curve(
        "composites-quiet", "A step of composite alarms, all is well", "alarms", TENFOLD,
        (Figure("step", "an alarm in a step", MICRO),),
        partial(alarms.composed, fail=False),
    ),
    Curve(
        "composites-failing", "A step of composite alarms, all fails and heals", "alarms", TENFOLD,
        (Figure("step", "an alarm in a step", MICRO),),
        partial(alarms.composed, fail=True),
    ),
    Curve(
        "metrics", "/metrics", "series", (1_000, 10_000, 100_000),
        (
            Figure("series", "a series", MICRO),
            Figure("votes", "the votes on a rule", MICRO),
        ),
        shown.metrics,
    ),
    Curve(
        "page", "The status page", "checks", TENFOLD,
        (
            Figure("quiet", "a check, all is well", MICRO),
            Figure("failing", "a check, a tenth fails", MICRO),
        ),
        shown.page,
    ),
    Curve(
        "peers", "A peer that comes anew", "checks", TENFOLD,
        (Figure("round", "a round, told and heard", MICRO),),
        shown.exchange,
    ),
    Curve(
        "history", "Incidents of old, two pages and ten events each", "incidents", TENFOLD,
        (
            Figure("starting", "starting beside them, whole", "CPU milliseconds", 1000),
            Figure("showing", "one incident with its pages and events", "CPU milliseconds"),
            Figure("listing", "the newest hundred", "CPU milliseconds"),
        ),
        kept.history,
    ),
    Curve(
        "outbox", "Pages that wait, of as many keys", "pages", TENFOLD,
        (
            Figure("trigger", "a page that wakes people", MICRO),
            Figure("resolve", "a page that resolves", MICRO),
        ),
        kept.outbox,
    ),
    *(
        Curve(
            f"routes-{peers}", f"The table of routes, {peers} peers", "prefixes", TENFOLD,
            (
                Figure("memory", "memory of a route", "bytes"),
                Figure("seeding", "reading a route of the seed", MICRO),
                Figure("applying", "an update", MICRO),
                Figure("losing", "a prefix when sessions are lost", MICRO),
            ),
            partial(routing.table, peers=peers),
        )
        for peers in (4, 40, 400)
    ),
    Curve(
        "frames", "RIS Live, one frame in ten of a watched prefix", "prefixes", (5, 50, 500, 5_000),
        (Figure("frame", "a frame", MICRO),),
        partial(routing.frames, share=0.1),
    ),
    Curve(
        "frames-share", "RIS Live, 500 prefixes, of growing share", "frames in 1,000",
        (1, 10, 100, 1_000),
        (Figure("frame", "a frame", MICRO, 100),),
        routing.shared,
    ),
    Curve(
        "mrt", "MRT, one element in ten of a watched prefix", "prefixes", (5, 50, 500, 5_000),
        (Figure("element", "an element", MICRO),),
        routing.mrt,
    ),
    Curve(
        "records", "A DNS answer", "records", (2, 20, 200),
        (
            Figure("new", "a record, read and judged", MICRO),
            Figure("known", "a record, as it was before", MICRO),
        ),
        answers.records,
    ),
    Curve(
        "names", "Names of one zone", "names", (10, 100, 1_000),
        (
            Figure("walking", "finding the servers of a name", "CPU milliseconds"),
            Figure("looking", "a name at its servers, and the zone", "CPU milliseconds"),
        ),
        answers.names,
    ),
    Curve(
        "body", "A page with a rule about its body", "octets",
        (1 << 10, 10 << 10, 100 << 10, 1 << 20),
        (Figure("page", "a KiB", MICRO),),
        answers.body,
    ),
)  # fmt: skip
