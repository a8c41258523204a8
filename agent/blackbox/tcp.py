"""The tcp prober: a connection, with TLS if wanted, and a dialogue of lines."""

import re
from typing import Any

from vedette.agent.blackbox.certificates import presented, shaken
from vedette.agent.blackbox.lookup import choose, split_host_port
from vedette.agent.blackbox.modules import QueryResponse
from vedette.agent.blackbox.page import labels
from vedette.agent.blackbox.probe import Probe
from vedette.agent.blackbox.stream import Stream, dial
from vedette.checks.net import Endpoint, NetworkFailure

_LONGEST = 64 * 1024
"""Octets of a line, as for Go's bufio.Scanner."""

_SHOWN = 200
"""Characters of a line in the log."""


async def probe_tcp(probe: Probe) -> bool:
    """Probe a TCP server; return whether all is well."""
    settings = probe.module.tcp
    probe.metrics["probe_failed_due_to_regex"] = 0
    try:
        target = split_host_port(probe.target, None)
    except ValueError as error:
        return probe.fail("configuration", "Error splitting target address and port", err=error)
    address = await choose(probe, settings, target.host)
    if address is None:
        return False
    probe.debug("Dialing TCP", tls=settings.tls)
    try:
        async with dial(
            probe, Endpoint(address, target.port), settings.source_ip_address
        ) as stream:
            dialogue = _Dialogue(probe, stream, target.host)
            if settings.tls:
                await dialogue.secure()
            probe.debug("Successfully dialed")
            for step in settings.query_response:
                if not await dialogue.take(step):
                    return False
    except NetworkFailure as failure:
        return probe.broken("Error talking TCP", failure)
    return True


class _Dialogue:
    """A conversation in lines, which may turn to TLS in the middle."""

    def __init__(self, probe: Probe, stream: Stream, host: str) -> None:
        self._probe = probe
        self._stream = stream
        self._host = host
        self._buffer = bytearray()
        self._ended = False

    async def secure(self) -> None:
        """Shake hands; what was received before is not part of what follows."""
        self._buffer.clear()
        config = self._probe.module.tcp.tls_config
        host = self._probe.hostname or self._host
        try:
            await self._stream.secure_as(config, host)
        except NetworkFailure:
            self._probe.metrics |= presented(self._stream.facts())
            raise
        self._probe.metrics |= shaken(self._stream.facts())

    async def take(self, step: QueryResponse) -> bool:
        """Take one step; return whether it went as the module expects."""
        send = step.send
        if step.pattern is not None:
            line, match = await self._expected(step.pattern)
            if match is None:
                self._probe.metrics["probe_failed_due_to_regex"] = 1
                return self._probe.fail("body", "Regexp did not match", regexp=step.expect)
            self._probe.debug("Regexp matched", regexp=step.expect, line=line[:_SHOWN])
            send = expand(send, match)
            if step.labels:
                values = {each.name: expand(each.value, match) for each in step.labels}
                self._probe.metrics["probe_expect_info"] = {labels(**values): 1}
        if send:
            self._probe.debug("Sending line", line=send)
            await self._stream.send(f"{send}\n".encode())
        if step.starttls:
            await self.secure()
            self._probe.debug("TLS Handshake (client) succeeded.")
        return True

    async def _expected(self, pattern: Any) -> tuple[str, Any]:  # noqa: ANN401 - google-re2
        """Return the first line that matches and its match, which is None at the end."""
        while (octets := await self._line()) is not None:
            line = octets.decode(errors="replace")
            self._probe.debug("Read line", line=line[:_SHOWN])
            if match := pattern.search(line):
                return line, match
        return "", None

    async def _line(self) -> bytes | None:
        """Return the next line without its end; the last one needs none."""
        while (end := self._buffer.find(b"\n")) < 0 and not self._ended:
            if len(self._buffer) > _LONGEST:
                return None
            data = await self._stream.receive()
            self._ended = not data
            self._buffer += data
        if end < 0 and not self._buffer:
            return None
        line = bytes(self._buffer[:end] if end >= 0 else self._buffer)
        del self._buffer[: end + 1 if end >= 0 else None]
        return line.removesuffix(b"\r")


_GROUP = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


def expand(template: str, match: Any) -> str:  # noqa: ANN401 - google-re2 has no types
    """Put what the groups of *match* hold in the place of `$1`, `$name` and `${name}`, as Go does.

    `$$` is a dollar sign; a group that is not there is empty.
    """

    def value(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        try:
            return match.group(int(name) if name.isdecimal() else name) or ""
        except (IndexError, KeyError):
            return ""

    return _GROUP.sub(value, template)
