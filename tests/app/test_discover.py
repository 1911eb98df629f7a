from __future__ import annotations

import json

import pytest

from lmdecode.app.live import name_in, next_steps
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
