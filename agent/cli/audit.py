"""`vedette audit`: which one failure would take the watchers together with the watched."""

import argparse
import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

from vedette.agent import secrets
from vedette.agent.alarms.agreement import AGREE
from vedette.agent.audit import judge, posture, report
from vedette.agent.audit.files import networks
from vedette.agent.audit.lookups import Resolvers
from vedette.agent.audit.networks import NetworksError
from vedette.agent.audit.survey import Survey, Surveyor
from vedette.agent.cli.output import complain
from vedette.agent.config import Config, ConfigError, PagerSettings, read
from vedette.agent.secrets import SecretError
from vedette.checks.dns.resolver import system_servers
from vedette.checks.net import parse_endpoint
from vedette.exporters.reach import host_of

FOUND = 1
"""The exit status where one failure does harm, or where it is not known whether one does."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser("audit", allow_abbrev=False)
    command.add_argument("--config", type=Path, required=True, metavar="FILE")
    command.add_argument("--json", action="store_true", help="one JSON document")
    command.set_defaults(action=_audit)


def _audit(options: argparse.Namespace) -> int:
    folder = options.config.parent
    try:
        config = read(options.config)
        survey = asyncio.run(_survey(config, folder))
    except ConfigError as error:
        return complain(*error.lines())
    except (NetworksError, SecretError) as error:
        return complain(f"vedette: {error}")
    findings = judge.findings(survey.parts, config.quorum.agree or AGREE)
    weaknesses = posture.weaknesses(survey.postures)
    if options.json:
        print(json.dumps(report.document(survey, findings, weaknesses), indent=2))
    else:
        print(*report.lines(survey, findings, weaknesses), sep="\n")
    return FOUND if findings or survey.unknown else 0


async def _survey(config: Config, folder: Path) -> Survey:
    settings = config.audit
    own = system_servers()
    asked = [parse_endpoint(text, 53) for text in settings.resolvers] or own
    surveyor = Surveyor(
        config,
        Resolvers(asked, stubs=config.agent.stubs),
        await networks(settings.networks, folder, folder / config.agent.state_dir / "networks"),
        [one.host for one in own],
    )
    return await surveyor.survey(
        [(one.called, list(_hosts(one, folder))) for one in config.pagers],
        list(_switches(config, folder)),
    )


def _hosts(pager: PagerSettings, folder: Path) -> Iterator[str]:
    """Return the hosts that take a page; one is enough."""
    if pager.pagerduty is not None:
        yield host_of(pager.pagerduty.endpoint)
    elif pager.alertmanager is not None:
        yield from map(host_of, pager.alertmanager.urls)
    elif pager.webhook is not None:
        yield host_of(secrets.url_of(pager.webhook, folder))
    elif pager.email is not None:
        yield pager.email.host


def _switches(config: Config, folder: Path) -> Iterator[tuple[str, str]]:
    for one in config.heartbeats:
        yield one.name, host_of(secrets.url_of(one, folder))
