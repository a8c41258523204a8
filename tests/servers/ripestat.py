"""RIPEstat's announced-prefixes and asn-neighbours on a loopback port, as strict as its manual.

See https://stat.ripe.net/docs/02.data-api/announced-prefixes.html and asn-neighbours.html.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

COMMON = {"sourceapp", "preferred_version", "cache", "callback", "data_overload_limit"}
PARAMETERS = {
    "announced-prefixes": {"resource", "starttime", "endtime", "min_peers_seeing"} | COMMON,
    "asn-neighbours": {"resource", "query_time", "lod"} | COMMON,
}


class RipeStat:
    """What a test turns: the data of each call, or a whole answer's octets, and its status."""

    def __init__(self) -> None:
        self.url = ""
        self.data: dict[str, Any] = {}
        self.status = 200
        self.violations: list[str] = []
        self.asked: list[str] = []

    def answer(self, target: str) -> tuple[int, bytes]:
        """Return the status and body for a request's *target*."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        call = re.fullmatch(r"/data/([a-z-]+)/data\.json", path)
        if call is None or call[1] not in PARAMETERS:
            self.violations.append(f"no such data call: {path}")
            return 404, b"{}"
        self.asked.append(call[1])
        self.violations += [f"unknown {name}" for name in query.keys() - PARAMETERS[call[1]]]
        if not re.fullmatch(r"(AS)?[0-9]+", query.get("resource", [""])[0]):
            self.violations.append("resource is no AS number")
        if "sourceapp" not in query:
            self.violations.append("sourceapp is what regular users are asked for")
        data = self.data[call[1]]
        if isinstance(data, bytes):
            return self.status, data
        document = {"status": "ok", "status_code": 200, "version": "1.2", "data": data}
        return self.status, json.dumps(document).encode()


@contextmanager
def ripestat() -> Iterator[RipeStat]:
    """Serve until the block ends."""
    world = RipeStat()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = world.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    world.url = f"http://127.0.0.1:{server.server_port}/data"
    try:
        yield world
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
