"""`status`, `get` and `send` with gateway v3 and over Bluetooth, as an owner types them."""

from __future__ import annotations

import json

import pytest

from lmdecode.config import SAMPLE_TOKEN
from tests.cli.newer_simulated import newer


@pytest.fixture(scope="module")
def v3():
    with newer("v3") as (_, options):
        yield options


@pytest.fixture(scope="module")
def micra():
    with newer("bluetooth") as found:
        yield found


@pytest.fixture(scope="module")
def bluetooth(micra):
    return micra[1]


def test_status_of_gateway_v3_has_titles(command, v3):
    lines = command("status", *v3).stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "status",
        "settings",
        "schedule",
        "machine",
        "other",
    ]
    assert "  coffee_set_temp          94.0 °C" in lines
    assert any(line.startswith("  wake_up ") for line in lines)
    assert max(map(len, lines)) <= 80
    entry = json.loads(command("status", "--json", *v3).stdout)
    assert entry["coffee_set_temp"] == 94
    assert entry["extra"]["wakeUpSleepEntries"][0]["timeOn"] == "6:0"


def test_status_over_bluetooth_has_titles(command, bluetooth):
    lines = command("status", *bluetooth).stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["status", "settings", "machine"]
    assert any(line.startswith("  firmware revision ") for line in lines)
    assert SAMPLE_TOKEN not in "\n".join(lines)


def test_get_and_status_of_some_values(command, v3, bluetooth):
    assert command("get", "coffee_set_temp", *v3).stdout == "94.0\n"
    assert command("get", "power", "smart_standby_*", *v3).stdout.startswith("power: on\nsmart_standby_")
    assert command("status", "coffee_set_temp", *bluetooth).stdout == "coffee_set_temp  94.0 °C\n"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("pump_on", "gateway v3 does not tell pump_on: v1 tells it"),
        ("flow_seconds", "flow_seconds cannot be asked for: gateway v3 tells it only as it happens"),
        ("cofee_temp", "no field 'cofee_temp'; did you mean coffee_temp?"),
    ],
)
def test_what_gateway_v3_does_not_tell(command, v3, name, complaint):
    for what in ("get", "status"):
        assert complaint in command.fails(what, name, *v3, code=2)


@pytest.mark.parametrize(
    "words", [["power", "on"], ["power"], ["coffee-temp", "93", "--dry-run"], ["dose", "2", "121"]]
)
def test_gateway_v3_takes_no_settings(command, v3, words):
    complaint = command.fails("send", *words, "--yes", *v3, code=2)
    assert "cannot be set: gateway v3" in complaint
    assert "--bluetooth" in complaint


@pytest.mark.parametrize("words", [["read", "0x4000", "32"], ["write", "0x001E", "08", "--yes"]])
def test_only_v1_has_a_memory(command, v3, words):
    assert "which only machines of v1 have" in command.fails("send", *words, *v3, code=2)


def test_a_setting_without_a_value_shows_what_this_model_takes(command, bluetooth):
    lines = command("send", "steam-temp", *bluetooth).stdout.splitlines()
    assert lines[0] == "steam_set_temp: 131.0 °C"
    assert "  DEGREES  126, 128 or 131 °C" in lines
    assert lines[-1] == "example: lmdecode send steam_set_temp 128 --bluetooth"
    entry = json.loads(command("send", "standby", "--json", *bluetooth).stdout)
    assert entry["state"] == "read"
    assert {each["name"]: each["value"] for each in entry["values"]}["smart_standby_minutes"] == 10


def test_a_setting_is_shown_asked_for_sent_and_read_back(command, micra):
    machine, options = micra
    complaint = command.fails("send", "coffee-temp", "93.5", *options, code=2)
    assert "there is nobody to ask: give --yes" in complaint
    result = command("send", "coffee-temp", "93.5", "--yes", "--json", *options)
    outcome = json.loads(result.stdout)
    assert (outcome["state"], outcome["changes"][0]["old"], outcome["changes"][0]["read_back"]) == ("done", 94, 93.5)
    assert [each.partition(" ")[0] for each in outcome["sent"]] == ["0b0b"]
    assert machine.get("coffee_set_temp") == 93.5


def test_what_cannot_be_set_over_bluetooth(command, bluetooth):
    assert "steam_set_temp of a Linea Micra is 126, 128 or 131" in command.fails(
        "send", "steam-temp", "127", "--yes", *bluetooth, code=2
    )
    assert "dose cannot be set over Bluetooth" in command.fails("send", "dose", "2", "121", *bluetooth, code=2)


def test_a_setting_that_says_success_and_is_not_taken(command):
    with newer("bluetooth", "lie") as (_, options):
        result = command("send", "power", "off", *options)
    assert result.returncode == 1
    assert result.stdout == "power: off was not taken, the machine has on\n"
    assert "said OK, but did not take it" in result.stderr


def test_a_dry_run_shows_what_would_be_written(command):
    result = command("send", "coffee-temp", "93", "--bluetooth", "--dry-run")
    command_text = '{"name":"SettingBoilerTarget","parameter":{"identifier":"CoffeeBoiler1","value":93}}'
    assert result.stdout.splitlines()[0] == f"0b0b  {command_text}"
    result = command("send", "steam-level", "--dry-run", "--bluetooth", "--json", "2")
    assert json.loads(result.stdout.splitlines()[0])["characteristic"] == "0b0b"


def test_what_each_generation_takes_is_in_the_help(command):
    text = " ".join(command("send", "coffee-temp", "--help").stdout.split())
    assert "v1: 87 to 100 °C, in steps of 0.1. Bluetooth: 80 to 110 °C. Gateway v3 takes no settings." in text
    text = " ".join(command("send", "dose", "--help").stdout.split())
    assert "Only machines of v1 take this" in text


def test_bluetooth_settings_are_known_to_who_has_no_machine(command):
    assert "  LEVEL  1 to 3 (Linea Micra, Linea Mini R)" in command("send", "steam-level").stdout
    assert "did you mean standby?" in command.fails("send", "stand_by", "30", code=2)
    complaint = command.fails("send", "standby", "30", "--host", "h", "--port", "5", "--key", "1" * 32, code=2)
    assert "standby is set over Bluetooth, with --bluetooth" in complaint


def test_an_update_that_closed_the_port_is_told(command):
    complaint = command.fails(
        "status", "--host", "127.0.0.1", "--port", "9", "--generation", "v3", "--key", "1" * 32, code=3
    )
    assert "v5" in complaint
    assert "--bluetooth" in complaint


def test_a_bluetooth_that_is_not_there_is_one_line(command):
    complaint = command.fails("status", "--bluetooth", "--radio", "tcp-client:127.0.0.1:9", "--key", "x", code=3)
    assert "nothing listens there" in complaint
