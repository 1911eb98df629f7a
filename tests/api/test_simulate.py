"""Simulated machines of all generations in Python: each is talked to as one would talk to a real one."""

from __future__ import annotations

import pytest

import lmdecode
from lmdecode.codec.errors import LmdecodeError
from lmdecode.config import SAMPLE_TOKEN


@pytest.mark.parametrize("model", ["Linea Micra", "gs3-av"])
def test_v3_is_read_through_its_own_dialect(model):
    with lmdecode.simulate(model, generation="v3") as simulated:
        assert simulated.do("set coffee_set_temp 91.5") == "coffee_set_temp 91.5 °C"
        with simulated.connect() as machine:
            assert machine.get("coffee_set_temp") == 91.5
            assert machine.status()["model"] == simulated.model


def test_v3_has_its_token_late_if_so_asked():
    with lmdecode.simulate(generation="v3", faults=["late-token=60"]) as simulated:
        with pytest.raises(LmdecodeError, match="403"), simulated.connect() as machine:
            machine.get("power")
        simulated.do("fault off")
        with simulated.connect() as machine:
            assert machine.get("power") is True


def test_bluetooth_is_read_over_a_radio_in_memory():
    with lmdecode.simulate(generation="bluetooth", key="another-token") as simulated:
        assert SAMPLE_TOKEN not in repr(simulated)
        with simulated.connect() as machine:
            assert machine.get("steam_set_temp") == 131
        simulated.do("power off")
        assert simulated.get("power") is False


def test_what_there_is_not():
    for arguments, reason in (
        ({"generation": "v2"}, "no generation 'v2': give v1, v3 or bluetooth"),
        ({"generation": "v3", "model": "Strada"}, "no model 'Strada' of this generation"),
        ({"generation": "v3", "image": lmdecode.MemoryImage.from_records([])}, "an image has the memory of v1"),
        ({"generation": "v3", "faults": ["no-ok"]}, "no fault 'no-ok'"),
        ({"generation": "v3", "key": "short"}, "5 bytes"),
    ):
        with pytest.raises((LmdecodeError, ValueError), match=reason):
            lmdecode.simulate(**arguments)
