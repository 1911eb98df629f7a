"""The settings that an owner can change: the name of the command, the words that follow, and the registers it writes.

A setting that writes one register has the name of that register. One that takes several words has a name of its own:
`dose` with a button and an amount writes `dose_k2`. Every other writable register, bit and time of day is a setting
too, by its own name. Ranges, units and models come from the memory map; how words become values is in `setting_words`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory_map import BIT_SETS, DAYS, DERIVED_BY_NAME, FORMER_NAMES, by_name
from lmdecode.codec.v1.register import Redundancy, Register

ON_OFF: Final[Mapping[str, Value]] = {"on": True, "off": False}
CLOCK_FORM: Final = "now, or a time such as 2026-11-21T09:30:00"
TIME_FORM: Final = "a time of day such as 06:30"
_LIST_FORM: Final = "names with commas between them, or none"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A word that follows the name of a setting."""

    name: str
    help: str
    words: Mapping[str, Value] | None = None
    """The value of each word; None if it is a number, or whatever the register takes."""
    option: bool = False
    """True if it is written `--name value` and may be left out."""
    register: str = ""
    """The name of a register whose range counts; "" if no number is wanted."""
    form: str = ""
    """What it looks like, if it is neither a number nor one of some words."""

    @property
    def row(self) -> Register | None:
        """The register whose range counts; None if no number is wanted."""
        return by_name(self.register)[0] if self.register else None

    @property
    def range_text(self) -> str:
        """What it takes, in words: the range and the unit, or the words.

        >>> SETTINGS["coffee_set_temp"].parameters[0].range_text
        '87 to 100 °C, in steps of 0.1'
        """
        row = self.row
        if row is not None:
            return range_of(row)
        if self.form:
            return self.form
        words = list(self.words or ())
        if self.name == "button":
            return f"{words[0]} to {words[-1]}"
        return f"{', '.join(words[:-1])} or {words[-1]}"


def range_of(row: Register) -> str:
    """Returns the numbers that may be written to a register, in words."""
    limits = "a number" if row.minimum is None else f"{row.minimum:g} to {row.maximum:g}"
    unit = f" {row.unit}" if row.unit else ""
    step = row.type.step
    return f"{limits}{unit}" + (f", in steps of {step:g}" if step is not None and step != 1 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting: `send NAME PARAMETER…`."""

    name: str
    does: str
    """A sentence for the list of commands."""
    parameters: tuple[Parameter, ...]
    targets: Mapping[str, str | None]
    """For each register, bit or time of day that it sets, the parameter that has the value; None for `constant`. In a
    name {button} and {day} stand for the parameters of these names."""
    constant: Value | None = None
    example: str = ""
    """The words after the name in an example."""
    alternative: str = ""
    """Another setting, which is meant if as many words are given as that one has parameters."""
    shown: str = ""
    """The name of the value that shows whether it is on, if it is not the register that is written."""
    formerly: str = ""
    """Its name in earlier versions, which users may still type; "" if it always had this name."""

    @property
    def choosing(self) -> tuple[Parameter, ...]:
        """The parameters that choose what is set, rather than its value: a button, a day. They come first."""
        return tuple(each for each in self.parameters if each.name not in self.targets.values())


def _button(template: str) -> Parameter:
    last = max(number for number in range(1, 10) if by_name(template.replace("{button}", str(number))))
    return Parameter("button", f"The button, 1 to {last}.", {str(number): number for number in range(1, last + 1)})


def _number(name: str, template: str, what: str, *, option: bool = False) -> Parameter:
    register = template.replace("{button}", "1")
    return Parameter(name, f"{what}, {range_of(by_name(register)[0])}.", option=option, register=register)


_DAY_HELP: Final = "mon to sun, or several: mon-fri, sat,sun, daily"
_DAY: Final = Parameter("day", f"{_DAY_HELP}.", {day: day for day in DAYS}, form=_DAY_HELP)
_DAY_OR_GLOBAL: Final = Parameter(
    "day",
    f"{_DAY_HELP}; or global.",
    {day: day for day in (*DAYS, "global")},
    form=f"{_DAY_HELP}; or global, the main switch",
)


def _switch(words: Mapping[str, Value] = ON_OFF) -> Parameter:
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
            name="coffee_set_temp",
            formerly="coffee-temp",
            does="Set the temperature of the coffee boiler.",
            parameters=(_number("degrees", "coffee_set_temp", "The temperature"),),
            targets={"coffee_set_temp": "degrees"},
            example="93.5",
        ),
        Setting(
            name="steam_set_temp",
            formerly="steam-temp",
            does="Set the temperature of the steam boiler.",
            parameters=(_number("degrees", "steam_set_temp", "The temperature"),),
            targets={"steam_set_temp": "degrees"},
            example="124",
        ),
        Setting(
            name="steam_boiler_enable",
            formerly="steam-boiler",
            does="Switch the steam boiler on or off.",
            parameters=(_switch({"on": "steam_boiler_on", "off": "steam_boiler_off"}),),
            targets={"command": "state"},
            shown="steam_boiler_enable",
            example="off",
        ),
        Setting(
            name="dose",
            does="Set how much coffee a button pours.",
            parameters=(_button("dose_k{button}"), _number("amount", "dose_k{button}", "The amount")),
            targets={"dose_k{button}": "amount"},
            example="2 121",
        ),
        Setting(
            name="dose_hot_water",
            formerly="hot-water-dose",
            does="Set how long hot water is poured.",
            parameters=(_number("seconds", "dose_hot_water", "The time"),),
            targets={"dose_hot_water": "seconds"},
            example="8",
        ),
        Setting(
            name="prebrew_flag",
            formerly="prebrew-mode",
            does="Choose between prebrewing, preinfusion and neither.",
            parameters=(Parameter("mode", f"{', '.join(_MODES)}.", _MODES),),
            targets={"prebrew_flag": "mode"},
            example="preinfusion",
        ),
        Setting(
            name="prebrewing",
            does="Switch prebrewing on; or switch it off, which switches preinfusion off too.",
            parameters=(Parameter("state", "on or off.", {"on": "prebrewing", "off": "off"}),),
            targets={"prebrew_flag": "state"},
            shown="enable_prebrewing",
            example="on",
        ),
        Setting(
            name="prebrew",
            does="Set the two times of a button's prebrewing: how long water flows, and how long it then stops.",
            parameters=(
                _button("prebrewing_ton_k{button}"),
                _number("on", "prebrewing_ton_k{button}", "How long water flows", option=True),
                _number("off", "prebrewing_toff_k{button}", "How long it then stops", option=True),
            ),
            targets={"prebrewing_ton_k{button}": "on", "prebrewing_toff_k{button}": "off"},
            example="1 --on 2.5 --off 3.1",
        ),
        Setting(
            name="preinfusion",
            does="Switch preinfusion on; or switch it off, which switches prebrewing off too; or set the preinfusion "
            "time of a button.",
            parameters=(Parameter("state", "on or off.", {"on": "preinfusion", "off": "off"}),),
            targets={"prebrew_flag": "state"},
            shown="enable_preinfusion",
            example="3 4.4",
            alternative="preinfusion_time",
        ),
        Setting(
            name="preinfusion_time",
            does="Set the preinfusion time of a button.",
            parameters=(_button("preinfusion_k{button}"), _number("seconds", "preinfusion_k{button}", "The time")),
            targets={"preinfusion_k{button}": "seconds"},
            example="3 4.4",
        ),
        Setting(
            name="schedule",
            does="Set the times at which the machine switches itself on and off on a day of the week.",
            parameters=(
                _DAY,
                Parameter("on", "When it switches on: 06:30.", form=TIME_FORM),
                Parameter("off", "When it switches off: 17:00.", form=TIME_FORM),
            ),
            targets={"{day}_on_time": "on", "{day}_off_time": "off"},
            example="tue 06:30 17:00",
        ),
        Setting(
            name="auto_on_off",
            does="Switch the schedule of a day on or off; global is the main switch for all days.",
            parameters=(_DAY_OR_GLOBAL, _switch()),
            targets={"{day}_auto": "state"},
            example="tue off",
        ),
        Setting(
            name="clock",
            does="Set the machine's clock.",
            parameters=(Parameter("time", f"{CLOCK_FORM}.", form=CLOCK_FORM),),
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

_FORMER: Final[Mapping[str, str]] = {each.formerly: each.name for each in SETTINGS.values() if each.formerly}
_SET_BY: Final[Mapping[str, str]] = {
    "coffee_temp": "coffee_set_temp",
    "steam_temp": "steam_set_temp",
    "enable_prebrewing": "prebrewing",
    "enable_preinfusion": "preinfusion",
}
"""By a value that the machine only reports: the setting that its owner is likely to mean."""
_UNCLEAR: Final = {
    "off": "power off, prebrewing off or steam_boiler_enable off",
    "on": "power on or steam_boiler_enable on",
}


def present_name(name: str) -> str:
    """Returns the name of today of a setting or register, for one of its spellings; any other text as it is.

    Hyphens may stand for underscores. `coffee-temp` is what `coffee_set_temp` was called; `coffee_temp`, with an
    underscore, is the temperature that the machine measures.

    >>> [present_name(each) for each in ("coffee-temp", "auto-on-off", "hot_water_dose", "coffee_temp")]
    ['coffee_set_temp', 'auto_on_off', 'dose_hot_water', 'coffee_temp']
    """
    word = name.strip().lower()
    if word in _FORMER:
        return _FORMER[word]
    plain = word.replace("-", "_")
    if plain in SETTINGS or is_value(plain):
        return FORMER_NAMES.get(plain, plain)
    return _FORMER.get(word.replace("_", "-"), name)


def is_former(name: str) -> bool:
    """Returns whether a name is one that a setting had in earlier versions."""
    word = name.strip().lower()
    plain = word.replace("-", "_")
    return word in _FORMER or (word.replace("_", "-") in _FORMER and plain not in SETTINGS and not is_value(plain))


def is_value(name: str) -> bool:
    """Returns whether a register, a bit or a derived value has this name."""
    return name in DERIVED_BY_NAME or bool(by_name(name))


def writable_names() -> list[str]:
    """Returns the names of all that can be set and is not in `SETTINGS`: registers, bits and times of day."""
    from lmdecode.codec.v1.memory_map import REGISTERS  # noqa: PLC0415 -- beside what else needs it

    names = [row.name for row in REGISTERS if row.name and row.writable]
    bits = [bit for bit, of in BIT_SETS.items() if by_name(of)[0].writable]
    times = [row.name for row in DERIVED_BY_NAME.values() if row.redundancy is Redundancy.WHOLE]
    return [name for name in dict.fromkeys((*names, *bits, *times)) if name not in SETTINGS]


def setting_named(name: str) -> Setting:
    """Returns a setting by its name, or by that of a writable register, bit or time of day.

    Raises:
        RegisterError: Nothing that can be set has this name; the message has the nearest that has.

    >>> setting_named("tue_on_time").parameters[0].range_text
    'a time of day such as 06:30'
    """
    present = present_name(name)
    if present in SETTINGS:
        return SETTINGS[present]
    if not is_value(present):
        raise unknown_setting(name)
    derived = DERIVED_BY_NAME.get(present)
    rows = by_name(BIT_SETS.get(present, present))
    if derived is not None and derived.redundancy is Redundancy.WHOLE:
        parameter = Parameter("time", f"{TIME_FORM}.", form=TIME_FORM)
        return _setting_of(present, parameter, by_name(derived.inputs[0])[0])
    if not rows or not rows[0].writable:
        raise _read_only(present)
    return _setting_of(present, _parameter_of(present, rows[0]), rows[0])


_EXAMPLES: Final = {
    "dose_k": "121",
    "prebrewing_ton_k": "2.5",
    "prebrewing_toff_k": "3.1",
    "preinfusion_k": "4.4",
    "command": "steam_boiler_off",
}
"""By the beginning of a register's name: a value that does no harm."""


def _setting_of(name: str, parameter: Parameter, row: Register) -> Setting:
    example = next((text for start, text in _EXAMPLES.items() if name.startswith(start)), "")
    if not example and parameter.words:
        example = next(iter(parameter.words))
    elif not example:
        example = "06:30" if parameter.form == TIME_FORM else "none" if row.minimum is None else f"{row.minimum:g}"
    kind = "a bit of" if name in BIT_SETS else "the register"
    does = f"Set {kind} {BIT_SETS.get(name, name)}."
    if name in DERIVED_BY_NAME and name not in BIT_SETS:
        does = f"Set {' and '.join(DERIVED_BY_NAME[name].inputs)}."
    return Setting(name=name, does=does, parameters=(parameter,), targets={name: parameter.name}, example=example)


def _parameter_of(name: str, row: Register) -> Parameter:
    if name in BIT_SETS or row.type.json == "boolean":
        return _switch()
    if row.type.json == "array":
        listed = f"{_LIST_FORM}: {', '.join(row.type.words)}"
        return Parameter("names", f"{listed}.", form=listed)
    if row.type.words:
        return Parameter("word", f"{', '.join(row.type.words)}.", {word: word for word in row.type.words})
    return _number("value", name, "The value")


def _read_only(name: str) -> RegisterError:
    wanted = _SET_BY.get(name)
    if wanted:
        return RegisterError(f"{name} is what the machine reports, and cannot be set: did you mean {wanted}?")
    return RegisterError(f"{name} can only be read, as with `lmdecode get {name}`")


def unknown_setting(name: str, others: Iterable[str] = ()) -> RegisterError:
    """Returns the error for a name that is not a setting, with the nearest that are.

    Args:
        name: The name.
        others: More names that could be meant: those of other commands.
    """
    word = name.strip().lower()
    if word in _UNCLEAR:
        return RegisterError(f"{name} is ambiguous: did you mean {_UNCLEAR[word]}?")
    near = nearest_settings(name, [*SETTINGS, *others])
    if near:
        return RegisterError(f"there is no setting {name[:40]!r}: did you mean {' or '.join(near)}?")
    listed = ", ".join([*SETTINGS, *others])
    return RegisterError(f"there is no setting {name[:40]!r}; there are {listed} and the writable registers")


_MOST_NEAR: Final = 3


def nearest_settings(name: str, known: Iterable[str]) -> list[str]:
    """Returns the known names that an unknown one may mean: several, if it is a part of several; [] if none is close.

    >>> nearest_settings("cofee_temp", SETTINGS), nearest_settings("temp", SETTINGS)
    (['coffee_set_temp'], ['coffee_set_temp', 'steam_set_temp'])
    """
    from difflib import get_close_matches  # noqa: PLC0415 -- only errors need it

    word, names = name.strip().lower().replace("-", "_"), [*known]
    parts = [each for each in names if word and f"_{word}_" in f"_{each}_"]
    if parts:
        return parts[:_MOST_NEAR]
    near = get_close_matches(word, [*names, *_FORMER], n=1, cutoff=0.5)
    near = near or get_close_matches(word, writable_names(), n=1, cutoff=0.7)
    return [_FORMER.get(each, each) for each in near]
