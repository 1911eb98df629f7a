"""The findings of config.json and the environment: names, and never what is secret."""

from __future__ import annotations

import json

import pytest

from lmdecode.app.doctor.finding import State
from lmdecode.app.doctor.owner import configuration, variables
from lmdecode.config import SAMPLE_KEY

KEY = "abcdefghijklmnopqrstuvwxyz012345"


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "x"))
    for name in ("LMDECODE_CONFIG", "LMDECODE_KEY", "LMDECODE_HOST", "LMDECODE_BLE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "config.json"


MICRA = {"machine_name": "micra", "ble_token": "hush-hush"}


def written(path, mode=0o600, **entries):
    path.write_text(json.dumps(entries))
    path.chmod(mode)
    return configuration(None)


@pytest.mark.usefixtures("config")
def test_none_is_missing():
    (finding,) = configuration(None)
    assert (finding.state, finding.command) == (State.MISSING, "lmdecode harvest")


def test_machines_by_name(config):
    kitchen = {"machine_name": "kitchen", "key": KEY, "host": "10.0.0.1"}
    machines = [kitchen, {"machine_name": "bar"}, {"machine_name": "attic", "key": "x" * 32}, MICRA]
    first, *others = written(config, machines=machines)
    assert first.text == "config.json, mode 600"
    assert [(finding.state, finding.text.partition(" has")[0]) for finding in others] == [
        (State.OK, "kitchen"),
        (State.MISSING, "bar"),
        (State.OK, "attic"),
        (State.OK, "micra"),
    ]
    assert "no address" in others[2].text
    assert others[3].text == "micra has a token, for Bluetooth"
    assert KEY not in str([first, *others])
    assert "hush" not in str(others)


def test_a_machine_near_needs_a_token_and_no_key(config):
    near = {"machine_name": "micra", "bluetooth": "MICRA_MR012345"}
    _, _, lacking = written(config, machines=[{"machine_name": "kitchen", "key": KEY, "host": "10.0.0.1"}, near])
    assert (lacking.state, lacking.command) == (State.MISSING, "lmdecode config set ble_token")
    _, ready = written(config, **near, ble_token="t" * 64)
    assert (ready.state, ready.text) == (State.OK, "micra has a token, for Bluetooth")


@pytest.mark.parametrize("key", [SAMPLE_KEY, "hex:" + SAMPLE_KEY.encode().hex()])
def test_the_published_key_is_told(config, key):
    first, machine = written(config, key=key)
    assert (first.state, machine.state) == (State.OK, State.NOTE)
    assert "published key of the samples" in machine.text
    (mixed,) = written(config, key=key, machines=[{"key": KEY}])
    assert (mixed.state, 'line 1: "key" is the published key' in mixed.text) == (State.BROKEN, True)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_what_is_wrong_is_broken_and_not_quoted(config, mode):
    (finding,) = written(config, mode, key="hush-hush")
    assert finding.state is State.BROKEN
    assert "hush" not in str(finding)
    assert finding.command == "lmdecode config check"


def test_a_file_that_others_can_read_works_all_the_same(config):
    finding, machine = written(config, 0o644, key=KEY)
    assert (finding.state, finding.command) == (State.NOTE, "chmod 600 config.json")
    assert machine.state is State.OK


def test_what_cannot_be_read_is_broken(config):
    config.write_text("{")
    assert configuration(None)[0].state is State.BROKEN
    assert configuration(config.parent / "none.json")[0].state is State.BROKEN


def test_variables_by_their_names(config, monkeypatch):
    assert config
    monkeypatch.setenv("LMDECODE_KEY", "hush-hush")
    monkeypatch.setenv("LMDECODE_BLE_TOKEN", "hush-hush")
    monkeypatch.setenv("LMDECODE_MQTT_PASSWORD", "hush")
    monkeypatch.setenv("LMDECODE_HSOT", "hush")
    findings = variables()
    assert "LMDECODE_KEY, LMDECODE_BLE_TOKEN, LMDECODE_MQTT_PASSWORD" in findings[0].text
    assert [finding.text for finding in findings[1:-1]] == [
        "LMDECODE_HSOT is set, but lmdecode does not read it: did you mean LMDECODE_HOST?"
    ]
    assert findings[-1].state is State.BROKEN
    assert "hush" not in str(findings)
