"""The demo's web service is one that a strict client accepts."""

import asyncio
import ssl
import stat
import time

import aiohttp
import pytest

from vedette.agent.demo.webservice import WebService

HOST = "api.shop.example"


async def handshake(service, name, address="127.0.0.1"):
    tls = ssl.create_default_context(cafile=str(service.ca_file))
    tls.verify_flags |= ssl.VERIFY_X509_STRICT
    _, writer = await asyncio.open_connection(address, service.port, ssl=tls, server_hostname=name)
    writer.close()
    await writer.wait_closed()


async def test_certificate_verifies(tmp_path):
    """The ssl module, strict, accepts the certificate for the name, on every address."""
    async with WebService(HOST, tmp_path, time.time, also=["127.0.0.2"]) as service:
        for address in service.addresses:
            await handshake(service, HOST, address)

        with pytest.raises(ssl.SSLCertVerificationError):
            await handshake(service, "other.example")


async def test_page_is_ok(tmp_path):
    """`GET /` answers 200 and `ok`."""
    async with WebService(HOST, tmp_path, time.time) as service, aiohttp.ClientSession() as client:
        tls = ssl.create_default_context(cafile=str(service.ca_file))
        url = f"https://127.0.0.1:{service.port}/"
        async with client.get(url, ssl=tls, server_hostname=HOST) as answer:
            assert (answer.status, await answer.text()) == (200, "ok")


async def test_absent_address_is_left_out(tmp_path):
    """An address that this machine does not have is left out, and the rest serve."""
    async with WebService(HOST, tmp_path, time.time, also=["192.0.2.1"]) as service:
        assert service.addresses == ("127.0.0.1",)
        assert service.url == f"https://{HOST}:{service.port}/"


async def test_key_is_private(tmp_path):
    """Nobody else may read the file with the private key."""
    WebService(HOST, tmp_path, time.time)

    assert stat.S_IMODE((tmp_path / "server.key").stat().st_mode) == 0o600
