"""A simulated machine of each generation: its first words, and its stream."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmdecode.app.simulation import Settings, hint_for, json_machine, simulation_of
from lmdecode.app.simulation_sources import simulated_machine
from lmdecode.codec.v1.key import Key
from lmdecode.config import SAMPLE_KEY, SAMPLE_TOKEN


@pytest.mark.parametrize(
    ("generation", "secret", "others", "hint"),
    [
        ("v1", Key.parse(SAMPLE_KEY), {"port": 1774}, f"--host 127.0.0.1:1774 --key {SAMPLE_KEY}"),
        ("v1", Key.parse("k" * 32), {"port": 9001}, "--host 127.0.0.1:9001 --generation v1 --key …"),
        ("v3", Key.parse(SAMPLE_KEY), {"port": 8081}, f"--host 127.0.0.1:8081 --key {SAMPLE_KEY}"),
        ("v3", Key.parse("k" * 32), {"port": 9001}, "--host 127.0.0.1:9001 --generation v3 --key …"),
        ("bluetooth", "a token", {"port": 6402}, "--bluetooth --radio tcp-client:127.0.0.1:6402 --key …"),
        ("bluetooth", SAMPLE_TOKEN, {"radio": "usb:0"}, f"--bluetooth --key {SAMPLE_TOKEN}"),
    ],
)
def test_the_next_command_shows_only_what_is_published(generation, secret, others, hint):
    machine = simulated_machine() if generation == "v1" else json_machine(generation)
    simulation = simulation_of(machine, secret, Settings(**others))
    assert hint_for(simulation, generation, secret, given=True) == f"lmdecode watch {hint}"


@pytest.mark.parametrize(("config", "shown"), [(None, ""), (Path("my config.json"), " --config 'my config.json'")])
def test_the_next_command_finds_a_key_where_the_simulator_did(config, shown):
    key = Key.parse("k" * 32)
    simulation = simulation_of(simulated_machine(), key, Settings(port=1774))
    assert hint_for(simulation, "v1", key, config=config) == f"lmdecode watch --host 127.0.0.1:1774{shown}"


def test_the_form_of_the_stream_is_that_of_a_gateway():
    machine = json_machine("v3", model="micra")
    simulation_of(machine, Key.parse(SAMPLE_KEY), Settings(form="items"))
    assert machine.gateway == "v2.2-rc0"
