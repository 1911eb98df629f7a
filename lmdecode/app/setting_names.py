"""The settings of all generations by their names: v1 has its own, Bluetooth some of the same and some of its own."""

from __future__ import annotations

from typing import TypeAlias

from lmdecode.codec.bluetooth import settings as over_bluetooth
from lmdecode.codec.v1.settings import SETTINGS, Parameter, Setting, is_value, present_name

AnySetting: TypeAlias = Setting | over_bluetooth.Setting
"""A setting of v1, or one of Bluetooth."""
Usage: TypeAlias = Parameter | over_bluetooth.Parameter
"""A word that follows its name."""


def listed_settings() -> dict[str, AnySetting]:
    """Returns the settings that are worth a line in a list, by their names: those of v1, then Bluetooth's own."""
    found: dict[str, AnySetting] = {**SETTINGS}
    return found | {name: each for name, each in over_bluetooth.SETTINGS.items() if name not in SETTINGS}


def is_of_bluetooth_alone(name: str) -> bool:
    """Returns True for the name of a setting that Bluetooth has, and v1 has not.

    >>> is_of_bluetooth_alone("steam-level"), is_of_bluetooth_alone("coffee-temp"), is_of_bluetooth_alone("dose")
    (True, False, False)
    """
    present = present_name(name)
    return present not in SETTINGS and not is_value(present) and over_bluetooth.setting_named(name) is not None
