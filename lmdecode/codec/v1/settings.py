"""The settings that an owner can change: the name of the command, the words that follow, and the registers it writes.

Ranges, units and models come from the memory map.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory_map import DAYS, by_name
from lmdecode.codec.v1.register import Register
from lmdecode.codec.v1.window import Fields

_ON_OFF: Final[Mapping[str, Value]] = {"on": True, "off": False}
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?\Z").match
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}").match
_CODE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A word that follows the name of a setting."""

    name: str
    help: str
    words: Mapping[str, Value] | None = None
    """The value of each word; None if it is a number, or whatever the register takes."""
    option: bool = False
    """True if it is written `--name value` and may be left out."""
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting: `send NAME PARAMETER…`."""

    name: str
    does: str
    """A sentence for the list of commands."""
    parameters: tuple[Parameter, ...]
    targets: Mapping[str, str | None]
    """For each register, bit or time of day that it sets, the parameter that has the value; None for `constant`. In a
    name {key} and {day} stand for the parameters of these names."""
    constant: Value | None = None
    example: str = ""
    """The words after the name in an example."""
    alternative: str = ""
    """Another setting, which is meant if as many words are given as that one has parameters."""


def _range_of(template: str) -> str:
    """The range of a register's values, as help text."""
    row = by_name(template.replace("{key}", "1"))[0]
    return f"{row.minimum:g} to {row.maximum:g} {row.unit}"


def _key_parameter(template: str) -> Parameter:
    last = max(number for number in range(1, 10) if by_name(template.replace("{key}", str(number))))
    return Parameter("key", f"The button, 1 to {last}.", {str(number): number for number in range(1, last + 1)})


def _number(name: str, template: str, what: str, *, option: bool = False) -> Parameter:
    return Parameter(name, f"{what}, {_range_of(template)}.", option=option)


_DAY: Final = Parameter("day", "mon to sun.", {day: day for day in DAYS})
_DAY_OR_GLOBAL: Final = Parameter("day", "mon to sun, or global.", {day: day for day in (*DAYS, "global")})


def _switch(words: Mapping[str, Value] = _ON_OFF) -> Parameter:
    return Parameter("state", f"{' or '.join(words)}.", words)


_MODES: Final[Mapping[str, Value]] = {word: word for word in by_name("prebrew_flag")[0].type.words}

SETTINGS: Final[Mapping[str, Setting]] = {
    setting.name: setting
    for setting in (
        Setting(
            name="power",
            does="Switch the machine on, or to standby.",
            parameters=(_switch(),),
            targets={"power": "state"},
            example="on",
        ),
        Setting(
            name="coffee-temp",
            does="Set the temperature of the coffee boiler.",
            parameters=(_number("degrees", "coffee_set_temp", "The temperature"),),
            targets={"coffee_set_temp": "degrees"},
            example="93.5",
        ),
        Setting(
            name="steam-temp",
            does="Set the temperature of the steam boiler.",
            parameters=(_number("degrees", "steam_set_temp", "The temperature"),),
            targets={"steam_set_temp": "degrees"},
            example="124",
        ),
        Setting(
            name="steam-boiler",
            does="Switch the steam boiler on or off.",
            parameters=(_switch({"on": "steam_boiler_on", "off": "steam_boiler_off"}),),
            targets={"command": "state"},
            example="off",
        ),
        Setting(
            name="dose",
            does="Set how much coffee a button pours.",
            parameters=(_key_parameter("dose_k{key}"), _number("amount", "dose_k{key}", "The amount")),
            targets={"dose_k{key}": "amount"},
            example="2 121",
        ),
        Setting(
            name="hot-water-dose",
            does="Set how long hot water is poured.",
            parameters=(_number("seconds", "dose_hot_water", "The time"),),
            targets={"dose_hot_water": "seconds"},
            example="8",
        ),
        Setting(
            name="prebrew-mode",
            does="Choose between prebrewing, preinfusion and neither.",
            parameters=(Parameter("mode", f"{', '.join(_MODES)}.", _MODES),),
            targets={"prebrew_flag": "mode"},
            example="preinfusion",
        ),
        Setting(
            name="prebrewing",
            does="Switch prebrewing on; or switch it off, which switches preinfusion off too.",
            parameters=(Parameter("state", "on or off.", {"on": "prebrewing", "off": "off"}, default="on"),),
            targets={"prebrew_flag": "state"},
        ),
        Setting(
            name="prebrew",
            does="Set the two times of a button's prebrewing: how long water flows, and how long it then stops.",
            parameters=(
                _key_parameter("prebrewing_ton_k{key}"),
                _number("on", "prebrewing_ton_k{key}", "How long water flows", option=True),
                _number("off", "prebrewing_toff_k{key}", "How long it then stops", option=True),
            ),
            targets={"prebrewing_ton_k{key}": "on", "prebrewing_toff_k{key}": "off"},
            example="1 --on 2.5 --off 3.1",
        ),
        Setting(
            name="preinfusion",
            does="Switch preinfusion on; or switch it off, which switches prebrewing off too; or set the preinfusion "
            "time of a button.",
            parameters=(Parameter("state", "on or off.", {"on": "preinfusion", "off": "off"}, default="on"),),
            targets={"prebrew_flag": "state"},
            example="3 4.4",
            alternative="preinfusion-time",
        ),
        Setting(
            name="preinfusion-time",
            does="Set the preinfusion time of a button.",
            parameters=(_key_parameter("preinfusion_k{key}"), _number("seconds", "preinfusion_k{key}", "The time")),
            targets={"preinfusion_k{key}": "seconds"},
            example="3 4.4",
        ),
        Setting(
            name="schedule",
            does="Set the times at which the machine switches itself on and off on a day of the week.",
            parameters=(
                _DAY,
                Parameter("on", "When it switches on: 06:30."),
                Parameter("off", "When it switches off: 17:00."),
            ),
            targets={"{day}_on_time": "on", "{day}_off_time": "off"},
            example="tue 06:30 17:00",
        ),
        Setting(
            name="auto-on-off",
            does="Switch the schedule of a day on or off; global is the main switch for all days.",
            parameters=(_DAY_OR_GLOBAL, _switch()),
            targets={"{day}_auto": "state"},
            example="tue off",
        ),
        Setting(
            name="clock",
            does="Set the machine's clock.",
            parameters=(Parameter("time", "now, or a time such as 2026-11-21T09:30:00."),),
            targets={"clock": "time"},
            example="now",
        ),
        Setting(
            name="backflush",
            does="Start a backflush: put the blind filter in first.",
            parameters=(),
            targets={"command": None},
            constant="start_backflush",
        ),
    )
}
"""By name."""


def nearest_setting(name: str, known: Iterable[str]) -> str | None:
    """The known name that is closest to an unknown one; None if none is close.

    >>> nearest_setting("cofee_temp", SETTINGS)
    'coffee-temp'
    """
    from difflib import get_close_matches  # noqa: PLC0415 -- only errors need it

    return next(iter(get_close_matches(name.lower().replace("_", "-"), [*known], n=1, cutoff=0.5)), None)


def values_for(setting: Setting, words: Mapping[str, str | None], *, now: datetime) -> Fields:
    """The values that a setting changes, by the names of registers, bits and times of day, as `change` takes them.

    Args:
        setting: The setting.
        words: The user's word for each parameter; None for an option that was left out.
        now: The local time, without a zone, for `clock now`.

    Raises:
        RegisterError: A word cannot be understood, or no value is given.

    >>> values_for(SETTINGS["dose"], {"key": "2", "amount": "121"}, now=datetime(2026, 11, 21))
    {'dose_k2': 121}
    """
    parameters = {parameter.name: parameter for parameter in setting.parameters}
    chosen = {
        name: str(_choice(parameters[name], words.get(name) or ""))
        for target in setting.targets
        for name in _CODE.findall(target)
    }
    values: Fields = {}
    for target, source in setting.targets.items():
        name = target.format(**chosen)
        text = words.get(source) if source else None
        if source is None and setting.constant is not None:
            values[name] = setting.constant
        elif source is not None and text is not None:
            values[name] = _value(parameters[source], text, name, now)
    if not values:
        raise RegisterError(
            f"nothing to set: give {' or '.join(f'--{each.name}' for each in setting.parameters if each.option)}"
        )
    return values


def _value(parameter: Parameter, text: str, name: str, now: datetime) -> Value:
    if parameter.words is not None:
        return _choice(parameter, text)
    if name == "clock":
        return (now.replace(microsecond=0, tzinfo=None) if text.lower() == "now" else _moment(text)).isoformat()
    rows = by_name(name)
    return _READERS[rows[0].type.json](text, rows[0]) if rows else text


def _choice(parameter: Parameter, text: str) -> Value:
    words = parameter.words or {}
    word = text.strip().lower()
    if word not in words and parameter.name == "day":
        word = (
            word[:3] if word in {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} else ""
        )
    if word not in words:
        raise RegisterError(f"{parameter.name} {text[:40]!r} is not one of {', '.join(words)}")
    return words[word]


def _moment(text: str) -> datetime:
    try:
        if not _TIME(text):
            raise ValueError  # noqa: TRY301 -- a day alone would be midnight
        return datetime.fromisoformat(text)
    except ValueError:
        raise RegisterError(f"{text[:40]!r} is neither now nor a time such as 2026-11-21T09:30:00") from None


def _read_number(text: str, row: Register, *, kind: Callable[[str], int | float]) -> Value:
    unit = row.unit or ""
    number = text.strip().removesuffix(unit).strip()
    try:
        if not _NUMBER(number):
            raise ValueError  # noqa: TRY301 -- 1e2, 9_5, nan and the digits of other scripts are numbers in Python only
        return kind(number)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise RegisterError(f"{row.name}: {text[:40]!r} is not {what}" + (f" of {unit}" if unit else "")) from None


_READERS: Final[Mapping[str, Callable[[str, Register], Value]]] = {
    "integer": partial(_read_number, kind=int),
    "number": partial(_read_number, kind=float),
}
