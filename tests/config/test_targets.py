"""Which machine is meant: by options, by a configuration of one or of several."""

from __future__ import annotations

import json

import pytest

from lmdecode.codec.v1.key import Key
from lmdecode.config import CONFIG_VARIABLE, ENVIRONMENT_VARIABLE, HOST_VARIABLE, RADIO_VARIABLE, TOKEN_VARIABLE
from lmdecode.config.file import ConfigError, NoConfigError, find_config, load_config, path_to_change
from lmdecode.config.keys import MissingKeyError
from lmdecode.config.known import known_machines
from lmdecode.config.machines import TargetError, chosen_machine
from lmdecode.config.targets import BluetoothTarget, NoAddressError, find_target

ONE, TWO = "1" * 32, "2" * 32
KITCHEN = {"machine_name": "Kitchen", "serial_number": "GS1", "host": "10.0.0.1", "key": ONE, "model_name": "GS3 AV"}
OFFICE = {"machine_name": "office", "serial_number": "GS2", "host": "10.0.0.2", "port": "1775", "key": TWO}


@pytest.fixture
def find(tmp_path, monkeypatch):
    for name in (CONFIG_VARIABLE, ENVIRONMENT_VARIABLE, HOST_VARIABLE, RADIO_VARIABLE, TOKEN_VARIABLE):
        monkeypatch.delenv(name, raising=False)
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
        (
            {"host": "h"},
            {},
            MissingKeyError,
            'has no "key": `lmdecode harvest` finds it; .*`lmdecode config set key --config ',
        ),
        ({"host": "h", "key": "short"}, {}, ConfigError, r'machine.json, line 1: "key": the key has'),
        (
            {"host": "h", "key": 12345678},
            {},
            ConfigError,
            r'machine.json, line 1: "key" is not text: put it in double quotes',
        ),
        (
            {"host": 10, "key": ONE},
            {},
            ConfigError,
            r'machine.json, line 1: "host" is not text: put it in double quotes',
        ),
        ({"host": "h", "key": ONE, "port": "x"}, {}, ConfigError, r'machine.json, line 1: "port" is not a port'),
        ({"key": ONE}, {}, TargetError, "no address"),
    ],
)
def test_what_is_missing_is_said(find, entries, given, error, why):
    with pytest.raises(error, match=why) as caught:
        find(entries, **given)
    assert ONE not in str(caught.value)


def test_the_entry_machine_chooses_one_of_several(find):
    entries = {"machine": "office", "machines": [KITCHEN, OFFICE]}
    assert find(entries).name == "office"
    assert find(entries, machine="kitchen").name == "Kitchen"
    assert find(entries, host="10.0.0.1").name == "Kitchen"
    with pytest.raises(TargetError, match=r'machine\.json, line 1: "machine" is offise.*did you mean office\?'):
        find(entries | {"machine": "offise"})


def test_two_of_one_name_are_not_guessed(find):
    twin = OFFICE | {"machine_name": "kitchen"}
    with pytest.raises(TargetError, match=r"2 machines in .* have this name: give the serial number"):
        find({"machines": [KITCHEN, twin]}, machine="kitchen")
    assert find({"machines": [KITCHEN, twin]}, machine="GS2").host == "10.0.0.2"


def test_what_the_top_and_the_list_say_of_a_machine_counts_together(find):
    listed = {name: KITCHEN[name] for name in ("machine_name", "serial_number", "key")}
    target = find({"host": "10.0.0.7", "key": ONE, "machines": [listed, OFFICE]}, machine="Kitchen")
    assert (target.host, target.name) == ("10.0.0.7", "Kitchen")
    assert find({"host": "10.0.0.7", "machines": [listed]}).host == "10.0.0.7"
    assert find({"port": 7, "machines": [KITCHEN]}).port == 7


def test_a_key_that_was_replaced_is_no_machine_to_talk_to(find):
    old = {"machine_name": "Kitchen (old key)", "key": "3" * 32}
    assert find(KITCHEN | {"machines": [old]}).key == Key.parse(ONE)


def test_the_environment_has_an_address(find, monkeypatch):
    monkeypatch.setenv(HOST_VARIABLE, "10.0.0.2:7")
    assert (find(key=ONE).host, find(key=ONE).port) == ("10.0.0.2", 7)
    assert find({"machines": [KITCHEN, OFFICE]}, machine="kitchen").host == "10.0.0.1"
    assert find(KITCHEN).host == "10.0.0.1"  # a file that is named comes first


def test_the_environment_names_the_file(find, monkeypatch, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(KITCHEN))
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "other.json"))
    with pytest.raises(NoConfigError, match=r"other\.json: check the name in LMDECODE_CONFIG"):
        find()
    assert path_to_change() == tmp_path / "other.json"
    (tmp_path / "other.json").write_text(json.dumps(OFFICE))
    assert find().name == "office"


@pytest.mark.usefixtures("find")
def test_one_rule_for_the_file(tmp_path):
    users = tmp_path / "none" / "lmdecode" / "config.json"
    assert (find_config(), path_to_change()) == (None, users)
    users.parent.mkdir(parents=True)
    users.write_text("{}")
    assert (find_config(), path_to_change()) == (users, users)
    here = tmp_path / "config.json"
    here.write_text("{}")
    assert find_config() == path_to_change() == here.relative_to(tmp_path)
    named = tmp_path / "named.json"
    assert find_config(named) == path_to_change(named) == named


def test_a_password_in_an_address_is_no_name(tmp_path):
    path = tmp_path / "config.json"
    hosts = ("http://bob:hush@10.0.0.1", "bob:hush@10.0.0.2")
    path.write_text(json.dumps({"machines": [{"host": host, "key": str(n) * 32} for n, host in enumerate(hosts, 1)]}))
    loaded = load_config(path)
    with pytest.raises(TargetError) as several:
        chosen_machine(loaded)
    with pytest.raises(TargetError) as near:
        chosen_machine(loaded, "bob:@10.0.0.2")
    said = [str(several.value), str(near.value).partition(": ")[2].partition(": ")[2]]
    said += [each.name for each in loaded.machines()] + [str(each.names) for each in known_machines(path).machines]
    assert "http://**@10.0.0.1, **@10.0.0.2" in said[0]
    assert not any("hush" in each for each in said)


MICRA = {"machine_name": "micra", "serial_number": "MR012345", "ble_token": "secret-token", "model_name": "Linea Micra"}


def test_bluetooth_alone(find):
    target = find(bluetooth="MICRA_MR012345", key="a-token")
    assert isinstance(target, BluetoothTarget)
    assert (target.device, target.token, target.radio) == ("MICRA_MR012345", "a-token", "")
    assert "a-token" not in repr(target)
    assert find(bluetooth="").device == ""


@pytest.mark.parametrize("named", ["", "micra", "MR012345", "MICRA_MR012345", "A0:B1:C2:D3:E4:F5"])
def test_bluetooth_takes_the_token_of_the_configuration(find, named):
    target = find({"machines": [KITCHEN, MICRA]}, bluetooth=named)
    assert (target.token, target.name, target.model) == ("secret-token", "micra", "Linea Micra")
    assert target.device == (named if named.startswith(("MICRA", "A0")) else "MR012345")


@pytest.mark.parametrize(
    ("entry", "device"),
    [
        (MICRA, "MICRA_MR999999"),
        ({"bluetooth": "MICRA_MR012345", "ble_token": "secret-token"}, "MICRA_MR999999"),
        ({"bluetooth": "A0:B1:C2:D3:E4:F5", "ble_token": "secret-token"}, "a0-b1-c2-d3-e4-f6"),
    ],
)
def test_a_token_is_not_for_another_machine(find, entry, device):
    entry = {"machine_name": "micra", **entry}
    assert find(entry, bluetooth=device).token == ""
    with pytest.raises(TargetError, match=r"is another machine than micra of .*: name one of them") as refused:
        find(entry, machine="micra", bluetooth=device)
    assert "secret" not in str(refused.value)


def test_one_machine_may_be_named_by_its_address_or_its_name(find):
    for entry in (MICRA, {**MICRA, "bluetooth": "MICRA_MR012345"}, {**MICRA, "bluetooth": "A0:B1:C2:D3:E4:F5"}):
        for device in ("A0-B1-C2-D3-E4-F5", "micra_mr012345"):
            assert find(entry, machine="micra", bluetooth=device).token == "secret-token"


def test_the_environment_has_a_token(find, monkeypatch, tmp_path):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, TWO)  # which is no token
    monkeypatch.setenv(TOKEN_VARIABLE, " from-environment\n")
    assert find(bluetooth="").token == "from-environment"
    assert find(bluetooth="", key="given").token == "given"
    assert find(MICRA, bluetooth="").token == "secret-token"  # a file that is named comes first
    (tmp_path / "config.json").write_text(json.dumps({"machines": [MICRA, KITCHEN]}))
    assert find(bluetooth="").token == "from-environment"
    assert find(bluetooth="", machine="micra").token == "secret-token"  # so does a machine that is named
    assert find(bluetooth="", machine="kitchen").token == "from-environment"


@pytest.mark.parametrize("token", ["", " ", "two words", "\udcff\udcfe", "é" * 64, "x" * 513, "a\nb"])
def test_what_is_no_token(find, monkeypatch, token):
    with pytest.raises(MissingKeyError, match=r"--key is (empty|no Bluetooth token)") as refused:
        find(bluetooth="", key=token)
    assert not token.strip() or token not in str(refused.value)
    with pytest.raises(MissingKeyError, match='"ble_token" is'):
        find({**MICRA, "ble_token": token or " "}, bluetooth="")
    monkeypatch.setenv(TOKEN_VARIABLE, token.replace("\n", "\t"))
    if token:
        with pytest.raises(MissingKeyError, match="LMDECODE_BLE_TOKEN is"):
            find(bluetooth="")
    else:
        assert find(bluetooth="").token == ""


def test_a_network_address_is_no_name_over_bluetooth(find):
    entry = {"host": "192.168.1.215", "key": "k" * 32, "ble_token": "secret-token"}
    assert (find(entry, bluetooth="").name, find(entry, bluetooth="").token) == (None, "secret-token")
    assert find({**entry, "machine_name": "kitchen"}, bluetooth="").name == "kitchen"


def test_the_bluetooth_entry_names_the_device(find):
    target = find({**MICRA, "bluetooth": "A0:B1:C2:D3:E4:F5"}, bluetooth="")
    assert target.device == "A0:B1:C2:D3:E4:F5"
    with pytest.raises(ConfigError, match='"bluetooth" is not text'):
        find({**MICRA, "bluetooth": 7}, bluetooth="")


def test_several_machines_over_bluetooth(find):
    with pytest.raises(TargetError, match="several machines"):
        find({"machines": [MICRA, {**MICRA, "serial_number": "MR000002"}]}, bluetooth="")


def test_a_machine_without_a_key_is_reached_over_bluetooth(find):
    assert find(MICRA).generation == "bluetooth"
    assert find({**KITCHEN, "generation": "bluetooth", "ble_token": "x"}).token == "x"
    assert find({**KITCHEN, "generation": "bluetooth"}, host="10.0.0.1").generation == "v1"


def test_the_radio_means_bluetooth(find, monkeypatch):
    assert find(MICRA, radio="usb:0").radio == "usb:0"
    monkeypatch.setenv(RADIO_VARIABLE, "usb:1")
    assert find(MICRA, bluetooth="").radio == "usb:1"
    assert find(KITCHEN).generation == "v1"


@pytest.mark.parametrize("other", [{"host": "10.0.0.1"}, {"port": 1774}, {"generation": "v3"}])
def test_two_ways_to_a_machine(find, other):
    with pytest.raises(TargetError, match="two ways"):
        find(KITCHEN, bluetooth="", **other)


@pytest.mark.parametrize(
    ("entries", "given", "expected"),
    [
        ({}, {}, ("v1", 1774, True)),
        ({"port": "1774"}, {}, ("v1", 1774, True)),
        ({"port": "8081"}, {}, ("v3", 8081, False)),
        ({"port": 1775}, {}, ("v1", 1775, False)),
        ({"generation": "v3"}, {}, ("v3", 8081, False)),
        ({"generation": "v3", "port": "1774"}, {}, ("v3", 8081, False)),
        ({"generation": "v3", "port": 18081}, {}, ("v3", 18081, False)),
        ({"generation": "v3"}, {"generation": "v1"}, ("v1", 1774, False)),
        ({"generation": "v3"}, {"port": 1774}, ("v1", 1774, False)),
        ({"generation": "v3"}, {"port": 5000}, ("v3", 5000, False)),
        ({"generation": "v3"}, {"host": "10.0.0.9"}, ("v1", 1774, True)),
        ({}, {"host": "10.0.0.1:8081"}, ("v3", 8081, False)),
        ({}, {"port": 1774}, ("v1", 1774, False)),
    ],
)
def test_which_generation(find, entries, given, expected):
    target = find(KITCHEN | entries, **given)
    assert (target.generation, target.port, target.is_guess) == expected


def test_a_generation_that_is_none(find):
    with pytest.raises(ConfigError, match='"generation" is none that machines have: v1, v3, bluetooth'):
        find({**KITCHEN, "generation": "v2"})
    with pytest.raises(TargetError, match="give v1 or v3; machines with gateway v5 take"):
        find(KITCHEN, generation="v5")


def test_an_address_that_is_missing_leaves_what_is_known(find):
    with pytest.raises(NoAddressError, match="no address") as missing:
        find({**KITCHEN, "host": ""})
    assert (missing.value.target.key, missing.value.serial) == (Key.parse(ONE), "GS1")
