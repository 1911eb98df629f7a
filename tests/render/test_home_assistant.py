"""Home Assistant takes the discovery messages: its own schemas say so, for every model."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.entities import EntityKind, entities_of
from lmdecode.analysis.machine_entities import SHOTS, entities_for, every_entity
from lmdecode.codec.v1.memory_map import by_name
from lmdecode.codec.v1.register import MODELS
from lmdecode.render.home_assistant import Device, Topics, discovery_message, state_text, topic_id

ROOT = Path(__file__).parents[2]
VENV = Path(os.environ.get("LMDECODE_HOMEASSISTANT") or ROOT / ".venv-homeassistant")
SCRIPT = Path(__file__).with_name("check_in_home_assistant.py")
TOPICS = Topics("lmdecode", "homeassistant", "lmdecode-1234")
ALL = entities_of("GS3 AV")
NEWER = [(generation, model) for generation in ("v3", "bluetooth") for model in ("Linea Micra", "GS3 AV", None)]


def message(model="GS3 AV", *, writes=True, generation="v1", **changed):
    described = {"id": "GS012345", "name": "Kitchen", "model": model, "serial": "GS012345", "firmware": "1.40"}
    device = Device(**described | changed)
    entities, also = entities_for(generation, model), ALL
    if generation != "v1":
        entities, also = [*entities, *SHOTS], every_entity()
    return TOPICS.discovery(device.id), discovery_message(device, entities, TOPICS, writes=writes, also=also)


@pytest.fixture(scope="module")
def check():
    """What Home Assistant says about messages."""
    wheels = sorted(VENV.glob("homeassistant-*.whl"))
    if not wheels:
        pytest.skip("no Home Assistant: `make test` makes .venv-homeassistant, where there is a Python 3.12")

    def said(*messages):
        ran = subprocess.run(
            [VENV / "bin" / "python", SCRIPT, wheels[-1]],
            input=json.dumps(messages), capture_output=True, encoding="utf-8", check=False, timeout=100,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return said


BROKEN = {
    "a device class": ("sensor_coffee_temp", "device_class", "warmth"),
    "a class and its unit": ("sensor_coffee_temp", "unit_of_measurement", "s"),
    "a state class": ("sensor_total_coffee", "state_class", "growing"),
    "limits": ("number_coffee_set_temp", "min", 101),
    "a step": ("number_coffee_set_temp", "step", 0),
    "a platform": ("switch_power", "platform", "lever"),
    "an option": ("switch_power", "state_om", "True"),
    "a template": ("switch_power", "value_template", "{{ value_json.power "),
    "a topic": ("switch_power", "command_topic", "lmdecode/#"),
    "no topic": ("select_prebrew_flag", "command_topic", None),
    "no options": ("select_prebrew_flag", "options", None),
    "a category": ("sensor_total_coffee", "entity_category", "config"),
    "a pattern": ("text_mon_on_time", "pattern", "["),
    "an id twice": ("switch_power", "unique_id", "lmdecode_GS012345_global_auto"),
}


def broken(component, option, value):
    topic, whole = message()
    whole = copy.deepcopy(whole)
    whole["components"][component][option] = value
    if value is None:
        del whole["components"][component][option]
    return topic, whole


def test_home_assistant_takes_what_is_right_and_sees_what_is_wrong(check):
    good = [message(model, writes=writes) for model in (*MODELS, None) for writes in (False, True)]
    good.append(
        message(id=topic_id("a/+#\0 ☕"), name="\x1b[2J ☕ {{ states }}", model=None, serial=None, firmware=None)
    )
    for generation, model in NEWER:
        good += [message(model, generation=generation, writes=writes) for writes in (False, True)]
    bad = [broken(*each) for each in BROKEN.values()]
    bad.append((TOPICS.discovery("a b"), message()[1]))
    said = check(*good, *bad)
    assert said[: len(good)] == [[]] * len(good)
    for name, complaints in zip([*BROKEN, "an id with a blank"], said[len(good) :], strict=True):
        assert len(complaints) >= 1, name


@pytest.mark.parametrize("model", MODELS)
def test_what_can_be_changed_has_the_limits_of_the_map(model):
    components = message(model)[1]["components"]
    numbers = {name: each for name, each in components.items() if name.startswith("number_") and len(each) > 1}
    assert len(numbers) >= 2
    for name, each in numbers.items():
        row = by_name(name.removeprefix("number_"))[0]
        assert (each["min"], each["max"], each["step"]) == (row.minimum, row.maximum, row.type.step)
        assert model in row.models


def test_without_writes_there_is_nothing_to_change_and_what_was_there_is_removed():
    components = message(writes=False)[1]["components"]
    assert not [each for each in components.values() if "command_topic" in each]
    for name in ("switch_power", "number_coffee_set_temp", "select_prebrew_flag", "text_mon_on_time"):
        assert list(components[name]) == ["platform"]
    assert components["binary_sensor_power"]["unique_id"]
    assert list(message(writes=True)[1]["components"]["binary_sensor_power"]) == ["platform"]


def test_another_model_has_other_entities_and_loses_those_of_the_first():
    mini, gs3 = (message(model)[1]["components"] for model in ("Linea Mini", "GS3 AV"))
    assert len(gs3["number_dose_k3"]) > 1
    assert list(mini["number_dose_k3"]) == ["platform"]
    assert "k2" not in " ".join(name for name, each in mini.items() if len(each) > 1)


def test_a_backflush_is_not_offered():
    assert "backflush" not in json.dumps(message()[1])
    assert not [each for each in ALL if each.name == "command"]


VALUES = {EntityKind.FLAG: True, EntityKind.NUMBER: 7, EntityKind.CHOICE: "off", EntityKind.TIME: "06:30"}


@pytest.mark.parametrize("writes", [False, True])
def test_the_templates_find_the_values_in_the_state(writes):
    state = json.loads(state_text({each.name: VALUES[each.kind] for each in ALL}, "2026-11-30T06:00:00Z"))
    components = message(writes=writes)[1]["components"]
    for name, each in components.items():
        if len(each) == 1 or name == "sensor_connection":
            continue
        template = jinja2.Template(each["value_template"])
        shown = template.render(value_json=state)
        if "options" in each:
            assert shown in each["options"]
        elif each["platform"] == "switch":
            assert shown == each["state_on"]
        elif each["platform"] == "binary_sensor":
            assert shown == each["payload_off" if name.endswith("reservoir_contact") else "payload_on"]
        else:
            assert shown in {"7", "06:30"}
        assert template.render(value_json={}) == "None"  # which is shown as unknown


@given(st.text(max_size=80))
def test_no_name_gets_out_of_its_level_of_a_topic(text):
    found = topic_id(text)
    assert found.isascii()
    assert found.replace("_", "").replace("-", "").isalnum() or set(found) <= {"_", "-"}
    assert 0 < len(found) <= 80
    assert found != "bridge"
    assert TOPICS.commanded(TOPICS.command(found, "power")) == (found, "power")


@given(st.text(max_size=30))
def test_what_is_no_command_is_none(text):
    assert TOPICS.commanded(text) is None
    assert TOPICS.commanded(f"lmdecode/set/{text}") is None or "/set/" in text


def test_what_bluetooth_can_change_is_a_control_and_what_v3_tells_is_none():
    components = message("Linea Micra", generation="bluetooth")[1]["components"]
    level = components["number_steam_level"]
    assert (level["min"], level["max"], level["step"]) == (1, 3, 1)
    assert components["select_smart_standby_after"]["options"] == ["PowerOn", "LastBrewing"]
    assert components["binary_sensor_shot_running"]["name"] == "Shot running"
    for name in ("switch_power", "number_coffee_set_temp", "switch_smart_standby_enable"):
        assert components[name]["command_topic"]
    components = message("Linea Micra", generation="v3")[1]["components"]
    assert not [each for each in components.values() if "command_topic" in each]


@pytest.mark.parametrize("generation", ["v3", "bluetooth"])
@pytest.mark.parametrize("writes", [False, True])
def test_what_is_measured_has_a_history_and_a_target_has_none(generation, writes):
    components = message("Linea Micra", generation=generation, writes=writes)[1]["components"]
    sensors = {name.removeprefix("sensor_"): each for name, each in components.items() if name.startswith("sensor_")}
    measured = {name for name, each in sensors.items() if each.get("state_class") == "measurement"}
    assert measured - {"scale_battery"} == {"coffee_temp", "steam_temp", "shot_seconds", "last_shot_seconds"}
    assert sensors["coffee_temp"]["device_class"] == "temperature"
    assert sensors["total_coffee"]["state_class"] == "total_increasing"
    if generation == "v3":
        assert sensors["coffee_set_temp"]["unit_of_measurement"] == "°C"
        assert sensors["scale_battery"]["device_class"] == "battery"


def test_a_machine_that_has_another_generation_now_loses_what_it_had():
    old = {name for name, each in message("GS3 AV")[1]["components"].items() if len(each) > 1}
    now = message("GS3 AV", generation="bluetooth")[1]["components"]
    assert old <= now.keys()
    assert list(now["text_mon_on_time"]) == ["platform"]
