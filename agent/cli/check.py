"""`vedette check dns|http|bgp`: one look, explained for a person or as one JSON document."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from pydantic import ValidationError

from vedette.agent.cli import bgptree, dnstree
from vedette.agent.cli.explain import conclude, console, explain
from vedette.agent.cli.output import complain
from vedette.agent.clock import SteadyClock
from vedette.agent.looking.runner import look_all
from vedette.checks.bgp.ripestat.sight import FEED, Sight, ask_ripestat
from vedette.checks.bgp.settings import BgpSettings, RisLiveSettings
from vedette.checks.bgp.watch import Watch
from vedette.checks.dns.check import DnsCheck, Means
from vedette.checks.dns.dnssec.anchors import read_anchors
from vedette.checks.dns.dnssec.chain import Trust
from vedette.checks.dns.names import domain_name
from vedette.checks.dns.resolver import StubResolver, SystemServers
from vedette.checks.dns.roots import ROOT_SERVERS, Server, read_hints
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.walk import Delegations, Walk
from vedette.checks.finding import Check, Finding, Kind, Look, Observation, Verdict
from vedette.checks.http.check import HttpCheck
from vedette.checks.http.settings import HttpSettings
from vedette.checks.net import Endpoint, parse_endpoint
from vedette.checks.settings import in_seconds

EXIT = {Verdict.OK: 0, Verdict.FAILING: 1, Verdict.UNKNOWN: 3}
TIMEOUT = 5.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser("check", allow_abbrev=False)
    kinds = command.add_subparsers(dest="kind", required=True, metavar="dns|http|bgp")
    dns = kinds.add_parser("dns", help="ask the name's servers", allow_abbrev=False)
    dns.add_argument("name", metavar="NAME")
    dns.add_argument("type", metavar="TYPE", nargs="?", default="A")
    dns.add_argument("--server", metavar="HOST[:PORT]", help="ask this one server, as a resolver")
    dns.add_argument("--root-hints", type=Path, metavar="FILE", help="start the walk elsewhere")
    dns.add_argument(
        "--trust-anchors", type=Path, metavar="FILE", help="DS or DNSKEY records to trust instead"
    )
    dns.add_argument(
        "--stub-zone",
        action="append",
        default=[],
        metavar="ZONE=HOST:PORT",
        help="ask HOST:PORT about ZONE",
    )
    dns.set_defaults(action=_action(_dns))
    http = kinds.add_parser("http", help="fetch a page", allow_abbrev=False)
    http.add_argument("url", metavar="URL")
    http.add_argument(
        "--at",
        metavar="ADDRESS|every",
        help="connect there instead: an address, or `every` one of the name's",
    )
    http.add_argument("--status", type=int, default=200, help="the expected status code")
    http.add_argument("--ca-file", metavar="FILE", help="trust these authorities only")
    http.set_defaults(action=_action(_http))
    bgp = kinds.add_parser("bgp", help="ask who sees a prefix", allow_abbrev=False)
    bgp.add_argument("prefix", metavar="PREFIX")
    bgp.add_argument("--origin", action="append", required=True, metavar="ASN")
    bgp.add_argument("--seed", type=_url, metavar="URL", default=RisLiveSettings().seed)
    bgp.set_defaults(action=_action(_bgp))
    for kind in (dns, http, bgp):
        kind.add_argument("--timeout", type=_seconds, default=TIMEOUT, metavar="SECONDS")
        kind.add_argument("--json", action="store_true", help="print one JSON document")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a command looked at and saw; for dns the walk that led there, for bgp all of it."""

    check: str
    observations: Sequence[Observation]
    walk: Walk | None = None
    sight: tuple[Watch, Sight] | None = None


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        shown = "" if "@" in text else f"{text}: "  # before it may stand a password
        raise argparse.ArgumentTypeError(f"{shown}expected a URL with the scheme http or https")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = in_seconds(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text}: {error}") from None
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 3600")
    return seconds


_Command = Callable[[argparse.Namespace], Coroutine[None, None, _Seen]]


def _action(command: _Command) -> Callable[[argparse.Namespace], int]:
    def act(options: argparse.Namespace) -> int:
        try:
            seen = asyncio.run(command(options))
        except ValidationError as error:
            return complain(*_faults(error))
        except (ValueError, OSError) as error:
            return complain(f"vedette check {options.kind}: {error}")
        verdict, reason = overall(seen.observations)
        if options.json:
            json.dump(document(seen.check, seen.observations), sys.stdout)
            sys.stdout.write("\n")
        else:
            _show(options.kind, seen)
            conclude(seen.check, verdict, reason)
        return EXIT[verdict]

    return act


def _show(kind: str, seen: _Seen) -> None:
    if kind == Kind.DNS:
        dnstree.draw(console(), seen.walk, seen.observations)
    elif seen.sight is not None:
        bgptree.draw(console(), *seen.sight)
    else:
        explain(seen.observations)


def _faults(error: ValidationError) -> list[str]:
    return [
        ": ".join(
            (
                "vedette check",
                *([".".join(map(str, fault["loc"]))] if fault["loc"] else []),
                fault["msg"].removeprefix("Value error, "),
            )
        )
        for fault in error.errors(include_url=False)
    ]


def overall(seen: Sequence[Observation]) -> tuple[Verdict, str | None]:
    """Return what all subjects say together: one that fails is a failure, whoever else is well."""
    for verdict in (Verdict.FAILING, Verdict.OK):
        those = [one for one in seen if one.finding.verdict is verdict]
        if those:
            return verdict, those[0].finding.reason
    return Verdict.UNKNOWN, seen[0].finding.reason if seen else None


def document(check: str, seen: Sequence[Observation]) -> dict[str, object]:
    """Return the JSON document of `--json`."""
    verdict, reason = overall(seen)
    return {
        "check": check,
        "verdict": verdict,
        "reason": reason,
        "observations": [
            {
                "subject": one.subject,
                "verdict": one.finding.verdict,
                "reason": one.finding.reason,
                "seconds": round(one.seconds, 6),
                "detail": one.finding.detail,
                "facts": dict(one.finding.facts),
            }
            for one in seen
        ],
    }


async def _look(check: Check, timeout: float) -> Sequence[Observation]:  # noqa: ASYNC109
    return await look_all(
        check,
        service="",
        vantage="",
        limit=timeout + 2,
        now=SteadyClock().now,
        stopwatch=perf_counter,
    )


async def _dns(options: argparse.Namespace) -> _Seen:
    wanted: dict[str, object] = {"name": options.name, "type": options.type}
    # One look cannot wait for servers to settle: who differs is shown as it is.
    wanted |= (
        {"servers": [options.server]}
        if options.server
        else {"servers": ["authoritative"], "settle": 0}
    )
    settings = DnsSettings.model_validate(wanted)
    roots = read_hints(options.root_hints) if options.root_hints else ROOT_SERVERS
    system = SystemServers()
    means = Means(
        delegations=Delegations(roots, _stubs(options.stub_zone)),
        system=system,
        resolve=StubResolver(system).resolve,
        now=SteadyClock().now,
        trust=_trust(options, roots),
    )
    check = DnsCheck(settings, means, seconds=options.timeout)
    await check.refresh()
    return _Seen(check.name, await _look(check, options.timeout), check.walked)


def _trust(options: argparse.Namespace, roots: Sequence[Server]) -> Trust | None:
    """Return whom to trust; another root without its anchors leaves nobody to."""
    if options.trust_anchors:
        return Trust(read_anchors(options.trust_anchors), roots)
    return None if options.root_hints else Trust(roots=roots)


def _stubs(texts: Sequence[str]) -> dict[str, tuple[Endpoint, ...]]:
    stubs: dict[str, tuple[Endpoint, ...]] = {}
    for text in texts:
        zone, equals, server = text.partition("=")
        if not equals:
            raise ValueError(f"--stub-zone {text}: expected ZONE=HOST:PORT")
        zone = domain_name(zone)
        stubs[zone] = (*stubs.get(zone, ()), parse_endpoint(server, 53))
    return stubs


async def _http(options: argparse.Namespace) -> _Seen:
    settings = HttpSettings.model_validate(
        {
            "url": options.url,
            "status": [options.status],
            "at": options.at or "name",
            "ca_file": options.ca_file,
        }
    )
    check = HttpCheck(
        settings,
        timeout=options.timeout,
        resolve=StubResolver(SystemServers()).resolve,
        now=SteadyClock().now,
    )
    await check.refresh()
    return _Seen(check.name, await _look(check, options.timeout))


async def _bgp(options: argparse.Namespace) -> _Seen:
    settings = BgpSettings.model_validate({"prefix": options.prefix, "origins": options.origin})
    source = RisLiveSettings.model_validate({"seed": options.seed})
    check = _Asked(settings.watch, source.seed)
    observations = await _look(check, options.timeout)
    return _Seen(
        check.name, observations, sight=(settings.watch, check.sight) if check.sight else None
    )


class _Asked:
    """A bgp check that asks RIPEstat instead of following a feed; *sight* is what it saw."""

    kind = Kind.BGP

    def __init__(self, watch: Watch, url: str) -> None:
        self.name = watch.prefix
        self.sight: Sight | None = None
        self._watch, self._url = watch, url

    def looks(self) -> Sequence[Look]:
        return [Look(self.name, FEED, self._look)]

    async def _look(self) -> Finding:
        self.sight = await ask_ripestat(self._watch, self._url, SteadyClock().now())
        return self.sight.finding
