"""Machines found by mDNS, for real, on the loopback interface."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from lmdecode.device.discovery import DiscoveryError, discover
from lmdecode.simulator.announcement import Announcement
from tests.device.announcing import LOOPBACK, announce_raw, announced

SECONDS = 2


def found(seconds=SECONDS):
    return {each.name: each for each in asyncio.run(discover(seconds, interfaces=[LOOPBACK]))}


def test_what_a_machine_says_of_itself():
    properties = {"serial": "GS000000", "empty": None, b"raw": b"\xff\xfe"}
    with announced("kitchen", port=1775, properties=properties):
        machine = found()["kitchen"]
    assert machine.addresses == (LOOPBACK,)
    assert machine.port == 1775
    assert machine.host == "machine.local"
    assert machine.properties == {"serial": "GS000000", "empty": "", "raw": "hex:fffe"}


def test_the_simulators_announcement():
    async def look():
        announcement = Announcement("GS123456", LOOPBACK, 4711)
        why_not = await announcement.make()
        if why_not:
            pytest.skip(why_not)
        try:
            return await discover(SECONDS, interfaces=[LOOPBACK])
        finally:
            await announcement.withdraw()

    machines = asyncio.run(look())
    assert ("GS123456", (LOOPBACK,), 4711) in [(each.name, each.addresses, each.port) for each in machines]


def test_names_that_are_none():
    """They are told as they are; whoever prints them sees to it that no terminal obeys them."""
    names = ["evil\x1b[2J", "\x07", "\u202eevil", "x" * 60]
    with announced("honest") as sender:
        stop = threading.Event()

        def shout():
            while not stop.wait(0.2):
                for name in names:
                    announce_raw(sender, name)

        thread = threading.Thread(target=shout)
        thread.start()
        try:
            begin = time.monotonic()
            machines = found()
            assert time.monotonic() - begin < 5
        finally:
            stop.set()
            thread.join()
    assert machines["evil\x1b[2J"].addresses == ()
    assert machines["honest"].addresses == (LOOPBACK,)


def test_nobody_is_there():
    assert "kitchen" not in found(0.2)


def test_networks_that_are_not_ours():
    with pytest.raises(DiscoveryError, match=r"cannot ask the network of 203\.0\.113\.7"):
        asyncio.run(discover(0.1, interfaces=["203.0.113.7"]))
