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
    result = command("registers", "set-temp", "--generation", "v1")
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
    assert "no register or name matches 'zzz'" in command.fails("registers", "zzz")
    assert "no register is known at '0x4000'" in command.fails("registers", "0x4000")


def test_a_name_is_looked_up_in_all_generations(command):
    lines = command("registers", "coffee_temp").stdout.splitlines()
    assert any(line.startswith("0x401C") for line in lines)
    assert any(line.startswith("v3, bluetooth") and "CoffeeBoiler1UpdateTemperature" in line for line in lines)
    assert any(line.startswith("cloud1") and line.endswith("TEMP_COFFEE") for line in lines)
    assert not any(line.startswith("lion") for line in lines), "it has targets only"


def test_the_makers_name_finds_ours(command):
    lines = command("registers", "brewingStartTime").stdout.splitlines()
    assert [line.split()[2] for line in lines if line.startswith("lion")] == ["brewing_since"] * 2


def test_one_generation_alone(command):
    lines = command("registers", "--generation", "lion").stdout.splitlines()
    assert all(line.startswith(("generation", "─", "lion", " ")) for line in lines)
    assert len(lines) > 200
    rows = json.loads(command("registers", "power", "--generation", "bluetooth", "--json").stdout)
    assert {row["document"] for row in rows} == {"stream", "read", "write"}
    assert all("bluetooth" in row["generations"] for row in rows)


def test_all_generations_as_json(command):
    rows = json.loads(command("registers", "--generation", "all", "--json").stdout)
    assert {"address", "path", "derived_from"} <= {name for row in rows for name in row}


def test_markdown_of_both_tables(command):
    text = command("registers", "steam_level", "--format", "markdown").stdout
    assert "| lion | widget | `steam_level` | number of a word | seen | `CMSteamBoilerLevel.targetLevel` |" in text


def test_a_generation_that_nobody_knows(command):
    message = command.fails("registers", "--generation", "v9")
    assert "no generation 'v9': there are v1, v3, bluetooth, cloud1, lion, all" in message
    assert "no register or name of lion matches 'coffee_temp'" in command.fails(
        "registers", "coffee_temp", "--generation", "lion"
    )
