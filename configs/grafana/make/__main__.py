"""Writes every dashboard into configs/grafana."""

from pathlib import Path

from configs.grafana.make.agent import agent
from configs.grafana.make.bgp import bgp
from configs.grafana.make.board import written
from configs.grafana.make.dns import dns
from configs.grafana.make.fleet import fleet
from configs.grafana.make.http import http

FOLDER = Path(__file__).resolve().parent.parent
DASHBOARDS = {"fleet": fleet, "dns": dns, "http": http, "bgp": bgp, "agent": agent}


def main() -> None:
    """Write them."""
    for name, made in DASHBOARDS.items():
        (FOLDER / f"{name}.json").write_text(written(made()), encoding="utf-8")


if __name__ == "__main__":
    main()
