"""The status page: one HTML document, readable without JavaScript, incidents first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from vedette.agent.clock import utc
from vedette.agent.daemon import Agent
from vedette.agent.diagnoses.names import Rule
from vedette.agent.ledger import Series
from vedette.checks.bgp.check import FEED
from vedette.checks.bgp.feed.health import FeedHealth
from vedette.checks.finding import Kind, Observation, Verdict

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #b3261e; --good: #1b6e3c; --dim: #6b7280 }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #7ddc9f; --dim: #9ca3af } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.3rem } h2 { font-size: 1.05rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
.wide { overflow-x: auto }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top }
.FAILING, .ALARM { color: var(--bad); font-weight: 600 } .OK { color: var(--good) }
.UNKNOWN, .INSUFFICIENT_DATA { color: var(--dim) }
.incident { border-left: .3rem solid var(--bad); padding: .2rem 1rem; margin: 1rem 0 }
.owed { color: var(--bad); font-weight: 600 }
.strip { font-family: monospace }
.strip, td:first-child { white-space: nowrap }
"""


def render(agent: Agent) -> str:
    """Return the page for this moment."""
    now = agent.now()
    name = escape(agent.config.agent.name)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="refresh" content="5">'
        f"<title>{_title(agent)} - {name}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>Vedette at {name}</h1><p>{utc(now)}</p>"
        f"{_maintenance(agent, now)}{_incidents(agent)}{_checks(agent, now)}{_feeds(agent, now)}"
        f"{_rpki(agent, now)}{_alarms(agent)}{_pages(agent, now)}"
        "</main></body></html>"
    )


def _title(agent: Agent) -> str:
    count = len(agent.engine.open)
    return f"{count} open incident{'s' if count != 1 else ''}" if count else "All quiet"


def _maintenance(agent: Agent, now: float) -> str:
    """Return a line for each window that is open."""
    windows = map(str, agent.maintenance.open(now))
    return "".join(f"<p>In maintenance, no page opens: {escape(one)}</p>" for one in windows)


def _incidents(agent: Agent) -> str:
    blocks = []
    for incident in agent.engine.open.values():
        items = "".join(
            f"<li>{utc(at)} {escape(_title_of(agent, id_))}</li>"
            for id_, at in sorted(incident.members.items(), key=lambda item: item[1])
        )
        blocks.append(
            f'<section class="incident"><h2>{escape(_title_of(agent, incident.headline))}</h2>'
            f"<p>{escape(incident.service)}, open since {utc(incident.opened_at)}; "
            f"in order:</p><ol>{items}</ol>{_changes(agent.paging.changed(incident))}</section>"
        )
    return "".join(blocks) or "<p>No open incident.</p>"


def _changes(lines: Sequence[str]) -> str:
    if not lines:
        return "<p>No change was seen before it, or since.</p>"
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<p>What changed before it and since, the newest first:</p><ul>{items}</ul>"


def _title_of(agent: Agent, id_: str) -> str:
    rule = agent.engine.rules.get(id_)
    return f"{rule.diagnosis}: {rule.subject}" if isinstance(rule, Rule) else id_


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<h2>{title}</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _checks(agent: Agent, now: float) -> str:
    def row(series: Series) -> Sequence[str]:
        finding, verdict = series.last.finding, series.verdict(now)
        shown = f'<span class="{verdict}">{verdict}</span>'
        why = escape(f"{finding.reason}: {finding.detail}" if finding.reason else finding.detail)
        marks = "".join(map(_mark, list(series.looks)[-20:]))
        strip = f'<span class="strip">{marks}</span>'
        key = series.key
        return (
            escape(key.service), escape(key.check), escape(_subject(series)), shown,
            f"{series.last.seconds * 1000:.0f}&nbsp;ms", strip, why,
        )  # fmt: skip

    columns = ("Service", "Check", "Subject", "Now", "Took", "Last looks", "What was seen")
    worst = (Verdict.FAILING, Verdict.UNKNOWN, Verdict.OK)
    worst_first = sorted(agent.ledger, key=lambda series: worst.index(series.verdict(now)))
    return _table("Checks", columns, map(row, worst_first))


def _subject(series: Series) -> str:
    """A prefix is seen through feeds: there the feed is what tells one series from another."""
    is_prefix = series.key.kind is Kind.BGP and series.place != FEED
    return series.place if is_prefix else series.subject


_MARKS = {Verdict.OK: "▁", Verdict.FAILING: "█", Verdict.UNKNOWN: "·"}
_SHARES = "▁▂▃▄▅▆▇█"
_NAMED = 5
"""How many silent collectors are named."""


def _mark(look: Observation) -> str:
    """Return a look as one sign: of a prefix how many of its peers have it, else how it went."""
    verdict, share = look.finding.verdict, look.finding.facts.get("share")
    mark = _MARKS[verdict]
    if isinstance(share, float):
        mark = _SHARES[min(int(share * len(_SHARES)), len(_SHARES) - 1)]
    return f'<span class="{verdict}">{mark}</span>'


def _feeds(agent: Agent, now: float) -> str:
    healths = [feed.health(now) for feed in agent.plan.feeds]
    if not healths:
        return ""
    columns = (
        "Feed", "Now", "Newest frame", "Lag", "Sessions", "Oldest seed", "Frames", "Errors",
        "Dropped", "Reconnects", "What it says",
    )  # fmt: skip
    return _table("Feeds", columns, [_feed(health, now) for health in healths])


def _feed(health: FeedHealth, now: float) -> Sequence[str]:
    verdict = Verdict.FAILING if health.silence else Verdict.OK
    newest = None if health.last_frame_at is None else now - health.last_frame_at
    lag = "" if health.lag is None else f"{health.lag:.1f}&nbsp;s"
    says = health.silence or (f"last error: {health.last_error}" if health.last_error else "")
    return (
        escape(health.source),
        f'<span class="{verdict}">{"silent" if health.silence else "heard"}</span>',
        "none yet" if newest is None else _ago(newest), lag, _sessions(health),
        "" if health.seed_age is None else _ago(health.seed_age),
        *map(str, (health.frames, health.errors, health.drops, health.reconnects)), escape(says),
    )  # fmt: skip


def _sessions(health: FeedHealth) -> str:
    """Return how many are up and down, and the collectors that are silent while others speak."""
    up, down = health.sessions
    silent = [name for name, row in health.collectors.items() if row.silent]
    more = f" and {len(silent) - _NAMED} more" if len(silent) > _NAMED else ""
    named = f"; silent: {escape(', '.join(silent[:_NAMED]))}{more}" if silent else ""
    return f"{up}&nbsp;up, {down}&nbsp;down{named}"


def _ago(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}&nbsp;{unit} ago"
    return f"{max(0.0, seconds):.0f}&nbsp;s ago"


def _rpki(agent: Agent, now: float) -> str:
    if agent.plan.vrps is None or agent.roas is None:
        return ""
    health = agent.plan.vrps.health(now)
    if health.silence:
        said = f'<span class="FAILING">unknown</span>: {escape(health.silence)}'
    else:
        states = Counter(route.state for route in agent.roas.routes.values())
        counts = ", ".join(f"{count} {state}" for state, count in states.items())
        said = (
            f"{health.count:,} VRP{'' if health.count == 1 else 's'} of {escape(health.source)}, "
            f"built {_ago(health.age(now) or 0.0)}; of the expected routes {counts}"
        )
    return f"<h2>RPKI</h2><p>{said}</p>"


def _alarms(agent: Agent) -> str:
    rows = (
        (
            escape(rule.service),
            rule.diagnosis,
            escape(rule.subject),
            f'<span class="{agent.engine.memories[id_].state}">'
            f"{agent.engine.memories[id_].state}</span>",
        )
        for id_, rule in agent.engine.rules.items()
    )
    return _table("Alarms", ("Service", "Diagnosis", "Subject", "State"), rows)


def _pages(agent: Agent, now: float) -> str:
    owed = [
        (
            f'<span class="owed">undelivered for {now - w.row.queued_at:.0f} s</span>',
            escape(w.row.pager),
            w.row.page.action,
            escape(w.row.page.summary or w.row.page.key),
            escape(w.detail),
        )
        for w in agent.outbox.waiting
    ]
    ended = [
        (
            f"{utc(e.at)} {e.delivery.outcome}",
            escape(e.row.pager),
            e.row.page.action,
            escape(e.row.page.summary or e.row.page.key),
            escape(e.delivery.detail),
        )
        for e in reversed(agent.outbox.ended)
    ]
    if not owed and not ended:
        return "<h2>Pages</h2><p>None sent since the start.</p>"
    return _table("Pages", ("Delivery", "Pager", "Action", "Page", "Answer"), [*owed, *ended])
