"""Signed zones, made with BIND's own tools: keys, DS records, signatures of any lifetime."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.servers.process import need


@dataclass(frozen=True, slots=True)
class Key:
    """A pair of keys of a zone, as files of BIND's form in *folder*."""

    folder: Path
    file: str
    """`KZONE.+ALGORITHM+TAG`, without an ending."""

    @property
    def tag(self) -> int:
        """Its key tag."""
        return int(self.file.rpartition("+")[2])

    @property
    def record(self) -> str:
        """The DNSKEY record, a line of a zone file."""
        lines = (self.folder / f"{self.file}.key").read_text().splitlines()
        return next(line for line in lines if not line.startswith(";"))

    def ds(self, digest: str = "SHA-256") -> str:
        """Return the DS record, a line of a zone file."""
        path = self.folder / f"{self.file}.key"
        return _run("dnssec-dsfromkey", "-a", digest, str(path)).strip()


def new_key(
    folder: Path, zone: str, *, algorithm: str = "ECDSAP256SHA256", ksk: bool = True
) -> Key:
    """Make a key, with the SEP flag where *ksk* says so; RSA keys get 2048 bits."""
    words = ["-q", "-K", str(folder), "-a", algorithm]
    words += ["-b", "2048"] if algorithm.startswith("RSA") else []
    words += ["-f", "KSK"] if ksk else []
    return Key(folder, _run("dnssec-keygen", *words, zone or ".").strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """How a zone is signed; times are in epoch seconds."""

    start: int
    end: int
    keys_end: int | None = None
    """When the signatures over the DNSKEY records end, where that is another time."""
    nsec3: bool = False
    opt_out: bool = False
    iterations: int = 0


def sign(
    zone: str, text: str, keys: Sequence[Key], signing: Signing, *, published: Sequence[Key] = ()
) -> str:
    """Return a zone file, of one line a record, signed by all *keys*.

    Keys with the SEP flag sign everything where there are no others. *published* are in the zone
    and sign nothing.
    """
    folder = keys[0].folder
    unsigned = folder / f"{keys[0].file}.zone"
    unsigned.write_text(text + "".join(f"{key.record}\n" for key in (*keys, *published)))
    words = ["-q", "-P", "-x", "-O", "full", "-f", "-", "-o", zone, "-K", str(folder)]
    words += ["-d", str(folder), "-s", _moment(signing.start), "-e", _moment(signing.end)]
    words += ["-X", _moment(signing.keys_end)] if signing.keys_end else []
    words += ["-3", "-", "-H", str(signing.iterations)] if signing.nsec3 else []
    words += ["-A"] if signing.opt_out else []
    words += ["-z"] if all(" 257 " in key.record for key in keys) else []
    return _run("dnssec-signzone", *words, str(unsigned), *(key.file for key in keys))


def without(text: str, *words: str) -> str:
    """Return a zone file of one line a record without the lines that have all *words* in a row."""
    sought = list(words)
    lines = (line for line in text.splitlines() if not _has(line.split(), sought))
    return "".join(f"{line}\n" for line in lines)


def _has(words: list[str], sought: list[str]) -> bool:
    starts = range(len(words) - len(sought) + 1)
    return any(words[i : i + len(sought)] == sought for i in starts)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")


def _run(program: str, *words: str) -> str:
    done = subprocess.run([need(program), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{program} {' '.join(words)}: {done.stderr}"
    return done.stdout
