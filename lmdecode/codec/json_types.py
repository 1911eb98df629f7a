"""The types of values in JSON messages: each converts a JSON value to ours, in our unit, or refuses it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from lmdecode.codec.record import JsonType, Value


class OtherFormError(ValueError):
    """A value that the machine may well have, and that the field cannot: it is kept as it came, and is no damage."""


class JsonFieldType(NamedTuple):
    """How a JSON value becomes the value of a field."""

    name: str
    """What it is called in lists."""
    json: JsonType
    """The JSON type of the field."""
    read: Callable[[object], Value]
    """Returns the value. Raises ValueError if the JSON value is not of this type."""
    words: tuple[str, ...] = ()
    """The words of an enumeration that are known."""
    example: object = "text"
    """A JSON value that it reads."""
    spelled: tuple[str, ...] = ()
    """The words of an enumeration as the maker's programs spell them, where they are not ours."""
    of_object: bool = False
    """Whether it reads a whole object, whose members have rows of their own."""


def _number(value: object) -> float:
    if isinstance(value, str):
        try:
            value = float(value.strip())  # some of the maker's programs write numbers as text
        except ValueError:
            raise ValueError("is no number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is no number")  # noqa: TRY004 -- as of all that is no value of a type
    try:
        found = float(value)
    except OverflowError:
        raise ValueError("is no number that a machine would have") from None
    if not math.isfinite(found):
        raise ValueError("is no number")
    return found


def number(decimals: int = 1, scale: float = 1.0) -> JsonFieldType:
    """A number, rounded: the gateways widen 32-bit floats, so that 123.9 comes as 123.9000015258789.

    Args:
        decimals: So many are kept.
        scale: What the JSON value is multiplied by, to be in our unit.

    >>> number(1).read(123.9000015258789), number(3, 1 / 1000).read(1500)
    (123.9, 1.5)
    """
    return JsonFieldType("number", "number", lambda value: round(_number(value) * scale, decimals), example=12.5)


_LARGEST_INTEGER: Final = 1 << 53  # beyond it, not every integer is a JSON number that all programs read alike


def integer() -> JsonFieldType:
    """A whole number; one that is not whole is kept as it came.

    >>> integer().read(12.0)
    12
    """

    def read(value: object) -> int:
        found = _number(value)
        if found != round(found) or abs(found) > _LARGEST_INTEGER:
            raise OtherFormError("is no whole number")
        return round(found)

    return JsonFieldType("integer", "integer", read, example=12)


_YES: Final = frozenset(("true", "on", "yes"))
_NO: Final = frozenset(("false", "off", "no"))


def flag(words: Mapping[str, bool] = MappingProxyType({}), *, inverted: bool = False) -> JsonFieldType:
    """A boolean: as such, or as text, for both occur. Text "false" is not true, though it is not empty.

    Args:
        words: Words that stand for one, as they come: {"BrewingMode": True}.
        inverted: Whether the JSON value says the opposite of the field.

    >>> flag().read("false"), flag({"full": True, "empty": False}).read("full"), flag(inverted=True).read(True)
    (False, True, False)
    """

    def read(value: object) -> bool:
        if isinstance(value, bool):
            return value is not inverted
        if isinstance(value, str):
            if value in words:
                return words[value]
            if value.lower() in _YES | _NO:
                return (value.lower() in _YES) is not inverted
        raise ValueError("is neither true nor false")

    name = "inverted flag" if inverted else "flag"
    return JsonFieldType(name, "boolean", read, example=next(iter(words), True), spelled=tuple(words))


def constant(value: bool) -> JsonFieldType:  # noqa: FBT001 -- the value is what it is about
    """A boolean that follows from the name alone: whatever `Sleep` says, the machine goes to sleep.

    >>> constant(False).read("command")
    False
    """

    def read(_: object) -> bool:
        return value

    return JsonFieldType(f"always {str(value).lower()}", "boolean", read)


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

    ours = tuple(dict.fromkeys(words.values()))
    spelled = () if tuple(words) == ours else tuple(words)
    return JsonFieldType("word", "string", read, ours, example=next(iter(words), "Word"), spelled=spelled)


def words_of(*known: str) -> JsonFieldType:
    """A word of an enumeration, as it comes.

    >>> words_of("StandBy", "Ready").read("NoWater")
    'NoWater'
    """
    return word({each: each for each in known})


def coded(words: Mapping[str, int]) -> JsonFieldType:
    """A whole number for each of some words: the number of a button for its name.

    >>> coded({"DoseA": 1}).read("DoseA")
    1
    """

    def read(value: object) -> int:
        if isinstance(value, str) and value in words:
            return words[value]
        raise ValueError("is no known word")

    spelled = tuple(map(str, words))
    return JsonFieldType("number of a word", "integer", read, example=spelled[0], spelled=spelled)


def _read_text(value: object) -> str:
    if isinstance(value, bool | dict | list) or value is None:
        raise ValueError("is no text")
    return str(value)


TEXT: Final = JsonFieldType("text", "string", _read_text)


def _read_version(value: object) -> str:
    text = _read_text(value)
    return text[1:] if text[:1] in {"v", "V"} and text[1:2].isdigit() else text


VERSION: Final = JsonFieldType("version", "string", _read_version, example="v1.40")
"""A version; the letter v before it is left out, which only the newest cloud writes."""


def _read_moment(value: object) -> str:
    milliseconds = _number(value)
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise ValueError("is no time") from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


MOMENT: Final = JsonFieldType("time", "string", _read_moment, example=1795229679000)
"""Milliseconds since 1970 as ISO 8601 in UTC."""


def _time_of_day(hour: int, minute: int) -> str:
    if (hour, minute) == (24, 0):
        raise OtherFormError("stands for no time")
    if not (0 <= hour < 24 and 0 <= minute < 60):
        raise ValueError("is no time of day")
    return f"{hour:02}:{minute:02}"


def _read_time_of_day(value: object) -> str:
    hour, colon, minute = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not (colon and hour.isdecimal() and minute.isdecimal() and len(hour) <= 2 and len(minute) <= 2):
        raise ValueError("is no time of day")
    return _time_of_day(int(hour), int(minute))


TIME_OF_DAY: Final = JsonFieldType("time of day", "string", _read_time_of_day, example="6:30")
"""Hours and minutes as HH:MM. 24:00 stands for a time that is not set, and makes no field."""


def time_of_members(hour: str, minute: str) -> JsonFieldType:
    """The time of day of two members of an object, as HH:MM.

    >>> time_of_members("h_on", "m_on").read({"h_on": 6, "m_on": 5})
    '06:05'
    """
    whole = integer().read

    def read(value: object) -> str:
        if not isinstance(value, dict):
            raise ValueError("is no object")  # noqa: TRY004 -- as of all that is no value of a type
        if hour not in value or minute not in value:
            raise OtherFormError("has no time")
        return _time_of_day(int(whole(value[hour])), int(whole(value[minute])))  # type: ignore[arg-type]

    example = {hour: 6, minute: 30}
    return JsonFieldType(f"{hour}:{minute}", "string", read, example=example, of_object=True)
