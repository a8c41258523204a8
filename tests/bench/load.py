"""A client that asks one URL again and again over kept connections, as a load on an exporter.

A process of its own; its own CPU is nobody's figure. Exits with a message where an answer is not
200 or does not hold the octets that it must.
"""

import argparse
import asyncio
from time import perf_counter

from tests.bench.sample import Sample


async def answer(reader: asyncio.StreamReader) -> bytes:
    """Read one response and return its body (RFC 9112 section 7.1 for chunks)."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200 "):
        raise SystemExit(f"no figure: {head.splitlines()[0].decode(errors='replace')}")
    if b"transfer-encoding: chunked" in head:
        chunks = []
        while size := int(await reader.readline(), 16):
            chunks.append((await reader.readexactly(size + 2))[:-2])
        await reader.readline()
        return b"".join(chunks)
    length = head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
    return await reader.readexactly(int(length))


async def ask(host: str, port: int, path: str, times: int, expected: bytes) -> None:
    """Ask *times* times over one connection."""
    reader, writer = await asyncio.open_connection(host, port)
    for _ in range(times):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        if expected not in await answer(reader):
            raise SystemExit(f"no figure: the answer lacks {expected.decode()!r}")
    writer.close()


async def measure(options: argparse.Namespace) -> None:
    """Ask with so many connections at once."""
    times, expected = options.count // options.connections, options.expect.encode()
    start = perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(options.connections):
            tasks.create_task(ask(options.host, options.port, options.path, times, expected))
    asked = times * options.connections
    Sample(operations=asked, cpu=0, seconds=perf_counter() - start).tell()


def main() -> None:
    """Read the command line and ask."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--expect", required=True)
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
