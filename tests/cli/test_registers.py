from __future__ import annotations

import json

from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS


def test_all_of_them(command):
    result = command("registers")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    rows = [line for line in lines if not line.startswith(" ")]
    assert len(rows) == 2 + len(REGISTERS) + len(DERIVED), "piped, each row is one line, for grep"


def test_by_part_of_a_name(command):
    result = command("registers", "set-temp")
    rows = result.stdout.splitlines()[2:]
    assert [row.split()[2] for row in rows] == ["coffee_set_temp", "steam_set_temp"]
    assert "87 to 100" in rows[0]


def test_by_an_address_inside_a_register(command):
    rows = command("registers", "0x401D").stdout.splitlines()[2:]
    assert len(rows) == 1
    assert "coffee_temp" in rows[0]


def test_json_has_every_row(command):
    rows = json.loads(command("registers", "--format", "json").stdout)
    assert len(rows) == len(REGISTERS) + len(DERIVED)
    by_name = {row["name"]: row for row in rows}
    assert by_name["coffee_set_temp"]["minimum"] == 87
    assert by_name["coffee_set_temp"]["access"] == "read, write"
    assert by_name["command"]["access"] == "write"
    assert by_name["mon_on_time"]["derived_from"] == ["mon_on_hour", "mon_on_min"]


def test_markdown_to_a_file(command):
    path = command.folder / "map.md"
    result = command("registers", "prebrew", "--format", "markdown", "--output", path)
    assert (result.returncode, result.stdout) == (0, "")
    assert "| `prebrew_flag` | off \\| prebrewing \\| preinfusion |" in path.read_text(encoding="utf-8")


def test_nothing_found(command):
    assert "no register matches 'zzz'" in command.fails("registers", "zzz")
    assert "no register is known at '0x4000'" in command.fails("registers", "0x4000")
