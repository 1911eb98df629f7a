"""Machines found by mDNS, for real, on the loopback interface."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lmdecode.device import discovery
from lmdecode.device.discovery import DiscoveryError, Found, discover
from lmdecode.simulator.announcement import Announcement
from tests.cli.simulator_process import own_serial
from tests.device.announcing import LOOPBACK, PATIENCES, announce_raw, announced


async def look_for(*names: str) -> dict[str, Found]:
    """Look until machines of these names are found with their ports; returns whatever was found last."""
    machines: dict[str, Found] = {}
    for seconds in PATIENCES:
        machines = {each.name: each for each in await discover(seconds, interfaces=[LOOPBACK])}
        if all(name in machines and machines[name].port for name in names):
            break
    return machines


def found(*names: str) -> dict[str, Found]:
    """As `look_for`, outside asyncio."""
    return asyncio.run(look_for(*names))


def test_what_a_machine_says_of_itself():
    properties = {"serial": "GS000000", "empty": None, b"raw": b"\xff\xfe"}
    name = own_serial()
    with announced(name, port=1775, properties=properties):
        machine = found(name)[name]
    assert machine.addresses == (LOOPBACK,)
    assert machine.port == 1775
    assert machine.host == f"{name}.local"
    assert machine.properties == {"serial": "GS000000", "empty": "", "raw": "hex:fffe"}


def test_the_simulators_announcement():
    name = own_serial()

    async def look():
        announcement = Announcement(name, LOOPBACK, 4711)
        why_not = await announcement.make()
        if why_not:
            pytest.skip(why_not)
        try:
            return await look_for(name)
        finally:
            await announcement.withdraw()

    machine = asyncio.run(look())[name]
    assert (machine.addresses, machine.port) == ((LOOPBACK,), 4711)


def test_names_that_are_none():
    """They are told as they are; whoever prints them sees to it that no terminal obeys them."""
    evil = [f"{own_serial()}{rest}" for rest in ("\x1b[2J", "\x07", "\u202e", "x" * 45)]
    honest = own_serial()
    with announced(honest) as sender:
        stop = threading.Event()

        def shout():
            while not stop.wait(0.2):
                for name in evil:
                    announce_raw(sender, name)

        thread = threading.Thread(target=shout)
        thread.start()
        try:
            machines = found(honest)
        finally:
            stop.set()
            thread.join()
    assert set(evil[:3]) <= machines.keys()
    assert all(machines[name].addresses == () for name in evil if name in machines)
    assert machines[honest].addresses == (LOOPBACK,)


def test_nobody_is_there(monkeypatch):
    monkeypatch.setattr(discovery, "MDNS_SERVICE", "_nobody._tcp.local.")  # others may announce machines meanwhile
    assert asyncio.run(discover(0.2, interfaces=[LOOPBACK])) == []


def test_networks_that_are_not_ours():
    with pytest.raises(DiscoveryError, match=r"cannot ask the network of 203\.0\.113\.7"):
        asyncio.run(discover(0.1, interfaces=["203.0.113.7"]))
