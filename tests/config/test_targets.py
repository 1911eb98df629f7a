"""Which machine is meant: by options, by a configuration of one or of several."""

from __future__ import annotations

import json

import pytest

from lmdecode.codec.v1.key import Key
from lmdecode.config import ENVIRONMENT_VARIABLE
from lmdecode.config.file import ConfigError
from lmdecode.config.keys import MissingKeyError
from lmdecode.config.targets import TargetError, find_target

ONE, TWO = "1" * 32, "2" * 32
KITCHEN = {"machine_name": "Kitchen", "serial_number": "GS1", "host": "10.0.0.1", "key": ONE, "model_name": "GS3 AV"}
OFFICE = {"machine_name": "office", "serial_number": "GS2", "host": "10.0.0.2", "port": "1775", "key": TWO}


@pytest.fixture
def find(tmp_path, monkeypatch):
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))

    def find(entries=None, **given):
        path = None
        if entries is not None:
            path = tmp_path / "machine.json"
            path.write_text(json.dumps(entries))
        options = dict.fromkeys(("host", "port", "key", "machine", "model"))
        return find_target(config=path, **options | given)

    return find


def test_options_alone(find):
    target = find(host="10.0.0.9", key=ONE, port=7, model="GS3 MP")
    assert (target.host, target.port, target.key, target.model) == ("10.0.0.9", 7, Key.parse(ONE), "GS3 MP")
    assert ONE not in repr(target)


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("10.0.0.9:1775", None, ("10.0.0.9", 1775)),
        ("10.0.0.9:1775", 7, ("10.0.0.9", 7)),
        ("[::1]:1775", None, ("::1", 1775)),
        ("[::1]", None, ("::1", 1774)),
        ("::1", None, ("::1", 1774)),
        ("kitchen.local", None, ("kitchen.local", 1774)),
    ],
)
def test_an_address_as_it_is_copied(find, host, port, expected):
    target = find(host=host, port=port, key=ONE)
    assert (target.host, target.port) == expected


def test_a_port_that_is_none(find):
    with pytest.raises(TargetError, match="99999 is not a port"):
        find(host="10.0.0.9:99999", key=ONE)


def test_a_configuration_of_one(find):
    target = find(KITCHEN)
    assert (target.host, target.port, target.model, target.name) == ("10.0.0.1", 1774, "GS3 AV", "Kitchen")
    assert find(KITCHEN, host="10.0.0.9", port=9).host == "10.0.0.9"


@pytest.mark.parametrize("name", ["office", "OFFICE", "GS2", "10.0.0.2"])
def test_one_of_several_by_name(find, name):
    target = find({"machines": [KITCHEN, OFFICE]}, machine=name)
    assert (target.host, target.port, target.key) == ("10.0.0.2", 1775, Key.parse(TWO))


def test_one_of_several_by_address(find):
    assert find({"machines": [KITCHEN, OFFICE]}, host="10.0.0.2").key == Key.parse(TWO)


def test_the_same_machine_twice_is_one(find):
    assert find(KITCHEN | {"machines": [KITCHEN]}).name == "Kitchen"


def test_the_environment_has_a_key(find, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, TWO)
    assert find(host="h").key == Key.parse(TWO)
    assert find(KITCHEN).key == Key.parse(ONE)  # a file that is named comes first


@pytest.mark.parametrize(
    ("entries", "given", "error", "why"),
    [
        (None, {"key": ONE}, TargetError, "no address: give --host"),
        (None, {"host": "h"}, MissingKeyError, "no key: give --key"),
        (None, {"host": "h", "key": ONE, "machine": "x"}, TargetError, "there is no config.json"),
        ({"machines": [KITCHEN, OFFICE]}, {}, TargetError, "choose with --machine: Kitchen, office"),
        ({"machines": [KITCHEN, OFFICE]}, {"machine": "attic"}, TargetError, "has Kitchen, office"),
        ({"host": "h"}, {}, MissingKeyError, 'has no "key"'),
        ({"host": "h", "key": "short"}, {}, ConfigError, 'the "key" in'),
        ({"host": "h", "key": 12345678}, {}, ConfigError, 'the "key" in .* is not text: put it in double quotes'),
        ({"host": 10, "key": ONE}, {}, ConfigError, 'the "host" in .* is not text: put it in double quotes'),
        ({"host": "h", "key": ONE, "port": "x"}, {}, ConfigError, "port is not a port"),
        ({"key": ONE}, {}, TargetError, "no address"),
    ],
)
def test_what_is_missing_is_said(find, entries, given, error, why):
    with pytest.raises(error, match=why) as caught:
        find(entries, **given)
    assert ONE not in str(caught.value)
