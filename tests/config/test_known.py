"""The machines of a configuration as captures are read for them."""

from __future__ import annotations

import json

import pytest

from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.v1.key import Key
from lmdecode.config.file import ConfigError
from lmdecode.config.known import KnownMachines, known_machines

KITCHEN, OFFICE = "k" * 32, "o" * 32


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps(
            {
                "machine": "office",
                "machines": [
                    {
                        "machine_name": "kitchen",
                        "serial_number": "SN1",
                        "host": "10.0.0.5",
                        "key": KITCHEN,
                        "port": 1800,
                    },
                    {"machine_name": "office", "host": "gs3.local", "key": OFFICE, "port": "nonsense"},
                ],
            }
        )
    )
    return path


def test_names_ports_and_the_default(config):
    known = known_machines(config)
    assert known.default == "office"
    assert known.ports == {1800}  # what is no port is not one
    assert known.names_of(MachineKey("key 1", Key.parse(KITCHEN))) == ("key 1", "kitchen", "SN1")
    assert known.names_of(MachineKey("office", Key.parse(OFFICE))) == ("office", "gs3.local")
    assert known.names_at("10.0.0.5") == ("kitchen", "SN1")
    assert known.names_at("10.0.0.6") == ()


def test_an_address_is_no_name_because_another_machine_may_have_it_by_now(config):
    names = [name for each in known_machines(config).machines for name in each.names]
    assert "10.0.0.5" not in names
    assert "gs3.local" in names


def test_without_a_file_or_with_a_broken_one_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    assert known_machines(None) == KnownMachines()
    (tmp_path / "config.json").write_text("{")
    assert known_machines(None) == KnownMachines()
    with pytest.raises(ConfigError, match="is not JSON"):
        known_machines(tmp_path / "config.json")
