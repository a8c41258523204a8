"""The drop-in served on loopback in this process, and what it answers."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web

from tests.checks.http.looking import resolver
from vedette.agent.blackbox.handlers import Exporter, Prober
from vedette.agent.blackbox.limits import Permit, lenient
from vedette.agent.blackbox.loaded import Loaded

NOW = 1_790_000_000.25


@dataclass(frozen=True)
class Answer:
    """One answer of the drop-in."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def metrics(self) -> dict[str, float]:
        """The series of a scrape, their labels in the name."""
        lines = (line for line in self.text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    @property
    def reason(self) -> str | None:
        """Why the probe failed, None where it did not."""
        begin = 'probe_failure_info{reason="'
        found = [name for name in self.metrics if name.startswith(begin)]
        assert (self.metrics["probe_success"] == 1) == (not found)
        return found[0].removeprefix(begin).removesuffix('"}') if found else None


@dataclass(frozen=True)
class Served:
    """A drop-in that is served; *file* is its config."""

    url: str
    file: Path
    prober: Prober

    async def ask(
        self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None, **query: str
    ) -> Answer:
        """Ask for *path* with the parameters *query*."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, self.url + path, params=query, headers=headers, allow_redirects=False
            ) as response,
        ):
            return Answer(response.status, dict(response.headers), await response.text())

    async def probe(self, target: object, module: str = "m", **query: str) -> Answer:
        """Probe *target*."""
        answer = await self.ask("/probe", target=str(target), module=module, **query)
        assert answer.status == 200, answer.text
        return answer


@contextlib.asynccontextmanager
async def serving(
    folder: Path,
    module: dict[str, object] | None = None,
    *,
    addresses: Sequence[str] = ("127.0.0.1",),
    permit: Permit | None = None,
    history: int = 100,
    prefix: str = "",
    **modules: dict[str, object],
) -> AsyncIterator[Served]:
    """Serve *module* as `m`, and *modules*; every name has *addresses*."""
    file = folder / "blackbox.yml"
    if module is not None:
        modules["m"] = module
    file.write_text(yaml.safe_dump({"modules": modules}))
    prober = Prober(
        Loaded(file, lambda: NOW),
        resolve=resolver(*addresses),
        permit=permit or lenient((), ()),
        now=lambda: NOW,
        history=history,
    )
    runner = web.ServerRunner(web.Server(Exporter(prober, prefix).answer, access_log=None))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        yield Served(f"http://127.0.0.1:{port}", file, prober)
    finally:
        await runner.cleanup()
