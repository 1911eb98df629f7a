from __future__ import annotations

import pytest

from lmdecode.analysis.entities import EntityKind, entities_of
from lmdecode.analysis.machine_entities import SHOTS, entities_for, every_entity, values_with

NEWER = ("v3", "bluetooth")


def of(generation, model=None, known=None):
    return {each.name: each for each in entities_for(generation, model, known)}


def test_v1_is_what_the_memory_map_says():
    assert entities_for("v1", "GS3 AV") == entities_of("GS3 AV")
    assert entities_for("v1", "GS3 AV", {"power"}) == entities_of("GS3 AV", {"power"})


@pytest.mark.parametrize("generation", NEWER)
def test_a_machine_has_what_it_tells(generation):
    found = of(generation, "Linea Micra", {"power", "coffee_temp", "total_coffee", "nonsense", "command_status"})
    assert list(found) == ["power", "coffee_temp", "total_coffee"]
    assert found["power"].kind is EntityKind.FLAG
    assert (found["coffee_temp"].unit, found["coffee_temp"].integer) == ("°C", False)
    assert (found["total_coffee"].grows, found["total_coffee"].integer) == (True, True)


@pytest.mark.parametrize("model", [None, "Linea Micra", "GS3 AV", "Linea Mini"])
def test_of_v3_nothing_can_be_changed(model):
    assert not [each for each in entities_for("v3", model) if each.writable]


def test_over_bluetooth_each_model_has_its_own_settings():
    common = {
        "power", "coffee_set_temp", "steam_boiler_enable", "smart_standby_enable", "smart_standby_minutes",
        "smart_standby_after",
    }  # fmt: skip
    for model, also in (
        ("Linea Micra", {"steam_level"}),
        ("Linea Mini R", {"steam_level"}),
        ("GS3 AV", {"steam_set_temp"}),
        ("GS3", {"steam_set_temp"}),
        ("Linea Mini", set()),
        ("a model of next year", set()),
        (None, set()),
    ):
        assert {name for name, each in of("bluetooth", model).items() if each.writable} == common | also, model
    coffee = of("bluetooth")["coffee_set_temp"]
    assert (coffee.minimum, coffee.maximum, coffee.step) == (80.0, 110.0, 0.1)
    minutes = of("bluetooth")["smart_standby_minutes"]
    assert (minutes.minimum, minutes.maximum, minutes.step, minutes.unit) == (1, 240, 1, "min")
    assert of("bluetooth", "GS3 AV")["steam_set_temp"].maximum == 134.0
    assert of("bluetooth", "Linea Micra")["steam_level"].maximum == 3


@pytest.mark.parametrize(
    ("generation", "model", "fields", "expected"),
    [
        ("bluetooth", "Linea Micra", {"steam_set_temp": 126}, 1),
        ("v3", "Linea Micra", {"steam_set_temp": 131.0}, 3),
        ("bluetooth", "Linea Micra", {"steam_set_temp": 127.0}, None),
        ("bluetooth", "GS3 AV", {"steam_set_temp": 128.0}, None),
        ("bluetooth", None, {"steam_set_temp": 128.0}, None),
        ("v1", "Linea Mini", {"steam_set_temp": 128.0}, None),
        ("bluetooth", "Linea Micra", {"steam_set_temp": "128"}, None),
        ("bluetooth", "Linea Micra", {}, None),
    ],
)
def test_the_level_of_the_steam_boiler_follows_from_its_target(generation, model, fields, expected):
    assert values_with(generation, model, fields).get("steam_level") == expected


@pytest.mark.parametrize("generation", NEWER)
@pytest.mark.parametrize("tank", [False, True])
def test_a_machine_that_is_plumbed_in_says_nothing_of_a_tank(generation, tank):
    fields = {"plumbed_in": True, "water_reservoir_contact": tank}
    assert values_with(generation, "Linea Micra", fields) == {"plumbed_in": True}
    assert values_with("v1", "GS3 AV", fields) == fields
    assert values_with(generation, None, fields | {"plumbed_in": False})["water_reservoir_contact"] is tank


def test_names_and_labels_are_each_one_things():
    for generation in NEWER:
        found = [*entities_for(generation, "Linea Micra"), *SHOTS]
        assert len({each.name for each in found}) == len(found)
        assert len({each.label for each in found}) == len(found)
    assert {each.name for each in every_entity()} >= {each.name for each in [*SHOTS, *entities_of("GS3 AV")]}
