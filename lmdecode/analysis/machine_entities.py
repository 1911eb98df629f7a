"""The things that a home automation can show of a machine of any generation, and those that it may change.

Those of v1 follow from its memory map; see `entities`. Machines of v3 and Bluetooth say what they have as they speak,
so an entity is offered once its value was heard; its kind and unit follow from the vocabulary. What can be changed is
what Bluetooth is known to set; nobody has found a request of v3 that sets anything.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

from lmdecode.analysis.entities import Entity, EntityKind, entities_of, label_of
from lmdecode.codec.bluetooth.settings import (
    COFFEE_RANGE,
    SETTINGS,
    STANDBY_RANGE,
    STEAM_LEVELS,
    STEAM_RANGE,
    knows_model,
)
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import JsonType, Value
from lmdecode.codec.v1.register import DEFAULT_MODEL
from lmdecode.codec.vocabulary import SOURCES, fields_of, rows

_FIRST: Final = (
    "power", "coffee_temp", "steam_temp", "coffee_set_temp", "steam_set_temp", "steam_level", "steam_boiler_enable",
    "water_reservoir_contact", "total_coffee",
)  # fmt: skip
_SETTINGS: Final = (
    "smart_standby_enable", "smart_standby_minutes", "smart_standby_after", "standby_timer", "plumbed_in",
    "prebrew_flag", "dose_mode", "dose_hot_water", "global_auto", "scale_connected", "scale_battery",
)  # fmt: skip
_COUNTERS: Final = (
    "drinks_k1", "drinks_k2", "drinks_k3", "drinks_k4", "continuous", "drinks_hot_water", "cleanings",
    "total_coffee_activations", "hot_water_activations", "coffee_heating_element_hours", "steam_heating_element_hours",
    "brew_solenoid_seconds", "hot_water_solenoid_seconds", "pump_on_seconds", "boiler_fill_seconds",
    "machine_running_minutes",
)  # fmt: skip
_TANK: Final = "water_reservoir_contact"
_OF_A_BUTTON: Final = ("dose_k", "dose_grams_k", "prebrewing_ton_k", "prebrewing_toff_k", "preinfusion_k")
_BUTTONS: Final = range(1, 5)
_MEASURED: Final = frozenset(("coffee_temp", "steam_temp", "scale_battery"))
_LABELS: Final[Mapping[str, str]] = {
    "steam_level": "Steam level",
    "smart_standby_enable": "Smart standby",
    "smart_standby_minutes": "Smart standby after",
    "smart_standby_after": "Smart standby counts from",
    "standby_timer": "Standby after",
    "plumbed_in": "Plumbed in",
    "dose_mode": "Dose mode",
}
_AFTER: Final = ("PowerOn", "LastBrewing")
_KINDS: Final[Mapping[JsonType, EntityKind]] = {
    "boolean": EntityKind.FLAG,
    "integer": EntityKind.NUMBER,
    "number": EntityKind.NUMBER,
}

SHOT_RUNNING: Final = Entity(name="shot_running", label="Shot running", kind=EntityKind.FLAG, first=True)
SHOT_SECONDS: Final = Entity(
    name="shot_seconds", label="Shot time", kind=EntityKind.NUMBER, unit="s", step=0.1, first=True
)
LAST_SHOT_SECONDS: Final = Entity(
    name="last_shot_seconds", label="Last shot time", kind=EntityKind.NUMBER, unit="s", step=0.1, first=True
)
SHOTS: Final = (SHOT_RUNNING, SHOT_SECONDS, LAST_SHOT_SECONDS)
"""What is known of shots while a connection stays, in every generation."""


def entities_for(generation: str, model: str | None, known: Container[str] | None = None) -> list[Entity]:
    """Returns the entities of a machine.

    Args:
        generation: The name of its dialect: "v1", "v3", "bluetooth".
        model: The machine's model; None if nobody knows it.
        known: The names of which it gave values; None: all that such a machine may have.

    >>> [each.name for each in entities_for("bluetooth", "Linea Micra") if each.writable][:3]
    ['power', 'coffee_set_temp', 'steam_level']
    >>> [each.name for each in entities_for("v3", "Linea Micra") if each.writable]
    []
    """
    if generation == "v1":
        return entities_of(model, known)
    limits = _limits(model) if generation == "bluetooth" else {}
    return [
        replace(entity, writable=True, **limits[name]) if name in limits else entity
        for name, entity in _entities(generation).items()
        if known is None or name in known
    ]


def every_entity() -> list[Entity]:
    """Returns the entities of all machines; some have the same name."""
    newer = (entity for generation in ("v3", "bluetooth") for entity in _entities(generation).values())
    return [*entities_of(DEFAULT_MODEL), *newer, *SHOTS]


def values_with(generation: str, model: str | None, fields: Mapping[str, Value]) -> dict[str, Value]:
    """Returns a machine's values with those that follow from them, and without the tank of one that is plumbed in.

    >>> values_with("bluetooth", "Linea Micra", {"steam_set_temp": 128.0})
    {'steam_set_temp': 128.0, 'steam_level': 2}
    >>> values_with("v3", "GS3 AV", {"plumbed_in": True, "water_reservoir_contact": False})
    {'plumbed_in': True}
    """
    if generation == "v1":
        return dict(fields)
    found = {name: value for name, value in fields.items() if name != _TANK or fields.get("plumbed_in") is not True}
    target = fields.get("steam_set_temp")
    if _has_levels(model) and target in STEAM_LEVELS:
        found["steam_level"] = STEAM_LEVELS.index(float(str(target))) + 1
    return found


def _limits(model: str | None) -> dict[str, dict[str, Any]]:
    """Returns what Bluetooth can set on a model, each with its limits."""
    low, high = STANDBY_RANGE
    found: dict[str, dict[str, Any]] = {
        "power": {},
        "coffee_set_temp": {"minimum": COFFEE_RANGE[0], "maximum": COFFEE_RANGE[1]},
        "steam_boiler_enable": {},
        "smart_standby_enable": {},
        "smart_standby_minutes": {"minimum": low, "maximum": high, "step": 1},
        "smart_standby_after": {"kind": EntityKind.CHOICE, "words": _AFTER},
    }
    if _has_levels(model):
        found["steam_level"] = {"minimum": 1, "maximum": len(STEAM_LEVELS), "step": 1}
    elif _takes("steam_set_temp", model):
        found["steam_set_temp"] = {"minimum": STEAM_RANGE[0], "maximum": STEAM_RANGE[1]}
    return found


def _has_levels(model: str | None) -> bool:
    return _takes("steam_level", model)


def _takes(setting: str, model: str | None) -> bool:
    """Returns whether a model is known to have a setting."""
    try:
        SETTINGS[setting].takes(model)
    except RegisterError:
        return False
    return knows_model(model)


@cache
def _entities(generation: str) -> Mapping[str, Entity]:
    """All entities, by their names."""
    buttons = [f"{name}{key}" for name in _OF_A_BUTTON for key in _BUTTONS]
    kinds = fields_of(generation)
    units = {row.name: row.unit for row in rows() if generation in SOURCES[row.source] and row.unit}
    found = {}
    for name in (*_FIRST, *_SETTINGS, *buttons, *_COUNTERS):
        if name == "steam_level":
            found[name] = Entity(name=name, label=_LABELS[name], kind=EntityKind.NUMBER, integer=True, first=True)
            continue
        kind, grows = kinds[name], name in _COUNTERS or name == "total_coffee"
        found[name] = Entity(
            name=name,
            label=_LABELS.get(name) or label_of(name),
            kind=_KINDS.get(kind.type, EntityKind.TEXT),
            integer=kind.type == "integer",
            unit=units.get(name),
            step=0.1 if kind.type == "number" else None,
            grows=grows,
            setting=not grows and name not in _MEASURED,
            first=name in _FIRST,
        )
    return found
