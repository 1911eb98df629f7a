"""One bridge, a real broker, and simulated machines of all three generations."""

from __future__ import annotations

import json

import pytest

import lmdecode
from lmdecode.config import SAMPLE_KEY, SAMPLE_TOKEN
from tests.cli.broker import bridging, listening, mosquitto
from tests.cli.live import running
from tests.cli.simulator_process import wait_until

MICRA, GATEWAY = "MR000000", "Sn0000000000"


@pytest.fixture
def broker(tmp_path):
    with mosquitto(tmp_path) as found:
        yield found


@pytest.fixture
def listener(broker):
    with listening(broker) as found:
        yield found


def configured(command, *machines):
    path = command.folder / "config.json"
    path.write_text(json.dumps({"machines": machines}))
    path.chmod(0o600)


def near(machine):
    """What a config and a command line say of a machine over Bluetooth."""
    entry = {"machine_name": "kitchen", "bluetooth": f"MICRA_{MICRA}", "ble_token": SAMPLE_TOKEN}
    return entry, ["--radio", f"tcp-client:{machine.host}:{machine.port}"]


def state(listener, machine):
    return json.loads(listener.latest.get(f"lmdecode/{machine}/state") or "{}")


def test_machines_of_all_generations_share_one_bridge(command, broker, listener):
    with (
        running() as old,
        lmdecode.simulate("GS3 AV", generation="v3", speed=2) as bar,
        lmdecode.simulate("Linea Micra", generation="bluetooth", speed=2) as kitchen,
    ):
        entry, radio = near(kitchen)
        configured(
            command,
            {"machine_name": "old", "host": "127.0.0.1", "port": old.port, "key": old.options[-1], "generation": "v1"},
            {"machine_name": "bar", "host": "localhost", "port": bar.port, "key": SAMPLE_KEY, "generation": "v3"},
            entry,
        )
        with bridging(command, broker, *radio, "--allow-writes", "--stay") as bridge:
            for name in ("GS000000", GATEWAY, MICRA):
                topic = f"lmdecode/{name}/availability"
                wait_until(lambda: listener.latest.get(topic) == "online", 60, lambda: bridge.log)  # noqa: B023
            assert state(listener, MICRA)["steam_level"] == 3
            assert state(listener, GATEWAY)["coffee_set_temp"] == bar.get("coffee_set_temp")
            listener.publish(f"lmdecode/{MICRA}/set/coffee_set_temp", "92.5")
            listener.publish(f"lmdecode/{GATEWAY}/set/coffee_set_temp", "92.5")
            wait_until(lambda: len(listener.results()) == 2, what=lambda: bridge.log)
            done, refused = sorted(listener.results(), key=lambda each: each["state"])
            assert (done["state"], done["read_back"]) == ("done", 92.5)
            assert kitchen.get("coffee_set_temp") == 92.5
            assert refused["state"] == "refused"
            assert "Bluetooth" in refused["complaint"]
            for machine in (bar, kitchen):
                machine.do("shot 1 9")
            for name in (GATEWAY, MICRA):
                wait_until(lambda: state(listener, name).get("shot_seconds", 0) > 1, what=lambda: bridge.log)  # noqa: B023
                assert state(listener, name)["shot_running"] is True
            for name in (GATEWAY, MICRA):
                found = wait_until(lambda: state(listener, name).get("last_shot_seconds"))  # noqa: B023
                assert found == pytest.approx(9, abs=0.2)
                assert state(listener, name)["shot_running"] is False
            assert bridge.end() == 0
        for name in ("GS000000", GATEWAY, MICRA):
            assert listener.latest[f"lmdecode/{name}/availability"] == "offline"


def test_a_visit_over_bluetooth_lets_the_app_in_and_a_link_that_is_lost_comes_back(command, broker, listener):
    with lmdecode.simulate("Linea Micra", generation="bluetooth") as kitchen:
        entry, radio = near(kitchen)
        configured(command, entry)
        with bridging(command, broker, *radio, "--every", "2s") as bridge:
            wait_until(lambda: state(listener, MICRA).get("power") is True, 60, lambda: bridge.log)
            with lmdecode.Machine(bluetooth=f"MICRA_{MICRA}", radio=radio[1], key=SAMPLE_TOKEN) as app:
                assert app.get("power") is True
                wait_until(lambda: listener.json("/connection").get("state") == "busy", 60, lambda: bridge.log)
            assert listener.latest[f"lmdecode/{MICRA}/availability"] == "online"  # what was read last still holds
            wait_until(lambda: listener.json("/connection")["state"] == "connected", 60, lambda: bridge.log)
            assert "connected again" in bridge.log


def test_a_wrong_token_ends_it_with_one_line(command, broker):
    with lmdecode.simulate("Linea Micra", generation="bluetooth") as kitchen:
        entry, radio = near(kitchen)
        configured(command, entry | {"ble_token": "0" * 64})
        with bridging(command, broker, *radio) as bridge:
            assert bridge.process.wait(60) == 1
            assert "refuses the token" in bridge.log
            assert "0000000" not in bridge.log.replace(MICRA, "")
            assert "Traceback" not in bridge.log
