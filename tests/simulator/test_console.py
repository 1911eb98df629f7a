"""Commands of the console: what is read, and what is refused with which reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.errors import LmdecodeError
from lmdecode.simulator.console import Command, Console, ConsoleError
from lmdecode.simulator.faults import Faults
from lmdecode.simulator.machine import Machine

WORDS = ["shot", "1", "2", "25", "stop", "hot-water", "power", "on", "off", "set", "get", "coffee_temp", "clock", "-1"]


@pytest.fixture
def console():
    return Console(Machine("GS3 AV"), Faults())


def test_commands(console):
    get = console.machine.registers.get
    console.run("shot 2 25")
    console.machine.advance(20)
    assert "coffee since 20.0 s" in console.run("status")
    console.run("stop")
    assert console.run("stop") == "no water flows"
    console.run("power off")
    assert get("power") is False
    console.run("set power on")
    assert get("power") is True
    assert console.run("set coffee-temp 80.5") == "coffee_temp 80.5 °C"
    assert console.run("set heating_state none") == "heating_state none"
    assert console.run("set front_panel_display HELLO YOU") == "front_panel_display HELLO YOU"
    console.run("set mon_auto off")
    assert "mon_auto" not in get("auto_bitfield")
    console.run("fault drop:3")
    assert "on: drop:3" in console.run("fault")
    console.run("fault off")
    assert "on: none" in console.run("fault")
    assert "hot-water" in console.run("help")
    assert console.run("  ") == ""
    console.run("quit")
    assert console.done


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("brew", "no command 'brew'"),
        ("shot", "write: shot BUTTON"),
        ("shot x", "is not a button"),
        ("shot 9", "has no button 9"),
        ("shot 1 0", "not a number of seconds"),
        ("shot 1 nan", "not a number of seconds"),
        ("power maybe", "neither on nor off"),
        ("set nothing 7", "neither on nor off"),
        ("set nothing on", "no register 'nothing'"),
        ("set coffee_temp hot", "is not a number"),
        ("set coffee_temp 1e9", "coffee_temp"),
        ("set coffee_temp inf", "not a number"),
        ("set dose_k1 1_0_x", "is not a number"),
        ("get command", "is not a register"),
        ("fault bad", "no fault 'bad'"),
        ("fault delay", "delay needs a number"),
        ("fault drop=1", "drop takes no ="),
        ("fault drop:0", "give 1 to"),
        ("fault delay=99999", "at most 3600"),
        ("fault random=2", "0 to 1"),
    ],
)
def test_commands_that_cannot_be_done(console, line, reason):
    with pytest.raises(LmdecodeError) as error:
        console.run(line)
    assert reason in str(error.value)


@given(st.text() | st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=4).map(" ".join))
def test_no_line_makes_it_crash(line):
    console = Console(Machine("GS3 AV"), Faults())
    try:
        console.run(line)
    except LmdecodeError:
        return
    console.machine.advance(2)


def test_a_generation_may_have_commands_of_its_own():
    said = []
    console = Console(Machine("GS3 AV"), Faults(), {"pair": Command("pair on|off", "pair", range(1, 2), said.append)})
    console.run("pair on")
    assert said == [["on"]]
    assert "pair on|off" in console.run("help")


def test_a_flush_is_counted_as_one():
    console = Console(Machine("Linea Mini"), Faults())
    registers = console.machine.registers
    coffees, activations = registers.get("total_coffee"), registers.get("total_coffee_activations")
    console.run("flush 9")
    console.machine.advance(10)
    assert registers.get("total_coffee") == coffees
    assert registers.get("total_coffee_activations") == activations + 1
    with pytest.raises(ConsoleError, match="not a number of seconds"):
        console.run("flush long")
