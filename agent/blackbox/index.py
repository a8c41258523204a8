"""The page at `/`: recent probes, newest first, and where everything else is."""

from html import escape

from vedette.agent.blackbox.history import History, Result
from vedette.agent.blackbox.loaded import Loaded
from vedette.agent.clock import utc

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #b3261e; --good: #1b6e3c }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #7ddc9f } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.3rem } h2 { font-size: 1.05rem; margin-top: 2rem }
form, nav { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem }
td:first-child { white-space: nowrap }
input, select, button { font: inherit }
input[name=target] { flex: 1; min-width: 14rem }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
.wide { overflow-x: auto }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line) }
.bad { color: var(--bad); font-weight: 600 } .good { color: var(--good) }
"""


def page(history: History, loaded: Loaded) -> str:
    """Return the document; its links are relative, so that it works behind any prefix."""
    options = "".join(f"<option>{escape(name)}</option>" for name in loaded.modules.modules)
    rows = "".join(map(_row, history))
    recent = (
        '<div class="wide"><table><thead><tr><th>When</th><th>Module</th><th>Target</th>'
        f"<th>Result</th><th>Took</th><th>Report</th></tr></thead><tbody>{rows}</tbody></table></div>"
        if rows
        else "<p>None since the start.</p>"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Blackbox probes</title><style>{_STYLE}</style></head><body><main>"
        "<h1>Blackbox probes by Vedette</h1>"
        '<nav><a href="metrics">Metrics</a><a href="config">Configuration</a></nav>'
        '<h2>Probe now</h2><form action="probe">'
        f'<select name="module" aria-label="Module">{options}</select>'
        '<input name="target" aria-label="Target" placeholder="Target" required>'
        '<label><input type="checkbox" name="debug" value="true" checked> with its log</label>'
        "<button>Probe</button></form>"
        f"<h2>Recent probes</h2>{recent}</main></body></html>"
    )


def _row(result: Result) -> str:
    probe = result.probe
    shown = (
        '<span class="good">Success</span>'
        if result.success
        else f'<span class="bad">Failure: {escape(probe.reason)}</span>'
    )
    seconds = probe.metrics["probe_duration_seconds"]
    assert isinstance(seconds, float)
    cells = (
        utc(probe.lines[0].at),
        escape(probe.name),
        escape(probe.target),
        shown,
        f"{seconds * 1000:.0f}&nbsp;ms",
        f'<a href="logs?id={result.id}">Logs</a>',
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
