"""A second opinion: what BIND's dig and delv say of the same servers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.process import need

DELV = {
    "; fully validated": "secure",
    "; unsigned answer": "insecure",
    "; negative response, fully validated": "secure",
    "; negative response, unsigned answer": "insecure",
    ";; resolution failed: broken trust chain": "bogus",
    ";; resolution failed: RRSIG failed to verify": "bogus",
}
"""What delv's lines mean."""


@dataclass(frozen=True)
class Dug:
    """One reply as dig read it, in the words of a finding's facts."""

    rcode: str
    aa: bool
    answers: tuple[str, ...]
    ede: tuple[str, ...]
    """The codes of the extended errors."""


async def dig(servers: Sequence[str], name: str, rdtype: str, *options: str) -> Sequence[Dug]:
    """Ask each of *servers* once; all must reply."""
    queries = [word for server in servers for word in (name, rdtype, f"@{server}")]
    out = await _run("dig", "+yaml", *options, *queries)
    replies = [document["message"]["response_message_data"] for document in yaml.safe_load(out)]
    assert len(replies) == len(servers), out
    return [_read(reply, rdtype) for reply in replies]


async def delv(server: str, anchor: str, name: str, rdtype: str, folder: Path) -> str:
    """Return secure, insecure or bogus: what delv makes of *server*'s answers.

    *anchor* is the root's DS record; *folder* is a place for a file.
    """
    _, _, _, tag, algorithm, digest_type, *digest = anchor.split()
    ds = f'{tag} {algorithm} {digest_type} "{"".join(digest)}"'
    file = folder / "anchor"
    file.write_text(f"trust-anchors {{ . static-ds {ds}; }};\n")
    out = await _run("delv", f"@{server}", "-a", str(file), "+root=.", name, rdtype)
    said = [DELV[line] for line in out.splitlines() if line in DELV]
    assert len(said) == 1, out
    return said[0]


async def _run(program: str, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        need(program), *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return out.decode()


def _read(reply: dict[str, Any], rdtype: str) -> Dug:
    options = reply.get("OPT_PSEUDOSECTION", {})["EDNS"]
    records = [line.split(None, 4) for line in reply.get("ANSWER_SECTION", ())]
    error = options.get("EDE")
    return Dug(
        rcode=reply["status"],
        aa="aa" in reply["flags"].split(),
        answers=tuple(sorted(rest for _, _, _, kind, rest in records if kind == rdtype)),
        ede=(str(error["INFO-CODE"]).split()[0],) if error else (),
    )
