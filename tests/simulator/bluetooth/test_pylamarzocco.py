"""A client that we did not write: pylamarzocco of PyPI, in its own environment, with the simulator as its machine.

2.4.3 is of the gateways before the shot counter, which answer without a NUL at the end; 2.5 follows shots.
"""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from tests.simulator.bluetooth.bare import TOKEN, served
from tests.simulator.own_environment import ROOT, environment

CLIENT = ROOT / "tests" / "simulator" / "bluetooth" / "pylamarzocco_client.py"
BACKEND = ROOT / "lmdecode" / "device" / "bluetooth" / "bumble_backend.py"

pytestmark = pytest.mark.timeout(400)  # the environments are made once, and that takes a minute or two


@pytest.fixture(scope="module")
def before_the_shot_counter():
    needs = ["pylamarzocco==2.4.3", "bumble>=0.0.220"]
    return environment("pylamarzocco-2.4", needs, python=12, given="LMDECODE_PYLAMARZOCCO_24")


@pytest.fixture(scope="module")
def with_the_shot_counter():
    needs = ["pylamarzocco==2.5.2", "bumble>=0.0.220"]
    return environment("pylamarzocco-2.5", needs, python=13, given="LMDECODE_PYLAMARZOCCO_25")


def talk(python, *faults):
    """Let it talk to a machine, on which a shot is pulled as soon as it listens; what came of it."""

    async def work():
        async with served(*faults, speed=5) as machine:
            machine.server.gatt.pairing = True
            line = [python, CLIENT, f"tcp-client:127.0.0.1:{machine.port}", TOKEN, BACKEND, machine.server.gatt.name]
            client = await asyncio.create_subprocess_exec(
                *map(str, line),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            )
            said = b""
            while line := await asyncio.wait_for(client.stderr.readline(), 60):
                said += line
                if line == b"listening\n":
                    machine.machine.physics.pull_shot(1, 9)
            found = await client.stdout.read()
            assert await client.wait() == 0, said.decode() + "\n".join(machine.notes)
            return json.loads(found), machine

    return asyncio.run(asyncio.wait_for(work(), 100))


def check(said, machine):
    """See that it read what the machine held, and that the machine holds what it set."""
    before, after = said["before"], said["after"]
    assert said["advertised"] == "MICRA_MR000000"
    assert said["token"] == TOKEN
    assert before["mode"] == "BrewingMode"
    assert before["capabilities"]["family"] == "Linea Micra"
    assert before["tank"] is True
    boilers = {each["id"]: each for each in before["boilers"]}
    assert (boilers["CoffeeBoiler1"]["target"], boilers["SteamBoiler"]["target"]) == (94, 131)
    assert (boilers["CoffeeBoiler1"]["current"], boilers["SteamBoiler"]["current"]) == (94, 130)
    assert before["standby"]["minutes"] == 10
    assert said["confirmed"] == ["success"] * 5
    assert said["refused"] == "error"
    assert after["mode"] == "StandBy"
    assert after["standby"] == {"mode": "PowerOn", "minutes": 42, "enabled": True}
    assert {each["id"]: each["is_enabled"] for each in after["boilers"]} == {
        "CoffeeBoiler1": True,
        "SteamBoiler": False,
    }
    number = machine.machine.registers.number
    assert (number("coffee_set_temp", 0), number("steam_set_temp", 0)) == (91.5, 128)
    assert not machine.machine.physics.on


def test_it_reads_and_sets_an_older_gateway(before_the_shot_counter):
    check(*talk(before_the_shot_counter, "no-events"))


def test_it_reads_and_sets_the_newest_gateway_and_follows_a_shot(with_the_shot_counter):
    said, machine = talk(with_the_shot_counter)
    check(said, machine)
    assert said["before"]["standby"]["enabled"] is False
    states = [each[0] for each in said["shot"]]
    assert states[0] == "BREWING"
    assert states[-1] == "BREWING_STOPPED"
    assert said["shot"][-1][2] == 9
    seconds = [each[1] for each in said["shot"][1:-1]]
    assert len(seconds) >= 5  # a busy computer leaves some out, since the machine's time passes faster here
    assert seconds == pytest.approx([0.1 + 1.07 * round((each - 0.1) / 1.07) for each in seconds])
