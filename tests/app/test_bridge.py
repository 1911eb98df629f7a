"""What the bridge does with what it hears, without a broker and without a machine."""

from __future__ import annotations

import asyncio

import pytest

from lmdecode.analysis.entities import entities_of
from lmdecode.app.bridge import Bridge
from lmdecode.app.bridged_machine import BridgedMachine
from lmdecode.app.mqtt import Heard, seconds_passed
from lmdecode.codec.v1.key import Key
from lmdecode.config.mqtt import Broker
from lmdecode.config.targets import Target
from lmdecode.render.home_assistant import OFFLINE


@pytest.fixture
def told():
    return []


@pytest.fixture
def bridge(monkeypatch, told):
    monkeypatch.setattr(BridgedMachine, "entities", entities_of("GS3 AV"))
    monkeypatch.setattr(BridgedMachine, "values", {})
    targets = [Target("127.0.0.1", port, Key.parse("1" * 32)) for port in (1, 2)]
    found = Bridge(
        Broker("127.0.0.1", 1), targets, writes=True, every=1, stay=False, once=False, timeout=1, tell=told.append
    )
    found.machines[0].id = "GS1"
    return found


def hear(bridge, topic, payload, *, retained=False):
    bridge._hear(Heard(topic, payload.encode(), retained, seconds_passed()))


def test_a_flood_of_what_is_refused_fills_no_log(bridge, told):
    for number in range(3000):
        hear(bridge, f"lmdecode/GS1/set/nothing{number}", "x")
        hear(bridge, "lmdecode/GS1/set/power", "on", retained=True)
    assert 10 < len(told) <= 51
    assert bridge._untold == 6000 - len(told)
    bridge._lines._left = 1
    bridge._tell_of_untold()
    assert told[-1].endswith("more commands were refused, or changed nothing")
    assert bridge._untold == 0


def test_a_flood_of_starts_of_home_assistant_publishes_not_everything_each_time(bridge, told):
    for _ in range(1000):
        hear(bridge, "homeassistant/status", "online")
    assert len(told) == 3
    assert bridge._birth_waits  # so the last one counts, too, a moment later
    bridge._births._left = 1
    bridge._republish()
    assert len(told) == 4
    assert not bridge._birth_waits


def test_off_gets_in_although_others_wait(bridge, told):
    for _ in range(20):
        hear(bridge, "lmdecode/GS1/set/coffee_set_temp", "93")
    assert bridge._commands[0].qsize() == 8
    assert all("8 commands already wait" in each for each in told)
    hear(bridge, "lmdecode/GS1/set/power", "off")
    hear(bridge, "lmdecode/GS1/set/power", "on")
    assert bridge._commands[0].qsize() == 9
    for _ in range(1000):
        hear(bridge, "lmdecode/GS1/set/power", "off")
    assert bridge._commands[0].qsize() == 16


def test_a_command_that_waits_while_its_machine_is_replaced_is_not_given_to_the_new_one(bridge, told):
    hear(bridge, "lmdecode/GS1/set/power", "on")
    bridge.machines[0].id = "GS2"

    async def go():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await bridge._obey(0)

    asyncio.run(go())
    assert "power on: refused: it was for GS1" in told[-1]


def test_two_entries_that_are_one_machine_are_kept_apart_whichever_is_read_first(bridge):
    mqtt = bridge._mqtt
    bridge.machines[0].id, bridge.machines[1].id = "", "GS1"
    bridge._publish_machine(1)
    bridge.machines[0].id = "GS1"
    bridge._publish_machine(0)
    bridge._publish_machine(1)
    assert [each.id for each in bridge.machines] == ["GS1", "GS1_2"]
    assert {"lmdecode/GS1/set/+", "lmdecode/GS1_2/set/+"} <= {*mqtt._subscriptions}
    assert mqtt.retained("homeassistant/device/lmdecode_GS1_2/config")
    assert mqtt.retained("lmdecode/GS1_2/state")


def test_the_topics_of_a_machine_that_was_replaced_say_offline_and_take_no_commands(bridge):
    bridge._publish_machine(0)
    bridge.machines[0].id = "GS2"
    bridge._publish_machine(0)
    assert bridge._mqtt.retained("lmdecode/GS1/availability") == OFFLINE
    assert bridge._mqtt.retained("homeassistant/device/lmdecode_GS2/config")
    hear(bridge, "lmdecode/GS1/set/power", "on")
    assert bridge._commands[0].empty()
    hear(bridge, "lmdecode/GS2/set/power", "on")
    assert bridge._commands[0].qsize() == 1
