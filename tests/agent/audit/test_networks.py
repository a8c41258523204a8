"""Files that say who owns an address."""

import hashlib
import ipaddress
import json
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.audit.files import networks
from vedette.agent.audit.networks import Networks, NetworksError
from vedette.agent.config.audit import NetworksSettings

AWS = json.dumps(
    {
        "syncToken": "1",
        "prefixes": [{"ip_prefix": "192.0.2.0/25", "region": "us-east-1", "service": "EC2"}],
        "ipv6_prefixes": [{"ipv6_prefix": "2001:db8::/33", "region": "GLOBAL", "service": "S3"}],
    }
)
TABLE = "192.0.2.0/24,64500\n198.51.100.0/24,64501\n"
GOOGLE = json.dumps(
    {"prefixes": [{"ipv4Prefix": "192.0.2.128/25", "scope": "us-west1", "service": "Google Cloud"}]}
)
AZURE = json.dumps(
    {
        "values": [
            {
                "name": "AzureCloud.westeurope",
                "properties": {"region": "westeurope", "addressPrefixes": ["198.51.100.0/24"]},
            }
        ]
    }
)
FASTLY = json.dumps({"addresses": ["203.0.113.0/24"], "ipv6_addresses": ["2001:db8:8000::/33"]})
RANGES = 'start,end\n192.0.2.0,192.0.2.255,64500,"Example, Inc."\n203.0.113.0,203.0.113.9,0,\n'


@pytest.mark.parametrize(
    ("text", "provider", "address", "owners"),
    [
        (AWS, None, "192.0.2.5", ["provider aws", "region aws/us-east-1"]),
        (AWS, None, "2001:db8::1", ["provider aws"]),
        (AWS, None, "192.0.2.200", []),
        (GOOGLE, None, "192.0.2.200", ["provider gcp", "region gcp/us-west1"]),
        (AZURE, None, "198.51.100.7", ["provider azure", "region azure/westeurope"]),
        (FASTLY, None, "2001:db8:8000::1", ["provider fastly"]),
        ("192.0.2.0/24\n2001:db8::/32\n", "Cloudflare", "2001:db8::7", ["provider cloudflare"]),
        (RANGES.partition("\n")[2], None, "192.0.2.255", ["AS64500"]),
        (RANGES.partition("\n")[2], None, "203.0.113.5", []),
        ("192.0.2.0\t192.0.2.255\t64500\tZZ\tEXAMPLE\n", None, "192.0.2.0", ["AS64500"]),
        ("# a comment\n192.0.2.0/24,AS64501\n", None, "192.0.2.9", ["AS64501"]),
    ],
)
def test_owners(text: str, provider: str | None, address: str, owners: list[str]) -> None:
    """Every format is known by what is in it, and tells who owns an address, in lower case."""
    known = Networks()
    known.add(text, provider)

    assert sorted(map(str, known.owners(address))) == owners


def test_tables_count_together() -> None:
    """Where tables differ, an address has the owners of both, whichever is the finer one."""
    known = Networks()
    known.add("192.0.2.0,192.0.2.255,64500\n")
    known.add("192.0.2.16,192.0.2.31,64501\n")

    assert sorted(map(str, known.owners("192.0.2.20"))) == ["AS64500", "AS64501"]
    assert sorted(map(str, known.owners("192.0.2.40"))) == ["AS64500"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "it is empty"),
        ("\n \n", "it is empty"),
        ("[" * 100_000, "recursion"),
        ("{", "Expecting property name"),
        ("{}", "none of the keys"),
        ('{"prefixes": [{}]}', "no prefix"),
        ('{"values": [{"properties": 1}]}', "properties is no object"),
        ('{"addresses": [7]}', "list of prefixes"),
        ("192.0.2.0/24\n", "add provider"),
        ("192.0.2.9,192.0.2.1,1\n", "is no range"),
        ("start,end,asn\n", "'start'"),
    ],
)
def test_what_is_no_list_is_told(text: str, word: str) -> None:
    """What cannot be read is told in a sentence with the formats that can."""
    with pytest.raises(NetworksError, match="one prefix a line") as told:
        Networks().add(text)

    assert word in str(told.value) or word.strip("'") in str(told.value)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but a NetworksError."""
    try:
        Networks().add(text, "somebody")
    except NetworksError:
        return


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(8, 32)), min_size=1, max_size=20),
    st.integers(0, 2**32 - 1),
)
def test_owners_are_those_of_every_prefix_around(
    prefixes: list[tuple[int, int]], number: int
) -> None:
    """An address has the owners of exactly the prefixes that hold it."""
    address = ipaddress.ip_address(number)
    nets = [ipaddress.ip_network((start, length), strict=False) for start, length in prefixes]
    known = Networks()
    known.add("".join(f"{net},{i + 1}\n" for i, net in enumerate(nets)))

    wanted = {f"AS{i + 1}" for i, net in enumerate(nets) if address in net}
    assert set(map(str, known.owners(str(address)))) == wanted


@pytest.mark.parametrize("text", [AWS, "192.0.2.0/24\r\n"])
async def test_a_mark_of_byte_order_is_no_part_of_a_list(tmp_path: Path, text: str) -> None:
    """A file as Windows writes it is read as any other."""
    (tmp_path / "list").write_text(text, encoding="utf-8-sig")
    known = await networks([NetworksSettings(file="list", provider="aws")], tmp_path, tmp_path)

    assert "provider aws" in map(str, known.owners("192.0.2.5"))


async def test_a_fetched_file_is_held_to_its_checksum(tmp_path: Path) -> None:
    """What was fetched is used if it is what was promised, kept, and else refused in words."""
    hits = []

    async def serve(request: web.Request) -> web.Response:
        hits.append(request.path)
        return web.Response(text=AWS)

    app = web.Application()
    app.router.add_get("/aws.json", serve)
    async with TestServer(app) as server:
        url = str(server.make_url("/aws.json"))
        right = hashlib.sha256(AWS.encode()).hexdigest()
        for _ in range(2):
            known = await networks([NetworksSettings(url=url, sha256=right)], tmp_path, tmp_path)
        with pytest.raises(NetworksError, match=f"has the SHA-256 {right}"):
            await networks([NetworksSettings(url=url, sha256="0" * 64)], tmp_path, tmp_path)

    assert known.owners("192.0.2.5")
    assert len(hits) == 2


async def test_half_of_a_fetched_file_is_fetched_again(tmp_path: Path) -> None:
    """What a kill or a full disk left of it names too few owners, and is not believed."""

    async def serve(_: web.Request) -> web.Response:
        return web.Response(text=TABLE)

    app = web.Application()
    app.router.add_get("/table.csv", serve)
    async with TestServer(app) as server:
        right = hashlib.sha256(TABLE.encode()).hexdigest()
        settings = NetworksSettings(url=str(server.make_url("/table.csv")), sha256=right)
        (tmp_path / right).write_text(TABLE.splitlines()[0])
        known = await networks([settings], tmp_path, tmp_path)
        assert known.owners("198.51.100.1")
        assert (tmp_path / right).read_text() == TABLE

        (tmp_path / "file").write_text("no folder")
        with pytest.raises(NetworksError, match="cannot be written"):
            await networks([settings], tmp_path, tmp_path / "file")


async def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The path of what cannot be read stands in the sentence."""
    with pytest.raises(NetworksError, match=r"none\.json cannot be read: No such file"):
        await networks([NetworksSettings(file="none.json")], tmp_path, tmp_path)
