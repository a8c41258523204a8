"""The endpoints of the drop-in.

A probe that fails is an answer like any other: its status is 200, and `probe_success` is 0.
"""

import asyncio
import json
import logging
import zlib
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version

from aiohttp import web
from prometheus_client.exposition import gzip_accepted

from vedette.agent.blackbox import runner
from vedette.agent.blackbox.document import ModulesError, dump
from vedette.agent.blackbox.history import History, Result
from vedette.agent.blackbox.http import headers_of
from vedette.agent.blackbox.index import page
from vedette.agent.blackbox.loaded import Loaded
from vedette.agent.blackbox.modules import Module, known_type
from vedette.agent.blackbox.probe import Probe
from vedette.checks.net import Resolve
from vedette.exporters.metrics import (
    CONTENT_TYPE,
    NO_LABELS,
    Family,
    Labels,
    counter,
    gauge,
    process_text,
    render,
)

probe_log = logging.getLogger("vedette.probe")
"""Where the lines of probes go; its level is its own, whatever that of the program is."""

_Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]

DEFAULT_MODULE = "http_2xx"
_TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
_PLAIN = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}


class Prober:
    """`/probe`: *permit* says which addresses may be connected to; *offset* is in seconds.

    Lines of probes from *log_level* on, one of `logging`'s, go to `probe_log`; None is none.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        resolve: Resolve,
        permit: Callable[[str], None],
        now: Callable[[], float],
        offset: float = 0.5,
        history: int = 100,
        log_level: int | None = None,
    ) -> None:
        self.loaded = loaded
        self.history = History(history)
        self.unknown = 0
        """How often a module was asked for that there is not."""
        self._resolve = resolve
        self._permit = permit
        self._now = now
        self._offset = offset
        self._level = log_level

    async def probe(self, request: web.BaseRequest) -> web.Response:
        """Answer a scrape."""
        asked = self._asked(request)
        if isinstance(asked, web.Response):
            return asked
        text, success = await runner.run(asked)
        result = self.history.add(asked, text, success=success)
        if self._level is not None:
            self._log(result, self._level)
        if request.query.get("debug") == "true":
            return web.Response(text=result.report(), headers=_PLAIN)
        return _scraped(request, text)

    def _asked(self, request: web.BaseRequest) -> Probe | web.Response:
        """Return the probe that *request* wants, or the answer that refuses it."""
        query = request.query
        name = query.get("module") or DEFAULT_MODULE
        module = self.loaded.modules.modules.get(name)
        if module is None:
            self.unknown += 1
            return _refused(f"Unknown module {json.dumps(name, ensure_ascii=False)}")
        header = request.headers.get(_TIMEOUT, "")
        try:
            seconds = runner.timeout(module.timeout, header, self._offset)
        except ValueError as error:
            return _refused(f"Failed to parse timeout from Prometheus header: {error}", 500)
        target = query.get("target", "")
        if not target:
            return _refused("Target parameter is missing")
        hostname, rdtype = query.get("hostname", ""), query.get("query_type", "")
        try:
            _check(module, hostname, rdtype)
        except ValueError as error:
            return _refused(str(error))
        return Probe(
            target=runner.unescaped(target),
            name=name,
            module=module,
            deadline=asyncio.get_running_loop().time() + seconds,
            timeout=seconds,
            resolve=self._resolve,
            permit=self._permit,
            now=self._now,
            hostname=hostname,
            query_name=query.get("query_name", ""),
            query_type=rdtype,
        )

    def _log(self, result: Result, level: int) -> None:
        probe = result.probe
        for line in probe.lines:
            if line.level >= level:
                pairs = {"module": probe.name, "target": probe.target, **line.pairs}
                probe_log.log(line.level, "%s", line.message, extra={"pairs": pairs})


def _check(module: Module, hostname: str, rdtype: str) -> None:
    """Raise ValueError where the parameters of the URL do not fit the module."""
    if hostname and module.prober == "http":
        headers_of(module.http, hostname)
    known_type(rdtype)


def _scraped(request: web.BaseRequest, text: str) -> web.Response:
    headers = {"Content-Type": CONTENT_TYPE}
    body = text.encode()
    if gzip_accepted(request.headers.get("Accept-Encoding", "")):
        headers["Content-Encoding"] = "gzip"
        packer = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
        body = packer.compress(body) + packer.flush()
    return web.Response(body=body, headers=headers)


def _refused(why: str, status: int = 400) -> web.Response:
    return web.Response(text=f"{why}\n", status=status, headers=_PLAIN)


class Exporter:
    """All endpoints below *prefix*, which is "" or begins with a slash; `/probe` is *prober*'s.

    They are few and fixed: `answer` is for aiohttp's plain server, whose requests cost less than
    those of an application with its router.
    """

    def __init__(self, prober: Prober, prefix: str) -> None:
        self._prober = prober
        endpoints: dict[str, _Handler] = {
            "/": self._index,
            "/config": self._config,
            "/logs": self._logs,
            "/metrics": self._metrics,
            "/probe": prober.probe,
            "/-/healthy": self._healthy,
            "/-/reload": self._reload,
        }
        self._endpoints = {prefix + path: handler for path, handler in endpoints.items()}
        if prefix:
            self._endpoints |= {prefix: self._index, "/": _to(f"{prefix}/")}

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer a request for any path."""
        handler = self._endpoints.get(request.path)
        if handler is None:
            return _refused("404 page not found", 404)
        if request.method not in {"GET", "HEAD"} and handler != self._reload:
            headers = {**_PLAIN, "Allow": "GET, HEAD"}
            return web.Response(text="Method Not Allowed\n", status=405, headers=headers)
        return await handler(request)

    async def _index(self, _: web.BaseRequest) -> web.Response:
        return web.Response(
            text=page(self._prober.history, self._prober.loaded),
            content_type="text/html",
            headers={
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
            },
        )

    async def _config(self, _: web.BaseRequest) -> web.Response:
        return web.Response(text=dump(self._prober.loaded.modules), headers=_PLAIN)

    async def _healthy(self, _: web.BaseRequest) -> web.Response:
        return web.Response(text="Healthy")

    async def _reload(self, request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            return _refused("This endpoint requires a POST request.", 405)
        try:
            self._prober.loaded.reload()
        except ModulesError as error:
            return _refused(f"failed to reload config: {error}", 500)
        return web.Response()

    async def _logs(self, request: web.BaseRequest) -> web.Response:
        query, history = request.query, self._prober.history
        number, target, module = (query.get(key, "") for key in ("id", "target", "module"))
        if number and target:
            return _refused("Probe id and target can't be defined at the same time")
        if not (number or target):
            return _refused("Probe id or target must be defined as http query parameters")
        if module and not target:
            return _refused("Probe module filter only works in conjunction with target parameter")
        if number:
            if not number.isdecimal():
                return _refused("Invalid probe id")
            result = history.by_id(int(number))
            return _report(result, "Probe id not found")
        return _report(history.by_target(target, module), "Probe target not found")

    async def _metrics(self, _: web.BaseRequest) -> web.Response:
        text = "".join(render(self._families())) + process_text()
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    def _families(self) -> Sequence[Family]:
        prober = self._prober
        return (
            gauge(
                "blackbox_exporter_build_info",
                "A metric with a constant '1' value labeled by version.",
                [(Labels(version=version("vedette"), branch="vedette"), 1)],
            ),
            gauge(
                "blackbox_exporter_config_last_reload_success_timestamp_seconds",
                "Timestamp of the last successful configuration reload.",
                [(NO_LABELS, prober.loaded.succeeded_at)],
            ),
            gauge(
                "blackbox_exporter_config_last_reload_successful",
                "Blackbox exporter config loaded successfully.",
                [(NO_LABELS, prober.loaded.successful)],
            ),
            counter(
                "blackbox_module_unknown_total",
                "Count of unknown modules requested by probes",
                [(NO_LABELS, prober.unknown)],
            ),
        )


def _report(result: Result | None, missing: str) -> web.Response:
    if result is None:
        return _refused(missing, 404)
    return web.Response(text=result.report(), headers=_PLAIN)


def _to(path: str) -> _Handler:
    async def redirect(_: web.BaseRequest) -> web.Response:
        raise web.HTTPFound(path)

    return redirect
