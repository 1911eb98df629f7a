"""What is announced of a simulated machine by mDNS."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from lmdecode.codec.dialect import MDNS_SERVICE
from lmdecode.simulator.announcement import Announcement
from tests.cli.simulator_process import own_serial

zeroconf = pytest.importorskip("zeroconf")


@pytest.mark.parametrize("properties", [{}, {"sn": "MR000000"}])
def test_the_properties_are_told_and_withdrawn(properties):
    name = own_serial()

    async def scenario():
        announcement = Announcement(name, "127.0.0.1", 4711, properties)
        assert await announcement.make() is None
        try:
            return await asyncio.to_thread(asked, name)
        finally:
            await announcement.withdraw()

    info = asyncio.run(scenario())
    assert info.port == 4711
    assert info.decoded_properties == properties


def asked(name):
    with contextlib.closing(zeroconf.Zeroconf(interfaces=["127.0.0.1"])) as listener:
        return listener.get_service_info(MDNS_SERVICE, f"{name}.{MDNS_SERVICE}", timeout=20_000)
