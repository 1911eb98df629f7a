"""How values are worded for people."""

from __future__ import annotations

from lmdecode.codec.v1.memory_map import UNITS
from lmdecode.codec.v1.values import Value

__all__ = ["printable", "value_text"]


def value_text(name: str, value: Value) -> str:
    """A value with its unit.

    >>> value_text("coffee_temp", 95.6)
    '95.6 °C'
    >>> value_text("heating_state", [])
    'none'
    """
    text = _plain(value)
    unit = UNITS.get(name)
    return f"{text} {unit}" if unit else text


def printable(text: str) -> str:
    r"""A text without anything that a terminal would obey.

    >>> printable("202°F\x1b")
    '202°F\\x1b'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _plain(value: Value) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            tenths = f"{value:.1f}"  # what the machine's numbers are, but for a few worked out from them
            return tenths if float(tenths) == value else f"{value:.4f}".rstrip("0")
        case list():
            return ", ".join(value) or "none"
        case str():
            return printable(value) or '""'
        case _:
            return str(value)
