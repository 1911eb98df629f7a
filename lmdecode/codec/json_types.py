"""The types of values in JSON messages: each reads a JSON value as ours, in our unit, or says that it is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from lmdecode.codec.record import JsonType, Value


class JsonFieldType(NamedTuple):
    """How a JSON value becomes the value of a field."""

    name: str
    """What it is called in lists."""
    json: JsonType
    """The JSON type of the field."""
    read: Callable[[object], Value]
    """Returns the value. Raises ValueError if the JSON value is none of this type."""
    words: tuple[str, ...] = ()
    """The words of an enumeration that are known."""


def _number(value: object) -> float:
    if isinstance(value, str):
        value = float(value.strip())  # some of the maker's programs write numbers as text
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("is no number")
    return float(value)


def number(decimals: int = 1, scale: float = 1.0) -> JsonFieldType:
    """A number, rounded: the gateways widen 32-bit floats, so that 123.9 comes as 123.9000015258789.

    Args:
        decimals: So many are kept.
        scale: What the JSON value is multiplied by, to be in our unit.

    >>> number(1).read(123.9000015258789), number(3, 1 / 1000).read(1500)
    (123.9, 1.5)
    """
    return JsonFieldType("number", "number", lambda value: round(_number(value) * scale, decimals))


def integer(scale: float = 1) -> JsonFieldType:
    """A whole number.

    >>> integer().read(12.0)
    12
    """

    def read(value: object) -> int:
        found = _number(value) * scale
        if found != round(found):
            raise ValueError("is no whole number")
        return round(found)

    return JsonFieldType("integer", "integer", read)


_YES: Final = frozenset(("true", "on", "yes"))
_NO: Final = frozenset(("false", "off", "no"))


def flag(words: Mapping[str, bool] = MappingProxyType({})) -> JsonFieldType:
    """A boolean: as such, or as text, for both occur. Text "false" is not true, though it is not empty.

    Args:
        words: Words that stand for one, as they come: {"BrewingMode": True}.

    >>> flag().read("false"), flag({"full": True, "empty": False}).read("full")
    (False, True)
    """

    def read(value: object) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            if value in words:
                return words[value]
            if value.lower() in _YES | _NO:
                return value.lower() in _YES
        raise ValueError("is neither true nor false")

    return JsonFieldType("flag", "boolean", read, tuple(words))


def word(words: Mapping[str, str] = MappingProxyType({})) -> JsonFieldType:
    """A word of an enumeration. Several of the maker's spellings may stand for one of ours; one that is new stays.

    Args:
        words: For each word as it comes, ours.

    >>> mode = word({"Enabled": "prebrewing", "TypeA": "prebrewing"})
    >>> mode.read("TypeA"), mode.read("TypeZ")
    ('prebrewing', 'TypeZ')
    """

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("is no word")  # noqa: TRY004 -- as of all that is no value of a type
        return words.get(value, value)

    return JsonFieldType("word", "string", read, tuple(dict.fromkeys(words.values())))


def coded(words: Mapping[object, int]) -> JsonFieldType:
    """A whole number for each of some words: the number of a button for its name.

    >>> coded({"DoseA": 1}).read("DoseA")
    1
    """

    def read(value: object) -> int:
        if isinstance(value, str) and value in words:
            return words[value]
        raise ValueError("is no known word")

    return JsonFieldType("integer", "integer", read, tuple(map(str, words)))


def _read_text(value: object) -> str:
    if isinstance(value, bool | dict | list) or value is None:
        raise ValueError("is no text")
    return str(value)


TEXT: Final = JsonFieldType("text", "string", _read_text)


def _read_words(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("is no list of words")
    return [*value]


WORDS: Final = JsonFieldType("words", "array", _read_words)


def _read_moment(value: object) -> str:
    milliseconds = _number(value)
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise ValueError("is no time") from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


MOMENT: Final = JsonFieldType("time", "string", _read_moment)
"""Milliseconds since 1970 as ISO 8601 in UTC."""


def _read_minutes(value: object) -> str:
    minutes = int(_number(value))
    if not 0 <= minutes <= 24 * 60:
        raise ValueError("is no minute of a day")
    return f"{minutes // 60:02}:{minutes % 60:02}"


TIME_OF_DAY: Final = JsonFieldType("time of day", "string", _read_minutes)
"""Minutes after midnight as HH:MM."""
