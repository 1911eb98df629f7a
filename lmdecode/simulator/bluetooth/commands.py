"""What a simulated machine does with a command that is written over Bluetooth, and what it says became of it.

A machine takes what its model has, within the range that the apps know; how a real one refuses the rest nobody has
written down. Nothing is half done: a command that is refused changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from lmdecode.codec.bluetooth.settings import COFFEE_RANGE, STANDBY_RANGE, STEAM_RANGE
from lmdecode.simulator.families import Family
from lmdecode.simulator.json_documents import COFFEE, STEAM
from lmdecode.simulator.json_machine import JsonMachine

_MODES: Final = {"BrewingMode": True, "StandBy": False}
_AFTER: Final = ("PowerOn", "LastBrewing")
_LONGEST_SHOWN: Final = 40


class CommandError(Exception):
    """A command is refused; one line that says why."""


class Confirmation(NamedTuple):
    """What a machine says became of a command."""

    is_done: bool
    message: str

    def text(self, number: int) -> str:
        """Returns it as JSON; the number stands for what a real machine calls the command."""
        status = "success" if self.is_done else "error"
        return _compact({"id": f"{number:08x}", "message": self.message, "status": status})


def prepared(machine: JsonMachine, value: bytes) -> Callable[[], None]:
    """Returns what does a command, once it is known to be one that this machine takes.

    Args:
        machine: The machine.
        value: The command as it was written: JSON, and a NUL at its end.

    Raises:
        CommandError: It is none, or not one that this machine takes.
    """
    text, nul, _ = value.partition(b"\0")
    if not nul:
        raise CommandError("the command has no NUL at its end")
    try:
        command = json.loads(text)
    except (ValueError, RecursionError):
        raise CommandError("the command is no JSON") from None
    name = command.get("name") if isinstance(command, dict) else None
    parameter = command.get("parameter") if isinstance(command, dict) else None
    prepare = _COMMANDS.get(name) if isinstance(name, str) else None
    if prepare is None:
        raise CommandError(f"there is no command {_shown(name)}")
    if not isinstance(parameter, dict):
        raise CommandError(f"{name} has no parameter")
    return prepare(machine, parameter)


def _change_mode(machine: JsonMachine, parameter: Mapping[str, Any]) -> Callable[[], None]:
    on = _MODES[_one_of(parameter, "mode", _MODES)]
    return lambda: machine.physics.switch(on=on)


def _set_target(machine: JsonMachine, parameter: Mapping[str, Any]) -> Callable[[], None]:
    boiler = _one_of(parameter, "identifier", (COFFEE, STEAM))
    degrees = parameter.get("value")
    if not isinstance(degrees, int | float) or isinstance(degrees, bool):
        raise CommandError(f"value {_shown(degrees)} is not a number")
    why_not = _refused(machine.family, boiler, degrees)
    if why_not:
        raise CommandError(why_not)
    return lambda: machine.set_target(boiler, degrees)


def _refused(family: Family, boiler: str, degrees: float) -> str:
    """Returns why a model does not take a target; "" if it does."""
    if boiler == COFFEE:
        low, high = COFFEE_RANGE
    elif family.steam_levels:
        listed = ", ".join(f"{each:g}" for each in family.steam_levels)
        return "" if degrees in family.steam_levels else f"the steam boiler takes {listed}, not {degrees:g}"
    elif family.word == "LINEA":
        return "the steam boiler of this model has no target to set"
    else:
        low, high = STEAM_RANGE
    return "" if low <= degrees <= high else f"{boiler} takes {low:g} to {high:g}, not {degrees:g}"


def _enable(machine: JsonMachine, parameter: Mapping[str, Any]) -> Callable[[], None]:
    boiler = _one_of(parameter, "identifier", (STEAM,))
    on = _flag(parameter, "state")
    return lambda: machine.enable(boiler, on=on)


def _set_standby(machine: JsonMachine, parameter: Mapping[str, Any]) -> Callable[[], None]:
    enabled, after = _flag(parameter, "enabled"), _one_of(parameter, "mode", _AFTER)
    minutes, (least, most) = parameter.get("minutes"), STANDBY_RANGE
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not least <= minutes <= most:
        raise CommandError(f"minutes {_shown(minutes)} is not {least} to {most}")
    return lambda: machine.set_smart_standby(enabled=enabled, minutes=minutes, after=after)


_COMMANDS: Final[Mapping[str, Callable[[JsonMachine, Mapping[str, Any]], Callable[[], None]]]] = {
    "MachineChangeMode": _change_mode,
    "SettingBoilerTarget": _set_target,
    "SettingBoilerEnable": _enable,
    "SettingSmartStandby": _set_standby,
}


def _one_of(parameter: Mapping[str, Any], name: str, words: Mapping[str, Any] | tuple[str, ...]) -> str:
    word = parameter.get(name)
    if not isinstance(word, str) or word not in words:
        raise CommandError(f"{name} {_shown(word)} is not {' or '.join(words)}")
    return word


def _flag(parameter: Mapping[str, Any], name: str) -> bool:
    value = parameter.get(name)
    if not isinstance(value, bool):
        raise CommandError(f"{name} {_shown(value)} is neither true nor false")
    return value


def _shown(value: object) -> str:
    return _compact(value)[:_LONGEST_SHOWN]


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
