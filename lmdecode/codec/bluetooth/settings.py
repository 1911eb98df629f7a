"""The settings that a machine takes over Bluetooth: their names and words, their ranges by model, and the commands.

The names are those of the fields, and those of v1's settings where the thing is the same. Nothing else - doses,
prebrewing, the schedule, a backflush - is known to be taken over Bluetooth. All of it is claimed by several programs,
and no recording of a radio is public; the ranges are those of the most used library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Value
from lmdecode.codec.typed_number import read_number

if TYPE_CHECKING:  # `send --help` needs the table alone
    from lmdecode.codec.bluetooth.requester import Command

Fields = Mapping[str, Value]
"""Values by the names of fields."""

COFFEE_RANGE: Final = (80.0, 110.0)
"""°C, on all models."""
STEAM_LEVELS: Final = (126.0, 128.0, 131.0)
"""°C at the levels 1 to 3 of the models that have levels."""
STEAM_RANGE: Final = (20.0, 134.0)
"""°C, on the models that take any temperature between."""
STANDBY_RANGE: Final = (1, 240)
"""Minutes."""

_WITH_LEVELS: Final = frozenset(("Linea Micra", "Linea Mini R"))
_WITH_DEGREES: Final = frozenset(("GS3", "GS3 AV", "GS3 MP"))
_WITHOUT_STEAM_TEMP: Final = frozenset(("Linea Mini",))

_ON_OFF: Final[Mapping[str, Value]] = {"on": True, "off": False}
_SAME: Final = {"yes": "on", "true": "on", "no": "off", "false": "off"}
_AFTER: Final[Mapping[str, Value]] = {"power-on": "PowerOn", "last-brewing": "LastBrewing"}

_HAZARDS: Final[Mapping[tuple[str, bool | None], str]] = {
    ("power", True): "heats the boilers",
    ("coffee_set_temp", None): "sets how hot the coffee boiler gets",
    ("steam_set_temp", None): "sets how hot the steam boiler gets",
    ("steam_boiler_enable", True): "heats the steam boiler",
}
"""What heats, by field and value (None: any value), in the words that v1's settings have."""
_SOURCES: Final[Mapping[str, str]] = {
    "power": "machineMode",
    "coffee_set_temp": "boilers",
    "steam_set_temp": "boilers",
    "steam_boiler_enable": "boilers",
    "smart_standby_enable": "smartStandBy",
    "smart_standby_minutes": "smartStandBy",
    "smart_standby_after": "smartStandBy",
}
"""The question whose answer shows each field that can be set."""
_LEVELS_TEXT: Final = "126, 128 or 131 °C"
_DEGREES_TEXT: Final = f"{STEAM_RANGE[0]:g} to {STEAM_RANGE[1]:g} °C"
_STEAM_TEXT: Final = f"{_LEVELS_TEXT} (Linea Micra, Linea Mini R), {_DEGREES_TEXT} (GS3)"
_BOILERS: Final = {"coffee": "CoffeeBoiler1", "steam": "SteamBoiler"}
_HUGE: Final = 10**40  # Python refuses to write whole numbers of some thousand digits
_TENTH: Final = 0.05  # °C; less is the noise of the machine's floating point


@dataclass(frozen=True, slots=True)
class Parameter:
    """A word that follows the name of a setting."""

    name: str
    help: str
    words: Mapping[str, Value] | None = None
    """The value of each word; None if it is a number."""
    option: bool = False
    """Whether it is written `--name value` and may be left out."""
    range_text: str = ""
    """What it takes, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting: `send NAME PARAMETER…`."""

    name: str
    does: str
    """A sentence for the list of commands."""
    parameters: tuple[Parameter, ...]
    example: str
    """The words after the name in an example."""
    shown: tuple[str, ...]
    """The names of the values that show it."""
    formerly: str = ""
    """Another name, which v1's settings have had; "" if there is none."""

    def takes(self, model: str | None = None) -> tuple[tuple[str, str], ...]:
        """Return each word that follows the name, with what it may be.

        Args:
            model: The machine's model; None: what any model takes.

        Raises:
            RegisterError: The model does not have the setting.

        >>> SETTINGS["steam_set_temp"].takes("GS3 AV"), SETTINGS["standby"].takes()[1]
        ((('DEGREES', '20 to 134 °C'),), ('--after', 'power-on or last-brewing'))
        """
        words = [f"--{each.name}" if each.option else each.name.upper() for each in self.parameters]
        ranges = [each.range_text for each in self.parameters]
        if self.name in {"steam_set_temp", "steam_level"} and model is not None:
            if model in _WITHOUT_STEAM_TEMP:
                raise _no_steam_temp(model)
            if self.name == "steam_level" and model in _WITH_DEGREES:
                raise _no_steam_levels(model)
            ranges = ["1 to 3"] if self.name == "steam_level" else [_steam_range(model) or ranges[0]]
        return tuple(zip(words, ranges, strict=True))


def _switch() -> Parameter:
    return Parameter("state", "on or off.", _ON_OFF, range_text="on or off")


_MINUTES: Final = f"{STANDBY_RANGE[0]} to {STANDBY_RANGE[1]} min"

SETTINGS: Final[Mapping[str, Setting]] = {
    each.name: each
    for each in (
        Setting(
            name="power",
            shown=("power",),
            does="Switch the machine on, or to standby.",
            parameters=(_switch(),),
            example="on",
        ),
        Setting(
            name="coffee_set_temp",
            shown=("coffee_set_temp",),
            formerly="coffee-temp",
            does="Set the temperature of the coffee boiler.",
            parameters=(Parameter("degrees", "The temperature, 80 to 110 °C.", range_text="80 to 110 °C"),),
            example="93.5",
        ),
        Setting(
            name="steam_set_temp",
            shown=("steam_set_temp",),
            formerly="steam-temp",
            does="Set the temperature of the steam boiler.",
            parameters=(Parameter("degrees", f"The temperature, {_STEAM_TEXT}.", range_text=_STEAM_TEXT),),
            example="128",
        ),
        Setting(
            name="steam_level",
            shown=("steam_set_temp",),
            does="Set the temperature of the steam boiler by its level.",
            parameters=(
                Parameter(
                    "level",
                    "The level, 1 to 3.",
                    {str(number): degrees for number, degrees in enumerate(STEAM_LEVELS, start=1)},
                    range_text="1 to 3 (Linea Micra, Linea Mini R)",
                ),
            ),
            example="2",
        ),
        Setting(
            name="steam_boiler_enable",
            shown=("steam_boiler_enable",),
            formerly="steam-boiler",
            does="Switch the steam boiler on or off.",
            parameters=(_switch(),),
            example="off",
        ),
        Setting(
            name="standby",
            shown=("smart_standby_minutes", "smart_standby_enable", "smart_standby_after"),
            does="Set after how many minutes without use the machine goes to standby.",
            parameters=(
                Parameter("minutes", f"The minutes, {_MINUTES}; or on, or off.", range_text=f"{_MINUTES}, on or off"),
                Parameter(
                    "after",
                    "From when they count: power-on or last-brewing.",
                    _AFTER,
                    option=True,
                    range_text="power-on or last-brewing",
                ),
            ),
            example="30 --after last-brewing",
        ),
    )
}
"""By name."""

_BY_FIELD: Final[Mapping[str, Setting]] = {
    each.name: each
    for each in (
        Setting(
            name="smart_standby_enable",
            shown=("smart_standby_enable",),
            does="Switch on or off that the machine goes to standby by itself.",
            parameters=(_switch(),),
            example="on",
        ),
        Setting(
            name="smart_standby_minutes",
            shown=("smart_standby_minutes",),
            does="Set after how many minutes the machine goes to standby.",
            parameters=(Parameter("minutes", f"The minutes, {_MINUTES}.", range_text=_MINUTES),),
            example="30",
        ),
        Setting(
            name="smart_standby_after",
            shown=("smart_standby_after",),
            does="Set from when the minutes count.",
            parameters=(
                Parameter("after", "power-on or last-brewing.", _AFTER, range_text="power-on or last-brewing"),
            ),
            example="last-brewing",
        ),
    )
}


def setting_named(name: str) -> Setting | None:
    """Return a setting by its name, by one that it had in v1, or by the field that it sets; None if there is none.

    Hyphens may stand for underscores. `coffee-temp` is what `coffee_set_temp` was called; `coffee_temp`, with an
    underscore, is the temperature that the machine measures.

    >>> setting_named("coffee-temp").name, setting_named("steam-level").name, setting_named("coffee_temp")
    ('coffee_set_temp', 'steam_level', None)
    """
    word = name.strip().lower()
    for each in SETTINGS.values():
        if word == each.formerly:
            return each
    plain = word.replace("-", "_")
    return SETTINGS.get(plain) or _BY_FIELD.get(plain)


@dataclass(frozen=True, slots=True)
class BluetoothChange:
    """A new value for a field; a `Change` of the client core. Make it with `changes_for`."""

    name: str
    value: Value
    by_level: bool = False
    """Whether a steam temperature was given as a level."""

    @property
    def label(self) -> str:
        """The name to show."""
        return self.name

    @property
    def expected(self) -> Value:
        """The value that shows if it worked."""
        return self.value

    @property
    def is_shown(self) -> bool:
        """True: all that is set over Bluetooth can be read."""
        return True

    @property
    def is_repeatable(self) -> bool:
        """False: what the machine holds already is not sent."""
        return False

    @property
    def source(self) -> str:
        """The name of the question whose answer shows it."""
        return _SOURCES[self.name]

    @property
    def hazard(self) -> str:
        """How the change heats, in words; "" if it does not."""
        flag = self.value if isinstance(self.value, bool) else None
        return _HAZARDS.get((self.name, flag)) or _HAZARDS.get((self.name, None), "")

    def value_in(self, state: Fields) -> Value | None:
        """The value that the machine holds; None if that is not known."""
        return state.get(self.name)

    def is_made(self, state: Fields) -> bool:
        """True if the machine holds the new value."""
        found = self.value_in(state)
        if isinstance(self.value, float) and isinstance(found, int | float) and not isinstance(found, bool):
            return abs(found - self.value) < _TENTH
        return found == self.value and isinstance(found, bool) == isinstance(self.value, bool)


def changes_for(setting: Setting, words: Mapping[str, Value | None]) -> list[BluetoothChange]:
    """Return the changes that a setting and the words after it mean.

    Args:
        setting: The setting.
        words: The user's word for each parameter, text or the value itself; None for an option that was left out.

    Raises:
        RegisterError: A word cannot be understood, or a number is in no model's range.

    >>> [str(each.value) for each in changes_for(SETTINGS["standby"], {"minutes": "30", "after": None})]
    ['30', 'True']
    """
    given = {name: word for name, word in words.items() if word is not None}
    found = []
    for parameter in setting.parameters:
        if parameter.name in given:
            found += _changes(setting, parameter, given[parameter.name])
    return found


def _changes(setting: Setting, parameter: Parameter, word: Value) -> list[BluetoothChange]:
    name = setting.name
    if name in {"coffee_set_temp", "steam_set_temp"}:
        low, high = COFFEE_RANGE if name == "coffee_set_temp" else STEAM_RANGE
        return [BluetoothChange(name, round(float(_number(word, name, "°C", low, high)), 1))]
    if name == "steam_level":
        text = str(word).strip()
        if parameter.words is None or text not in parameter.words:
            raise RegisterError(f"there is no steam level {text[:40]!r}: give {parameter.range_text}")
        return [BluetoothChange("steam_set_temp", parameter.words[text], by_level=True)]
    if parameter.name == "after":
        return [BluetoothChange("smart_standby_after", _after(word))]
    if parameter.name == "minutes":
        is_switch = isinstance(word, bool) or (isinstance(word, str) and _word(word) in _ON_OFF)
        if is_switch and name == "standby":
            return [BluetoothChange("smart_standby_enable", _flag(word, name))]
        minutes = BluetoothChange(
            "smart_standby_minutes", int(_number(word, "smart_standby_minutes", "min", *STANDBY_RANGE, kind=int))
        )
        return [minutes, BluetoothChange("smart_standby_enable", value=True)] if name == "standby" else [minutes]
    return [BluetoothChange(name, _flag(word, name))]


def _word(text: str) -> str:
    word = text.strip().lower()
    return _SAME.get(word, word)


def _flag(word: Value, name: str) -> bool:
    if isinstance(word, bool):
        return word
    found = _ON_OFF.get(_word(str(word)))
    if not isinstance(found, bool):
        raise RegisterError(f"{name}: {str(word)[:40]!r} is neither on nor off")
    return found


def _after(word: Value) -> Value:
    text = str(word).strip().lower().replace("_", "-")
    for spelled, value in _AFTER.items():
        if text in {spelled, str(value).lower()}:
            return value
    raise RegisterError(f"after {str(word)[:40]!r} is not one of {', '.join(_AFTER)}")


def _number(word: Value, name: str, unit: str, low: float, high: float, *, kind: type[int | float] = float) -> float:
    if isinstance(word, str):
        number: float = read_number(word, name=name, unit=unit, kind=kind)
    elif isinstance(word, bool | list) or (kind is int and isinstance(word, float) and not word.is_integer()):
        raise RegisterError(f"{name}: {str(word)[:40]!r} is not a {'whole ' if kind is int else ''}number of {unit}")
    else:
        number = word
    if not low <= number <= high:  # also false for what is no number
        shown = f"{number:g}" if isinstance(number, float) else str(number)[:40] if abs(number) < _HUGE else "that much"
        raise RegisterError(f"{name} must be {low:g} to {high:g} {unit}, not {shown}")
    return number


def check(change: BluetoothChange, model: str | None) -> None:
    """Check a change against a machine's model.

    Args:
        change: The change.
        model: The model, as the field `model` has it; None if it is not known.

    Raises:
        RegisterError: The model does not have the setting, or does not take the value.

    >>> check(changes_for(SETTINGS["steam_set_temp"], {"degrees": "127"})[0], "Linea Micra")
    Traceback (most recent call last):
        ...
    lmdecode.codec.errors.RegisterError: steam_set_temp of a Linea Micra is 126, 128 or 131 °C (levels 1 to 3), not 127
    """
    if change.name != "steam_set_temp" or model is None:
        return
    if model in _WITHOUT_STEAM_TEMP:
        raise _no_steam_temp(model)
    if model in _WITH_LEVELS and change.value not in STEAM_LEVELS:
        raise RegisterError(f"steam_set_temp of a {model} is {_LEVELS_TEXT} (levels 1 to 3), not {change.value:g}")
    if model in _WITH_DEGREES and change.by_level:
        raise _no_steam_levels(model)


def _steam_range(model: str) -> str:
    """Return the steam temperatures of a model, in words; "" if nobody knows them."""
    return _LEVELS_TEXT if model in _WITH_LEVELS else _DEGREES_TEXT if model in _WITH_DEGREES else ""


def _no_steam_temp(model: str) -> RegisterError:
    return RegisterError(f"the steam temperature of a {model} cannot be set; steam_boiler_enable can")


def _no_steam_levels(model: str) -> RegisterError:
    return RegisterError(f"a {model} has no steam levels: set steam_set_temp, {_DEGREES_TEXT}")


def needs_model(changes: Sequence[BluetoothChange]) -> bool:
    """Return True if the range of one of the changes depends on the model."""
    return any(each.name == "steam_set_temp" for each in changes)


def knows_model(model: str | None) -> bool:
    """Return True if the ranges of a model are known."""
    return model in _WITH_LEVELS | _WITH_DEGREES | _WITHOUT_STEAM_TEMP


def commands(changes: Sequence[BluetoothChange], state: Fields) -> list[Command]:
    """Return the commands that make some changes.

    Args:
        changes: Changes of different fields.
        state: What the machine holds, for what a command must say again though it does not change it.

    Raises:
        RegisterError: What must be said again is not known.

    >>> [each.text for each in commands(changes_for(SETTINGS["power"], {"state": "off"}), {})]
    ['{"name":"MachineChangeMode","parameter":{"mode":"StandBy"}}']
    """
    from lmdecode.codec.bluetooth.requester import Command  # noqa: PLC0415 -- see above

    found: list[Command] = []
    standby = {each.name: each.value for each in changes if each.source == "smartStandBy"}
    for each in changes:
        boiler = _BOILERS.get(each.name.partition("_")[0], "")
        if each.name == "power":
            mode = "BrewingMode" if each.value else "StandBy"
            found.append(Command("MachineChangeMode", (("mode", mode),)))
        elif each.name.endswith("_set_temp"):
            found.append(Command("SettingBoilerTarget", (("identifier", boiler), ("value", _plain(each.value)))))
        elif each.name == "steam_boiler_enable":
            found.append(Command("SettingBoilerEnable", (("identifier", boiler), ("state", each.value))))
    if standby:
        found.append(_standby({**state, **standby}))
    return found


def _standby(values: Fields) -> Command:
    from lmdecode.codec.bluetooth.requester import Command  # noqa: PLC0415 -- see above

    members = {"minutes": "smart_standby_minutes", "mode": "smart_standby_after", "enabled": "smart_standby_enable"}
    missing = [name for name in members.values() if name not in values]
    if missing:
        raise RegisterError(f"standby is set as a whole, and the machine does not tell {', '.join(missing)}")
    return Command("SettingSmartStandby", tuple((member, values[name]) for member, name in members.items()))


def _plain(value: Value) -> Value:
    """Return a number without a fraction as a whole one, as other programs send it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_made_by(change: BluetoothChange, command: Command) -> bool:
    """Return True if a command makes a change."""
    parameter = dict(command.parameter)
    boiler = _BOILERS.get(change.name.partition("_")[0])
    match command.name:
        case "MachineChangeMode":
            return change.name == "power"
        case "SettingBoilerTarget":
            return change.name.endswith("_set_temp") and parameter["identifier"] == boiler
        case "SettingBoilerEnable":
            return change.name.endswith("_boiler_enable") and parameter["identifier"] == boiler
        case _:
            return change.source == "smartStandBy"
