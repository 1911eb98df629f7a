"""Run in an interpreter with Home Assistant's wheel: says what is wrong with discovery messages.

Reads [[TOPIC, MESSAGE], …] from stdin, and writes a list of complaints for each to stdout, as JSON.

The schemas and what comes before them are Home Assistant's own code, of its component mqtt. Of the packages that all of
Home Assistant imports, most have no part in it; these are stood in for, so that a venv of twelve small packages does.
The checks that do have a part, voluptuous and what the templates are made of, must be the real ones.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import json
import logging
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

NEEDED = {"homeassistant", "voluptuous", "jinja2", "yaml", "orjson", "slugify", "yarl", "attr"}


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports as a mock what is not installed and not needed."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        top = name.partition(".")[0]
        if top in NEEDED or top in sys.stdlib_module_names:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        module = MagicMock(name=spec.name)
        module.__path__ = []
        module.__spec__ = spec
        return module

    def exec_module(self, module: ModuleType) -> None:
        pass


def complaints(topic: str, message: dict[str, Any], prefix: str = "homeassistant/") -> list[str]:
    """What Home Assistant would refuse or leave out of a message."""
    from homeassistant.components.mqtt import discovery, schemas
    from voluptuous import Invalid

    matched = discovery.TOPIC_MATCHER.fullmatch(topic.removeprefix(prefix))
    if not topic.startswith(prefix) or not matched or matched["component"] != "device":
        return [f"{topic} is not a discovery topic of a device"]
    payload = discovery.MQTTDiscoveryPayload(message)
    discovery._replace_all_abbreviations(payload)
    try:
        schemas.DEVICE_DISCOVERY_SCHEMA(payload)
    except Invalid as error:
        return [str(error)]
    found = []
    ids = set()
    for name, given in payload["components"].items():
        if not re.fullmatch("[a-zA-Z0-9_-]+", name):
            found.append(f"{name}: not an id")
        platform = given.pop("platform")
        if not given:  # to be removed
            continue
        component = discovery.MQTTDiscoveryPayload(given)
        discovery._merge_common_device_options(component, payload)
        component |= {"device": payload["device"], "origin": payload["origin"]}
        if (platform, component.get("unique_id")) in ids:
            found.append(f"{name}: its unique_id is another one's")
        ids.add((platform, component.get("unique_id")))
        if platform in {"sensor", "binary_sensor"} and component.get("entity_category") == "config":
            found.append(f"{name}: a sensor cannot be of the category config")  # refused later, by its class
        try:
            schema = importlib.import_module(f"homeassistant.components.mqtt.{platform}").DISCOVERY_SCHEMA
            taken = schema(dict(component))
        except Invalid as error:
            found.append(f"{name}: {error}")
        else:
            found += [f"{name}: {each} is nothing that it has" for each in sorted({*component} - {*taken})]
            found += [f"{name}: {each}" for each in misfits(platform, taken)]
    return found


def misfits(platform: str, component: dict[str, Any]) -> list[str]:
    """What does not go with the device class, by tables that Home Assistant looks at when it has a value."""
    device_class = component.get("device_class")
    if platform not in {"sensor", "number"} or device_class is None:
        return []
    const = importlib.import_module(f"homeassistant.components.{platform}.const")
    found = []
    if component.get("unit_of_measurement") not in const.DEVICE_CLASS_UNITS.get(device_class, {None}):
        found.append(f"its unit is none of {device_class}")
    state_class = component.get("state_class")
    if state_class and state_class not in getattr(const, "DEVICE_CLASS_STATE_CLASSES", {}).get(device_class, ()):
        found.append(f"{state_class} does not go with {device_class}")
    return found


def main() -> None:
    logging.disable()
    sys.path.insert(0, sys.argv[1])
    sys.meta_path.append(StandIns())
    # Newer releases make no template without the running program; to look at one, it need not do anything.
    importlib.import_module("homeassistant.core")._hass.hass = MagicMock(data={})
    sys.stdout.write(json.dumps([complaints(topic, message) for topic, message in json.load(sys.stdin)]))


if __name__ == "__main__":
    main()
