"""Words after the name of a setting, as people type them, and the values that they mean.

A number may have its unit behind it. A temperature may be in °F, as the display of many machines has it; it is
converted, and rounded to what the register can hold. Several days may be named at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from itertools import product
from typing import Final

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Value
from lmdecode.codec.typed_number import FAHRENHEIT, read_number, to_celsius
from lmdecode.codec.v1.memory_map import DAYS, PULSE_ML, by_name
from lmdecode.codec.v1.register import Register
from lmdecode.codec.v1.settings import ON_OFF, Parameter, Setting
from lmdecode.codec.v1.window import Fields

_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}").match
_CODE: Final = re.compile(r"\{(\w+)\}")
_MILLILITRES: Final = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)\s*(?:ml|mL|ML)\Z").match
_SAME: Final = {"yes": "on", "true": "on", "no": "off", "false": "off"}
_FULL_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "daily": DAYS,
    "all": DAYS,
    "weekdays": DAYS[:5],
    "weekend": DAYS[5:],
}


def values_for(setting: Setting, words: Mapping[str, Value | None], *, now: datetime) -> Fields:
    """Returns the values that a setting changes, by the names of registers, bits and times of day, for `change`.

    Args:
        setting: The setting.
        words: The user's word for each parameter, text or the value itself; None for an option that was left out.
        now: The local time, without a zone, for `clock now`.

    Raises:
        RegisterError: A word cannot be understood, or no value is given.

    >>> from lmdecode.codec.v1.settings import SETTINGS
    >>> values_for(SETTINGS["dose"], {"button": "2", "amount": "121"}, now=datetime(2026, 11, 21))
    {'dose_k2': 121}
    """
    parameters = {parameter.name: parameter for parameter in setting.parameters}
    values: Fields = {}
    names = targets_of(setting, {name: word if word is not None else "" for name, word in words.items()})
    for target, source in setting.targets.items():
        word = words.get(source) if source else setting.constant
        if word is None:
            continue
        for name in names[target]:
            values[name] = word if source is None else _value(parameters[source], word, name, now)
    if not values:
        raise RegisterError(
            f"nothing to set: give {' or '.join(f'--{each.name}' for each in setting.parameters if each.option)}"
        )
    return {name: values[name] for name in sorted(values, key=_place_in_week)} if setting.choosing else values


def targets_of(setting: Setting, words: Mapping[str, Value]) -> dict[str, list[str]]:
    """Returns the names of the registers, bits and times of day that each target of a setting stands for.

    Args:
        setting: The setting.
        words: The user's word for each parameter that was given: a button, days. One that is missing stands for all.

    Raises:
        RegisterError: A word cannot be understood.

    >>> from lmdecode.codec.v1.settings import SETTINGS
    >>> targets_of(SETTINGS["auto_on_off"], {"day": "sat-sun"})
    {'{day}_auto': ['sat_auto', 'sun_auto']}
    """
    chosen: dict[str, list[str]] = {}
    for parameter in setting.choosing:
        if parameter.name not in words:
            chosen[parameter.name] = [str(value) for value in (parameter.words or {}).values()]
        elif parameter.name == "day":
            chosen[parameter.name] = _days(parameter, str(words[parameter.name]))
        else:
            chosen[parameter.name] = [str(_choice(parameter, words[parameter.name]))]
    found: dict[str, list[str]] = {}
    for target in setting.targets:
        codes = _CODE.findall(target)
        found[target] = [
            target.format(**dict(zip(codes, values, strict=True)))
            for values in product(*(chosen[code] for code in codes))
        ]
    return found


def names_of(setting: Setting, words: Mapping[str, Value]) -> list[str]:
    """Returns the names of the registers, bits and times of day of a setting, day by day, as people read a schedule.

    Args:
        setting: The setting.
        words: As for `targets_of`.

    Raises:
        RegisterError: A word cannot be understood.
    """
    names = [name for some in targets_of(setting, words).values() for name in some]
    return sorted(names, key=_place_in_week) if "{day}" in "".join(setting.targets) else names


def conversions(words: Iterable[Value | None]) -> list[str]:
    """Returns a line for each temperature in °F among some words, with what it is in °C.

    >>> conversions(["202.9°F", "93.5", "94 °C"])
    ['202.9 °F is 94.9 °C']
    """
    found = [FAHRENHEIT(word.strip()) for word in words if isinstance(word, str)]
    return [f"{each[1]} °F is {to_celsius(each[1]):.1f} °C" for each in found if each]


def _place_in_week(name: str) -> int:
    """Returns a number to sort names by: the day that they are of, then those that are of none."""
    return DAYS.index(name[:3]) if name[:3] in DAYS else len(DAYS)


def _value(parameter: Parameter, word: Value, name: str, now: datetime) -> Value:
    if parameter.words is not None:
        return _choice(parameter, word)
    if not isinstance(word, str):
        return word
    if name == "clock":
        return (now.replace(microsecond=0, tzinfo=None) if word.lower() == "now" else _moment(word)).isoformat()
    rows = by_name(name)
    return _READERS[rows[0].type.json](word, rows[0]) if rows and rows[0].type.json in _READERS else word


def _choice(parameter: Parameter, word: Value) -> Value:
    words = parameter.words or {}
    if isinstance(word, bool) and "on" in words:
        return words["on" if word else "off"]
    text = str(word)
    wanted = text.strip().lower()
    if "on" in words:
        wanted = _SAME.get(wanted, wanted)
    if wanted in words:
        return words[wanted]
    if parameter.name == "button":
        raise RegisterError(f"there is no button {text[:40]!r}: give {parameter.range_text}")
    raise RegisterError(f"{parameter.name} {text[:40]!r} is not one of {', '.join(words)}")


def _days(parameter: Parameter, text: str) -> list[str]:
    """Returns the days that a text names: `tue`, `mon-fri`, `mon,wed`, `daily`."""
    found: list[str] = []
    for piece in text.strip().lower().split(","):
        group = _DAY_GROUPS.get(piece.strip())
        first, dash, last = piece.partition("-")
        if group:
            found += group
        elif dash:
            start, end = (DAYS.index(_day(parameter, each, text, days=DAYS)) for each in (first, last))
            found += [DAYS[(start + step) % 7] for step in range((end - start) % 7 + 1)]
        else:
            found.append(_day(parameter, piece, text, days=parameter.words or {}))
    return list(dict.fromkeys(found))


def _day(parameter: Parameter, piece: str, text: str, *, days: Iterable[str]) -> str:
    word = piece.strip()
    word = word[:3] if word in _FULL_DAYS else word
    if word not in days:
        raise RegisterError(
            f"day {text[:40]!r} is not one of {', '.join(parameter.words or ())}; nor several, as in mon-fri, mon,wed, "
            "or daily"
        )
    return word


def _moment(text: str) -> datetime:
    try:
        if not _TIME(text):
            raise ValueError  # noqa: TRY301 -- a day alone would be midnight
        return datetime.fromisoformat(text)
    except ValueError:
        raise RegisterError(f"{text[:40]!r} is neither now nor a time such as 2026-11-21T09:30:00") from None


def _read_number(text: str, row: Register, *, kind: Callable[[str], int | float]) -> Value:
    unit = row.unit or ""
    return read_number(text, name=row.name or "", unit=unit, kind=kind, meant=lambda number: _meant(number, unit))


def _meant(number: str, unit: str) -> str:
    """Returns what to write instead of a number that was understood although it cannot be taken; otherwise ""."""
    if (millilitres := _MILLILITRES(number)) and unit == "pulses":
        return f": {millilitres[1]} ml are about {float(millilitres[1]) / PULSE_ML:.0f} {unit}"
    return ""


def _read_names(text: str, _row: Register) -> Value:
    word = text.strip()
    return [] if word.lower() == "none" else [piece.strip() for piece in word.split(",")]


def _read_flag(text: str, row: Register) -> Value:
    word = _SAME.get(text.strip().lower(), text.strip().lower())
    if word not in ON_OFF:
        raise RegisterError(f"{row.name}: {text[:40]!r} is neither on nor off")
    return ON_OFF[word]


_READERS: Final[Mapping[str, Callable[[str, Register], Value]]] = {
    "integer": partial(_read_number, kind=int),
    "number": partial(_read_number, kind=float),
    "array": _read_names,
    "boolean": _read_flag,
}
