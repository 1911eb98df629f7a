from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.entities import EntityKind, change_of, entities_of
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.memory_map import by_name
from lmdecode.codec.v1.register import MODELS
from lmdecode.codec.v1.setting_change import writes

ALL = {each.name: each for each in entities_of("GS3 AV")}


def test_every_setting_is_an_entity_but_the_clock_and_what_cannot_be_meant_from_afar():
    from lmdecode.codec.v1.memory_map import BIT_SETS, REGISTERS

    writable = {row.name for row in REGISTERS if row.writable}
    bits = {name for name, of in BIT_SETS.items() if by_name(of)[0].writable}
    times = {f"{day}_{way}" for day in ("mon", "sun") for way in ("on_time", "off_time")}
    missing = (writable | bits | times) - {name for name, each in ALL.items() if each.writable}
    assert {each for each in missing if not each.endswith(("_hour", "_min"))} == {"clock", "command", "auto_bitfield"}


@pytest.mark.parametrize("model", [*MODELS, None])
def test_names_and_labels_are_different_and_secrets_are_not_among_them(model):
    found = entities_of(model)
    assert len({each.name for each in found}) == len(found) > 40
    assert len({each.label for each in found}) == len(found)
    assert all("_" not in each.label for each in found)
    assert not {"clock", "command", "cloud_broker"} & {each.name for each in found}


def test_only_what_a_machine_gave_is_an_entity():
    assert [each.name for each in entities_of("GS3 AV", {"power": True, "clock": ""})] == ["power"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("power", "ON", True),
        ("power", " off\n", False),
        ("coffee_set_temp", "93", 93.0),
        ("coffee_set_temp", "93.33333333333333", 93.3),  # 200 °F
        ("coffee_set_temp", "86.96", 87.0),
        ("dose_k2", "121.0", 121),
        ("prebrew_flag", "preinfusion", "preinfusion"),
        ("tue_on_time", "06:30", "06:30"),
        ("tue_auto", "true", True),
        ("steam_boiler_enable", "on", "steam_boiler_on"),
    ],
)
def test_a_command_is_a_change(name, text, value):
    assert change_of(ALL[name], text, model="GS3 AV").value == value


@pytest.mark.parametrize(
    ("name", "text"),
    [("coffee_set_temp", "86.9"), ("coffee_set_temp", "1e2"), ("coffee_set_temp", "nan"), ("dose_k2", "121.5")],
)
def test_what_is_out_of_range_or_no_number_is_refused(name, text):
    with pytest.raises(RegisterError, match=name):
        change_of(ALL[name], text, model="GS3 AV")


@given(st.sampled_from([*ALL.values()]), st.text(max_size=60) | st.floats().map(str) | st.integers().map(str))
def test_any_text_is_a_value_in_range_or_refused(entity, text):
    change, complaint = None, ""
    try:
        change = change_of(entity, text, model="GS3 AV")
    except RegisterError as error:
        complaint = str(error)
    assert "\n" not in complaint
    if change is None:
        return
    assert entity.writable
    if entity.kind is EntityKind.NUMBER:
        assert entity.minimum <= change.value <= entity.maximum
    memory = Memory()
    memory.write(0, bytes(0x400))
    assert writes([change], memory)
    assert change.value != "start_backflush"
