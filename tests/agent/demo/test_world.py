"""The demo's world is complete, agrees with its config, and leaves nothing behind."""

import stat
import time

import dns.asyncquery
import dns.message
import yaml

from vedette.agent.config import read
from vedette.agent.demo.story import Limits
from vedette.agent.demo.world import HOST, World
from vedette.agent.memory.changes import CALM


async def addresses(world):
    query = dns.message.make_query(HOST, "A")
    port = world.nameserver.port
    answer = await dns.asyncquery.udp(query, "127.0.0.1", port=port, timeout=2)
    return {rdata.address for rrset in answer.answer for rdata in rrset}


async def test_record_goes_and_comes_back():
    """The emptied record has no addresses, the restored one those that serve."""
    async with World(time.time) as world:
        before = await addresses(world)
        world.empty_record()
        emptied = await addresses(world)
        world.restore_record()

        assert before == set(world.service.addresses)
        assert emptied == set()
        assert await addresses(world) == before


async def test_config_points_at_the_world():
    """The config is plain YAML whose addresses and files are those of the running world."""
    async with World(time.time) as world:
        text = world.config_file.read_text()
        config = yaml.safe_load(text)
        key = world.folder / "pagerduty.key"

        assert "&id" not in text
        assert config["services"][0]["http"][0]["url"] == world.service.url
        assert (world.folder / config["services"][0]["http"][0]["ca_file"]).exists()
        assert config["pagers"][0]["pagerduty"]["url"] == world.receiver.url
        assert world.status_url == f"http://{config['agent']['listen']}/"
        assert len(key.read_text().strip()) == 32
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


async def test_the_record_stands_for_long_enough_to_be_missed():
    """All is well for as many looks as a value must stand for its change to be on the page."""
    async with World(time.time) as world:
        every = read(world.config_file).defaults.every

    assert Limits().healthy >= CALM * every


async def test_folder_goes_with_the_world():
    """When the world closes, its folder with the keys is gone."""
    async with World(time.time) as world:
        folder = world.folder

    assert not folder.exists()
