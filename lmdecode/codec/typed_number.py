"""Numbers as people type them after the name of a setting: with their unit, in °F, with a decimal comma."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from lmdecode.codec.errors import RegisterError

NUMBER: Final = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?\Z").match
FAHRENHEIT: Final = re.compile(r"(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)\s*°?[Ff]\Z").match


def to_celsius(fahrenheit: str) -> float:
    """Returns a temperature in °C, in tenths, as machines take it.

    >>> to_celsius("202.9")
    94.9
    """
    return round((float(fahrenheit) - 32) * 5 / 9, 1)


def read_number(
    text: str,
    *,
    name: str,
    unit: str = "",
    kind: Callable[[str], int | float] = float,
    meant: Callable[[str], str] = lambda _: "",
) -> int | float:
    """Returns the number that a text is.

    Args:
        text: The text: 93.5, 93.5C, 200 °F.
        name: The name of the setting, for messages.
        unit: Its unit; it may stand behind the number.
        kind: What makes the number of its digits: `int` for whole ones.
        meant: Returns what to write instead, for the end of a message; "" if it does not know.

    Raises:
        RegisterError: It is none.

    >>> read_number("200F", name="coffee_set_temp", unit="°C")
    93.3
    """
    number = text.strip().removesuffix(unit).strip()
    if unit == "°C":
        if fahrenheit := FAHRENHEIT(text.strip()):
            return to_celsius(fahrenheit[1])
        number = text.strip()
        if number.endswith(("C", "c")):
            number = number[:-1].rstrip()
        number = number.removesuffix("°").rstrip()
    try:
        if not NUMBER(number):
            raise ValueError  # noqa: TRY301 -- 1e2, 9_5, nan and the digits of other scripts are numbers in Python only
        return kind(number)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        instead = meant(number)
        if not instead and kind is float and NUMBER(with_point := number.replace(",", ".", 1)):
            instead = f": write {with_point}"
        raise RegisterError(
            f"{name}: {text[:40]!r} is not {what}" + (f" of {unit}" if unit else "") + instead
        ) from None
