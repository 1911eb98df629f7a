"""`lmdecode get` and `lmdecode status NAME` against the simulated machine."""

from __future__ import annotations

import json

import pytest

from lmdecode.codec.v1.memory import Answer, Region
from tests.cli.live import running
from tests.cli.test_recorded import run_all


@pytest.fixture(scope="module")
def machine():
    with running() as each:
        yield each


def test_values(command, machine):
    lines = (
        "get dose_k2", "get power", "get auto_bitfield", "get tue_on_time", "get steam-boiler", "get prebrewing",
        "get power dose_k2 tue-on-time", "get dose", "get dose_k* --json", "get total_flushing,days_since_built",
        "status dose_k2 power pump_on", "status dose_k2 --json",
    )  # fmt: skip
    ended, said = run_all(command, [[*line.split(), *machine.options] for line in lines])
    assert [code for code, _ in ended] == [0] * len(lines)
    found = [text for _, text in ended]
    days = "mon_auto,tue_auto,wed_auto,thu_auto,fri_auto,sat_auto,sun_auto"
    assert found[:6] == ["118\n", "on\n", f"global_auto,{days}\n", "06:00\n", "on\n", "off\n"]
    assert found[6] == "power: on\ndose_k2: 118 pulses\ntue_on_time: 06:00\n"
    assert [line.partition(":")[0] for line in found[7].splitlines()] == [f"dose_k{button}" for button in range(1, 6)]
    assert json.loads(found[8])["dose_k2"] == 118
    assert [line.partition(":")[0] for line in found[9].splitlines()] == ["total_flushing", "days_since_built"]
    assert found[10] == "dose_k2  118 pulses\npower    yes\npump_on  no\n"
    assert json.loads(found[11]) == {"dose_k2": 118}
    assert said == "lmdecode: steam-boiler is called steam_boiler_enable now\n"
    assert machine.writes == []


def test_a_name_that_is_measured_here_and_set_elsewhere(command, machine):
    result = command("get", "coffee-temp", "--json", *machine.options)
    assert list(json.loads(result.stdout)) == ["coffee_temp"]
    assert result.stderr == "lmdecode: coffee_temp is what the machine measures; the setting is coffee_set_temp\n"


def test_only_what_holds_them_is_read(command, machine):
    before = len(machine.records)
    command("get", "coffee_set_temp", "dose_k1", "tue_auto", *machine.options)
    asked = [each.plaintext[:9] for each in machine.records[before:] if each.role == "request"]
    assert asked == ["R0007000F", "R03100001"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("get cofee_temp", "no field 'cofee_temp'; did you mean coffee_temp?"),
        ("get dose_k9", "did you mean 'dose_k*'?"),
        ("get coffee", "did you mean 'coffee_*'?"),
        ("get nothing*", "no field fits 'nothing*'"),
        ("get command", "command can only be written"),
        ("get ,", "no value is named; name one, such as coffee_temp"),
        ("status cofee_temp", "did you mean coffee_temp?"),
    ],
)
def test_a_name_that_there_is_not_is_found_before_anything_is_asked(command, words, why):
    complaint = command.fails(*words.split(), "--host", "127.0.0.1", "--port", "1", "--key", "x" * 32, code=2)
    assert why in complaint
    assert complaint.count("\n") == 1


def test_what_the_machine_does_not_have(command):
    with running(speed=10) as machine:
        machine.machine.memory.mark(Region(0x4060, 0x20, Answer.ECHO))
        result = command("get", "power", "t_unit", "pid_offset", *machine.options)
        assert result.returncode == 1
        assert result.stdout == "power: on\n"
        assert result.stderr.startswith("lmdecode: t_unit, pid_offset: the machine sent R40630012")
        assert result.stderr.count("\n") == 1
        assert "sent R40630001" in command.fails("get", "t_unit", *machine.options)
        result = command("get", "*_unit", "po*r", *machine.options)
        assert (result.returncode, result.stdout) == (0, "power: on\n")


def test_a_machine_that_is_away(command):
    said = command.fails("get", "power", "--host", "127.0.0.1", "--port", "1", "--key", "x" * 32, code=3)
    assert "refuses the connection" in said
