"""The agent itself: whether it looks in time, keeps what it must, and how much it costs."""

from configs.grafana.make.board import OURS, board
from configs.grafana.make.panels import BAD_BELOW_ONE, Panels, lines, number, quantile, row, rows
from grafana_foundation_sdk.builders.dashboard import Dashboard


def agent() -> Dashboard:
    """Return the dashboard."""
    made = board("agent", "Agent", "The agents' own work: rounds, store, pages, memory and time.")
    for panel in (*_now(), *_work()):
        made.with_panel(panel)
    made.with_row(row("Remote write"))
    for panel in _remote_write():
        made.with_panel(panel)
    made.with_row(row("Process"))
    for panel in _process():
        made.with_panel(panel)
    return made


def _now() -> Panels:
    yield number(
        "Agents up",
        "Agents that answer their scrape, of those that are configured.",
        "percentunit",
        f"avg(up{{{OURS}}})",
        BAD_BELOW_ONE,
    )
    yield number(
        "Stores failing",
        "Agents that cannot write their state to the disk.",
        "none",
        f"sum(vedette_store_failing{{{OURS}}})",
    )
    yield number(
        "Bugs",
        "Times within the hour that a bug of the agent ended some work, which was begun again.",
        "none",
        f"sum(increase(vedette_internal_errors_total{{{OURS}}}[1h]))",
    )
    yield number(
        "Late by, 99 % of rounds",
        "99 of 100 rounds of looks began no later than this after they were due.",
        "s",
        quantile(0.99, "vedette_check_lateness_seconds", OURS),
        ((None, "green"), (0.1, "orange"), (1, "red")),
    )
    yield number(
        "Pages refused",
        "Pages within the hour that a pager refused.",
        "none",
        f'sum(increase(vedette_pages_total{{{OURS},outcome="rejected"}}[1h])) or vector(0)',
    )
    yield number(
        "Pages on their way",
        "Pages that their pager has neither accepted nor refused yet.",
        "none",
        f"sum(vedette_pages_undelivered{{{OURS}}})",
    )


def _work() -> Panels:
    yield lines(
        "Rounds",
        "Rounds of checks a second, and ticks at which one was still running.",
        "cps",
        (
            f"sum by (instance) (rate(vedette_check_runs_total{{{OURS}}}[$__rate_interval]))",
            "{{instance}}",
        ),
        (
            "sum by (instance) "
            f"(rate(vedette_check_ticks_skipped_total{{{OURS}}}[$__rate_interval]))",
            "{{instance}} skipped",
        ),
    )
    yield lines(
        "Lateness",
        "How late rounds began, of 50 and of 99 in 100. What runs late measures too long.",
        "s",
        (quantile(0.5, "vedette_check_lateness_seconds", OURS, "instance"), "{{instance}} 50 %"),
        (quantile(0.99, "vedette_check_lateness_seconds", OURS, "instance"), "{{instance}} 99 %"),
        steps=((None, "green"), (1, "red")),
    )
    yield rows(
        "Versions",
        "The version that each agent runs.",
        "none",
        f"max by (instance, version) (vedette_build_info{{{OURS}}})",
        {"instance": "Vantage", "version": "Version", "Value": "Up"},
    )


def _remote_write() -> Panels:
    yield lines(
        "Samples",
        "Samples that were accepted or dropped, a second.",
        "cps",
        (
            "sum by (instance, outcome) "
            f"(rate(vedette_remote_write_samples_total{{{OURS}}}[$__rate_interval]))",
            "{{instance}} {{outcome}}",
        ),
    )
    yield lines(
        "Waiting",
        "Age of the oldest samples that wait on the disk for the receiver.",
        "s",
        (
            f"max by (instance) (vedette_remote_write_waiting_seconds{{{OURS}}})",
            "{{instance}}",
        ),
        steps=((None, "green"), (120, "red")),
    )


def _process() -> Panels:
    yield lines(
        "Processor",
        "Processor time used, of one core.",
        "percentunit",
        (
            f"sum by (instance) (rate(process_cpu_seconds_total{{{OURS}}}[$__rate_interval]))",
            "{{instance}}",
        ),
    )
    yield lines(
        "Memory",
        "Resident memory of the process.",
        "bytes",
        (f"process_resident_memory_bytes{{{OURS}}}", "{{instance}}"),
    )
    yield lines(
        "Open files",
        "File descriptors in use, of those that are allowed.",
        "percentunit",
        (f"process_open_fds{{{OURS}}} / process_max_fds{{{OURS}}}", "{{instance}}"),
    )
    yield lines(
        "Running for",
        "Seconds since the agent was started; it falls to nothing at a restart.",
        "s",
        (f"time() - process_start_time_seconds{{{OURS}}}", "{{instance}}"),
    )
