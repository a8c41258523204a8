"""The schema of the values: it knows every value, and refuses what is none, by both helms."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.helm.chart import CHART, MAJORS, template
from vedette.agent.config import Config

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())

WRONG: Mapping[str, tuple[Mapping[str, object], str]] = {
    "a typo at the top": ({"persistance.enabled": False}, "persistance"),
    "a typo below": ({"networkPolicy.egres": []}, "egres"),
    "a typo in the config": ({"config.service": []}, "service"),
    "no service": ({"config.services": []}, "services"),
    "a listener of one's own": ({"config.agent.listen": "127.0.0.1:1"}, "listen"),
    "a state of one's own": ({"config.agent.state_dir": "/tmp"}, "state_dir"),
    "a token of one's own": ({"config.agent.token_env": "TOKEN"}, "token_env"),
    "a text for a number": ({"listener.port": "9469"}, "port"),
    "no port": ({"listener.port": 70000}, "port"),
    "root": ({"podSecurityContext.runAsUser": 0}, "runAsUser"),
    "perhaps root": ({"podSecurityContext.runAsNonRoot": False}, "runAsNonRoot"),
    "privileges": ({"securityContext.privileged": True}, "privileged"),
    "a short token": ({"listener.token.value": "secret"}, "value"),
    "a name that is none": ({"listener.tls.existingSecret": "No Secret"}, "existingSecret"),
    "a name in capitals": ({"fullnameOverride": "UPPER_x"}, "fullnameOverride"),
    "a name that no service may have": ({"fullnameOverride": "1st"}, "fullnameOverride"),
    "a part of a name in capitals": ({"nameOverride": "Watch"}, "nameOverride"),
    "a name with a dot": ({"nameOverride": "a.b"}, "nameOverride"),
    "no image": ({"image": None}, "image"),
    "no config": ({"config": None}, "config"),
    "a file outside": ({"secrets.files": {"../key": "x"}}, "key"),
    "a digest that is none": ({"image.digest": "sha256:1234"}, "digest"),
    "an ingress to nowhere": ({"ingress.enabled": True}, "host"),
    "more than one pod": ({"podDisruptionBudget.maxUnavailable": 2}, "maxUnavailable"),
    "a port without protocol": ({"networkPolicy.egress.ports": [{"port": 53}]}, "protocol"),
    "another probe": ({"livenessProbe.httpGet": {"path": "/"}}, "httpGet"),
    "a size that is none": ({"persistence.size": "big"}, "size"),
}


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_value_is_refused(wrong: str, major: str) -> None:
    """Each mistake ends the command, and is named."""
    values, named = WRONG[wrong]
    ran = template(values=values, major=major)
    assert ran.status != 0
    assert named in ran.err
    assert "schema" in ran.err


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize("key", ["nameOverride", "fullnameOverride"])
@pytest.mark.parametrize("name", ["", "watch", "watch-2"])
def test_what_is_a_name_is_taken(key: str, name: str, major: str) -> None:
    """A DNS label may stand in place of a name, and nothing leaves it as it was."""
    ran = template(values={key: name}, major=major)
    assert ran.status == 0, ran.said
    assert not name or name in ran.out


def open_ended(schema: Any, place: str = "") -> list[str]:
    """Return the objects of the schema that take any key, for which their place says why."""
    found = []
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("additionalProperties") is not False:
            found.append(place)
        for key, value in schema.items():
            found += open_ended(value, f"{place}/{key}" if key != "properties" else place)
    if isinstance(schema, list):
        for value in schema:
            found += open_ended(value, place)
    return found


def test_only_what_others_define_is_open() -> None:
    """Every map of the chart's own is closed; those of the agent and Kubernetes are theirs."""
    assert sorted(open_ended(SCHEMA)) == [
        "/config/agent",
        "/config/agent/domain",
        "/ingress/if",
        "/ingress/then",
        "/podSecurityContext",
        "/securityContext",
    ]


def missing(values: Any, schema: Any, place: str = "") -> list[str]:
    """Return the values that the schema does not name, and what it names and no value shows."""
    if not isinstance(values, dict) or schema.get("additionalProperties") is not False:
        return []
    known = {key for key in schema["properties"] if key != "global"}
    found = [f"{place}/{key}" for key in values.keys() ^ known]
    for key in values.keys() & known:
        found += missing(values[key], schema["properties"][key], f"{place}/{key}")
    return found


def test_every_value_is_in_the_schema_and_shown() -> None:
    """Schema and values name the same keys; blocks of the config need not be shown."""
    assert [one for one in missing(VALUES, SCHEMA) if not one.startswith("/config/")] == []


def test_the_schema_knows_the_blocks_of_a_config() -> None:
    """A block that the agent learns is one that the chart takes."""
    assert SCHEMA["properties"]["config"]["properties"].keys() == Config.model_fields.keys()
