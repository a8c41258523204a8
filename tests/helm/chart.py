"""The chart as helm renders it, and the files that a pod of it would find."""

import base64
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import trustme
import yaml

from tests.helm import install
from tests.servers.process import need

ROOT = Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "helm" / "vedette"
CASES = sorted((CHART / "ci").glob("*.yaml"))
MAJORS = ("helm3", "helm4")
OPERATOR = "monitoring.coreos.com/v1"
NAMESPACE, RELEASE = "watch-tower", "v"

Object = dict[str, Any]


@dataclass(frozen=True)
class Ran:
    """How helm ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything that was said."""
        return self.out + self.err


def helm(major: str, *arguments: str) -> Ran:
    """Run one command of helm 3 or 4, without a cluster."""
    program = need(str(Path(sys.prefix) / "bin" / major))
    ran = subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": "/nonexistent", "KUBECONFIG": "/nonexistent"},
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def template(
    *files: Path,
    values: Mapping[str, object] | None = None,
    major: str = "helm4",
    apis: Sequence[str] = (OPERATOR,),
    kubernetes: str = "1.34",
    namespace: str = NAMESPACE,
    chart: Path = CHART,
) -> Ran:
    """Render the chart with *files*, and over them *values*, in a cluster that has *apis*."""
    arguments = [f"--values={path}" for path in files]
    arguments += [f"--set-json={key}={json.dumps(value)}" for key, value in (values or {}).items()]
    arguments += [f"--api-versions={api}" for api in apis]
    named = ["template", RELEASE, str(chart), f"--namespace={namespace}"]
    return helm(major, *named, f"--kube-version={kubernetes}", *arguments)


def rendered(*files: Path, **how: Any) -> list[Object]:
    """Return the objects that `template` makes; it must make them."""
    ran = template(*files, **how)
    assert ran.status == 0, ran.said
    return [found for found in yaml.safe_load_all(ran.out) if found]


def of_kind(objects: Sequence[Object], kind: str) -> list[Object]:
    """Return those of one kind."""
    return [one for one in objects if one["kind"] == kind]


def operator() -> ModuleType:
    """Return the Prometheus operator's models; skip without, or fail where skips are forbidden."""
    need(str(next(iter(install.PROGRAMS))))  # they come together
    if str(install.OPERATOR) not in sys.path:
        sys.path.append(str(install.OPERATOR))
    return importlib.import_module("cloudcoil.models.prometheus_operator.v1")


def the(objects: Sequence[Object], kind: str) -> Object:
    """Return the only one of a kind."""
    (found,) = of_kind(objects, kind)
    return found


def pods(objects: Sequence[Object]) -> Iterator[Object]:
    """Return the spec of every pod, of hooks too."""
    for one in objects:
        spec = one.get("spec", {})
        if one["kind"] == "Pod":
            yield spec
        elif "template" in spec:
            yield spec["template"]["spec"]


def volume(pod: Object, name: str) -> Object:
    """Return one volume of a pod."""
    (found,) = [one for one in pod["volumes"] if one["name"] == name]
    return found


def laid_out(objects: Sequence[Object], folder: Path) -> Path:
    """Put the files of the agent's volumes into *folder*, and return the config among them.

    Secrets that the chart only names hold what an operator would put there.
    """
    pod = the(objects, "StatefulSet")["spec"]["template"]["spec"]
    for source in volume(pod, "config")["projected"]["sources"]:
        ((kind, named),) = source.items()
        held = _held(objects, kind, named)
        items = named.get("items") or [{"key": key, "path": key} for key in held]
        for item in items:
            (folder / item["path"]).write_text(held.get(item["key"], "k" * 32))
    config = folder / "vedette.yaml"
    if any(one["name"] == "tls" for one in pod["volumes"]):
        pair = trustme.CA().issue_cert("v-vedette.watch-tower.svc")
        pair.private_key_pem.write_to_path(folder / "tls.key")
        for part in pair.cert_chain_pems:
            part.write_to_path(folder / "tls.crt", append=True)
        config.write_text(config.read_text().replace("/etc/vedette-tls/", ""))
    return config


def _held(objects: Sequence[Object], kind: str, named: Object) -> Mapping[str, str]:
    if kind == "configMap":
        data: Mapping[str, str] = the(
            [one for one in objects if one["metadata"]["name"] == named["name"]], "ConfigMap"
        )["data"]
        return data
    for one in of_kind(objects, "Secret"):
        if one["metadata"]["name"] == named["name"]:
            return {k: base64.b64decode(v).decode() for k, v in one["data"].items()}
    return {}
