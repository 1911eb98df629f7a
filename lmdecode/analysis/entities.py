"""The things that a home automation can show of a machine, and those that it may change, as the memory map has them.

No entity has code of its own. Which there are, their kind, unit, range and step, and which model has them, follow from
the rows of the map. What the map does not say, because no decoder needs it, stands in the tables below: which names are
of no use in a house, which values only grow, what is an owner's first interest.

What can be changed is a list of entities, not of registers, so that the raw register `command` cannot be written: a
backflush is not among them. It moves water under pressure, wants somebody who has put the blind filter in, and shows
in no register, so that nobody could see from afar whether it runs. A button in a house is pressed by automations,
voices and children, and asks nobody. `lmdecode send backflush` does ask.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from lmdecode.codec.confidence import Confidence
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import JsonType, Value
from lmdecode.codec.v1.memory_map import BIT_SETS, DERIVED, REGISTERS, by_name
from lmdecode.codec.v1.register import MODELS, Derived, Redundancy, Register
from lmdecode.codec.v1.setting_change import SettingChange, change
from lmdecode.codec.v1.windows import EFFECTS, SNAPSHOT

_OF_NO_USE: Final = frozenset(
    {
        "clock",  # changes each second, and a house has clocks
        "machine_ser_num",  # these three are in the description of the device
        "module_ser_num",
        "firmware_ver",
        "machine_name",  # as is this, chosen by the owner
        "cloud_broker",
        "front_panel_display",  # letters for somebody who stands before it; they alternate
        "drink_mystery",  # nobody knows what it counts
        "days_since_built",  # the hours, divided
    }
)
_FIRST: Final = frozenset(
    {"power", "coffee_temp", "steam_temp", "coffee_set_temp", "steam_set_temp", "steam_boiler_enable"}
    | {"brew_solenoid_on", "water_reservoir_contact", "prebrew_flag", "global_auto", "total_coffee"}
)
_GROW: Final = frozenset({"uint32"})  # the types of counters; nothing else on the map is so long
_LABELS: Final[Mapping[str, str]] = {
    "brew_solenoid_on": "Brewing",
    "coffee_set_temp": "Coffee target temperature",
    "steam_set_temp": "Steam target temperature",
    "coffee_temp": "Coffee temperature",
    "steam_temp": "Steam temperature",
    "steam_boiler_enable": "Steam boiler",
    "water_reservoir_contact": "Water tank empty",
    "prebrew_flag": "Prebrew mode",
    "global_auto": "Schedule",
    "key_active": "Button in use",
    "heating_on": "Heating",
    "pump_on": "Pump",
    "coffee_heater_on": "Coffee heater",
    "steam_heater_on": "Steam heater",
    "boiler_fill_solenoid_on": "Boiler filling",
    "hot_water_solenoid_on": "Hot water",
    "hot_water": "Hot water count",
    "hot_water_2": "Hot water count 2",
    "drinks_hot_water": "Hot water drinks",
    "dose_hot_water": "Hot water dose",
    "continuous": "Continuous coffees",
}
"""What people call it, where the register's name, in words, does not say it."""
_WORDS: Final[Mapping[str, str]] = {
    "temp": "temperature", "ton": "flow time", "toff": "pause", "preinfusion": "preinfusion time", "auto": "schedule",
    "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday",
    "sun": "Sunday",
}  # fmt: skip
_BUTTON: Final = re.compile(r"(.+)_k([0-9])\Z").match
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,20})?\Z").match
_ON: Final = frozenset({"on", "true", "1"})
_OFF: Final = frozenset({"off", "false", "0"})
_DIGITS: Final = 6  # behind the point, of any step on the map
_LONGEST: Final = 40  # characters of a value; none that the map has is as long


class EntityKind(StrEnum):
    """What the values of an entity are."""

    FLAG = "flag"
    NUMBER = "number"
    CHOICE = "choice"
    """One of some words."""
    TIME = "time"
    """A time of day."""
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """Something that can be shown of a machine."""

    name: str
    """As in the memory map, in `status --json` and in `send`."""
    label: str
    """For people."""
    kind: EntityKind
    integer: bool = False
    """Whether a number has no fraction."""
    unit: str | None = None
    """As in the memory map."""
    step: float | None = None
    """The smallest difference between two numbers."""
    minimum: float | None = None
    """The smallest value that may be written."""
    maximum: float | None = None
    words: tuple[str, ...] = ()
    """The words of a choice."""
    grows: bool = False
    """Whether it is a count that never gets smaller."""
    first: bool = False
    """Whether it is what an owner looks for first."""
    writable: bool = False
    """Whether it may be changed from afar."""
    setting: bool = False
    """Whether it was chosen, such as a target, also where it cannot be changed from afar. Nobody measures it."""


def entities_of(model: str | None, known: Container[str] | None = None) -> list[Entity]:
    """Returns the entities of a machine, in the order of the map.

    Args:
        model: The machine's model; None if it is not known. Then only the entities of all models are returned.
        known: The names of which it gave values; None: whatever its model has.

    >>> [each.name for each in entities_of("Linea Mini") if each.writable][:3]
    ['power', 'coffee_set_temp', 'steam_set_temp']
    """
    return [
        entity
        for entity, models in _entities()
        if (model in models if model is not None else len(models) == len(MODELS))
        and _has_button(entity.name, model)
        and (known is None or entity.name in known)
    ]


def change_of(entity: Entity, text: str, *, model: str | None) -> SettingChange:
    """Returns the change that a command asks for.

    Args:
        entity: What it changes.
        text: The value as home automations write it: `on`, `93.5`, `preinfusion`, `06:30`.
        model: The machine's model, if it is known.

    Raises:
        RegisterError: The entity cannot be changed, or not to this value, or this model does not have it.

    >>> steam = next(each for each in entities_of(None) if each.name == "steam_boiler_enable")
    >>> change_of(steam, "off", model=None).value
    'steam_boiler_off'
    """
    value = value_of(entity, text)
    word = _by_command().get((entity.name, value if isinstance(value, bool) else None))
    return change("command", word, model=model) if word else change(entity.name, value, model=model)


def value_of(entity: Entity, text: str) -> Value:
    """Returns the value that a command asks for.

    Args:
        entity: What it changes.
        text: The value as home automations write it: `on`, `93.5`, `preinfusion`, `06:30`.

    Raises:
        RegisterError: The entity cannot be changed, or not to this value.

    >>> steam = next(each for each in entities_of(None) if each.name == "steam_boiler_enable")
    >>> value_of(steam, "off")
    False
    """
    if not entity.writable:
        raise RegisterError(f"{entity.name} can only be read")
    word = text.strip()
    if len(word) > _LONGEST or not word.isprintable():
        raise RegisterError(f"{entity.name}: {word[:_LONGEST]!r} is no value of it")
    if entity.kind is EntityKind.FLAG:
        if word.lower() not in _ON | _OFF:
            raise RegisterError(f"{entity.name}: {word!r} is neither on nor off")
        return word.lower() in _ON
    if entity.kind is not EntityKind.NUMBER:
        return word
    if not _NUMBER(word):
        raise RegisterError(f"{entity.name}: {word!r} is not a number")
    number = float(word)
    if not entity.integer:
        # A house in °F says 93.33333333333333 for 200 °F. Nobody means more than the machine can hold.
        return round(round(number / entity.step) * entity.step, _DIGITS) if entity.step else number
    if not number.is_integer():
        raise RegisterError(f"{entity.name}: {word!r} is not a whole number")
    return int(number)


@cache
def _by_command() -> Mapping[tuple[str, bool | None], str]:
    """The word of the register `command` that gives a register a value."""
    return {(name, value): word for word, (name, value) in EFFECTS.items() if isinstance(value, bool)}


def _has_button(name: str, model: str | None) -> bool:
    button = _BUTTON(name)
    return model is None or button is None or int(button[2]) in MODELS[model].keys


@cache
def _entities() -> tuple[tuple[Entity, tuple[str, ...]], ...]:
    """All entities, each with the models that have it."""
    found: dict[str, tuple[Entity, tuple[str, ...]]] = {}
    parts = {name for row in DERIVED if row.redundancy is Redundancy.WHOLE for name in row.inputs}
    bits = {name for name, of in BIT_SETS.items() if of in BIT_SETS.values()}
    for any_copy in _read(REGISTERS):
        name = any_copy.name or ""
        row = by_name(name)[0]  # the writable one, if there is one; the copies say the same
        if name not in parts and name not in found and row.type.name != "bit set":
            found[name] = _of_a_register(row), row.models
    for derived in DERIVED:
        whole = derived.redundancy is Redundancy.WHOLE
        if derived.name in _OF_NO_USE or any(not _is_seen(by_name(each)) for each in derived.inputs):
            continue
        if derived.redundancy is not Redundancy.PART or derived.name in bits:
            found[derived.name] = _of_a_derived(derived, time=whole), derived.models
    return tuple(found.values())


def _read(rows: Iterable[Register]) -> Iterable[Register]:
    """The registers that are worth an entity: understood, on all firmware, and in what can be read at any time."""
    for row in rows:
        inside = any(each.address <= row.address and row.end <= each.address + each.length for each in SNAPSHOT)
        is_part_of_clock = any(
            other.type.name == "clock" and other.address <= row.address < other.end for other in REGISTERS
        )
        if row.name and row.name not in _OF_NO_USE and inside and not is_part_of_clock and _is_seen([row]):
            yield row


def _is_seen(rows: Iterable[Register]) -> bool:
    return all(
        row.readable and not row.secret and not row.seen_on and row.sure is not Confidence.UNKNOWN for row in rows
    )


def _of_a_register(row: Register) -> Entity:
    name = row.name or ""
    kinds: dict[JsonType, EntityKind] = {
        "boolean": EntityKind.FLAG,
        "integer": EntityKind.NUMBER,
        "number": EntityKind.NUMBER,
    }
    kind = EntityKind.CHOICE if row.type.words else kinds.get(row.type.json, EntityKind.TEXT)
    return Entity(
        name=name,
        label=label_of(name),
        kind=kind,
        integer=row.type.json == "integer",
        unit=row.unit,
        step=row.type.step,
        minimum=row.minimum,
        maximum=row.maximum,
        words=row.type.words,
        grows=row.type.name in _GROW,
        first=name in _FIRST,
        writable=row.writable or (name, True) in _by_command(),
    )


def _of_a_derived(row: Derived, *, time: bool) -> Entity:
    kinds: dict[JsonType, EntityKind] = {"boolean": EntityKind.FLAG, "string": EntityKind.TEXT}
    return Entity(
        name=row.name,
        label=label_of(row.name),
        kind=EntityKind.TIME if time else kinds.get(row.json, EntityKind.NUMBER),
        integer=row.json == "integer",
        unit=row.unit,
        grows=row.json == "integer",
        first=row.name in _FIRST,
        writable=time or (row.name in BIT_SETS and by_name(BIT_SETS[row.name])[0].writable),
    )


def label_of(name: str) -> str:
    """Returns what people call a register.

    >>> label_of("prebrewing_ton_k1"), label_of("mon_on_time")
    ('Prebrewing flow time, button 1', 'Monday on time')
    """
    if name in _LABELS:
        return _LABELS[name]
    button = _BUTTON(name)
    words = " ".join(_WORDS.get(word, word) for word in (button[1] if button else name).split("_"))
    return f"{words[:1].upper()}{words[1:]}" + (f", button {button[2]}" if button else "")
