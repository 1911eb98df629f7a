"""A client that we did not write: pylamarzocco 1.4.9 of PyPI, the last that talks to gateway v3, and the simulator."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from lmdecode.codec.v1.register import MODELS
from lmdecode.simulator.families import FAMILIES, buttons_of
from tests.simulator.own_environment import ROOT, environment
from tests.simulator.v3.client import KEY, server

CLIENT = ROOT / "tests" / "simulator" / "v3" / "pylamarzocco_client.py"

pytestmark = pytest.mark.timeout(300)  # the environment is made once, and that takes a minute


@pytest.fixture(scope="module")
def pylamarzocco():
    return environment("pylamarzocco-1.4", ["pylamarzocco==1.4.9"], python=12, given="LMDECODE_PYLAMARZOCCO_14")


async def happen(machine):
    """Lets happen what pylamarzocco knows of: settings, a shot, a flush, an empty tank, the end of the day."""
    machine.set_target("CoffeeBoiler1", 92.5)
    machine.enable("SteamBoiler", on=False)
    for key in buttons_of(machine.family):
        machine.set(f"dose_k{key}", 100 + key)
    if MODELS[machine.family.runs_as].prebrewing:
        machine.set("prebrew_flag", "prebrewing")
        machine.set("prebrewing_toff_k1", 4.5)  # another time than before the pause
    await asyncio.sleep(0.3)
    machine.physics.pull_shot(1, 20)
    await asyncio.sleep(1.4)
    machine.physics.flush(5)
    await asyncio.sleep(0.6)
    machine.set("water_reservoir_contact", False)
    await asyncio.sleep(0.2)
    machine.physics.switch(on=False)


def talk(python, model):
    """Let it talk to a machine; what it says, and the machine."""

    async def work():
        async with server("forbidden:2", model=model, speed=20) as simulated:
            simulated.machine.physics.switch(on=True)
            called = FAMILIES[model].model.removeprefix("Linea ") if model == "Linea Micra" else model
            line = [python, CLIENT, simulated.host, str(simulated.port), KEY.secret.decode(), called]
            client = await asyncio.create_subprocess_exec(
                *map(str, line),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            )
            said = b""
            while line := await asyncio.wait_for(client.stderr.readline(), 30):
                said += line
                if line == b"listening\n":
                    await happen(simulated.machine)
            found = await client.stdout.read()
            assert await client.wait() == 0, said.decode()
            return json.loads(found), simulated.machine

    return asyncio.run(asyncio.wait_for(work(), 80))


@pytest.mark.parametrize("model", FAMILIES)
def test_it_reads_the_configuration_and_follows_the_stream(pylamarzocco, model):
    said, machine = talk(pylamarzocco, model)
    before, after, again = said["before"], said["after"], said["again"]
    assert said["refusals"] == 2  # 403, as long as no token is loaded
    assert before["turned_on"] is True
    assert before["water_contact"] is True
    assert before["boilers"]["STEAM"]["target_temperature"] == machine.get("steam_set_temp")
    assert before["boilers"]["COFFEE"]["current_temperature"] > 20
    assert before["smart_standby"] == {"enabled": False, "minutes": 10, "mode": "LastBrewing"}
    assert said["firmware"]["GATEWAY"]["current_version"] == machine.gateway
    assert said["firmware"]["MACHINE"]["current_version"] == machine.get("firmware_ver")
    (entry,) = before["wake_up_sleep_entries"].values()
    assert len(entry["days"]) == 7

    assert said["system"]["connections"]["ws"] == 1
    durations = [seconds for _, seconds in said["seen"]]
    running = [seconds for is_active, seconds in said["seen"] if is_active]
    assert max(running) <= 20
    assert {round((seconds - 0.1) / 1.07, 2) % 1 for seconds in running if seconds} == {0}  # the machine's own steps
    assert [True, pytest.approx(20, abs=2.5)] in said["seen"]  # the last seconds of the shot that it saw
    assert durations[-1] == 5  # the flush
    assert after["brew_active"] is False
    for config in (after, again):
        assert config["turned_on"] is False
        assert config["water_contact"] is False
        assert config["boilers"]["COFFEE"]["target_temperature"] == 92.5
        assert config["boilers"]["STEAM"]["enabled"] is False
        for key in buttons_of(machine.family):
            assert config["doses"]["ABCD"[key - 1]] == 100 + key
    if MODELS[machine.family.runs_as].prebrewing:
        assert again["prebrew_mode"] == after["prebrew_mode"] == "Enabled"
        times = again["prebrew_configuration"]["A"][0]
        assert times["off_time"] == 4.5
        assert (times["on_time"], times["off_time"]) == (
            machine.get("prebrewing_ton_k1"),
            machine.get("prebrewing_toff_k1"),
        )
    # It takes the doses of GroupCapabilities, and then complains of them all the same.
    others = [text for text in said["complaints"] if "GroupCapabilities" not in text]
    assert others == ["Unknown websocket message received"] * (len(said["complaints"]) - len(others))
