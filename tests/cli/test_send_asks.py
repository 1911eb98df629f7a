"""`lmdecode send` without a value: every setting, in every form that has no value or not all of it, writes nothing."""

from __future__ import annotations

import itertools
import json
import shlex

import pytest

from lmdecode.codec.v1.settings import SETTINGS, setting_named, writable_names
from tests.cli.live import running
from tests.cli.test_recorded import run_all

WITHOUT_A_VALUE = {"backflush"}
"""What starts something, and has no value that could be left out."""
CHOICES = {"button": ["1", "4"], "day": ["tue", "mon-fri", "daily"]}
"""What chooses the registers to set, and is no value."""


def forms(name):
    """Yields the words after a setting's name that are not all that it needs, and whether a value is among them."""
    setting = setting_named(name)
    meant = [setting, *([SETTINGS[setting.alternative]] if setting.alternative else [])]
    for each in meant:
        words = shlex.split(setting.example if each.alternative == "" else "on")
        places = [parameter for parameter in each.parameters if not parameter.option]
        options = [parameter for parameter in each.parameters if parameter.option]
        values = [CHOICES.get(parameter.name, [word]) for parameter, word in zip(places, words, strict=False)]
        for count in range(len(places)):
            for given in itertools.product(*values[:count]):
                yield [*given], count > len(each.choosing)
        for option in options:  # without the button that it is for
            yield [f"--{option.name}", "2.5"], True
        if options:
            for button in CHOICES["button"]:
                yield [button], False


ASKED = [
    (name, words, has_value)
    for name in [*SETTINGS, *writable_names()]
    if name not in WITHOUT_A_VALUE
    for words, has_value in forms(name)
]


@pytest.fixture(scope="module")
def machine():
    with running() as each:
        yield each


def test_every_setting_is_asked_for():
    assert {name for name, _, _ in ASKED} == {*SETTINGS, *writable_names()} - WITHOUT_A_VALUE
    assert ("prebrewing", [], False) in ASKED
    assert ("dose", ["4"], False) in ASKED
    assert ("schedule", ["mon-fri"], False) in ASKED
    assert ("schedule", ["daily", "06:30"], True) in ASKED
    assert ("prebrew", ["--on", "2.5"], True) in ASKED


def test_what_has_no_value_writes_nothing(command, machine):
    """Not even with --yes: it says that a change is meant, but not which."""
    before = bytes(machine.machine.memory.part(range(0x0400)).read(0, 0x1F) or b"")
    lines = [
        ["send", name, *words, *options, *machine.options]
        for (name, words, _), options in zip(ASKED, itertools.cycle([[], ["--yes"], ["--json"]]), strict=False)
    ]
    ended, _ = run_all(command, lines)
    assert machine.writes == []
    assert machine.machine.memory.read(0, 0x1F) == before
    for (name, words, has_value), (code, said) in zip(ASKED, ended, strict=True):
        assert code == (2 if has_value else 0), (name, words, said)
        assert has_value or said, (name, words)


def test_what_it_is_and_what_it_takes(command, machine):
    lines = [line.split() for line in ("coffee_set_temp", "dose 2", "preinfusion", "coffee-temp --json", "command")]
    ended, complaints = run_all(command, [["send", *line, *machine.options] for line in lines])
    degrees, dose, preinfusion, as_json, written_only = (said for _, said in ended)
    assert degrees.splitlines() == [
        "coffee_set_temp: 94.3 °C" if "94.3" in degrees else "coffee_set_temp: 96.2 °C",
        "",
        "to change it: lmdecode send coffee_set_temp DEGREES",
        "  DEGREES  87 to 100 °C, in steps of 0.1",
        "example: lmdecode send coffee_set_temp 93.5",
    ]
    assert dose.startswith("dose_k2: 118 pulses\n\nto change it: lmdecode send dose BUTTON AMOUNT\n  BUTTON  1 to 5\n")
    assert "enable_preinfusion: o" in preinfusion
    assert "preinfusion_k4: " in preinfusion
    assert "STATE  on or off\nor: lmdecode send preinfusion BUTTON SECONDS" in preinfusion
    found = json.loads(as_json)
    assert (found["state"], found["setting"]) == ("read", "coffee_set_temp")
    assert found["values"][0] | {"value": 0} == {"name": "coffee_set_temp", "value": 0, "unit": "°C"}
    assert found["takes"] == [
        [{"name": "degrees", "optional": False, "minimum": 87, "maximum": 100, "step": 0.1, "unit": "°C"}]
    ]
    assert complaints == "lmdecode: coffee-temp is called coffee_set_temp now\n"
    assert written_only.startswith("to change it: lmdecode send command WORD")


def test_what_a_model_has(command):
    with running(model="Linea Mini") as machine:
        result = command("send", "dose", *machine.options)
        assert result.stdout.startswith("dose_k1: ")
        assert "dose_k2" not in result.stdout
        complaint = command.fails("send", "dose", "2", *machine.options, code=2)
        assert "dose_k2 is not on a Linea Mini, only on the GS3 AV" in complaint
        assert machine.writes == []


def test_what_it_takes_is_said_without_a_machine(command):
    result = command("send", "power")
    assert result.returncode == 0
    assert result.stdout.startswith("to change it: lmdecode send power STATE\n  STATE  on or off\n")
    assert result.stderr.startswith("lmdecode: the present value was not read: no key")
    result = command("send", "power", "--dry-run", "--json")
    assert json.loads(result.stdout)["state"] == "not read"
    assert result.stderr == ""
    away = command("send", "power", "--host", "127.0.0.1", "--port", "1", "--key", "x" * 32)
    assert away.returncode == 3
    assert "STATE  on or off" in away.stdout
    assert "refuses the connection" in away.stderr
    assert "no key" in command.fails("send", "power", "--host", "127.0.0.1", code=2)


def test_several_days_at_once(command, machine):
    before = len(machine.writes)
    result = command("send", "auto_on_off", "mon-wed", "off", *machine.options)
    assert result.stdout == "mon_auto: on → off\ntue_auto: on → off\nwed_auto: on → off\n"
    assert len(machine.writes) == before + 1
    assert set(machine.value("auto_bitfield")) >= {"thu_auto", "sun_auto", "global_auto"}
    result = command("send", "schedule", "sat-sun", "7:45", "18:15", *machine.options)
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [
        "sat_on_time", "sat_off_time", "sun_on_time", "sun_off_time",
    ]  # fmt: skip
    assert [machine.value(f"{day}_on_hour") for day in ("fri", "sat", "sun")] == [6, 7, 7]


def test_on_after_off_is_said_before_it_is_written(command, machine):
    result = command("send", "schedule", "thu", "18:00", "17:30", *machine.options)
    assert result.returncode == 0
    assert result.stderr == "lmdecode: thu is switched on at 18:00, after it is switched off at 17:30\n"
    assert machine.value("thu_on_hour") == 18
    result = command("send", "wed_off_time", "05:15", *machine.options)  # of which the other time is read
    assert result.stderr == "lmdecode: wed is switched on at 06:00, after it is switched off at 05:15\n"
    result = command("send", "wed_off_time", "17:00", *machine.options)
    assert result.stderr == ""


def test_a_temperature_in_fahrenheit(command, machine):
    result = command("send", "coffee_set_temp", "199°F", "--yes", *machine.options)
    assert result.stderr == "lmdecode: 199 °F is 92.8 °C\n"
    assert result.stdout.endswith("→ 92.8 °C\n")
    complaint = command.fails("send", "coffee_set_temp", "300F", "--yes", *machine.options, code=2)
    assert "must be 87 to 100 °C, not 148.9" in complaint


@pytest.mark.parametrize(
    ("words", "name", "value"), [("dose_k3 77", "dose_k3", 77), ("wed-auto off", "wed_auto", None)]
)
def test_a_register_by_its_own_name(command, machine, words, name, value):
    machine.machine.registers.put("wed_auto", value=True)
    result = command("send", *words.split(), *machine.options)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"{name}: ")
    assert value is None or machine.value(name) == value
    assert "dose_k3 VALUE" in command("send", "dose_k3", *machine.options).stdout
