from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from lmdecode.app.live import find_machines, name_in, next_steps
from lmdecode.config.file import load_config, machine_entries
from lmdecode.device.discovery import Found


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"host": "10.0.0.7", "machine_name": "kitchen"}, "kitchen"),
        ({"host": "10.0.0.7"}, "10.0.0.7"),
        ({"host": "10.0.0.1", "serial_number": "GS1", "machine_name": "kitchen"}, "kitchen"),
        ({"machines": [{"host": "10.0.0.2"}, {"host": "machine.local", "machine_name": "kitchen"}]}, "kitchen"),
        ({"host": "10.0.0.7", "port": "1775"}, None),
        ({"host": "10.0.0.8", "serial_number": ""}, None),
        ({"host": 7, "serial_number": 8}, None),
    ],
)
def test_which_machine_of_the_config_it_is(tmp_path, entries, expected):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(entries))
    found = [entry for _, entry in machine_entries(load_config(path))]
    assert name_in(found, Found("GS1", "machine.local", ("10.0.0.7",), 1774)) == expected


def test_what_to_do_next():
    here = Found("GS1", addresses=("10.0.0.7",), port=1774)
    other = Found("GS2", addresses=("10.0.0.8", "fe80::1"), port=1775)
    nowhere = Found("GS3")
    assert next_steps([(here, None)]) == ["next: lmdecode config set host 10.0.0.7"]
    assert next_steps([(other, None), (here, "kitchen")]) == [
        "in the config already; next: lmdecode status",
        "new: lmdecode config set host 10.0.0.8 --machine NAME",
        "      lmdecode config set port 1775 --machine NAME",
    ]
    assert next_steps([(here, "my kitchen"), (other, "bar")]) == [
        "in the config already; next: lmdecode status --machine 'my kitchen'"
    ]
    assert next_steps([(nowhere, None)]) == ["no machine sent its address; try again with a longer --timeout"]


def test_a_machine_whose_address_is_not_in_the_config():
    here = Found("GS1", addresses=("10.0.0.7",), port=1774)
    assert next_steps([(here, "kitchen")], elsewhere={"kitchen"}, config=Path("my config.json")) == [
        "kitchen, without this address in the config: lmdecode config set host 10.0.0.7 --config 'my config.json'"
    ]
    assert next_steps([(here, "kitchen")], several=True) == [
        "in the config already; next: lmdecode status --machine kitchen"
    ]
    assert next_steps([(here, None)], several=True) == ["next: lmdecode config set host 10.0.0.7 --machine NAME"]


def test_the_config_is_asked_for_its_machines(tmp_path, monkeypatch):
    found = [Found("GS1", addresses=("10.0.0.7",), port=1774), Found("GS2", addresses=("10.0.0.8",), port=1775)]

    async def discover(*_, **__):
        return found

    monkeypatch.setattr("lmdecode.app.live.discover", discover)
    path = tmp_path / "config.json"
    kitchen, office = {"machine_name": "kitchen", "serial_number": "GS1"}, {"host": "10.0.0.8", "port": 1775}
    path.write_text(json.dumps({"machines": [kitchen, office]}))
    result = asyncio.run(find_machines(0.1, config=path))
    assert [name for _, name in result.machines] == ["kitchen", "10.0.0.8"]
    assert (result.elsewhere, result.several) == ({"kitchen"}, True)
    path.write_text(json.dumps({"machine": "kitchen", "machines": [kitchen | {"host": "10.0.0.7"}, office]}))
    result = asyncio.run(find_machines(0.1, config=path))
    assert (result.elsewhere, result.several) == (frozenset(), False)
