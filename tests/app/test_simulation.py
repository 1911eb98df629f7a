"""The secret, the port and the first words of a simulated machine of each generation."""

from __future__ import annotations

import json

import pytest

from lmdecode.app.simulate import hint_for, port_for, simulated_machine, simulation_key, simulation_token
from lmdecode.app.simulation import RADIO_PORT, Settings, json_machine, simulation_of
from lmdecode.codec.v1.key import Key
from lmdecode.config import SAMPLE_KEY, SAMPLE_TOKEN
from lmdecode.simulator.bluetooth.server import PORT


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    kitchen = {"name": "kitchen", "key": "k" * 32, "port": 9081}
    office = {"name": "office", "key": "o" * 32, "ble_token": "t" * 64}
    path.write_text(json.dumps({"machines": [kitchen, office]}))
    path.chmod(0o600)
    return path


def test_the_port_is_that_of_the_generation_unless_the_configuration_has_one(config):
    kitchen, _ = simulation_key([], config, "kitchen")
    office, _ = simulation_key([], config, "office")
    assert port_for(kitchen, config, "kitchen", "v1") == port_for(kitchen, config, "kitchen", "v3") == 9081
    assert port_for(office, config, "office", "v1") == 1774
    assert port_for(office, config, "office", "v3") == 8081
    assert port_for(None, config, "office", "bluetooth") == RADIO_PORT == PORT


def test_the_token_is_the_one_given_or_configured_or_published(config):
    assert simulation_token(["given"], config) == ("given", "from --key")
    assert simulation_token([], config) == ("t" * 64, "that of office")
    assert simulation_token([], config, "kitchen")[0] == SAMPLE_TOKEN
    assert simulation_token([], config, "office") == ("t" * 64, "that of office")


@pytest.mark.parametrize(
    ("generation", "secret", "others", "hint"),
    [
        ("v1", Key.parse(SAMPLE_KEY), {}, ""),
        ("v3", Key.parse(SAMPLE_KEY), {"port": 8081}, f"--host 127.0.0.1:8081 --key {SAMPLE_KEY}"),
        ("v3", Key.parse("k" * 32), {"port": 9001}, "--host 127.0.0.1:9001 --generation v3 --key …"),
        ("bluetooth", "a token", {"port": 6402}, "--bluetooth --radio tcp-client:127.0.0.1:6402 --key …"),
        ("bluetooth", SAMPLE_TOKEN, {"radio": "usb:0"}, f"--bluetooth --key {SAMPLE_TOKEN}"),
    ],
)
def test_the_next_command_shows_only_what_is_published(generation, secret, others, hint):
    machine = simulated_machine() if generation == "v1" else json_machine(generation)
    simulation = simulation_of(machine, secret, Settings(**others))
    assert hint_for(simulation, generation, secret) == (f"lmdecode watch {hint}" if hint else "")


def test_the_form_of_the_stream_is_that_of_a_gateway():
    machine = json_machine("v3", model="micra")
    simulation_of(machine, Key.parse(SAMPLE_KEY), Settings(form="items"))
    assert machine.gateway == "v2.2-rc0"
