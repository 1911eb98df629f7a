"""The windows that app and machine are known to use, and the hazards of writing.

A decoder does not need this: any other window decodes just as well. The names are for people, the rest is for programs
that talk to a machine. The registers are in `memory_map`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory_map import REGISTERS


class Window(NamedTuple):
    """An address and a length that the app or the machine is known to use, and the name that people have for it."""

    address: int
    length: int
    name: str
    note: str = ""


WINDOWS: Final[tuple[Window, ...]] = (
    Window(0x0000, 0x1F, "configuration"),
    Window(0x0020, 0x2C, "drink counters"),
    Window(0x0050, 0x18, "usage"),
    Window(0x00E2, 0x04, "preinfusion"),
    Window(0x0100, 0x11, "serial number"),
    Window(0x0300, 0x07, "clock"),
    Window(0x0310, 0x01, "auto on/off"),
    Window(0x0310, 0x1D, "schedule"),
    Window(0x4000, 0x20, "status", "older firmware"),
    Window(0x4000, 0x23, "status", "newer firmware"),
    Window(0x401C, 0x04, "temperatures", "also an unasked-for report"),
    Window(0x4022, 0x01, "steam boiler", "also an unasked-for report"),
    Window(0x4060, 0x20, "factory"),
    Window(0x6000, 0x16, "water flow", "pushed while water flows"),
    Window(0x60DA, 0x12, "unknown block"),
    Window(0x60EF, 0x10, "front panel"),
)
"""In the order of addresses."""

EFFECTS: Final[Mapping[str, tuple[str, Value]]] = {
    "steam_boiler_on": ("steam_boiler_enable", True),
    "steam_boiler_off": ("steam_boiler_enable", False),
}
"""The register and value that show the effect of each word of `command`. A backflush shows nowhere."""
HAZARDS: Final[Mapping[tuple[str, Value | None], str]] = {
    ("power", True): "heats the boilers",
    ("coffee_set_temp", None): "sets how hot the coffee boiler gets",
    ("steam_set_temp", None): "sets how hot the steam boiler gets",
    ("command", "steam_boiler_on"): "heats the steam boiler",
    ("command", "start_backflush"): "moves water under pressure",
}
"""The writes that heat or move water, by register and value (None: any value), and what they do. Our own judgement."""

USUAL_READ: Final = 0x10
"""Bytes. By the sources, reads of this size are answered wherever there is anything to read."""
LARGEST_READ: Final = 0x30
"""Bytes. By the sources, larger reads get no answer. Answers of up to 0x2C bytes were seen."""

SNAPSHOT: Final = tuple(
    window
    for window in WINDOWS
    if window.name not in {"water flow", "unknown block"}
    and not any(
        other.address <= window.address and window.address + window.length <= other.address + other.length
        for other in WINDOWS
        if other is not window and other.length <= LARGEST_READ
    )
)
"""The windows to read for all that the map knows of a machine: those that lie in no other."""

_BY_WINDOW: Final = {(window.address, window.length): window for window in WINDOWS}
REPORTS: Final = tuple(_BY_WINDOW[window] for window in ((0x401C, 0x04), (0x4022, 0x01), (0x0300, 0x07)))
"""The windows that the machine sends unasked on an open connection, in turn, about one a second."""
ALIVE: Final = min(REPORTS, key=lambda window: window.length)
"""The smallest window that shows whether a machine answers."""
WATER_FLOW: Final = _BY_WINDOW[0x6000, 0x16]
"""The window that the machine pushes while water flows."""
STATUS: Final = (_BY_WINDOW[0x4000, 0x23], _BY_WINDOW[0x4000, 0x20])
"""The machine's state: on newer firmware, and on older."""
OPENING: Final[tuple[tuple[Window, ...], ...]] = (
    STATUS,
    *(
        (_BY_WINDOW[window],)
        for window in (
            (0x0000, 0x1F),
            (0x0310, 0x1D),
            (0x0020, 0x2C),
            (0x0050, 0x18),
            (0x60EF, 0x10),
            (0x00E2, 0x04),
            (0x4060, 0x20),
        )
    ),
)
"""The reads of lmdirect 0.9.4 after it has connected, and at each update, in this order: one window of each tuple. The
maker's app may differ."""

_MOVING: Final = frozenset(
    {"clock", "drink counters", "usage", "temperatures", "water flow", "front panel"},
)
VOLATILE: Final = frozenset(
    row.name
    for row in REGISTERS
    if row.name in {"heating_state", "key_active", "current_pulse_count"}
    or (
        row.name not in {None, "module_ser_num"}
        and any(
            window.name in _MOVING and window.address <= row.address and row.end <= window.address + window.length
            for window in WINDOWS
        )
    )
)
"""The names of the registers that change by themselves. Our own judgement."""

SERIAL_NUMBER: Final = next(window for window in WINDOWS if window.name == "serial number")
"""The window with the machine's serial number."""
MODEL_WINDOWS: Final = tuple(window for window in WINDOWS if window.name in {"serial number", "drink counters"})
"""The windows that show which model a machine is."""


def window_name(address: int, length: int) -> str | None:
    """The name that people have for this window; None if it has none.

    >>> window_name(0x4000, 0x20)
    'status'
    """
    window = _BY_WINDOW.get((address, length))
    return None if window is None else window.name
