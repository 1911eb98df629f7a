"""What each model has, by hand from PROTOCOL.md §3; the rest follows from the table."""

from __future__ import annotations

import pytest

from lmdecode.codec.v1.memory import Memory, NamedMemory, model_of
from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS, by_name
from lmdecode.codec.v1.register import DEFAULT_MODEL, MODEL_NAMES, MODELS, models_with
from lmdecode.codec.v1.window import encode
from lmdecode.simulator.machine import default_memory


@pytest.mark.parametrize(
    ("model", "name", "has_it"),
    [
        *(("GS3 AV", name, True) for name in ("dose_k1", "dose_k5", "dose_hot_water", "prebrewing_ton_k4")),
        *(("GS3 AV", name, True) for name in ("prebrew_flag", "preinfusion_k4", "coffee_set_temp", "auto_bitfield")),
        *(("Linea Mini", name, True) for name in ("prebrewing_ton_k1", "prebrewing_toff_k1", "preinfusion_k1")),
        *(("Linea Mini", name, True) for name in ("prebrew_flag", "coffee_set_temp", "power", "clock")),
        *(("Linea Mini", name, False) for name in ("prebrewing_ton_k2", "prebrewing_toff_k4", "preinfusion_k2")),
        *(("Linea Mini", name, False) for name in ("dose_k2", "dose_k5", "dose_hot_water")),
        *(("GS3 MP", name, True) for name in ("coffee_set_temp", "steam_set_temp", "power", "mon_on_hour", "clock")),
        *(("GS3 MP", name, False) for name in ("dose_k1", "dose_k5", "prebrew_flag", "prebrewing_ton_k1")),
        *(("GS3 MP", name, False) for name in ("prebrewing_toff_k1", "preinfusion_k1", "preinfusion_k4")),
    ],
)
def test_which_model_has_which_register(model, name, has_it):
    assert (model in by_name(name)[0].models) is has_it


def test_every_row_is_on_a_known_model():
    for row in (*REGISTERS, *DERIVED):
        assert row.models
        assert set(row.models) <= set(MODELS)


def test_names():
    assert MODEL_NAMES == "GS3 AV, GS3 MP or Linea Mini"
    assert DEFAULT_MODEL == "GS3 AV"
    assert all(name == model.name for name, model in MODELS.items())
    assert models_with("preinfusion", 9) == ()


@pytest.mark.parametrize("model", MODELS)
def test_a_simulated_machine_is_recognised_and_takes_what_its_model_has(model):
    memory = default_memory(model)
    assert model_of(memory) == model
    for row in REGISTERS:
        if row.name and row.minimum is not None and model in row.models:
            assert encode(row.name, row.minimum, model=model)


@pytest.mark.parametrize(
    ("serial", "counts", "model"),
    [
        ("LM012345", None, "Linea Mini"),
        ("LM012345", (5, 0, 0), "Linea Mini"),
        ("GS012345", (5, 0, 0), "GS3 AV"),
        ("GS012345", (0, 0, 0), "GS3 MP"),
        ("GS012345", None, None),
        (None, (0, 1, 0), "GS3 AV"),
        (None, (0, 0, 0), "GS3 MP"),
        ("XX012345", None, None),
        (None, None, None),
    ],
)
def test_the_model_of_a_memory(serial, counts, model):
    memory = Memory()
    if serial is not None:
        memory.write(0x0100, b"Z" + serial.encode().ljust(16, b"\0"))
    for index, count in enumerate(counts or ()):
        memory.write(0x0024 + 4 * index, count.to_bytes(4, "big"))
    assert NamedMemory(memory).get("machine_ser_num") == serial
    assert model_of(memory) == model
