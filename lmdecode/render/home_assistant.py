"""What a bridge says over MQTT: its topics, the state of a machine, and Home Assistant's discovery message.

A machine is one device, so it gets one discovery message, which Home Assistant has since 2024.11 and recommends for
devices of many entities: device, origin, state topic and availability are said once, not seventy times, and the device
appears and changes whole. An entity that is no longer offered, such as a switch after a start without writes, must be
named all the same, with its platform alone: Home Assistant removes it then, and would keep it otherwise.

All entities read one retained JSON object by a template each. A missing value is the text None, which Home Assistant
shows as unknown. Whatever comes from a machine or a config is made harmless before it becomes a part of a topic; in
JSON it may be anything, and no template contains it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lmdecode import __version__
from lmdecode.analysis.entities import Entity, EntityKind
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Value
from lmdecode.project import REPOSITORY

ONLINE: Final = "online"
OFFLINE: Final = "offline"

_LONGEST: Final = 64  # characters of an id or a name
_OTHERS = re.compile(r"[^A-Za-z0-9_-]+")
_BRIDGE: Final = "bridge"

_UNITS: Final[Mapping[str, tuple[str, str | None]]] = {
    "°C": ("°C", "temperature"),
    "s": ("s", "duration"),
    "min": ("min", "duration"),
    "h": ("h", "duration"),
    "%": ("%", "battery"),  # nothing else that is shown has this unit
}
"""The unit and the device class in Home Assistant, for units that have a class there."""
_ON_MEANS: Final[Mapping[str, str]] = {
    "water_reservoir_contact": "problem",
    "power": "power",
    "pump_on": "running",
    "brew_solenoid_on": "running",
    "hot_water_solenoid_on": "running",
    "boiler_fill_solenoid_on": "running",
}
"""The device class of binary sensors that have one."""
_INVERTED: Final = frozenset({"water_reservoir_contact"})  # true: there is water; a problem is on if there is none
_TIME_OF_DAY: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_LINKS: Final = ("connected", "busy", "offline")


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of a bridge."""

    prefix: str
    discovery_prefix: str
    client_id: str

    @property
    def bridge(self) -> str:
        """Says `online` while the bridge runs; the broker says `offline` on it when the bridge is gone."""
        return f"{self.prefix}/{_BRIDGE}/{self.client_id}"

    @property
    def birth(self) -> str:
        """Where Home Assistant says `online` after a start."""
        return f"{self.discovery_prefix}/status"

    def state(self, machine: str) -> str:
        """The machine's values, a retained JSON object."""
        return f"{self.prefix}/{machine}/state"

    def availability(self, machine: str) -> str:
        """Whether the values are good: `online` or `offline`, retained."""
        return f"{self.prefix}/{machine}/availability"

    def connection(self, machine: str) -> str:
        """How the machine was reached last, a retained JSON object."""
        return f"{self.prefix}/{machine}/connection"

    def command(self, machine: str, name: str) -> str:
        """Takes a new value for a setting."""
        return f"{self.prefix}/{machine}/set/{name}"

    def result(self, machine: str) -> str:
        """What came of a command, a JSON object, not retained."""
        return f"{self.prefix}/{machine}/result"

    def discovery(self, machine: str) -> str:
        """Home Assistant's discovery message of the machine, retained."""
        return f"{self.discovery_prefix}/device/lmdecode_{machine}/config"

    def commanded(self, topic: str) -> tuple[str, str] | None:
        """Returns the machine and the setting that a topic is the command of; None if it is none.

        >>> Topics("lmdecode", "homeassistant", "me").commanded("lmdecode/GS1/set/power")
        ('GS1', 'power')
        """
        machine, _, name = topic.removeprefix(f"{self.prefix}/").partition("/set/")
        is_command = topic.startswith(f"{self.prefix}/") and machine and name and "/" not in machine + name
        return (machine, name) if is_command else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A machine, as its discovery message describes it."""

    id: str
    """Its level of the topics, from `topic_id`."""
    name: str
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None


def topic_id(text: str) -> str:
    """Returns a text as one level of a topic, and as a part of Home Assistant's ids: letters, digits, _ and -.

    >>> topic_id("GS012345"), topic_id("kitchen/#+ é"), topic_id("bridge")
    ('GS012345', 'kitchen_', 'machine_bridge')
    """
    found = _OTHERS.sub("_", text)[:_LONGEST]
    return f"machine_{found}" if found.strip("_-") in {"", _BRIDGE} else found


def discovery_message(
    device: Device, entities: Sequence[Entity], topics: Topics, *, writes: bool, also: Iterable[Entity] = ()
) -> dict[str, Any]:
    """Returns the discovery message of a machine.

    Args:
        device: The machine.
        entities: What it has.
        topics: The topics.
        writes: Whether settings can be changed.
        also: What other machines have; Home Assistant removes what it may have of it.
    """
    components: dict[str, Any] = {"sensor_connection": _connection(device, topics)}
    for entity in entities:
        components[_key(entity, writes=writes)] = _component(entity, device, topics, writes=writes)
    for entity in (*entities, *also):
        for way in (False, True):
            components.setdefault(_key(entity, writes=way), {"platform": _platform(entity, writes=way)})
    described = {
        "identifiers": [f"lmdecode_{device.id}"],
        "name": printable(device.name)[:_LONGEST],
        "manufacturer": "La Marzocco",
        "model": device.model,
        "serial_number": device.serial,
        "sw_version": device.firmware,
    }
    return {
        "device": {name: value for name, value in described.items() if value},
        "origin": {"name": "lmdecode", "sw_version": __version__, "support_url": REPOSITORY},
        "state_topic": topics.state(device.id),
        "availability": [{"topic": topics.bridge}, {"topic": topics.availability(device.id)}],
        "availability_mode": "all",
        "components": components,
    }


def state_text(fields: Mapping[str, Value], time: str) -> str:
    """Returns the state of a machine as JSON.

    Args:
        fields: Its values by name.
        time: When the last of them was read, in ISO 8601.
    """
    return json.dumps({"time": time, **fields}, ensure_ascii=False)


def result_text(name: str, value: str, state: str, time: str, *, complaint: str = "", now: Value | None = None) -> str:
    """Returns what came of a command, as JSON.

    Args:
        name: What it was to change.
        value: The new value, as it was given.
        state: `done`, `unchanged`, `not taken`, `unknown`, `not sent` or `refused`.
        time: When it came to that, in ISO 8601.
        complaint: Why it was not done.
        now: The value that was read back; None if none was.
    """
    entry = {"time": time, "name": name, "value": value, "state": state, "read_back": now, "complaint": complaint}
    return json.dumps({each: what for each, what in entry.items() if what not in (None, "")}, ensure_ascii=False)


def connection_text(state: str, time: str, why: str) -> str:
    """Returns how a machine was reached, as JSON: `connected`, `busy` or `offline`, since when, and why."""
    return json.dumps({"state": state, "since": time, "why": why}, ensure_ascii=False)


def _key(entity: Entity, *, writes: bool) -> str:
    return f"{_platform(entity, writes=writes)}_{entity.name}"


def _platform(entity: Entity, *, writes: bool) -> str:
    if writes and entity.writable:
        return _CONTROLS[entity.kind]
    return "binary_sensor" if entity.kind is EntityKind.FLAG else "sensor"


_CONTROLS: Final[Mapping[EntityKind, str]] = {
    EntityKind.FLAG: "switch",
    EntityKind.NUMBER: "number",
    EntityKind.CHOICE: "select",
    EntityKind.TIME: "text",
    EntityKind.TEXT: "text",
}


def _component(entity: Entity, device: Device, topics: Topics, *, writes: bool) -> dict[str, Any]:
    platform = _platform(entity, writes=writes)
    control = writes and entity.writable
    unit, number_class = _UNITS.get(entity.unit or "", (entity.unit, None))
    found: dict[str, Any] = {
        "platform": platform,
        "name": entity.label,
        "unique_id": f"lmdecode_{device.id}_{entity.name}",
        "value_template": f"{{{{ value_json.{entity.name} | default('None') }}}}",
        "entity_category": None if entity.first else "config" if control else "diagnostic",
        "command_topic": topics.command(device.id, entity.name) if control else None,
    }
    if not entity.first and entity.kind in {EntityKind.TIME, EntityKind.FLAG} and entity.writable:
        found["enabled_by_default"] = False  # a schedule has three for each day of the week
    match platform:
        case "binary_sensor":
            on, off = ("False", "True") if entity.name in _INVERTED else ("True", "False")
            found |= {"device_class": _ON_MEANS.get(entity.name), "payload_on": on, "payload_off": off}
        case "switch":
            found |= {"payload_on": "on", "payload_off": "off", "state_on": "True", "state_off": "False"}
        case "select":
            found["options"] = [*entity.words]
        case "number":
            limits = {"min": entity.minimum, "max": entity.maximum, "step": entity.step, "mode": "box"}
            found |= {"unit_of_measurement": unit, "device_class": number_class, **limits}
        case "text":
            found |= {"pattern": _TIME_OF_DAY, "min": 5, "max": 5}
        case _ if entity.kind is EntityKind.CHOICE:
            found |= {"device_class": "enum", "options": [*entity.words]}
        case _ if entity.kind is EntityKind.NUMBER:
            grown = "total_increasing" if entity.grows else None
            measured = "measurement" if not entity.writable and not entity.setting and entity.unit else None
            found |= {
                "unit_of_measurement": unit,
                "device_class": number_class,
                "state_class": grown or measured,
                "suggested_display_precision": _digits(entity),
            }
        case _:
            pass
    return {name: value for name, value in found.items() if value is not None}


def _digits(entity: Entity) -> int | None:
    return 0 if entity.integer else 1 if entity.step else None


def _connection(device: Device, topics: Topics) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "name": "Connection",
        "unique_id": f"lmdecode_{device.id}_connection",
        "device_class": "enum",
        "options": [*_LINKS],
        "entity_category": "diagnostic",
        "state_topic": topics.connection(device.id),
        "value_template": "{{ value_json.state }}",
        "availability": [{"topic": topics.bridge}],
    }
