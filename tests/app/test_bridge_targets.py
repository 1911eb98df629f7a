from __future__ import annotations

import json

import pytest

from lmdecode.app.bridge_targets import find_targets
from lmdecode.app.errors import UsageError
from lmdecode.config.targets import BluetoothTarget, NoAddressError, Target

KEY = "12345678901234567890123456789012"
OLD = {"machine_name": "old", "host": "10.0.0.7", "key": KEY}
BAR = {"machine_name": "bar", "host": "10.0.0.8", "key": KEY[::-1], "generation": "v3"}
KITCHEN = {"machine_name": "kitchen", "ble_token": "t" * 64, "serial_number": "MR012345"}
NOTHING = {"machine_name": "nothing", "serial_number": "MR012346"}
BOTH = {"machine_name": "both", "key": "a" * 32, "ble_token": "u" * 64, "bluetooth": "MICRA_MR012347"}


@pytest.fixture
def found(tmp_path, monkeypatch):
    """The machines of a bridge, by the entries of a configuration and the options."""
    for name in ("LMDECODE_KEY", "LMDECODE_HOST", "LMDECODE_RADIO", "LMDECODE_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def find(*entries, **options):
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"machines": entries} if len(entries) != 1 else entries[0]))
        usual = {"host": None, "port": None, "key": None, "machines": []}
        return find_targets(config=path, **usual | options)

    return find


def shown(targets):
    return [(each.generation, each.device if isinstance(each, BluetoothTarget) else each.host) for each in targets]


def test_all_that_can_be_reached_of_all_generations(found):
    targets = found(OLD, BAR, KITCHEN, NOTHING)
    assert shown(targets) == [("v1", "10.0.0.7"), ("v3", "10.0.0.8"), ("bluetooth", "MR012345")]
    assert [each.name for each in targets] == ["old", "bar", "kitchen"]


def test_one_machine_over_bluetooth(found):
    (target,) = found(KITCHEN, radio="usb:0")
    assert isinstance(target, BluetoothTarget)
    assert (target.device, target.radio, target.token) == ("MR012345", "usb:0", "t" * 64)
    (named,) = found(OLD | KITCHEN, bluetooth="MICRA_MR000001")
    assert shown([named]) == [("bluetooth", "MICRA_MR000001")]


def test_the_radio_is_for_those_that_need_one(found):
    targets = found(OLD, KITCHEN, radio="tcp-client:127.0.0.1:6402")
    assert [getattr(each, "radio", None) for each in targets] == [None, "tcp-client:127.0.0.1:6402"]


def test_a_machine_that_left_the_network_is_reached_over_bluetooth(found):
    assert shown(found(BOTH)) == [("bluetooth", "MICRA_MR012347")]
    assert shown(found(OLD, BOTH)) == [("v1", "10.0.0.7"), ("bluetooth", "MICRA_MR012347")]
    (target,) = found(BOTH | {"host": "10.0.0.9"})
    assert isinstance(target, Target)
    with pytest.raises(NoAddressError):
        found({"machine_name": "none", "key": KEY})


def test_all_over_bluetooth(found):
    targets = found(OLD | {"ble_token": "v" * 64}, KITCHEN, BAR, bluetooth="")
    assert [each.generation for each in targets] == ["bluetooth", "bluetooth"]


@pytest.mark.parametrize("option", [{"host": "h"}, {"port": 1}, {"key": KEY}, {"bluetooth": "X"}, {"generation": "v3"}])
def test_what_is_one_machines_alone(found, option):
    with pytest.raises(UsageError, match="one machine"):
        found(OLD, BAR, machines=["old", "bar"], **option)


def test_chosen_ones_and_each_once(found):
    assert [each.name for each in found(OLD, BAR, KITCHEN, machines=["kitchen", "old", "kitchen"])] == [
        "kitchen",
        "old",
    ]
