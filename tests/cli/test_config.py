"""`lmdecode config` as somebody types it: what is set where, what is refused, and what each message leads to."""

from __future__ import annotations

import json
import os
import socket
import subprocess

import pytest

from lmdecode.config import SAMPLE_KEY

ONE, TWO = "1" * 32, "2" * 32
KITCHEN = {"machine_name": "kitchen", "serial_number": "GS1", "host": "10.0.0.1", "key": ONE}
OFFICE = {"machine_name": "office", "host": "10.0.0.2", "key": TWO}


@pytest.fixture
def config(command):
    """The file in this folder: `write` gives it entries, `read` returns them."""
    path = command.folder / "config.json"

    class Config:
        def write(self, entries):
            path.write_text(json.dumps(entries, indent=1))
            path.chmod(0o600)

        def read(self):
            assert path.stat().st_mode & 0o777 == 0o600
            return json.loads(path.read_text())

    return Config()


def sent(command, *arguments, given):
    return subprocess.run(
        [*command.line, "config", *arguments],
        cwd=command.folder, env=command.environment, input=given, capture_output=True, encoding="utf-8", timeout=60,
        check=False,
    )  # fmt: skip


def test_a_new_file_is_made_where_all_commands_look(command):
    path = command.folder / "home/config/lmdecode/config.json"
    assert command("config", "set", "host", "10.0.0.1").stdout == f"{path}: host is 10.0.0.1\n"
    assert path.stat().st_mode & 0o777 == 0o600
    named = command.folder / "named.json"
    assert command("config", "set", "host", "10.0.0.2", LMDECODE_CONFIG=str(named)).stdout.startswith(str(named))
    assert command("config", "get", "host", LMDECODE_CONFIG=str(named)).stdout == "10.0.0.2\n"
    assert command("config", "get", "host").stdout == "10.0.0.1\n"
    complaint = command.fails("config", "show", code=2, LMDECODE_CONFIG="nowhere.json")
    assert "there is no file nowhere.json: check the name in LMDECODE_CONFIG" in complaint


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hots", 'lmdecode knows no entry "hots": did you mean host?'),
        ("serial", "did you mean serial_number?"),
        ("brew_ratio", "it has host, port, key"),
        ("mqtt", "lmdecode config set mqtt.host HOST"),
        ("mqtt.hots", "did you mean mqtt.host?"),
    ],
)
def test_a_name_that_there_is_not(command, config, name, words):
    config.write(KITCHEN)
    assert words in command.fails("config", "set", name, "x", code=2)
    assert config.read() == KITCHEN


def test_names_of_other_programs(command, config):
    config.write(KITCHEN | {"brew_ratio": "1:2"})
    assert command("config", "set", "brew_ratio", "1:3").returncode == 0  # it is there already
    assert command("config", "set", "beans", "some", "--force").returncode == 0
    assert config.read() == KITCHEN | {"brew_ratio": "1:3", "beans": "some"}


def test_the_broker_has_entries_of_its_own(command, config):
    config.write(KITCHEN)
    assert command("config", "set", "mqtt.host", "mqtts://broker").returncode == 0
    assert command("config", "set", "mqtt.tls", "true").returncode == 0
    assert sent(command, "set", "mqtt.password", given="hush\n").stdout == "config.json: mqtt.password is set\n"
    assert config.read() == KITCHEN | {"mqtt": {"host": "mqtts://broker", "tls": True, "password": "hush"}}
    assert command("config", "get", "mqtt.password").stdout == "**\n"
    assert command("config", "get", "mqtt.host").stdout == "mqtts://broker\n"
    assert "is true or false" in command.fails("config", "set", "mqtt.tls", "maybe", code=2)


def test_which_machine_is_changed(command, config):
    config.write({"machines": [KITCHEN, OFFICE]})
    complaint = command.fails("config", "set", "host", "10.0.0.9", code=2)
    assert "several machines: choose with --machine: kitchen, office" in complaint
    for name in ("office", "OFFICE", "10.0.0.2"):
        assert command("config", "set", "port", "1775", "--machine", name).returncode == 0
    assert "did you mean office?" in command.fails("config", "set", "machine", "offise", code=2)
    assert command("config", "set", "machine", "office").returncode == 0
    assert command("config", "set", "host", "10.0.0.9").stdout == "config.json: host of office is 10.0.0.9\n"
    entries = config.read()
    assert entries["machines"] == [KITCHEN, OFFICE | {"port": "1775", "host": "10.0.0.9"}]
    added = command("config", "set", "host", "10.0.0.3", "--machine", "attic")
    assert added.stdout == "config.json: host of attic, which is a new machine, is 10.0.0.3\n"
    assert config.read()["machines"][2] == {"machine_name": "attic", "host": "10.0.0.3"}


def test_the_only_machine_of_a_list_is_the_one(command, config):
    config.write({"machines": [{"machine_name": "kitchen", "key": ONE}]})
    assert command("config", "set", "host", "10.0.0.1").returncode == 0
    assert config.read() == {"machines": [{"machine_name": "kitchen", "key": ONE, "host": "10.0.0.1"}]}


def test_get(command, config):
    config.write({"client_id": "hush", "machine": "office", "machines": [KITCHEN, OFFICE]})
    assert command("config", "get", "host").stdout == "10.0.0.2\n"
    assert command("config", "get", "host", "--machine", "GS1").stdout == "10.0.0.1\n"
    assert command("config", "get", "client-id").stdout == "**\n"
    assert command("config", "get", "client_id", "--show-secrets", "--json").stdout == '"hush"\n'
    assert json.loads(command("config", "get", "machines", "--json").stdout)[0] == KITCHEN | {"key": "**"}
    assert 'has no "hots": did you mean host?' in command.fails("config", "get", "hots")
    assert 'has no "port"; it has machine_name, host, key' in command.fails("config", "get", "port")


LEAKS = [
    {"mqtt": {"host": "mqtts://bob:hush@broker.home", "ca_file": "home.pem"}},
    {"mqtt": "bob:hush@broker.home"},
    {"mqtt": {"host": "mqtt://bob:hu/sh@broker.home:1883"}},
    {"webhook": "https://bob:hush@home/x?y"},
    {"machines": TWO},
    {"machines": [TWO, None]},
    {"machines": {"kitchen": TWO}},
    {"devices": {"kitchen": [TWO]}},
    {"paswort": "hush", "passwd": "hush", "pwd": "hush", "wifi_passphrase": "hush", "email": "hush@home"},
    {"lm": {"communication": "hex:" + TWO.encode().hex()}},
]


@pytest.mark.parametrize("entries", LEAKS)
@pytest.mark.parametrize("arguments", [("show",), ("show", "--json"), ("get", ""), ("check", "--offline", "--json")])
def test_no_secret_is_shown_wherever_somebody_wrote_it(command, config, entries, arguments):
    config.write(KITCHEN | entries)
    result = command("config", *(each or next(iter(entries)) for each in arguments))
    shown = result.stdout + result.stderr
    assert shown
    assert not any(secret in shown for secret in ("hush", "hu/sh", ONE, TWO, TWO.encode().hex()))


def test_what_is_no_secret_is_shown_beside_it(command, config):
    config.write(KITCHEN | LEAKS[0])
    assert command("config", "get", "mqtt.host").stdout == "mqtts://**@broker.home\n"
    assert command("config", "get", "mqtt.host", "--show-secrets").stdout == "mqtts://bob:hush@broker.home\n"
    shown = json.loads(command("config", "show", "--json").stdout)
    assert shown == KITCHEN | {"key": "**", "mqtt": {"host": "mqtts://**@broker.home", "ca_file": "home.pem"}}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("host", "http://bob:hush@10.0.0.1", "the host is not an address: give the name or the number alone"),
        ("mqtt.host", "mqtt://bob:hush@broker", "then lmdecode config set mqtt.username, and mqtt.password"),
        ("mqtt.port", "1883x", "is not a port: give a number from 1 to 65535\n"),
    ],
)
def test_what_is_no_address_is_not_set(command, config, name, value, words):
    config.write(KITCHEN)
    complaint = command.fails("config", "set", name, value, code=2)
    assert words in complaint
    assert "hush" not in complaint
    assert config.read() == KITCHEN


def test_an_address_with_a_password_is_not_quoted(command, config):
    config.write(KITCHEN | {"host": "http://bob:hush@10.0.0.1"})
    for arguments in (("status",), ("config", "check", "--offline")):
        complaint = command.fails(*arguments)
        assert 'config.json, line 4: "host" is not an address' in complaint
        assert "hush" not in complaint


def test_a_secret_that_does_not_come(command, config):
    config.write({})
    result = sent(command, "set", "key", given="")
    assert result.returncode == 2
    assert "no key was given: type it when asked, or send it in: lmdecode config set key < FILE" in result.stderr
    assert "leave the value out, and you are asked for it" in command.fails("config", "set", "key", ONE, code=2)
    assert config.read() == {}


@pytest.mark.skipif(os.name != "posix", reason="a terminal of its own is only had on POSIX")
def test_a_secret_is_asked_for_and_not_shown(command, config):
    import pty

    config.write({})
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [*command.line, "config", "set", "key"],
        cwd=command.folder, env=command.environment, stdin=terminal, stdout=terminal, stderr=terminal,
        start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    while b"key: " not in shown:
        shown += os.read(main, 1000)
    os.write(main, ONE.encode() + b"\n")
    while b"is set" not in shown:
        shown += os.read(main, 1000)
    assert process.wait(30) == 0
    os.close(main)
    assert ONE.encode() not in shown
    assert config.read() == {"key": ONE}


@pytest.mark.parametrize(
    ("before", "arguments", "given", "words"),
    [
        ({"key": ONE}, (), SAMPLE_KEY, "config.json is yours"),
        ({"username": "hush"}, (), SAMPLE_KEY, "config.json is yours"),
        ({"machines": [KITCHEN]}, ("--machine", "sim"), SAMPLE_KEY, "config.json is yours"),
        ({"key": SAMPLE_KEY}, ("--machine", "kitchen"), ONE, "has the published key of the samples"),
    ],
)
def test_the_published_key_is_never_mixed_with_an_owners(command, config, before, arguments, given, words):  # noqa: PLR0917
    config.write(before)
    result = sent(command, "set", "key", *arguments, given=given)
    assert result.returncode == 1
    assert words in result.stderr
    assert "--config" in result.stderr
    assert config.read() == before


@pytest.mark.parametrize("sample", [SAMPLE_KEY, "hex:" + SAMPLE_KEY.encode().hex()])
def test_an_owners_account_is_not_put_beside_the_published_key(command, config, sample):
    config.write({"key": sample})
    for name in ("password", "client_id", "refresh_token"):
        result = sent(command, "set", name, given="hush\n")
        assert result.returncode == 1
        assert "has the published key of the samples" in result.stderr
    assert config.read() == {"key": sample}


def test_an_entry_that_is_there_twice_is_named_with_its_lines(command):
    text = f'{{"host": "10.0.0.1",\n "key": "{ONE}",\n "host": "10.0.0.2"}}'
    (command.folder / "config.json").write_text(text)
    complaint = command.fails("config", "set", "port", "1774")
    assert 'config.json, line 3: "host" is there twice, in line 1 too; it was not changed' in complaint
    assert (command.folder / "config.json").read_text() == text


def test_an_owners_key_takes_the_place_of_the_published_one(command, config):
    config.write({"host": "10.0.0.1", "key": SAMPLE_KEY})
    assert sent(command, "set", "key", given=ONE).returncode == 0
    assert config.read() == {"host": "10.0.0.1", "key": ONE}


def test_check_says_what_is_missing_and_the_command_for_it(command, config):
    config.write({"hots": "h", "key": ONE})
    complaint = command.fails("config", "check")
    assert 'config.json, line 2: "hots" is not an entry that lmdecode knows: did you mean "host"?' in complaint
    assert complaint.endswith("lmdecode discover finds the address; lmdecode config set host ADDRESS\n")


def test_check_as_json(command, config):
    with socket.create_server(("127.0.0.1", 0)) as there:
        here = {"host": "127.0.0.1", "port": there.getsockname()[1]}
        config.write({"machines": [KITCHEN | here, OFFICE | {"host": "127.0.0.1", "port": 1}], "version": 3})
        result = command("config", "check", "--json", "--timeout", "1")
        found = json.loads(result.stdout)
        assert (result.returncode, result.stderr) == (1, "")
        assert (found["ok"], found["machines_with_key"], found["problems"]) == (False, 2, [])
        assert [each["entry"] for each in found["notes"]] == ["version"]
        assert [(each["machine"], bool(each["why_not"])) for each in found["reached"]] == [
            ("kitchen", False),
            ("office", True),
        ]
        result = command("config", "check", "--machine", "kitchen")
        assert result.returncode == 0
        assert "office" not in result.stdout
    assert "1 machine with a key, nothing wrong" in result.stdout
    config.write({"bluetooth": "MICRA_MR012345", "ble_token": "t" * 64})
    assert command("config", "check").stdout.endswith("config.json: 1 machine with a Bluetooth token, nothing wrong\n")
    assert json.loads(command("config", "check", "--json").stdout)["machines_with_token"] == 1
    assert ONE not in result.stdout
    (command.folder / "config.json").write_text("key: x")
    result = command("config", "check", "--json")
    assert json.loads(result.stdout)["state"] == "failed"


def test_a_user_without_a_home(command, tmp_path):
    """As services and containers have them: no HOME, and no entry in the list of users."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "sitecustomize.py").write_text(
        "import pwd\ndef nobody(number):\n    raise KeyError(number)\npwd.getpwuid = nobody\n"
    )
    for name in ("HOME", "XDG_CONFIG_HOME"):
        command.environment.pop(name, None)
    command.environment["PYTHONPATH"] = str(tmp_path / "without")
    complaint = command.fails("config", "show")
    assert complaint.startswith("lmdecode: there is no config.json here")
    assert command("config", "set", "host", "10.0.0.1").stdout == "config.json: host is 10.0.0.1\n"
    assert command("config", "get", "host").stdout == "10.0.0.1\n"
    assert {each.name for each in command.folder.iterdir()} <= {"config.json", "without"}


def test_entries_of_newer_machines(command):
    path = command.folder / "config.json"
    for name, value in (("bluetooth", "MICRA_MR012345"), ("generation", "bluetooth"), ("model_name", "Linea Micra")):
        assert command("config", "set", name, value, "--config", path).returncode == 0
    assert "leave the value out" in command.fails("config", "set", "ble_token", "secret", "--config", path, code=2)
    complaint = command.fails("config", "set", "generation", "v5", "--config", path, code=2)
    assert "'v5' is not a generation that a live machine speaks: v1, v3, bluetooth" in complaint
    path.write_text(json.dumps({**json.loads(path.read_text()), "ble_token": "a-secret-token"}))
    path.chmod(0o600)
    assert command("config", "check", "--config", path, "--offline").returncode == 0
    shown = command("config", "show", "--config", path).stdout
    assert "a-secret-token" not in shown
    assert "bluetooth: MICRA_MR012345" in shown
    path.write_text(json.dumps({"generation": "v9", "bluetooth": 7, "ble_token": "x"}))
    complaint = command.fails("config", "check", "--config", path, "--offline")
    assert '"generation" is not a generation that a live machine speaks: v1, v3, bluetooth' in complaint
    assert '"bluetooth" is not text' in complaint
