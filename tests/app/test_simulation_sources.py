"""Where the key, the token and the port of a simulated machine come from."""

from __future__ import annotations

import json

import pytest

from lmdecode.app.simulation_sources import port_for, simulation_key, simulation_token
from lmdecode.config import SAMPLE_TOKEN
from lmdecode.simulator import RADIO_PORT
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
    config.write_text(config.read_text().replace("9081", "8081"))
    kitchen, _ = simulation_key([], config, "kitchen")
    assert port_for(kitchen, config, "kitchen", "v1") == 1774  # 8081 is v3's, for whoever connects


def test_the_token_is_the_one_given_or_configured_or_published(config, monkeypatch):
    monkeypatch.setenv("LMDECODE_BLE_TOKEN", "of-the-environment")
    assert simulation_token([], None) == ("of-the-environment", "from LMDECODE_BLE_TOKEN")
    assert simulation_token(["given"], config) == ("given", "from --key")
    assert simulation_token([], config) == ("t" * 64, "that of office")
    assert simulation_token([], config, "kitchen")[0] == SAMPLE_TOKEN
    assert simulation_token([], config, "office") == ("t" * 64, "that of office")
