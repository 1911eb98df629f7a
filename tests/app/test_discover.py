from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from lmdecode.app.discovery import Seen, find_machines, name_in, next_steps
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


KEY = "      its key: lmdecode harvest finds it; if you know it, lmdecode config set key"
TOKEN = "      its token: lmdecode config set ble_token, or lmdecode credentials FILE"


def test_what_to_do_next():
    here = Found("GS1", addresses=("10.0.0.7",), port=1774, generation="v1")
    other = Found("GS2", addresses=("10.0.0.8", "fe80::1"), port=1775)
    nowhere = Found("GS3")
    assert next_steps([Seen(here)]) == ["next: lmdecode config set host 10.0.0.7", KEY]
    assert next_steps([Seen(other), Seen(here, "kitchen")]) == [
        "in the config already; next: lmdecode status",
        "new: lmdecode config set host 10.0.0.8 --machine NAME",
        "      lmdecode config set port 1775 --machine NAME",
        KEY,
    ]
    assert next_steps([Seen(here, "my kitchen"), Seen(other, "bar")]) == [
        "in the config already; next: lmdecode status --machine 'my kitchen'"
    ]
    assert next_steps([Seen(nowhere)]) == ["no machine sent its address; try again with a longer --timeout"]


def test_a_machine_whose_address_is_not_in_the_config():
    here = Found("GS1", addresses=("10.0.0.7",), port=1774, generation="v1")
    assert next_steps([Seen(here, "kitchen", is_reached=False)], config=Path("my config.json")) == [
        "kitchen, without this address in the config: lmdecode config set host 10.0.0.7 --config 'my config.json'"
    ]
    assert next_steps([Seen(here, "kitchen")], several=True) == [
        "in the config already; next: lmdecode status --machine kitchen"
    ]
    assert next_steps([Seen(here)], several=True) == ["next: lmdecode config set host 10.0.0.7 --machine NAME", KEY]


def test_each_kind_of_machine_has_its_own_next_steps():
    second = Found("MR1", addresses=("10.0.0.7",), port=8081, generation="v3")
    odd = Found("MR2", addresses=("10.0.0.8",), port=9000, generation="v3")
    near = Found("MICRA_MR012345", bluetooth="AA:BB:CC:DD:EE:FF", generation="bluetooth", rssi=-60)
    nameless = Found("", bluetooth="AA:BB:CC:DD:EE:FF", generation="bluetooth")
    assert next_steps([Seen(second), Seen(near)]) == [
        "next: lmdecode config set host 10.0.0.7",
        "      lmdecode config set port 8081",
        KEY,
        "next: lmdecode config set bluetooth MICRA_MR012345",
        TOKEN,
    ]
    assert next_steps([Seen(odd)])[1:3] == [
        "      lmdecode config set port 9000",
        "      lmdecode config set generation v3",
    ]
    assert next_steps([Seen(nameless)])[0] == "next: lmdecode config set bluetooth AA:BB:CC:DD:EE:FF"
    assert next_steps([Seen(near, "kitchen")]) == ["in the config already; next: lmdecode status --bluetooth"]
    assert next_steps([Seen(near, "kitchen", is_reached=False)]) == [
        "kitchen, without this address in the config: lmdecode config set bluetooth MICRA_MR012345"
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"bluetooth": "micra_mr012345"}, True),
        ({"bluetooth": "MR012345"}, True),
        ({"bluetooth": "aa:bb:cc:dd:ee:ff", "host": "10.0.0.7"}, True),
        ({"serial_number": "MR012345", "host": "10.0.0.7"}, True),
        ({"bluetooth": "MR012346"}, False),
        ({"bluetooth": 7, "serial_number": ""}, False),
        ({"bluetooth": ""}, False),
        ({}, False),
    ],
)
def test_a_machine_near_is_known_by_its_name_its_serial_number_or_its_address(entry, expected):
    near = Found("MICRA_MR012345", bluetooth="AA:BB:CC:DD:EE:FF", generation="bluetooth")
    assert (name_in([entry], near) is not None) is expected


def test_an_entry_without_a_port_is_reached_on_the_ports_of_all_generations():
    second = Found("MR1", addresses=("10.0.0.7",), port=8081, generation="v3")
    assert name_in([{"host": "10.0.0.7"}], second) == "10.0.0.7"
    assert name_in([{"host": "10.0.0.7", "generation": "v1"}], second) is None
    assert name_in([{"host": "10.0.0.7", "port": 1774}], second) is None


def test_the_config_is_asked_for_its_machines(tmp_path, monkeypatch):
    found = [Found("GS1", addresses=("10.0.0.7",), port=1774), Found("GS2", addresses=("10.0.0.8",), port=1775)]

    async def discover(*_, **__):
        return found

    monkeypatch.setattr("lmdecode.app.discovery.discover", discover)
    path = tmp_path / "config.json"
    kitchen, office = {"machine_name": "kitchen", "serial_number": "GS1"}, {"host": "10.0.0.8", "port": 1775}
    path.write_text(json.dumps({"machines": [kitchen, office]}))

    def look():
        return asyncio.run(find_machines(0.1, config=path, probe=False))

    result = look()
    assert [(each.name, each.is_reached) for each in result.machines] == [("kitchen", False), ("10.0.0.8", True)]
    assert result.several
    path.write_text(json.dumps({"machine": "kitchen", "machines": [kitchen | {"host": "10.0.0.7"}, office]}))
    result = look()
    assert [each.is_reached for each in result.machines] == [True, True]
    assert not result.several
