"""Scenarios made for tests: a shop with two name servers, a resolver, a page and a prefix."""

import copy
from pathlib import Path
from typing import Any

import yaml

from vedette.agent.replay.reading import read
from vedette.agent.replay.scenario import Scenario

SHOP = "https://www.shop.example/"
CONTROL = "https://www.control.example/"
PREFIX = "198.51.100.0/24"

_WORLD: dict[str, Any] = {
    "schema_version": 1,
    "id": "made",
    "title": "a made incident",
    "real": False,
    "sources": [],
    "start": "2026-01-01T00:00:00Z",
    "lead_s": 900,
    "end_s": 120,
    "agents": [
        {"name": "one", "provider": "p1", "region": "europe", "asn": 64501},
        {"name": "two", "provider": "p2", "region": "asia", "asn": 64502},
        {"name": "three", "provider": "p3", "region": "africa", "asn": 64503},
    ],
    "watch": {
        "service": "shop",
        "dns": [
            {
                "name": "www.shop.example",
                "type": "A",
                "servers": ["authoritative", "192.0.2.8"],
                "min_records": 1,
                "dnssec": False,
            }
        ],
        "http": [{"url": SHOP, "status": [200]}],
        "bgp": [],
        "controls": {
            "dns": [{"name": "control.example", "type": "A", "servers": ["192.0.2.8"]}],
            "http": [{"url": CONTROL, "status": [200]}],
        },
    },
    "healthy": {
        "zones": [
            {
                "zone": "shop.example",
                "ns": [
                    {"name": "ns1.shop.example", "address": "192.0.2.1"},
                    {"name": "ns2.shop.example", "address": "192.0.2.2"},
                ],
            },
            {
                "zone": "control.example",
                "ns": [{"name": "ns1.control.example", "address": "192.0.2.3"}],
            },
        ],
        "dns": [
            {
                "name": "www.shop.example",
                "type": "A",
                "answers": ["203.0.113.1"],
                "ttl": 60,
                "dnssec": "insecure",
            },
            {
                "name": "control.example",
                "type": "A",
                "answers": ["203.0.113.9"],
                "ttl": 60,
                "dnssec": "insecure",
            },
        ],
        "http": [
            {"url": SHOP, "status": 200, "latency_s": 0.2},
            {"url": CONTROL, "status": 200, "latency_s": 0.2},
        ],
        "bgp": [],
        "feeds": [{"source": "ris-live", "collectors": ["rrc00", "rrc01", "route-views2"]}],
    },
    "timeline": [],
    "expect": {"raise": [], "headline": None, "forbid": [], "pages_max": 9, "clear": []},
}


def document() -> dict[str, Any]:
    """Return a scenario as a document of one's own."""
    return copy.deepcopy(_WORLD)


def watched(document: dict[str, Any], peers: int = 100, share: float = 1.0) -> dict[str, Any]:
    """Return *document* with a watched prefix that *share* of *peers* hold."""
    document["watch"]["bgp"] = [{"prefix": PREFIX, "origins": [64500]}]
    routes = [{"origin": 64500, "share": share, "rpki": "valid"}]
    document["healthy"]["bgp"] = [{"prefix": PREFIX, "peers": peers, "routes": routes}]
    return document


def change(at: float, **what: object) -> dict[str, object]:
    """Return an entry of a timeline."""
    return {"t": at, "basis": "assumed", "note": "made", **what}


def name_change(t: float, **what: object) -> dict[str, object]:
    """Return a change of what the shop's name answers; the defaults empty it everywhere."""
    usual = {
        "name": "www.shop.example",
        "type": "A",
        "at": "all",
        "agents": "all",
        "error": "none",
        "dnssec": "same",
    }
    if what.get("error", "none") == "none":
        usual |= {"rcode": "NOERROR", "answers": []}
    return change(t, dns={**usual, **what})


def scenario(*timeline: dict[str, object], of: dict[str, Any] | None = None) -> Scenario:
    """Return a scenario in which *timeline* happens."""
    made = of or document()
    made["timeline"] = list(timeline)
    return Scenario.model_validate(made)


def written(folder: Path, document: dict[str, Any]) -> Path:
    """Return the file that *document* was written to."""
    path = folder / "made.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def reread(folder: Path, document: dict[str, Any]) -> Scenario:
    """Return the scenario that is read from *document* as a file."""
    return read(written(folder, document))
