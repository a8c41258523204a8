"""Where the tables of networks come from: the operator's files, or a URL and a checksum."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from vedette.agent.audit.networks import Networks, NetworksError
from vedette.agent.config.audit import NetworksSettings

LARGEST = 256 << 20
"""Octets of the largest file that is taken; a table of the whole internet has about 24 MB."""
_SECONDS = 120


async def networks(settings: Sequence[NetworksSettings], folder: Path, kept: Path) -> Networks:
    """Return all that the files say; names are as seen from *folder*, fetched ones stay in *kept*.

    Raises NetworksError naming the file that is not there, not what was promised, or unreadable.
    """
    found = Networks()
    for one in settings:
        place = folder / one.file if one.file is not None else await _fetched(one, kept)
        try:
            text = await asyncio.to_thread(place.read_text, encoding="utf-8-sig")
            found.add(text, one.provider)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise NetworksError(f"{place} cannot be read: {reason}") from None
        except NetworksError as error:
            raise NetworksError(f"{place} {error}") from None
    return found


async def _fetched(one: NetworksSettings, kept: Path) -> Path:
    place = kept / f"{one.sha256}"
    if await asyncio.to_thread(_is_whole, place, str(one.sha256)):
        return place
    octets = await _fetch(str(one.url))
    found = hashlib.sha256(octets).hexdigest()
    if found != one.sha256:
        raise NetworksError(
            f"what is at {one.url} has the SHA-256 {found}: look at it, and write that "
            "into audit.networks if it is right"
        )
    try:
        await asyncio.to_thread(_keep, place, octets)
    except OSError as error:
        raise NetworksError(
            f"{place} cannot be written ({error.strerror}): make room, or run this as who may"
        ) from None
    return place


def _is_whole(place: Path, sha256: str) -> bool:
    """Whether the file is there as it was promised: a full disk may have taken half of it."""
    try:
        return hashlib.sha256(place.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _keep(place: Path, octets: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(octets)


async def _fetch(url: str) -> bytes:
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            response.raise_for_status()
            octets = await response.content.read(LARGEST + 1)
            while len(octets) <= LARGEST and (more := await response.content.read(1 << 20)):
                octets += more
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise NetworksError(f"{url} cannot be fetched: {error or type(error).__name__}") from None
    if len(octets) > LARGEST:
        raise NetworksError(f"{url} has more than {LARGEST >> 20} MB: that is no such table")
    return octets
