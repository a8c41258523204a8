"""The image: what the Dockerfile says is done here step by step, without an engine to build it."""

import asyncio
import importlib.metadata
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.servers.process import free_port, need
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "Dockerfile"
UID = 65532


@dataclass(frozen=True)
class Instruction:
    """One instruction of the Dockerfile."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """What follows the name, without flags."""
        return [word for word in shlex.split(self.text) if not word.startswith("--")]


def stages() -> list[list[Instruction]]:
    """Return the instructions of each stage."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M))
    made: list[list[Instruction]] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, text = line.partition(" ")
        if name == "FROM":
            made.append([])
        if made:
            made[-1].append(Instruction(name, text.strip()))
    return made


def only(stage: list[Instruction], name: str) -> Instruction:
    """Return the one instruction of a name."""
    (found,) = [one for one in stage if one.name == name]
    return found


def test_a_linter_finds_no_fault() -> None:
    """hadolint, which knows what to avoid in a Dockerfile and its shell, says nothing."""
    linter = need(str(Path(sys.prefix) / "bin" / "hadolint"))
    ran = subprocess.run([linter, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_the_image_is_nobodys_root() -> None:
    """It runs as a number that is not root's, so that Kubernetes can tell, and the chart's own."""
    *_, last = stages()
    assert only(last, "USER").text == f"{UID}:{UID}"
    values = yaml.safe_load((ROOT / "helm" / "vedette" / "values.yaml").read_text())
    assert values["podSecurityContext"]["runAsUser"] == UID


def test_the_image_has_one_layer_of_packages() -> None:
    """Nothing is fetched or built in the last stage: one folder is copied, whole."""
    build, last = stages()
    copies = [one.text for one in last if one.name in {"COPY", "ADD"}]
    assert copies == ["--from=build /opt/vedette /opt/vedette"]
    assert not [one for one in last if one.name == "RUN" and "pip" in one.text]
    assert only(build, "FROM").words[0] == only(last, "FROM").words[0]


def test_the_image_says_what_it_is() -> None:
    """Labels, entry point and version are those of the project."""
    *_, last = stages()
    labels = only(last, "LABEL").text
    for key in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{key}=" in labels
    project = (ROOT / "pyproject.toml").read_text()
    version = re.search(r'^version = "(.+)"', project, re.M)
    assert version is not None
    assert f"VERSION={version[1]}" in [one.text for one in last if one.name == "ARG"]
    assert json.loads(only(last, "ENTRYPOINT").text) == ["vedette"]


def wanted(name: str, extras: frozenset[str] = frozenset()) -> Iterator[Requirement]:
    """Return what a package and its extras ask for on this machine."""
    for text in importlib.metadata.requires(name) or []:
        one = Requirement(text)
        marked = [{"extra": extra} for extra in extras or {""}]
        if one.marker is None or any(one.marker.evaluate(mark) for mark in marked):
            yield one


def test_every_package_has_a_version() -> None:
    """The lock that the image is built by pins all that comes into it, nothing of the tests."""
    build, _ = stages()
    command = only(build, "RUN").text
    assert "--constraint tests/requirements.lock" in command
    (extras,) = re.findall(r"'\.\[(.+)\]'", command)
    lock = (ROOT / "tests" / "requirements.lock").read_text()
    pinned = {canonicalize_name(n): v for n, v in re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.M)}
    seen: set[str] = set()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = [project["optional-dependencies"][extra] for extra in extras.split(",")]
    left = [Requirement(text) for text in sum(optional, project["dependencies"])]
    while left:
        one = left.pop()
        name = canonicalize_name(one.name)
        if name not in seen:
            seen.add(name)
            left += wanted(name, frozenset(one.extras))
    assert {"aiohttp", "aioquic", "uvloop", "structlog"} <= seen
    assert seen.isdisjoint({"pytest", "mypy", "ruff", "hypothesis", "playwright"})
    assert {name for name in seen if name not in pinned} == set()


def copied(context: Path) -> None:
    """Lay out what the build stage copies of what .dockerignore lets through."""
    let_through = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.M)
    build, _ = stages()
    for one in build:
        if one.name == "COPY":
            *sources, _target = one.words
            for source in sources:
                assert source in let_through, source
                target = context / source
                target.parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / source).is_dir():
                    kept_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
                    shutil.copytree(ROOT / source, target, symlinks=True, ignore=kept_out)
                else:
                    shutil.copy(ROOT / source, target)


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """The project's own package, as it is built from what the build stage copies."""
    if os.geteuid() != 0:
        pytest.skip("only root can become the image's user")
    with TemporaryDirectory(prefix="vedette-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        copied(folder / "build")
        pip = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "."]
        ran = subprocess.run(
            [*pip, f"--wheel-dir={folder}"], cwd=folder / "build", capture_output=True, check=False
        )
        assert ran.returncode == 0, ran.stderr.decode()
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as files:
            files.extractall(folder / "image")
        yield folder / "image"


def as_user(image: Path, *command: str, **environment: str) -> list[str]:
    """Return the command line that runs Python as the image's user, with its environment.

    The packages are those of the tests, which have the versions of the lock.
    """
    python = need(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    become = [need("setpriv"), f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
    variables = {
        "PYTHONPATH": f"{image}:{sysconfig.get_path('purelib')}",
        "PYTHONDONTWRITEBYTECODE": "1",
        **environment,
    }
    settings = [f"{key}={value}" for key, value in variables.items()]
    return [*become, "--no-new-privs", "env", "-i", *settings, python, *command]


AGENT = ("-c", "import sys; from vedette.agent.cli import main; sys.exit(main())")


def test_the_package_is_whole(image: Path) -> None:
    """Each file of the three packages is in the image: code, grammar, templates."""
    for name in ("agent", "checks", "exporters"):
        kept = {
            path.relative_to(ROOT)
            for path in (ROOT / name).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert len(kept) > 10
        assert {str(path) for path in kept if not (image / "vedette" / path).is_file()} == set()


def files_in(folder: Path) -> set[Path]:
    """Return all that is in *folder*."""
    return set(folder.rglob("*"))


async def test_the_image_runs_as_its_user(image: Path, tmp_path: Path) -> None:
    """Without a right to write anywhere but in its state it starts, is healthy, and ends.

    Its health is its own, whatever proxy is set.
    """
    with TemporaryDirectory(prefix="vedette-state-") as name:
        state, port = Path(name), free_port()
        os.chown(state, UID, UID)
        config = state / "vedette.yaml"
        services = [{"name": "shop", "dns": [{"name": "shop.test", "servers": ["127.0.0.1:1"]}]}]
        agent = {"name": "boxed", "domain": {"provider": "here"}, "listen": f"127.0.0.1:{port}"}
        config.write_text(yaml.safe_dump({"agent": agent, "services": services}))
        before = files_in(image)
        log = tmp_path / "log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *as_user(image, *AGENT, "run", "--config", str(config)),
                stdout=output, stderr=output, cwd="/",
            )  # fmt: skip
        *_, last = stages()
        _, *test = json.loads(only(last, "HEALTHCHECK").text.partition("CMD ")[2])
        url = f"http://127.0.0.1:{port}/-/healthy"

        def healthy() -> bool:
            proxy = "http://127.0.0.1:1"  # as docker gives it to each container
            command = as_user(image, *test, VEDETTE_HEALTH=url, http_proxy=proxy, HTTP_PROXY=proxy)
            return subprocess.run(command, capture_output=True, check=False).returncode == 0

        try:
            await until(healthy, log.read_text)
        finally:
            if process.returncode is None:
                process.terminate()
            status = await process.wait()
        assert status == 0, log.read_text()
        assert not healthy()
        assert (state / "state" / "vedette.db").exists()
        assert files_in(image) == before


@pytest.mark.parametrize("listening", [False, True])
def test_the_health_check_fails_where_nobody_answers(image: Path, listening: bool) -> None:
    """A port that is closed, or is not the agent's, is not healthy."""
    *_, last = stages()
    _, *test = json.loads(only(last, "HEALTHCHECK").text.partition("CMD ")[2])
    url = "http://127.0.0.1:1/-/healthy" if not listening else "file:///nonexistent"
    ran = subprocess.run(
        as_user(image, *test, VEDETTE_HEALTH=url), capture_output=True, check=False
    )
    assert ran.returncode != 0
